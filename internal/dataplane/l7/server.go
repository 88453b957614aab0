package l7

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musubi-net/musubi/internal/dataplane/l7/accesslog"
	"github.com/musubi-net/musubi/internal/dataplane/l7/h2"
	"github.com/musubi-net/musubi/internal/dataplane/l7/sticky"
	"github.com/musubi-net/musubi/internal/dataplane/tlsconf"
	"github.com/musubi-net/musubi/internal/spec"
)

// Options are what a server is made of.
type Options struct {
	// Listen opens a socket in a VPC's namespace.
	Listen func(ctx context.Context, ns string, a netip.AddrPort) (net.Listener, error)
	// Dial connects from a node's address, in a VPC's namespace.
	Dial func(ctx context.Context, ns string, local netip.Addr, remote netip.AddrPort) (net.Conn, error)
	// CookieKey encrypts stickiness cookies, sticky.KeySize bytes: with the same
	// one, clients keep their targets over a restart. Without, a random one.
	CookieKey []byte
	// LogDir is where buckets for access logs are.
	LogDir string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// Server is all application load balancers of a node.
type Server struct {
	o     Options
	tls   tlsconf.Cache
	clock atomic.Int64 // coarse, see sweep
	dated atomic.Pointer[dated]

	cookies   *sticky.Codec
	logs      *accesslog.Writer
	transport *h2.Transport

	mu        sync.Mutex
	balancers map[string]*balancer
	closed    bool

	workers workers
	stop    context.CancelFunc
	ctx     context.Context
	done    sync.WaitGroup
}

// New makes a server without load balancers.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o, balancers: map[string]*balancer{}}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.clock.Store(o.Now().UnixNano())
	key := o.CookieKey
	if len(key) != sticky.KeySize {
		key = make([]byte, sticky.KeySize)
		_, _ = rand.Read(key) // never fails: it ends the program instead
	}
	s.cookies, _ = sticky.New(key, o.Now) // the key has the right size
	s.logs = accesslog.NewWriter(accesslog.Options{Dir: o.LogDir, Now: o.Now, Log: o.Log})
	s.transport = h2.NewTransport(h2.TransportOptions{Dial: o.Dial, ConnectTimeout: connectTimeout, HandshakeTimeout: connectTimeout})
	s.workers.begin(s)
	s.done.Go(s.sweep)
	return s
}

// now is the coarse clock.
func (s *Server) now() time.Time { return time.Unix(0, s.clock.Load()) }

// Set makes a load balancer be as described. Connections and requests that go on
// are not touched: the next request gets the new configuration.
func (s *Server) Set(ctx context.Context, b *spec.Balancer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("load balancer %s: the server is closed", b.ID)
	}
	lb := s.balancers[b.ARN]
	if lb == nil {
		lb = newBalancer(s, b.ARN)
		s.balancers[b.ARN] = lb
	}
	return lb.set(ctx, b)
}

// Remove ends a load balancer's listeners and connections.
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
	s.stop()
	errs = append(errs, s.transport.Close())
	s.done.Wait()
	errs = append(errs, s.logs.Close())
	return errors.Join(errs...)
}
