package supervisor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/guest"
	guestinit "github.com/musubi-net/musubi/internal/guest/init"
	"github.com/musubi-net/musubi/internal/guest/initctl"
	"github.com/musubi-net/musubi/internal/guest/reap"
	"github.com/musubi-net/musubi/internal/guest/wire"
	"github.com/musubi-net/musubi/internal/spec"
)

const (
	bootTimeout = 60 * time.Second // until a guest's init runs
	stopGuest   = 15 * time.Second // for an orderly end
	sendGuest   = 5 * time.Second  // for a guest to take a message: its root may have broken its init
)

// instance is one guest. op serialises what is done to it; mu guards what is
// read meanwhile.
type instance struct {
	guests  *guests
	id      string
	disk    string
	console *ring

	op      sync.Mutex
	hasDisk bool
	removed bool
	netns   string

	mu      sync.Mutex
	spec    spec.Guest
	process *reap.Process
	conn    *wire.Conn
	running bool
	exited  bool
	reason  string
	// rebooting is between a guest's end and its next boot: it counts as running.
	rebooting bool
}

func (i *instance) status() guest.Status {
	i.mu.Lock()
	defer i.mu.Unlock()
	return guest.Status{
		InstanceID: i.id, Name: i.spec.Name, Boot: i.spec.Boot, Running: i.running, Exited: i.exited, ExitReason: i.reason,
	}
}

func (i *instance) start(s spec.Guest, netns string) error {
	i.op.Lock()
	defer i.op.Unlock()
	if i.removed {
		return fmt.Errorf("guest %s was removed meanwhile", i.id)
	}
	if i.guests.isClosed() {
		return errStopping
	}
	now := i.status()
	if now.Running && now.Boot == s.Boot {
		return nil
	}
	i.end(true)
	if err := i.makeDisk(s.Limits); err != nil {
		return err
	}
	i.netns = netns
	i.mu.Lock()
	i.spec = s
	i.mu.Unlock()
	return i.boot()
}

// boot starts the guest's init and waits until it runs. op is held.
func (i *instance) boot() error {
	content, err := i.firstContent()
	if err != nil {
		return err
	}
	conn, p, err := i.spawn()
	if err != nil {
		return err
	}
	held := i.bind(p)
	config := initctl.Config{
		InstanceID: i.id, Boot: i.spec.Boot, Hostname: i.spec.Hostname, Name: i.spec.Name, ImageID: i.spec.ImageID,
		UserData: i.spec.UserData, Resolver: i.spec.Resolver, Search: i.spec.Search, Trust: i.spec.Trust,
		Disk: i.disk, Exe: exeFile, ManyIDs: i.guests.manyIDs,
		Root: i.spec.Root, Program: i.spec.Program, Snapshot: content, Processes: i.spec.Limits.Processes,
	}
	if err := await(conn, p, config); err != nil {
		p.Signal(syscall.SIGKILL)
		<-p.Done()
		_ = conn.Close()
		held.release()
		return err
	}
	i.mu.Lock()
	i.process, i.conn, i.running, i.exited, i.reason, i.rebooting = p, conn, true, false, "", false
	i.mu.Unlock()
	i.guests.work.Go(func() { i.watch(p, conn, held) })
	i.guests.publish(guest.Event{InstanceID: i.id, Boot: i.spec.Boot, Kind: guest.EventRunning})
	return nil
}

// await configures the guest and waits for its word that it runs.
func await(conn *wire.Conn, p *reap.Process, config initctl.Config) error {
	if err := conn.Send(config); err != nil {
		return err
	}
	heard := make(chan error, 1)
	go func() {
		var n initctl.Notice
		files, err := conn.Receive(&n)
		wire.CloseAll(files)
		if err == nil && !n.Running {
			err = errors.New(n.Error)
		}
		heard <- err
	}()
	limit := time.NewTimer(bootTimeout)
	defer limit.Stop()
	select {
	case err := <-heard:
		if errors.Is(err, io.EOF) {
			<-p.Done()
			return fmt.Errorf("its init ended: %w", ended(p))
		}
		return err
	case <-limit.C:
		return errors.New("its init does not start")
	}
}

