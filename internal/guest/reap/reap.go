// Package reap starts processes and waits for them in a process 1, where
// orphans must be reaped too: one loop collects every child and tells whoever
// started it. It may import nothing of the project.
package reap

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Reaper owns all children of this process.
type Reaper struct {
	mu       sync.Mutex
	children map[int]*Process
}

// Process is a child that this Reaper started.
type Process struct {
	Pid    int
	reaper *Reaper
	done   chan struct{}
	status syscall.WaitStatus
}

// New makes a Reaper; Run must be running for its processes to be waited for.
func New() *Reaper { return &Reaper{children: map[int]*Process{}} }

// Run collects children until ctx ends.
func (r *Reaper) Run(ctx context.Context) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGCHLD)
	defer signal.Stop(signals)
	for {
		r.collect()
		select {
		case <-ctx.Done():
			return
		case <-signals:
		}
	}
}

// collect reaps under the lock, so that a process is registered before its end
// can be seen, and never signalled after it was reaped.
func (r *Reaper) collect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if p, ok := r.children[pid]; ok {
			delete(r.children, pid)
			p.status = status
			close(p.done)
		}
	}
}

// Start forks and executes. The calling thread's namespaces are inherited.
func (r *Reaper) Start(path string, argv []string, attr *syscall.ProcAttr) (*Process, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := syscall.ForkExec(path, argv, attr)
	if err != nil {
		return nil, &os.PathError{Op: "exec", Path: path, Err: err}
	}
	p := &Process{Pid: pid, reaper: r, done: make(chan struct{})}
	r.children[pid] = p
	return p, nil
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Status is how the process ended; valid once Done is closed.
func (p *Process) Status() syscall.WaitStatus { return p.status }

// ExitCode is the exit code as a shell tells it: 128 and the signal if killed.
func (p *Process) ExitCode() int {
	if p.status.Signaled() {
		return 128 + int(p.status.Signal())
	}
	return p.status.ExitStatus()
}

// Signal sends a signal if the process is still there.
func (p *Process) Signal(sig syscall.Signal) { p.signal(p.Pid, sig) }

// SignalGroup sends a signal to the process group that the process leads.
func (p *Process) SignalGroup(sig syscall.Signal) { p.signal(-p.Pid, sig) }

func (p *Process) signal(pid int, sig syscall.Signal) {
	p.reaper.mu.Lock()
	defer p.reaper.mu.Unlock()
	if _, ok := p.reaper.children[p.Pid]; ok {
		_ = syscall.Kill(pid, sig) // gone is what we want anyway
	}
}
