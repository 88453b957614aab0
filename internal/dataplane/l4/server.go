package l4

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/musubi-net/musubi/internal/dataplane/tlsconf"
	"github.com/musubi-net/musubi/internal/spec"
)

// Options are what a server is made of.
type Options struct {
	// Listen opens a socket in a VPC's namespace.
	Listen func(ctx context.Context, ns string, a netip.AddrPort) (net.Listener, error)
	// Dial connects from a node's address, in a VPC's namespace.
	Dial func(ctx context.Context, ns string, local netip.Addr, remote netip.AddrPort) (net.Conn, error)
	// DialAs connects for a node with a client's own address and port, for groups that keep
	// it. Without it, targets see the node.
	DialAs func(ctx context.Context, ns string, node netip.Addr, client, remote netip.AddrPort) (net.Conn, error)
	// Client tells who is behind a source on the fabric: the client's address as
	// its own VPC knows it. The destination is the endpoint's VIP with the
	// listener's port. Without it, proxy protocol tells the fabric's address.
	Client func(ctx context.Context, vpc string, source, destination netip.AddrPort) (netip.AddrPort, error)
	Log    *slog.Logger
}

// Server is all network load balancers of a node, as far as they are in user
// space.
type Server struct {
	o   Options
	tls tlsconf.Cache

	mu        sync.Mutex
	closed    bool
	balancers map[string]*balancer
}

// New makes a server without load balancers.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{o: o, balancers: map[string]*balancer{}}
}

// Set makes a load balancer be as described; errors of single listeners are
// joined, the others work. The description must not change afterwards.
func (s *Server) Set(ctx context.Context, b *spec.Balancer) error {
	if b.Type != "network" {
		return fmt.Errorf("load balancer %s: type %q does not belong here", b.ID, b.Type)
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return fmt.Errorf("load balancer %s: the server is closed", b.ID)
	}
	lb := s.balancers[b.ARN]
	if lb == nil {
		lb = newBalancer(s, b)
		s.balancers[b.ARN] = lb
	}
	s.mu.Unlock()
	return lb.set(ctx, b)
}

// Remove ends a load balancer's listeners and connections, and waits for them.
func (s *Server) Remove(arn string) error {
	s.mu.Lock()
	lb := s.balancers[arn]
	delete(s.balancers, arn)
	s.mu.Unlock()
	if lb == nil {
		return nil
	}
	return lb.close()
}

// Close ends everything and waits for it.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	all := s.balancers
	s.balancers = map[string]*balancer{}
	s.mu.Unlock()
	var errs []error
	for _, lb := range all {
		errs = append(errs, lb.close())
	}
	return errors.Join(errs...)
}

// Connections is how many connections a load balancer carries.
func (s *Server) Connections(arn string) int {
	s.mu.Lock()
	lb := s.balancers[arn]
	s.mu.Unlock()
	if lb == nil {
		return 0
	}
	lb.mu.Lock()
	defer lb.mu.Unlock()
	return len(lb.flows)
}

// Figures of AWS's.
const (
	defaultIdle    = 350 * time.Second
	keepAlive      = 20 * time.Second // TLS listeners, to both sides
	connectTimeout = 10 * time.Second // (K)
)
