package h2

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

// AWS's limits.
const (
	maxStreams  = 128
	maxRequests = 10_000
	// MaxHeaders is for all headers of a request, MaxHeader for one of them and
	// for the URI.
	MaxHeaders = 64 << 10
	MaxHeader  = 16 << 10
	// maxHeaderList is where x/net refuses, with 431. What is between this and
	// Oversized is refused by the handler, in the load balancer's words.
	maxHeaderList = 2 * MaxHeaders
)

// ServerOptions are a server's limits.
type ServerOptions struct {
	// IdleTimeout closes a connection without open streams, and one whose client
	// does not read.
	IdleTimeout time.Duration
	// KeepAlive is how long a connection lives; then it is ended gracefully. 0 is
	// without end.
	KeepAlive time.Duration
	// MaxRequests is after how many requests a connection is ended gracefully; 0
	// is AWS's 10,000.
	MaxRequests int
	Log         *slog.Logger
}

// Server serves HTTP/2 on connections that are handed to it.
type Server struct{ o ServerOptions }

// NewServer makes a server. To change its options make another one: connections
// keep those that they began with.
func NewServer(o ServerOptions) *Server {
	o.MaxRequests = cmp.Or(o.MaxRequests, maxRequests)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	return &Server{o: o}
}

// ServeConn serves a connection, a *tls.Conn after its handshake or (for tests)
// a plain one, until it ends. The handler gets *http.Request as net/http gives
// it: the header in canonical form, ContentLength -1 if unknown, Trailer filled
// at the body's end; trailers are written with http.TrailerPrefix. A handler that
// panics with http.ErrAbortHandler resets its stream. Requests that Oversized
// finds too large are for the handler to refuse.
//
// When the context ends, the connection is ended gracefully: open streams are
// served to their end. To end it at once, close it. ServeConn returns when the
// connection is closed and its handlers have returned.
func (s *Server) ServeConn(ctx context.Context, c net.Conn, h http.Handler) {
	base := &http.Server{
		MaxHeaderBytes: maxHeaderList,
		ErrorLog:       slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug),
	}
	conf := &http2.Server{
		MaxConcurrentStreams:         maxStreams,
		MaxReadFrameSize:             maxFrame,
		IdleTimeout:                  s.o.IdleTimeout,
		WriteByteTimeout:             s.o.IdleTimeout,
		PermitProhibitedCipherSuites: true, // the security policy has decided
	}
	if err := http2.ConfigureServer(base, conf); err != nil {
		s.o.Log.Error("configure HTTP/2", "error", err) // only possible with cipher suites, which are not set
		_ = c.Close()
		return
	}
	graceful := sync.OnceFunc(func() { _ = base.Shutdown(context.Background()) }) // there is no listener to fail
	defer context.AfterFunc(ctx, graceful)()
	if s.o.KeepAlive > 0 {
		defer time.AfterFunc(s.o.KeepAlive, graceful).Stop()
	}
	sc := newStrict(c, graceful)
	g := &gate{handler: h, last: s.o.MaxRequests, onLast: graceful}
	conf.ServeConn(sc.conn(), &http2.ServeConnOpts{Context: context.WithoutCancel(ctx), BaseConfig: base, Handler: g})
	sc.linger()
	g.close()
}

// gate counts requests and waits for their handlers.
type gate struct {
	handler http.Handler
	last    int
	onLast  func()

	mu     sync.Mutex
	n      int
	closed bool
	wg     sync.WaitGroup
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.enter() {
		return // x/net started it as the connection ended
	}
	defer g.wg.Done()
	g.handler.ServeHTTP(w, r)
}

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.wg.Add(1)
	if g.n++; g.n == g.last {
		g.onLast()
	}
	return true
}

func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.wg.Wait()
}

// Oversized reports whether a request's headers or URI are larger than AWS lets
// them be, and the status to refuse it with.
func Oversized(r *http.Request) (status int, oversized bool) {
	if len(r.RequestURI) > MaxHeader {
		return http.StatusRequestURITooLong, true
	}
	total := len(r.Method) + len(r.RequestURI) + len(r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			size := len(name) + len(v)
			if size > MaxHeader {
				return http.StatusBadRequest, true
			}
			total += size
		}
	}
	return http.StatusBadRequest, total > MaxHeaders
}
