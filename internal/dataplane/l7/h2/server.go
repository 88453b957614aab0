package h2

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// ServerOptions are a server's limits.
type ServerOptions struct {
	// IdleTimeout closes a connection without open streams.
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
func NewServer(o ServerOptions) *Server { return &Server{o: o} }

// ServeConn serves a connection, a *tls.Conn after its handshake or (for tests)
// a plain one, until it ends. The handler gets *http.Request as net/http gives
// it: the header in canonical form, ContentLength -1 if unknown, Trailer filled
// at the body's end; trailers are written with http.TrailerPrefix. When the
// context ends, the connection is ended gracefully: open streams are served to
// their end.
func (s *Server) ServeConn(ctx context.Context, c net.Conn, h http.Handler) {}
