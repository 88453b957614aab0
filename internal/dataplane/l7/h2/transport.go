package h2

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"time"
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
}

// Transport keeps HTTP/2 connections to targets.
type Transport struct{ o TransportOptions }

// NewTransport makes a transport. It is to be closed.
func NewTransport(o TransportOptions) *Transport { return &Transport{o: o} }

// RoundTrip sends a request to an endpoint, as http.RoundTripper does: the
// response's body streams and is to be closed; request and response trailers are
// in Trailer; the request's context cancels the stream. A request that a stale
// connection certainly did not process is sent once more on a new one.
func (t *Transport) RoundTrip(e Endpoint, r *http.Request) (*http.Response, error) { return nil, nil }

// Drain lets connections to a target end with their last stream; new requests
// get new connections.
func (t *Transport) Drain(target netip.AddrPort) {}

// Close ends all connections, with what is under way on them, and waits.
func (t *Transport) Close() error { return nil }
