package metadata

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/musubi-net/musubi/internal/dataplane/share"
	"github.com/musubi-net/musubi/internal/spec"
)

// Credentials are a role's temporary credentials.
type Credentials struct {
	AccessKeyID, SecretAccessKey, Token string
	LastUpdated, Expiration             time.Time
}

// Options are what a server is made of.
type Options struct {
	// Credentials gives an instance the credentials of its role.
	Credentials func(ctx context.Context, instanceID, role string) (Credentials, error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// Server is the metadata service of one VPC.
type Server struct {
	o     Options
	key   [32]byte // of the tokens; they end with the process
	known atomic.Pointer[map[netip.Addr]func() spec.Metadata]
	http  *http.Server
	done  sync.WaitGroup
}

// New makes a server that knows nobody yet.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o}
	_, _ = rand.Read(s.key[:]) // never fails: it ends the program instead
	s.known.Store(&map[netip.Addr]func() spec.Metadata{})
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: 30 * time.Second,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
	return s
}

// connKey is the context's key of a request's connection.
type connKey struct{}

// Set replaces what the server knows: entries by their addresses, which are asked for
// when a request comes from there. The map is the server's from then on.
func (s *Server) Set(entries map[netip.Addr]func() spec.Metadata) { s.known.Store(&entries) }

// Serve answers on a listener until Close, or until the listener is closed. It
// returns at once.
func (s *Server) Serve(l net.Listener) error {
	s.done.Go(func() {
		if err := s.http.Serve(share.Listener(l, share.Limits{Client: 128, All: 4096})); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			s.o.Log.Warn("metadata service ended", "address", l.Addr(), "error", err)
		}
	})
	return nil
}

// Close stops the server, closes its listeners and waits for its goroutines.
func (s *Server) Close() error {
	err := s.http.Close()
	s.done.Wait()
	return err
}

// limitHops makes answers on a request's connection die after so many hops.
func (s *Server) limitHops(r *http.Request, hops int) {
	c, ok := r.Context().Value(connKey{}).(net.Conn)
	if !ok {
		return
	}
	if below, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = below.NetConn()
	}
	var err error
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok && a.AddrPort().Addr().Unmap().Is4() {
		err = ipv4.NewConn(c).SetTTL(hops)
	} else {
		err = ipv6.NewConn(c).SetHopLimit(hops)
	}
	if err != nil {
		s.o.Log.Warn("hop limit not set", "error", err)
	}
}
