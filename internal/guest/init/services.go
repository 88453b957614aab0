package guestinit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/musubi-net/musubi/internal/guest/initctl"
	"github.com/musubi-net/musubi/internal/guest/reap"
)

const (
	startTimeout = 90 * time.Second
	stopTimeout  = 10 * time.Second
	startLimit   = 5 // automatic restarts within startWindow
	startWindow  = 10 * time.Second
	logLines     = 10
)

// services keeps the guest's services.
type services struct {
	reaper  *reap.Reaper
	console io.Writer

	mu  sync.Mutex // guards all
	all map[string]*service
}

// service is one unit that was started. op serialises starts and stops.
type service struct {
	op sync.Mutex

	mu       sync.Mutex // guards what follows
	state    initctl.Unit
	process  *reap.Process
	stopping bool
	restarts []time.Time
}

func newServices(r *reap.Reaper, console io.Writer) *services {
	return &services{reaper: r, console: console, all: map[string]*service{}}
}

// unitName adds what systemctl lets one leave out.
func unitName(name string) string {
	if filepath.Ext(name) == "" {
		name += ".service"
	}
	return filepath.Base(name)
}

func (s *services) get(name string) *service {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.all[name]
	if !ok {
		v = &service{state: initctl.Unit{Name: name, Active: "inactive", Sub: "dead"}}
		s.all[name] = v
	}
	return v
}

// startEnabled starts what systemctl enable linked, in order of name.
func (s *services) startEnabled() {
	entries, err := os.ReadDir(wantsDir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if err := s.start(e.Name()); err != nil {
			_, _ = fmt.Fprintf(s.console, "[FAILED] Failed to start %s: %v\n", e.Name(), err)
			continue
		}
		_, _ = fmt.Fprintf(s.console, "[  OK  ] Started %s\n", e.Name())
	}
}

func (s *services) start(name string) error {
	u, err := loadUnit(name)
	if err != nil {
		return err
	}
	v := s.get(name)
	v.op.Lock()
	defer v.op.Unlock()
	if v.view().Active == "active" {
		return nil
	}
	v.mu.Lock()
	v.stopping, v.restarts = false, nil
	v.mu.Unlock()
	return s.launch(u, v)
}

// launch runs the unit's programs and returns when it has started as its type
// defines it. v.op is held.
func (s *services) launch(u *unit, v *service) error {
	if len(u.ignored) > 0 {
		v.log(fmt.Sprintf("not carried out by Musubi's stand-in: %s", strings.Join(u.ignored, ", ")))
	}
	v.set("activating", "start", 0, 0)
	commands := u.before
	if u.kind == "oneshot" {
		commands = append(slices.Clone(u.before), u.start...)
	}
	for _, argv := range commands {
		p, optional, err := s.spawn(u, v, argv, "")
		if err == nil {
			<-p.Done()
			if code := p.ExitCode(); code != 0 && !optional {
				err = fmt.Errorf("%w: %s: code %d", errJob, argv[0], code)
			}
		}
		if err != nil && !optional {
			v.set("failed", "failed", 0, 1)
			return err
		}
	}
	if u.kind == "oneshot" {
		if u.remain {
			v.set("active", "exited", 0, 0)
		} else {
			v.set("inactive", "dead", 0, 0)
		}
		return nil
	}
	return s.keep(u, v)
}

// errJob says that a program of the unit failed.
var errJob = errors.New("the control process exited with error code")

// keep starts the main program and has it watched.
func (s *services) keep(u *unit, v *service) error {
	var ready *net.UnixConn
	address := ""
	if u.kind == "notify" {
		address = "/run/musubi/notify-" + u.name
		_ = os.Remove(address)
		var err error
		if ready, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"}); err != nil {
			return err
		}
		defer func() { _ = ready.Close() }()
	}
	p, _, err := s.spawn(u, v, u.start[0], address)
	if err != nil {
		v.set("failed", "failed", 0, 203)
		return fmt.Errorf("%w: %w", errJob, err)
	}
	v.mu.Lock()
	v.process = p
	v.mu.Unlock()
	if ready != nil && !awaitReady(ready, p) {
		p.SignalGroup(syscall.SIGKILL)
		<-p.Done()
		v.set("failed", "failed", 0, p.ExitCode())
		return errJob
	}
	v.set("active", "running", p.Pid, 0)
	go s.watch(u, v, p)
	return nil
}

