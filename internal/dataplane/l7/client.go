package l7

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musubi-net/musubi/internal/dataplane/l7/h1"
	"github.com/musubi-net/musubi/internal/dataplane/tlsconf"
)

// client is a client's connection.
type client struct {
	f    *frontend
	lb   *balancer
	s    *Server
	conn net.Conn // what is read and written
	raw  net.Conn // what was accepted
	tls  *tls.ConnectionState

	random     uint64 // of its trace id
	remote     netip.AddrPort
	ip         string // for X-Forwarded-For
	remoteText string // with the port
	began      time.Time
	deadline   deadline

	state atomic.Int32
	// waiting is the connection to a target whose response is awaited, for the
	// sweep, which sets left and closes it if the client has gone.
	waiting atomic.Pointer[upstream]
	since   atomic.Int64
	left    atomic.Bool

	*scratch
	// graceful ends an HTTP/2 connection after its streams.
	graceful atomic.Pointer[context.CancelFunc]
	tlsLines atomic.Pointer[tlsLines]
}

// tlsLines are header fields about TLS as a listener wants them.
type tlsLines struct {
	l    *listener
	text []byte
}

// states of a connection.
const (
	idle int32 = iota
	busy
	ending
	streams // HTTP/2
)

// scratch is what a connection works with; it is used again by others.
type scratch struct {
	in       *h1.Reader
	out      []byte
	request  h1.Request
	upload   h1.Body
	download h1.Body
	x        exchange
}

var scratches = sync.Pool{New: func() any {
	return &scratch{in: h1.NewReader(nil, 8<<10), out: make([]byte, 0, 4<<10)}
}}

func newClient(f *frontend, conn net.Conn) *client {
	q := quick(conn)
	c := &client{f: f, lb: f.lb, s: f.lb.s, conn: q, raw: q, random: rand.Uint64()}
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		c.remote = a.AddrPort()
		c.remote = netip.AddrPortFrom(c.remote.Addr().Unmap().WithZone(""), c.remote.Port())
		c.ip, c.remoteText = c.remote.Addr().String(), c.remote.String()
	}
	return c
}

// run serves the connection until it ends.
func (c *client) run() {
	defer c.f.forget(c)
	defer func() { _ = c.conn.Close() }()
	c.began = c.s.now()
	cfg := c.f.cfg.Load()
	if cfg.tls != nil && !c.handshake(cfg) {
		return
	}
	if c.tls != nil && c.tls.NegotiatedProtocol == "h2" {
		c.serveHTTP2(cfg)
		return
	}
	c.scratch = scratches.Get().(*scratch)
	c.in.Reset(c.conn)
	for c.exchange() {
	}
	c.in.Reset(nil)
	if cap(c.out) <= 128<<10 {
		scratches.Put(c.scratch)
	}
}

// handshake ends TLS.
func (c *client) handshake(cfg *config) bool {
	c.deadline.extend(c.raw, c.s.clock.Load(), min(cfg.idle, 30*time.Second))
	began := c.s.o.Now()
	t := tls.Server(c.raw, cfg.tls)
	err := t.HandshakeContext(c.f.ctx)
	state := t.ConnectionState()
	c.connected(cfg, began, &state, err)
	if err != nil {
		c.answerPlain(cfg, err)
		return false
	}
	c.conn, c.tls = t, &state
	return true
}

// retire ends the connection if it is idle; else it ends after its response.
func (c *client) retire() {
	if c.state.CompareAndSwap(idle, ending) {
		_ = c.raw.SetReadDeadline(time.Unix(1, 0))
	}
	if cancel := c.graceful.Load(); cancel != nil {
		(*cancel)()
	}
}

// abort ends the connection at once.
func (c *client) abort() {
	_ = c.raw.Close()
	if u := c.waiting.Load(); u != nil {
		_ = u.raw.Close()
	}
}

// clientLimits are AWS's for requests, targetLimits for responses.
var (
	clientLimits = h1.Limits{Line: 16 << 10, Field: 16 << 10, Head: 64 << 10}
	targetLimits = h1.Limits{Head: 32 << 10}
)

// exchange serves one request, and reports whether another may follow.
func (c *client) exchange() bool {
	cfg := c.f.cfg.Load()
	c.deadline.extend(c.conn, c.s.clock.Load(), cfg.idle)
	head, err := c.in.Head(clientLimits)
	if !c.state.CompareAndSwap(idle, busy) {
		return false // retired before anything came
	}
	cfg = c.f.cfg.Load()
	x := &c.x
	x.reset(c, cfg)
	if err != nil {
		c.request = h1.Request{Fields: c.request.Fields[:0]} // not an earlier one
		c.noHead(err)
		return false
	}
	if err := c.request.Parse(head); err != nil {
		x.refuse(parseFailure(err))
		return false
	}
	x.serve()
	if x.last || c.f.retired.Load() {
		c.linger()
		return false
	}
	c.state.Store(idle)
	return !c.f.retired.Load()
}

// noHead answers a request whose head did not come or is too long.
func (c *client) noHead(err error) {
	switch {
	case errors.Is(err, h1.ErrLineTooLong):
		c.x.refuse(fail(414))
	case errors.Is(err, h1.ErrFieldTooLong), errors.Is(err, h1.ErrHeadTooLong):
		c.x.refuse(fail(400))
	case timeout(err) && !c.in.Empty():
		c.x.refuse(fail(408))
	case errors.Is(err, io.ErrUnexpectedEOF) && !blank(c.in.Buffered()):
		c.x.refuse(fail(400))
	}
}

func blank(b []byte) bool { return len(bytes.TrimSpace(b)) == 0 }

func parseFailure(err error) *failure {
	switch {
	case errors.Is(err, h1.ErrVersion):
		return fail(505)
	case errors.Is(err, h1.ErrEncoding):
		return fail(501)
	}
	return fail(400)
}

// linger lets the client read the last response before the connection is reset
// because of what it sent and nobody read.
func (c *client) linger() {
	half, ok := c.conn.(interface{ CloseWrite() error })
	if !ok || c.x.drained && c.in.Empty() {
		return
	}
	if half.CloseWrite() != nil || c.raw.SetReadDeadline(time.Now().Add(500*time.Millisecond)) != nil {
		return
	}
	c.in.Reset(c.conn)
	for range 64 {
		if c.in.Fill() != nil {
			return
		}
		c.in.Discard(len(c.in.Buffered()))
	}
}

// tlsHeaders are the header fields about the client's TLS, for the target.
func (c *client) tlsHeaders(cfg *config) []byte {
	if c.tls == nil || !cfg.http.TLSHeaders && cfg.mutual == "" {
		return nil
	}
	if have := c.tlsLines.Load(); have != nil && have.l == cfg.listener {
		return have.text
	}
	var out []byte
	if cfg.http.TLSHeaders {
		for _, h := range tlsconf.VersionHeaders(c.tls) {
			out = appendLine(out, cfg.name(h.Name), h.Value)
		}
	}
	for _, h := range tlsconf.MutualHeaders(cfg.mutual, c.tls) {
		out = appendLine(out, cfg.name(h.Name), h.Value)
	}
	c.tlsLines.Store(&tlsLines{cfg.listener, out})
	return out
}
