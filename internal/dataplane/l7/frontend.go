package l7

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// frontend is one socket that clients connect to.
type frontend struct {
	lb  *balancer
	ln  net.Listener
	cfg atomic.Pointer[config]

	mu      sync.Mutex
	conns   map[*client]struct{}
	closed  bool
	retired atomic.Bool

	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func newFrontend(lb *balancer, l net.Listener, cfg *config) *frontend {
	f := &frontend{lb: lb, ln: l, conns: map[*client]struct{}{}}
	f.cfg.Store(cfg)
	f.ctx, f.cancel = context.WithCancel(lb.s.ctx)
	return f
}

// run accepts until the listener is closed.
func (f *frontend) run() {
	f.done.Go(func() {
		for delay := 5 * time.Millisecond; ; {
			c, err := f.ln.Accept()
			switch {
			case err == nil:
				delay = 5 * time.Millisecond
				f.accept(c)
			case errors.Is(err, net.ErrClosed) || f.ctx.Err() != nil:
				return
			default: // out of descriptors, or a connection that ended at once
				f.lb.s.o.Log.Warn("load balancer could not accept", "address", f.ln.Addr(), "error", err)
				select {
				case <-time.After(delay):
				case <-f.ctx.Done():
					return
				}
				delay = min(2*delay, time.Second)
			}
		}
	})
}

func (f *frontend) accept(conn net.Conn) {
	c := newClient(f, conn)
	f.mu.Lock()
	if f.closed || f.retired.Load() {
		f.mu.Unlock()
		_ = conn.Close()
		return
	}
	f.conns[c] = struct{}{}
	f.done.Add(1)
	f.mu.Unlock()
	f.lb.s.workers.do(c)
}

// forget is called by a connection that ended.
func (f *frontend) forget(c *client) {
	f.mu.Lock()
	delete(f.conns, c)
	f.mu.Unlock()
	f.done.Done()
}

// snapshot is for the sweep.
func (f *frontend) snapshot(into []*client) []*client {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		into = append(into, c)
	}
	return into
}

// retire stops accepting; what is in flight finishes, what is idle ends.
func (f *frontend) retire() error {
	f.mu.Lock()
	f.retired.Store(true)
	for c := range f.conns {
		c.retire()
	}
	f.mu.Unlock()
	err := f.ln.Close()
	f.lb.s.done.Go(func() {
		f.done.Wait()
		f.cancel()
		f.lb.mu.Lock()
		delete(f.lb.retired, f)
		f.lb.mu.Unlock()
	})
	return err
}

// close ends the socket and its connections, and waits.
func (f *frontend) close() error {
	f.mu.Lock()
	f.closed = true
	for c := range f.conns {
		c.abort()
	}
	f.mu.Unlock()
	f.cancel()
	err := f.ln.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil // it was retired before
	}
	f.done.Wait()
	return err
}