// awaitReady waits for READY=1, the end of the program or the time limit.
func awaitReady(ready *net.UnixConn, p *reap.Process) bool {
	_ = ready.SetReadDeadline(time.Now().Add(startTimeout))
	waiting := make(chan struct{})
	defer func() { <-waiting }()
	heard := make(chan struct{})
	go func() {
		defer close(waiting)
		select {
		case <-p.Done():
			_ = ready.SetReadDeadline(time.Now())
		case <-heard:
		}
	}()
	defer close(heard)
	buf := make([]byte, 4096)
	for {
		n, err := ready.Read(buf)
		if err != nil {
			return false
		}
		if bytes.Contains(buf[:n], []byte("READY=1")) {
			return true
		}
	}
}

// watch records the main program's end and starts it again if the unit says so.
func (s *services) watch(u *unit, v *service, p *reap.Process) {
	<-p.Done()
	code := p.ExitCode()
	v.mu.Lock()
	stopped := v.stopping || v.process != p
	again := !stopped && (u.restart == "always" || (u.restart == "on-failure" && code != 0))
	now := time.Now()
	v.restarts = slices.DeleteFunc(v.restarts, func(t time.Time) bool { return now.Sub(t) > startWindow })
	if again && len(v.restarts) >= startLimit {
		again, code = false, max(code, 1)
	}
	if again {
		v.restarts = append(v.restarts, now)
	}
	v.mu.Unlock()
	switch {
	case stopped:
		return
	case code == 0:
		v.set("inactive", "dead", 0, 0)
	default:
		v.set("failed", "failed", 0, code)
		v.log(fmt.Sprintf("Main process exited, code=exited, status=%d", code))
	}
	if !again {
		return
	}
	time.Sleep(u.restartAfter)
	v.op.Lock()
	defer v.op.Unlock()
	v.mu.Lock()
	wanted := !v.stopping && v.process == p
	v.mu.Unlock()
	if wanted {
		_ = s.launch(u, v) // its failure is the service's state
	}
}

func (s *services) stop(name string) error {
	if _, err := loadUnit(name); err != nil && s.get(name).view().Active != "active" {
		return err
	}
	v := s.get(name)
	v.mu.Lock()
	v.stopping = true
	v.mu.Unlock()
	v.op.Lock()
	defer v.op.Unlock()
	v.mu.Lock()
	p := v.process
	v.process = nil
	v.mu.Unlock()
	if p != nil {
		p.SignalGroup(syscall.SIGTERM)
		select {
		case <-p.Done():
		case <-time.After(stopTimeout):
			p.SignalGroup(syscall.SIGKILL)
			<-p.Done()
		}
	}
	v.set("inactive", "dead", 0, 0)
	return nil
}

func (s *services) stopAll() {
	s.mu.Lock()
	var names []string
	for name := range s.all {
		names = append(names, name)
	}
	s.mu.Unlock()
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() { _ = s.stop(name) })
	}
	wg.Wait()
}

func (v *service) view() initctl.Unit {
	v.mu.Lock()
	defer v.mu.Unlock()
	u := v.state
	u.Log = slices.Clone(u.Log)
	return u
}

func (v *service) set(active, sub string, pid, code int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.Active, v.state.Sub, v.state.PID, v.state.Code = active, sub, pid, code
	v.state.Since = time.Now().Unix()
}

func (v *service) log(line string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.Log = append(v.state.Log, time.Now().UTC().Format("Jan 02 15:04:05 ")+line)
	if n := len(v.state.Log); n > logLines {
		v.state.Log = slices.Clone(v.state.Log[n-logLines:])
	}
}
