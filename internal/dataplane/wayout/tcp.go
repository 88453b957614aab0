package wayout

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// carry is the life of one connection.
func (s *Server) carry(ctx context.Context, client net.Conn) {
	from, to := addrPort(client.RemoteAddr()), addrPort(client.LocalAddr())
	if !s.tcp.enter(from.Addr()) {
		s.o.Log.Debug("way out: too many connections", "client", from, "to", to)
		reset(client)
		return
	}
	defer s.tcp.leave(from.Addr())
	remote, err := s.dial(ctx, from.Addr(), to)
	if err != nil {
		s.o.Log.Debug("way out: not connected", "client", from, "to", to, "error", err)
		reset(client)
		return
	}
	p := &pair{client: client, remote: remote}
	stop := context.AfterFunc(ctx, p.reset)
	defer stop()
	defer p.close()
	p.relay(s.o.IdleTCP)
}

// errDials says that a client has too many connections under way.
var errDials = errors.New("too many connections are under way")

// dial connects to where a client wants to go.
func (s *Server) dial(ctx context.Context, client netip.Addr, to netip.AddrPort) (net.Conn, error) {
	if !s.dials.enter(client) {
		return nil, errDials
	}
	defer s.dials.leave(client)
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return s.o.Dial(ctx, "tcp", to)
}

// pair are the two connections that are one.
type pair struct{ client, remote net.Conn }

func (p *pair) close() { _, _ = p.client.Close(), p.remote.Close() }

func (p *pair) reset() {
	reset(p.client)
	reset(p.remote)
}

// relay carries bytes both ways until both sides have ended, one was reset, or
// neither has sent anything for the idle time. The kernel moves them.
func (p *pair) relay(idle time.Duration) {
	w := watch(p, idle)
	defer w.stop()
	var up sync.WaitGroup
	up.Go(func() { p.half(p.remote, p.client) })
	p.half(p.client, p.remote)
	up.Wait()
}

// half carries bytes one way and closes the way behind it.
func (p *pair) half(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if c, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
		err = c.CloseWrite()
	}
	if err != nil {
		p.reset()
	}
}

// reset ends a connection so that the peer knows that it failed.
func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0) // one that is gone already has ended too
	}
	_ = c.Close()
}

// watcher ends a pair that is idle.
type watcher struct {
	p     *pair
	idle  time.Duration
	mu    sync.Mutex
	timer *time.Timer
	ended bool
}

func watch(p *pair, idle time.Duration) *watcher {
	w := &watcher{p: p, idle: idle}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(idle, w.look)
	return w
}

// look ends the pair, or comes again when it could be idle. The kernel knows when
// the last byte came.
func (w *watcher) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	quiet := min(sinceData(w.p.client), sinceData(w.p.remote))
	if quiet >= w.idle {
		w.p.reset()
		return
	}
	w.timer.Reset(w.idle - quiet)
}

func (w *watcher) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.timer.Stop()
}

// sinceData is how long ago a connection received its last byte; 0 if the kernel
// does not say.
func sinceData(c net.Conn) (since time.Duration) {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return 0
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return 0
	}
	if err := raw.Control(func(fd uintptr) {
		if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			since = time.Duration(info.Last_data_recv) * time.Millisecond
		}
	}); err != nil {
		return 0
	}
	return since
}

func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := t.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}
