package h2

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/net/http2"
)

// ConnectError says that there is no connection to a target: it was refused, not
// answered in time (Timeout), or TLS failed.
type ConnectError struct {
	Remote netip.AddrPort
	// Handshake is whether TCP was connected and TLS was not.
	Handshake bool
	Err       error
}

func (e *ConnectError) Error() string {
	if e.Handshake {
		return fmt.Sprintf("TLS with target %s: %v", e.Remote, e.Err)
	}
	return fmt.Sprintf("connect to target %s: %v", e.Remote, e.Err)
}

// Unwrap gives the cause.
func (e *ConnectError) Unwrap() error { return e.Err }

// Timeout reports whether the target did not answer in time.
func (e *ConnectError) Timeout() bool {
	var n net.Error
	return errors.Is(e.Err, context.DeadlineExceeded) || errors.As(e.Err, &n) && n.Timeout()
}

// errNoHTTP2 is the cause if a target does not choose h2.
var errNoHTTP2 = errors.New("the target does not speak HTTP/2")

// pool has the connections to an endpoint.
type pool struct {
	t *Transport
	e Endpoint

	mu      sync.Mutex
	conns   []*http2.ClientConn
	dialing *dialing
}

// dialing is a connection that is being opened, for all who wait for one.
type dialing struct {
	done chan struct{}
	err  error
}

// get reserves a stream on a connection. One more connection is opened when
// those that there are have no room, but only one at a time.
func (p *pool) get(ctx context.Context) (*http2.ClientConn, error) {
	for {
		cc, d, err := p.reserve()
		if cc != nil || err != nil {
			return cc, err
		}
		select {
		case <-d.done:
			if d.err != nil {
				return nil, d.err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (p *pool) reserve() (*http2.ClientConn, *dialing, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, cc := range p.conns {
		if cc.ReserveNewRequest() {
			return cc, nil, nil
		}
	}
	p.conns = slices.DeleteFunc(p.conns, spent)
	if p.dialing == nil {
		d := &dialing{done: make(chan struct{})}
		if !p.t.start(func() { p.dial(d) }) {
			return nil, nil, net.ErrClosed
		}
		p.dialing = d
	}
	return nil, p.dialing, nil
}

// spent reports whether a connection takes no requests any more. Its streams go
// on without the pool.
func spent(cc *http2.ClientConn) bool {
	s := cc.State()
	return s.Closed || s.Closing
}

// start runs a function that Close waits for.
func (t *Transport) start(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.wg.Go(f)
	return true
}

// dial opens a connection. It does not depend on the request that wanted it
// first: others wait for it too.
func (p *pool) dial(d *dialing) {
	cc, err := p.connect(p.t.ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.conns = append(p.conns, cc)
	}
	p.dialing, d.err = nil, err
	close(d.done)
}

func (p *pool) connect(ctx context.Context) (*http2.ClientConn, error) {
	dialCtx, cancel := context.WithTimeout(ctx, p.t.o.ConnectTimeout)
	defer cancel()
	c, err := p.t.o.Dial(dialCtx, p.e.Namespace, p.e.Local, p.e.Remote)
	if err != nil {
		return nil, &ConnectError{Remote: p.e.Remote, Err: err}
	}
	if p.e.TLS {
		if c, err = p.handshake(ctx, c); err != nil {
			return nil, &ConnectError{Remote: p.e.Remote, Handshake: true, Err: err}
		}
	}
	cc, err := p.t.http.NewClientConn(c)
	if err != nil {
		return nil, &ConnectError{Remote: p.e.Remote, Err: errors.Join(err, c.Close())}
	}
	return cc, nil
}

// handshake starts TLS as load balancers do with targets: whatever certificate
// there is will do.
func (p *pool) handshake(ctx context.Context, raw net.Conn) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.t.o.HandshakeTimeout)
	defer cancel()
	c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{http2.NextProtoTLS}, MinVersion: tls.VersionTLS12})
	err := c.HandshakeContext(ctx)
	if err == nil && c.ConnectionState().NegotiatedProtocol != http2.NextProtoTLS {
		err = errNoHTTP2
	}
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return c, nil
}

// take empties the pool.
func (p *pool) take() []*http2.ClientConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	conns := p.conns
	p.conns = nil
	return conns
}
