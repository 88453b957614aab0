package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/musubi-net/musubi/internal/broker"
	"github.com/musubi-net/musubi/internal/guest"
	"github.com/musubi-net/musubi/internal/guest/reap"
	"github.com/musubi-net/musubi/internal/guest/wire"
)

const (
	maxPause   = 5 * time.Second  // between two starts of the daemon
	calm       = 10 * time.Second // a daemon that lived this long may start at once again
	maxFailed  = 3                // ends before it ever served
	stopDaemon = 10 * time.Second
)

// daemon starts the daemon and starts it again.
type daemon struct {
	s      *supervisor
	api    *os.File
	socket *os.File
	broker *broker.Hub
	log    *ring

	mu       sync.Mutex
	pid      int
	restarts int
	served   bool
	changed  chan struct{} // closed and replaced when the above changes
}

func newDaemon(s *supervisor) (*daemon, error) {
	hub, err := broker.NewHub(os.NewFile(brokerFD, "broker"))
	if err != nil {
		return nil, err
	}
	return &daemon{
		broker: hub,
		s:      s, api: os.NewFile(apiFD, "api"), socket: os.NewFile(daemonSocketFD, "daemon.sock"),
		log: newRing(256 << 10), changed: make(chan struct{}),
	}, nil
}

func (d *daemon) update(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
	close(d.changed)
	d.changed = make(chan struct{})
}

// keep runs the daemon until the supervisor stops.
func (d *daemon) keep() {
	var pause time.Duration
	for failed := 0; ; {
		begun := time.Now()
		err := d.once()
		select {
		case <-d.s.stopping:
			return
		default:
		}
		d.mu.Lock()
		served := d.served
		d.mu.Unlock()
		if failed++; !served && failed >= maxFailed {
			d.s.end(fmt.Sprintf("the daemon does not start: %v", err))
			return
		}
		if time.Since(begun) > calm {
			pause = 0
		}
		d.printf("the daemon ended (%v); it is started again", err)
		select {
		case <-time.After(pause):
		case <-d.s.stopping:
			return
		}
		pause = min(max(2*pause, 100*time.Millisecond), maxPause)
		d.update(func() { d.restarts++ })
	}
}

// once runs the daemon until it ends or the supervisor stops.
func (d *daemon) once() error {
	conn, theirs, err := wire.Pair()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	defer func() { _ = theirs.Close() }()
	hosts, err := d.broker.Connect()
	if err != nil {
		return err
	}
	defer func() { _ = hosts.Close() }()
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	null, err := os.Open(os.DevNull)
	if err != nil {
		_ = w.Close()
		return err
	}
	p, err := d.s.reaper.Start("/proc/self/exe", append([]string{"musubi"}, d.s.settings.Daemon...), &syscall.ProcAttr{
		Dir: "/", Env: os.Environ(),
		Files: []uintptr{null.Fd(), w.Fd(), w.Fd(), d.api.Fd(), d.socket.Fd(), theirs.Fd(), hosts.Fd()},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	_, _, _, _ = null.Close(), w.Close(), theirs.Close(), hosts.Close()
	if err != nil {
		return err
	}
	d.update(func() { d.pid = p.Pid })
	var work sync.WaitGroup
	work.Go(func() { _, _ = io.Copy(io.MultiWriter(os.Stderr, d.log), r) })
	work.Go(func() { d.s.control(conn) })
	d.wait(p)
	d.update(func() { d.pid = 0 })
	_ = conn.Close()
	work.Wait()
	return ended(p)
}

func (d *daemon) wait(p *reap.Process) {
	select {
	case <-p.Done():
		return
	case <-d.s.stopping:
	}
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.Done():
	case <-time.After(stopDaemon):
		p.SignalGroup(syscall.SIGKILL)
		<-p.Done()
	}
}

func ended(p *reap.Process) error {
	status := p.Status()
	if status.Signaled() {
		return fmt.Errorf("killed by %s", status.Signal())
	}
	return fmt.Errorf("exit code %d", status.ExitStatus())
}

func (d *daemon) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(io.MultiWriter(os.Stderr, d.log), "musubi: "+format+"\n", args...)
}

// control serves one daemon. Each request has a goroutine of its own, so that
// a slow guest does not hold up the others.
func (s *supervisor) control(conn *wire.Conn) {
	events, cancel := s.guests.subscribe()
	ctx, end := context.WithCancel(context.Background())
	defer end()
	var work sync.WaitGroup
	work.Go(func() {
		for e := range events {
			if err := conn.Send(guest.Reply{Event: &e}); err != nil {
				return
			}
		}
	})
	for {
		var req guest.Request
		files, err := conn.Receive(&req)
		wire.CloseAll(files)
		if err != nil {
			break
		}
		work.Go(func() {
			reply := s.answer(ctx, req)
			reply.ID = req.ID
			_ = conn.Send(reply) // the daemon may have died meanwhile
		})
	}
	cancel()
	end()
	work.Wait()
}

func (s *supervisor) answer(ctx context.Context, req guest.Request) guest.Reply {
	var r guest.Reply
	var err error
	switch req.Op {
	case guest.OpStart:
		if req.Guest == nil {
			err = errors.New("no guest given")
		} else {
			err = s.guests.start(*req.Guest, req.Netns)
		}
	case guest.OpStop:
		err = s.guests.stop(req.InstanceID)
	case guest.OpRemove:
		err = s.guests.remove(req.InstanceID)
	case guest.OpList:
		r.Statuses = s.guests.listed(req.InstanceID)
	case guest.OpConsole:
		r.Console, err = s.guests.consoleOf(req.InstanceID)
	case guest.OpSnapshot:
		r.Digest, r.Size, err = s.guests.snapshot(ctx, req.InstanceID)
	case guest.OpReady:
		s.daemon.update(func() { s.daemon.served = true })
	case guest.OpFatal:
		s.end(req.Message)
	default:
		err = fmt.Errorf("unknown request %q", req.Op)
	}
	if err != nil {
		r.Error = err.Error()
	}
	return r
}
