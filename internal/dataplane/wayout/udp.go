package wayout

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	maxDatagram = 32 << 10 // larger ones are dropped
	maxPending  = 16       // datagrams that wait for their flow to begin
)

// path is where a flow's datagrams come from and go to.
type path struct{ from, to netip.AddrPort }

// flows are those that are carried.
type flows struct {
	mu  sync.Mutex
	all map[path]*flow
}

// flow is what one client and one address on the internet say to each other.
type flow struct {
	used atomic.Int64 // when it was used last, in nanoseconds since it begun

	mu      sync.Mutex
	pending [][]byte // until it has begun
	host    net.Conn // nil until then
	client  net.Conn
	begun   time.Time
	ended   bool
}

// receive takes first datagrams of flows, and those that were on their way while
// these began.
func (s *Server) receive(ctx context.Context) error {
	b := make([]byte, maxDatagram)
	for {
		n, from, to, err := s.o.Sockets.Receive(b)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			if errors.Is(err, syscall.ECONNREFUSED) || temporary(ctx, err) {
				continue
			}
			return err
		}
		if n < len(b) && to.IsValid() {
			s.datagram(ctx, path{from, to}, b[:n])
		}
	}
}

func (s *Server) datagram(ctx context.Context, p path, b []byte) {
	s.flows.mu.Lock()
	f := s.flows.all[p]
	if f == nil {
		if !s.udp.enter(p.from.Addr()) {
			s.flows.mu.Unlock()
			s.o.Log.Debug("way out: too many flows", "client", p.from, "to", p.to)
			return
		}
		f = &flow{begun: time.Now()}
		s.flows.all[p] = f
		s.work.Go(func() { s.flow(ctx, p, f) })
	}
	s.flows.mu.Unlock()
	f.send(b)
}

// send passes a datagram of the client's on, or keeps it until the flow begins.
func (f *flow) send(b []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.touch()
	switch {
	case f.host != nil:
		_, _ = f.host.Write(b) // datagrams get lost
	case len(f.pending) < maxPending && !f.ended:
		f.pending = append(f.pending, append([]byte(nil), b...))
	}
}

func (f *flow) touch() { f.used.Store(int64(time.Since(f.begun))) }

// flow is the life of one flow.
func (s *Server) flow(ctx context.Context, p path, f *flow) {
	defer func() {
		s.flows.mu.Lock()
		delete(s.flows.all, p)
		s.flows.mu.Unlock()
		s.udp.leave(p.from.Addr())
	}()
	if err := s.begin(ctx, p, f); err != nil {
		s.o.Log.Debug("way out: no flow", "client", p.from, "to", p.to, "error", err)
		return
	}
	stop := context.AfterFunc(ctx, f.end)
	defer stop()
	var watching sync.WaitGroup
	done := make(chan struct{})
	watching.Go(func() { f.watch(s.o.IdleUDP, done) })
	var up sync.WaitGroup
	up.Go(func() { f.pump(f.host, f.client) })
	f.pump(f.client, f.host)
	up.Wait()
	close(done)
	watching.Wait()
}

// begin opens both sockets and sends what has waited.
func (s *Server) begin(ctx context.Context, p path, f *flow) error {
	limit, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	host, err := s.o.Dial(limit, "udp", p.to)
	var client net.Conn
	if err == nil {
		if client, err = s.o.Sockets.Answer(p.to, p.from); err != nil {
			_ = host.Close()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	pending := f.pending
	f.pending = nil
	if err != nil {
		f.ended = true
		return err
	}
	f.host, f.client = host, client
	for _, b := range pending {
		_, _ = host.Write(b)
	}
	return nil
}

// end closes a flow that has begun.
func (f *flow) end() { _, _ = f.client.Close(), f.host.Close() }

// pump passes datagrams on one way until the flow ends. That nobody listens at an
// address ends nothing.
func (f *flow) pump(to, from net.Conn) {
	b := make([]byte, maxDatagram)
	for {
		n, err := from.Read(b)
		if err != nil {
			if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH) {
				continue
			}
			f.end()
			return
		}
		f.touch()
		if n < len(b) {
			_, _ = to.Write(b[:n]) // datagrams get lost
		}
	}
}

// watch ends the flow when neither side has said anything for the idle time.
func (f *flow) watch(idle time.Duration, done <-chan struct{}) {
	for left := idle; ; {
		select {
		case <-done:
			return
		case <-time.After(left):
		}
		quiet := time.Since(f.begun) - time.Duration(f.used.Load())
		if quiet >= idle {
			f.end()
			return
		}
		left = idle - quiet
	}
}
