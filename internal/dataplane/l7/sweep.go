package l7

import (
	"errors"
	"io"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tick is how often the sweep looks, and how exact the coarse clock is.
const tick = 250 * time.Millisecond

// sweep moves the coarse clock, finds clients that left while a target works for
// them, and ends idle connections to targets.
func (s *Server) sweep() {
	t := time.NewTicker(tick)
	defer t.Stop()
	var clients []*client
	for n := 0; ; n++ {
		select {
		case <-t.C:
		case <-s.ctx.Done():
			return
		}
		now := s.o.Now()
		s.clock.Store(now.UnixNano())
		clients = clients[:0]
		for _, lb := range s.each() {
			clients = lb.snapshot(clients)
			if n%4 == 0 {
				lb.pools.sweep(idleBefore(now, lb.idleTimeout()))
			}
		}
		for _, c := range clients {
			c.check(now.UnixNano())
		}
		clear(clients)
	}
}

func (s *Server) each() []*balancer {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*balancer, 0, len(s.balancers))
	for _, lb := range s.balancers {
		out = append(out, lb)
	}
	return out
}

// snapshot is every connection of a load balancer.
func (lb *balancer) snapshot(into []*client) []*client {
	lb.mu.Lock()
	all := make([]*frontend, 0, len(lb.frontends)+len(lb.retired))
	for _, f := range lb.frontends {
		all = append(all, f)
	}
	for f := range lb.retired {
		all = append(all, f)
	}
	lb.mu.Unlock()
	for _, f := range all {
		into = f.snapshot(into)
	}
	return into
}

// idleTimeout is the load balancer's.
func (lb *balancer) idleTimeout() time.Duration {
	lb.mu.Lock()
	defer lb.mu.Unlock()
	for _, f := range lb.frontends {
		return f.cfg.Load().idle
	}
	return time.Minute
}

// check ends the connection to a target that works for a client that has closed
// its connection.
func (c *client) check(now int64) {
	u := c.waiting.Load()
	if u == nil || now-c.since.Load() < int64(tick) || !closed(c.raw) {
		return
	}
	if c.waiting.CompareAndSwap(u, nil) {
		c.left.Store(true)
		_ = u.raw.Close()
	}
}

// closed reports that the other end of a connection has closed it, even if there
// is something to read before that.
func closed(c any) bool {
	s, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	r, err := s.SyscallConn()
	if err != nil {
		return false
	}
	gone := false
	err = r.Control(func(fd uintptr) {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(p, 0)
		gone = err == nil && n > 0 && p[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
	})
	return err == nil && gone
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }
