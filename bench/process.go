package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/musubi-net/musubi/internal/kernel/netns"
)

// start starts a program in a namespace of the topology.
func (t *topology) start(ns string, cmd *exec.Cmd) error {
	return t.in(ns, func(n *netns.NS) error { return n.Do(cmd.Start) })
}

// self is a process of this program that does a job.
func self(ctx context.Context, j job) (*exec.Cmd, error) {
	b, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Env = append(os.Environ(), jobVar+"="+string(b))
	// An interrupt is the bench's to handle.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd, nil
}

// measure runs a client of a path.
func (t *topology) measure(ctx context.Context, p *path, j job) (outcome, error) {
	j.Address = p.dial
	return t.client(ctx, p.client, j)
}

// client runs a client in a namespace.
func (t *topology) client(ctx context.Context, ns string, j job) (outcome, error) {
	var o outcome
	ctx, cancel := context.WithTimeout(ctx, j.Warm+j.Time+2*stuck)
	defer cancel()
	cmd, err := self(ctx, j)
	if err != nil {
		return o, err
	}
	var out, trouble bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &trouble
	if err := t.start(ns, cmd); err != nil {
		return o, err
	}
	if err := cmd.Wait(); err != nil {
		return o, fmt.Errorf("%w: %s", err, strings.TrimSpace(trouble.String()))
	}
	return o, json.Unmarshal(out.Bytes(), &o)
}

// running is a program that the bench ends.
type running struct {
	name string
	cmd  *exec.Cmd
	in   io.Closer // closing it is another way to say so
	done chan error
}

// cores is how many threads or processes a proxy has.
func cores() int { return runtime.NumCPU() }

// patience is how long a program has to begin, and to end when asked to.
const patience = 5 * time.Second

// startServer starts the server of a path and waits until it listens.
func (t *topology) startServer(ctx context.Context, p *path) (*running, error) {
	return t.startSelf(ctx, "server of "+p.name, p.server.ns, job{Serve: true, Address: p.server.address})
}

// startSelf starts this program as a server, in a namespace.
func (t *topology) startSelf(ctx context.Context, name, ns string, j job) (*running, error) {
	cmd, err := self(context.WithoutCancel(ctx), j)
	if err != nil {
		return nil, err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := t.start(ns, cmd); err != nil {
		return nil, err
	}
	ready, err := bufio.NewReader(out).ReadString('\n')
	r := &running{name: name, cmd: cmd, in: in, done: make(chan error, 1)}
	go func() { r.done <- cmd.Wait() }()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %q %w", r.name, ready, err), r.end())
	}
	return r, nil
}

// end ends the program and waits for it.
func (r *running) end() error {
	if r.in != nil {
		_ = r.in.Close()
	} else if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end %s: %w", r.name, err)
	}
	select {
	case <-r.done: //nolint:errcheck // it was told to end
		return nil
	case <-time.After(patience):
	}
	if err := r.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", r.name, err)
	}
	<-r.done //nolint:errcheck // it was killed
	return nil
}
