package wayout

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Limits, unless Options says otherwise. One client's address gets half of a
// number at most.
const (
	maxConnections = 2048
	maxFlows       = 1024
	idleTCP        = time.Hour
	idleUDP        = 60 * time.Second
	dialTimeout    = 10 * time.Second
	// maxDials is how many connections may be under way. The host makes so many, and
	// more, for all who want some: nobody takes them by calling where nobody answers.
	maxDials = 128
)

// Sockets are where packets that leave the world arrive.
type Sockets interface {
	// Accept waits for a connection, whose local address is where it is to go.
	Accept() (net.Conn, error)
	// Receive waits for a datagram.
	Receive(b []byte) (n int, from, to netip.AddrPort, err error)
	// Answer opens a socket that speaks to a client as an address, and gets what the
	// client sends there from then on.
	Answer(as, client netip.AddrPort) (net.Conn, error)
	Close() error
}

// Options are what a server is made of.
type Options struct {
	Sockets Sockets
	// Dial connects from the host's network; network is tcp or udp.
	Dial func(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error)
	// MaxConnections and MaxFlows bound what is carried at once, MaxDials what is
	// being connected, IdleTCP and IdleUDP how long it may say nothing; 0 is the usual.
	MaxConnections, MaxFlows, MaxDials int
	IdleTCP, IdleUDP                   time.Duration
	Log                                *slog.Logger
}

// Server carries connections and flows.
type Server struct {
	o     Options
	tcp   *admission
	dials *admission
	udp   *admission
	flows flows
	work  sync.WaitGroup
}

// New makes a server.
func New(o Options) *Server {
	def := func(v *int, usual int) {
		if *v == 0 {
			*v = usual
		}
	}
	idle := func(v *time.Duration, usual time.Duration) {
		if *v == 0 {
			*v = usual
		}
	}
	def(&o.MaxConnections, maxConnections)
	def(&o.MaxFlows, maxFlows)
	def(&o.MaxDials, maxDials)
	idle(&o.IdleTCP, idleTCP)
	idle(&o.IdleUDP, idleUDP)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{o: o, tcp: newAdmission(o.MaxConnections), dials: newAdmission(o.MaxDials), udp: newAdmission(o.MaxFlows), flows: flows{all: map[path]*flow{}}}
}

// Run carries until ctx ends, or the sockets fail; then it closes them and
// everything that it carries.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 2)
	s.work.Go(func() { failed <- s.accept(ctx) })
	s.work.Go(func() { failed <- s.receive(ctx) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	cancel()
	err = errors.Join(err, s.o.Sockets.Close())
	s.work.Wait()
	return err
}

func (s *Server) accept(ctx context.Context) error {
	for {
		c, err := s.o.Sockets.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			if !temporary(ctx, err) {
				return err
			}
			continue
		}
		s.work.Go(func() { s.carry(ctx, c) })
	}
}

// temporary waits a moment, if a failure to accept passes by itself.
func temporary(ctx context.Context, err error) bool {
	if e, ok := errors.AsType[net.Error](err); !ok || !e.Temporary() { //nolint:staticcheck // EMFILE and the like
		return false
	}
	select {
	case <-ctx.Done():
	case <-time.After(50 * time.Millisecond):
	}
	return true
}

// admission counts what is carried, by client.
type admission struct {
	max, each int
	mu        sync.Mutex
	count     int
	by        map[netip.Addr]int
}

func newAdmission(limit int) *admission {
	return &admission{max: limit, each: max(1, limit/2), by: map[netip.Addr]int{}}
}

func (a *admission) enter(client netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count >= a.max || a.by[client] >= a.each {
		return false
	}
	a.count++
	a.by[client]++
	return true
}

func (a *admission) leave(client netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count--
	if a.by[client]--; a.by[client] == 0 {
		delete(a.by, client)
	}
}
