// Package gate is where AWS's own services answer inside the world: HTTPS with
// certificates that are made when a name is first asked for.
//
// Which names there are, and what answers a request, it is told. It may import
// nothing of the project.
package gate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/musubi-net/musubi/internal/dataplane/share"
)

// Limits of what clients inside the world can hold.
const (
	maxConnections = 4096 // of a listener: each agent holds one
	maxOfClient    = 512  // of an address, which may be a NAT gateway's
	maxHeader      = 64 << 10
)

// renewal is how long before its end a certificate is made anew.
const renewal = 30 * 24 * time.Hour

// Way is how a connection came.
type Way struct{ Local, Remote netip.AddrPort }

// Options are what a gate is made of.
type Options struct {
	// Handler answers; WayOf tells it how a request came.
	Handler http.Handler
	// Names are those of the certificate for a name that a client asks for; none
	// refuses the client.
	Names func(w Way, serverName string) []string
	// Issue makes a certificate.
	Issue func(names []string) (tls.Certificate, error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// Gate answers on the listeners that it is given until Close.
type Gate struct {
	o    Options
	http *http.Server
	done sync.WaitGroup

	mu           sync.Mutex
	certificates map[string]*tls.Certificate // by their first name
}

// New makes a gate without listeners.
func New(o Options) *Gate {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gate{o: o, certificates: map[string]*tls.Certificate{}}
	g.http = &http.Server{
		Handler: o.Handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 2 * time.Minute,
		IdleTimeout: time.Minute, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, wayKey{}, wayOf(c))
		},
	}
	return g
}

// wayKey is the context's key of the way that a request came.
type wayKey struct{}

// WayOf returns how a request came; false for requests that came by no gate.
func WayOf(ctx context.Context) (Way, bool) {
	w, ok := ctx.Value(wayKey{}).(Way)
	return w, ok
}

// WayFor returns how a connection came.
func WayFor(c net.Conn) Way { return wayOf(c) }

func wayOf(c net.Conn) Way {
	return Way{Local: addrPort(c.LocalAddr()), Remote: addrPort(c.RemoteAddr())}
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		p := t.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	return netip.AddrPort{}
}

// Serve answers on a listener, which is the gate's from then on. It returns at
// once.
func (g *Gate) Serve(l net.Listener) {
	g.serve(tls.NewListener(share.Listener(alive{l}, share.Limits{Client: maxOfClient, All: maxConnections}), &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: g.certificate,
	}))
}

// ServePlain does the same without TLS. Nothing asked Names before a request
// comes: the handler looks at its Host.
func (g *Gate) ServePlain(l net.Listener) {
	g.serve(share.Listener(alive{l}, share.Limits{Client: maxOfClient, All: maxConnections}))
}

func (g *Gate) serve(l net.Listener) {
	g.done.Go(func() {
		if err := g.http.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			g.o.Log.Warn("services inside the world ended", "address", l.Addr(), "error", err)
		}
	})
}

// Close ends all connections, closes the listeners and waits.
func (g *Gate) Close() error {
	err := g.http.Close()
	g.done.Wait()
	return err
}

// certificate finds or makes the certificate for a client. There are at most as
// many as there are names that Names knows.
func (g *Gate) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	names := g.o.Names(wayOf(hello.Conn), strings.ToLower(strings.TrimSuffix(hello.ServerName, ".")))
	if len(names) == 0 {
		return nil, fmt.Errorf("no service is called %q here", hello.ServerName)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if c := g.certificates[names[0]]; c != nil && g.o.Now().Add(renewal).Before(c.Leaf.NotAfter) {
		return c, nil
	}
	c, err := g.o.Issue(names)
	if err != nil {
		return nil, fmt.Errorf("certificate for %s: %w", names[0], err)
	}
	g.certificates[names[0]] = &c
	return &c, nil
}
