package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/broker"
)

// command is the hidden command that Main runs as.
const command = "__supervisor"

// Descriptors that the supervisor inherits, after the standard ones.
const (
	settingsFD = 3 + iota
	apiFD
	supervisorSocketFD
	daemonSocketFD
	lockFD
	leashFD
	brokerFD
)

// Options say how to start.
type Options struct {
	// Dir is the state directory; it is made if it does not exist.
	Dir string
	// Listen is the address of the AWS API.
	Listen string
	// Daemon are the arguments that make this program the daemon, with the
	// hidden command's name first.
	Daemon []string
	// Detach lets the supervisor outlive the caller. Otherwise it ends with it.
	Detach bool
	// Output gets what the supervisor and the daemon write; nil is os.Stderr.
	Output *os.File
	// Exe is the program to execute; empty is this one.
	Exe string
	// Internet lets what is inside reach the host's network, by the broker.
	Internet bool
	// Cleanup are directories that the broker removes from the host when everything
	// has ended.
	Cleanup []string
}

// settings is what the supervisor is told once it exists.
type settings struct {
	Dir    string
	Daemon []string
	// Pid is the supervisor's as the host sees it, Broker the broker's.
	Pid    int
	Broker int
	// Again is true if the supervisor must execute itself once more, to gain
	// the rights that its new ids give it.
	Again   bool
	ManyIDs bool
	Leash   bool
	// Groups are the control groups for guests; GroupsWhy says what they lack.
	Groups    []groupSetting `json:",omitempty"`
	GroupsWhy string         `json:",omitempty"`
}

// Handle is a started supervisor.
type Handle struct {
	// Address is where the API listens, with the real port.
	Address string
	Pid     int
	dir     string
	leash   *os.File
	exited  chan struct{}
	once    sync.Once
	err     error
	cmd     *exec.Cmd
	broker  *broker.Process
}

// Start starts a supervisor, which starts the daemon. It returns as soon as the
// supervisor runs; Ready tells when the daemon serves.
func Start(ctx context.Context, o Options) (*Handle, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	locked, err := lock(o.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = locked.Close() }()
	dir, err := openDir(o.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	api, address, err := listenAPI(ctx, o.Listen)
	if err != nil {
		return nil, errors.Join(err, os.Remove(locked.Name()))
	}
	files := []*os.File{nil, api}
	defer func() { closeFiles(files) }()
	for _, name := range []string{Socket, DaemonSocket} {
		f, err := listenSocket(dir, name)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	h, err := o.launch(files, locked)
	if err != nil {
		tidy(dir)
		return nil, err
	}
	h.Address = address
	return h, nil
}

// tidy removes the files that mark a running Musubi. The lock goes last.
func tidy(dir *os.File) {
	raw, err := dir.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		for _, name := range []string{Socket, DaemonSocket, lockFile} {
			_ = unix.Unlinkat(int(fd), name, 0) // a leftover does no harm
		}
	})
}

func listenAPI(ctx context.Context, address string) (*os.File, string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if errors.Is(err, unix.EADDRINUSE) {
		return nil, "", fmt.Errorf("%s is in use by another program; choose another address with --listen", address)
	}
	if err != nil {
		return nil, "", fmt.Errorf("listen on %s: %w", address, err)
	}
	defer func() { _ = l.Close() }()
	f, err := l.(*net.TCPListener).File()
	return f, l.Addr().String(), err
}

// launch executes the program in its new namespaces and tells it its settings.
// files are the inherited descriptors from settingsFD on, the first one empty.
func (o Options) launch(files []*os.File, locked *os.File) (*Handle, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	files[0] = read
	defer func() { _ = write.Close() }()
	leashRead, leashWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = leashRead.Close() }()
	exe := o.Exe
	if exe == "" {
		exe = "/proc/self/exe"
	}
	output := o.Output
	if output == nil {
		output = os.Stderr
	}
	ids := availableIDs()
	if err := keepToItself(); err != nil {
		_ = leashWrite.Close()
		return nil, err
	}
	groups := newHostGroups(groupName())
	defer groups.close()
	brokered, hub, err := broker.Start(exe, broker.Options{Internet: o.Internet, Cleanup: append(groups.dirs(), o.Cleanup...)}, output)
	if err != nil {
		_ = leashWrite.Close()
		groups.remove()
		return nil, err
	}
	defer func() { _ = hub.Close() }()
	cmd := exec.Command(exe, command)
	cmd.Args[0] = "musubi"
	cmd.ExtraFiles = append(append([]*os.File{}, files...), locked, leashRead, hub)
	first := 3 + len(cmd.ExtraFiles)
	cmd.ExtraFiles = append(cmd.ExtraFiles, groups.files()...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = namespaces(ids)
	if err := startProcess(cmd); err != nil {
		_ = leashWrite.Close()
		return nil, err
	}
	h := &Handle{Pid: cmd.Process.Pid, dir: o.Dir, leash: leashWrite, cmd: cmd, broker: brokered, exited: make(chan struct{})}
	go h.wait()
	many, err := ids.apply(cmd.Process.Pid)
	if err != nil {
		return nil, errors.Join(err, h.Kill())
	}
	lent := groups.settle(first, cmd.Process.Pid, brokered.Pid(), os.Getpid())
	s := settings{Groups: lent, GroupsWhy: groups.why, Dir: o.Dir, Daemon: o.Daemon, Pid: cmd.Process.Pid, Broker: brokered.Pid(), Again: ids.many(), ManyIDs: many, Leash: !o.Detach}
	if err := json.NewEncoder(write).Encode(s); err != nil {
		return nil, errors.Join(fmt.Errorf("tell the supervisor: %w", err), h.Kill())
	}
	return h, nil
}

// keepToItself marks the descriptors that whoever called this program left
// open: they must not reach the supervisor, let alone a guest.
func keepToItself() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

func (h *Handle) wait() {
	h.err = h.cmd.Wait()
	_ = h.leash.Close()
	h.broker.Wait()
	close(h.exited)
}

// Ready waits until the daemon serves, or returns why it does not.
func (h *Handle) Ready(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- awaitReady(ctx, h.dir) }()
	select {
	case err := <-result:
		if !errors.Is(err, errLost) && !errors.Is(err, ErrNotRunning) {
			return err
		}
	case <-h.exited:
		// It may have told why.
		if err := <-result; err != nil && !errors.Is(err, errLost) && !errors.Is(err, ErrNotRunning) {
			return err
		}
	}
	if err := h.Wait(); err != nil {
		return fmt.Errorf("the supervisor ended: %w; its output tells why", err)
	}
	return errors.New("the supervisor ended")
}

// Wait waits for the supervisor's end.
func (h *Handle) Wait() error {
	<-h.exited
	return h.err
}

// Done is closed when the supervisor has ended, and everything in it.
func (h *Handle) Done() <-chan struct{} { return h.exited }

// Stop asks for an orderly end and waits for it.
func (h *Handle) Stop(ctx context.Context) error {
	h.once.Do(func() { _ = h.cmd.Process.Signal(unix.SIGTERM) })
	select {
	case <-h.exited:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Kill ends the supervisor at once, and everything in it.
func (h *Handle) Kill() error {
	err := h.cmd.Process.Kill()
	<-h.exited
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	return err
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}