// spawn forks the guest's first process into its network namespace.
func (i *instance) spawn() (*wire.Conn, *reap.Process, error) {
	conn, theirs, err := wire.Pair()
	if err != nil {
		return nil, nil, err
	}
	conn.SetSendTimeout(sendGuest)
	defer func() { _ = theirs.Close() }()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	defer func() { _ = w.Close() }()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close(), r.Close())
	}
	defer func() { _ = null.Close() }()
	attr := &syscall.ProcAttr{
		Dir: "/", Env: []string{}, Files: []uintptr{null.Fd(), w.Fd(), w.Fd(), theirs.Fd()},
		Sys: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWCGROUP,
			Setsid:     true,
		},
	}
	var p *reap.Process
	err = inNetwork(i.netns, func() (err error) {
		p, err = i.guests.reaper.Start(exeFile, []string{"musubi", guestinit.SetupCommand}, attr)
		if errors.Is(err, unix.EINVAL) { // a kernel without cgroup namespaces
			attr.Sys.Cloneflags &^= unix.CLONE_NEWCGROUP
			p, err = i.guests.reaper.Start(exeFile, []string{"musubi", guestinit.SetupCommand}, attr)
		}
		return err
	})
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close(), r.Close())
	}
	i.guests.work.Go(func() {
		_, _ = io.Copy(i.console, r) // ends with the guest
		_ = r.Close()
	})
	return conn, p, nil
}

// watch waits for the guest's end. One that nobody asked for is told to the
// daemon, and a reboot is carried out.
func (i *instance) watch(p *reap.Process, conn *wire.Conn, held *bounded) {
	<-p.Done()
	_ = conn.Close()
	held.release()
	again := p.Status().Exited() && p.ExitCode() == initctl.ExitReboot
	i.mu.Lock()
	own := i.process == p
	if own {
		i.process, i.conn = nil, nil
		i.running, i.exited, i.rebooting = again, !again, again
		switch {
		case again:
		case p.ExitCode() == initctl.ExitPowerOff:
			i.reason = "powered off"
		default:
			i.reason = "its init died: " + ended(p).Error()
		}
	}
	boot := i.spec.Boot
	i.mu.Unlock()
	if !own || again && i.reboot(boot) {
		return
	}
	i.guests.publish(guest.Event{InstanceID: i.id, Boot: boot, Kind: guest.EventExited})
}

// reboot starts the guest again unless something else was done to it meanwhile.
func (i *instance) reboot(boot uint32) bool {
	i.op.Lock()
	defer i.op.Unlock()
	i.mu.Lock()
	superseded := !i.rebooting
	i.mu.Unlock()
	if i.removed || i.guests.isClosed() || superseded {
		return true
	}
	i.guests.publish(guest.Event{InstanceID: i.id, Boot: boot, Kind: guest.EventRebooted})
	if err := i.boot(); err != nil {
		i.mu.Lock()
		i.running, i.exited, i.rebooting = false, true, false
		i.reason = "it did not come up again: " + err.Error()
		i.mu.Unlock()
		return false
	}
	return true
}

// end stops the guest and waits for its end. op is held.
func (i *instance) end(orderly bool) {
	i.mu.Lock()
	p, conn := i.process, i.conn
	i.process, i.conn, i.running, i.exited, i.reason, i.rebooting = nil, nil, false, false, "", false
	i.mu.Unlock()
	if p == nil {
		return
	}
	if orderly && conn.Send(initctl.Command{Op: initctl.OpPowerOff}) == nil {
		limit := time.NewTimer(stopGuest)
		defer limit.Stop()
		select {
		case <-p.Done():
			return
		case <-limit.C:
		}
	}
	p.Signal(syscall.SIGKILL)
	<-p.Done()
}

// inNetwork runs f on a thread that is in a network namespace. If the way back
// fails the thread stays locked and dies with its goroutine.
func inNetwork(path string, f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			result <- err
			return
		}
		defer func() { _ = home.Close() }()
		there, err := os.Open(path)
		if err != nil {
			runtime.UnlockOSThread()
			result <- fmt.Errorf("network namespace: %w", err)
			return
		}
		defer func() { _ = there.Close() }()
		if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
			runtime.UnlockOSThread()
			result <- fmt.Errorf("network namespace %s: %w", path, err)
			return
		}
		err = f()
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		result <- err
	}()
	return <-result
}
