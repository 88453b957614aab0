package h2

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

// Endpoint is where a connection leads, and from where.
type Endpoint struct {
	Namespace string
	Local     netip.Addr // the node's
	Remote    netip.AddrPort
	TLS       bool // with ALPN h2, certificates not validated
}

// TransportOptions are what a transport gets from outside.
type TransportOptions struct {
	// Dial opens TCP connections.
	Dial func(ctx context.Context, ns string, local netip.Addr, remote netip.AddrPort) (net.Conn, error)
	// ConnectTimeout is for the dial, HandshakeTimeout for TLS; 0 is AWS's 10
	// seconds.
	ConnectTimeout, HandshakeTimeout time.Duration
	// IdleTimeout closes connections without streams; 0 is a minute.
	IdleTimeout time.Duration
	// MaxHeaderBytes limits a response's header; 0 is AWS's 32 KB.
	MaxHeaderBytes uint32
}

// Transport keeps HTTP/2 connections to targets.
type Transport struct {
	o      TransportOptions
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	http   *http2.Transport

	mu     sync.Mutex
	closed bool
	pools  map[Endpoint]*pool
}

// NewTransport makes a transport. It is to be closed.
func NewTransport(o TransportOptions) *Transport {
	o.ConnectTimeout = cmp.Or(o.ConnectTimeout, 10*time.Second)
	o.HandshakeTimeout = cmp.Or(o.HandshakeTimeout, 10*time.Second)
	t := &Transport{o: o, pools: map[Endpoint]*pool{}}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.http = &http2.Transport{
		ConnPool:           (*chooser)(t),
		AllowHTTP:          true,
		DisableCompression: true, // what a target sends is passed on as it is
		MaxHeaderListSize:  cmp.Or(o.MaxHeaderBytes, 32<<10),
		IdleConnTimeout:    cmp.Or(o.IdleTimeout, time.Minute),
	}
	return t
}

// RoundTrip sends a request to an endpoint, as http.RoundTripper does: the
// response's body streams and is to be closed; request and response trailers are
// in Trailer; the request's context cancels the stream. A request that a stale
// connection certainly did not process is sent again on another one. A
// *ConnectError says that there was no connection to send it on.
//
// Unlike a RoundTripper's the header is the transport's meanwhile: a request
// without a User-Agent gets an empty entry, which keeps it without one.
func (t *Transport) RoundTrip(e Endpoint, r *http.Request) (*http.Response, error) {
	if _, named := r.Header["User-Agent"]; !named {
		r.Header["User-Agent"] = nil
	}
	return t.http.RoundTrip(r.WithContext(context.WithValue(r.Context(), endpointKey{}, e)))
}

// endpointKey is the context key by which a request finds its pool: x/net's
// transport resends by itself, but asks its pool by address only.
type endpointKey struct{}

// chooser is the transport as x/net's connection pool.
type chooser Transport

// GetClientConn finds or opens the connection for a request.
func (c *chooser) GetClientConn(r *http.Request, _ string) (*http2.ClientConn, error) {
	e, _ := r.Context().Value(endpointKey{}).(Endpoint)
	p, err := (*Transport)(c).pool(e)
	if err != nil {
		return nil, err
	}
	return p.get(r.Context())
}

// MarkDead is told of connections that take no more requests. Pools find that
// out when they look for one.
func (c *chooser) MarkDead(*http2.ClientConn) {}

func (t *Transport) pool(e Endpoint) (*pool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, net.ErrClosed
	}
	p, ok := t.pools[e]
	if !ok {
		p = &pool{t: t, e: e}
		t.pools[e] = p
	}
	return p, nil
}

// Drain lets connections to a target end with their last stream; new requests
// get new connections.
func (t *Transport) Drain(target netip.AddrPort) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	for e, p := range t.pools {
		if e.Remote != target {
			continue
		}
		// A request that found the pool before may still open a connection in it;
		// that one then ends when it is idle for long enough.
		delete(t.pools, e)
		for _, cc := range p.take() {
			t.wg.Go(func() { end(t.ctx, cc) })
		}
	}
}

// end waits for a connection's streams and closes it; at once if the context
// ends.
func end(ctx context.Context, cc *http2.ClientConn) {
	if err := cc.Shutdown(ctx); err != nil {
		_ = cc.Close() // it is done with either way
	}
}

// Close ends all connections, with what is under way on them, and waits.
func (t *Transport) Close() error {
	t.mu.Lock()
	t.closed = true
	pools := t.pools
	t.pools = nil
	t.mu.Unlock()
	t.cancel()
	t.wg.Wait() // no more dials
	for _, p := range pools {
		for _, cc := range p.take() {
			_ = cc.Close() // it is done with either way
		}
	}
	return nil
}
