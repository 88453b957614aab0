package l7

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/musubi-net/musubi/internal/dataplane/l7/h1"
)

// upstream is a connection to a target that speaks HTTP/1.1.
type upstream struct {
	conn     net.Conn
	raw      net.Conn
	in       *h1.Reader
	res      h1.Response
	deadline deadline
	home     *pool
	reused   bool
	since    int64 // when it became idle
}

// pools are the connections to targets, by target and node. Groups do not share
// any, so that a target can leave one of them.
type pools struct {
	mu     sync.Mutex
	all    map[poolKey]*pool
	closed bool
}

type poolKey struct {
	group  string
	target netip.AddrPort
	source netip.Addr
	tls    bool
}

// pool is the connections from one node to one target: idle ones, the latest last,
// and all of them.
type pool struct {
	mu   sync.Mutex
	idle []*upstream
	all  map[*upstream]struct{}
	gone bool // the target is not registered any more
}

// registration is a target of a group.
type registration struct {
	group  string
	target netip.AddrPort
}

func newPools() *pools { return &pools{all: map[poolKey]*pool{}} }

func (p *pools) of(k poolKey) *pool {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.all[k]
	if q == nil {
		q = &pool{all: map[*upstream]struct{}{}, gone: p.closed}
		p.all[k] = q
	}
	return q
}

// keep ends the connections to targets that are not registered any more: the
// deregistration delay is over.
func (p *pools) keep(targets map[registration]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, q := range p.all {
		if !targets[registration{k.group, k.target}] {
			q.end()
			delete(p.all, k)
		}
	}
}

func (p *pools) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.keep(nil)
}

// sweep ends connections that were idle for too long or that their target closed.
func (p *pools) sweep(before int64) {
	p.mu.Lock()
	all := make([]*pool, 0, len(p.all))
	for _, q := range p.all {
		all = append(all, q)
	}
	p.mu.Unlock()
	for _, q := range all {
		q.sweep(before)
	}
}

func (q *pool) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.gone, q.idle = true, nil
	for u := range q.all {
		_ = u.conn.Close()
	}
}

// take returns an idle connection, or nil.
func (q *pool) take() *upstream {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.idle)
	if n == 0 {
		return nil
	}
	u := q.idle[n-1]
	q.idle[n-1] = nil
	q.idle = q.idle[:n-1]
	u.reused = true
	return u
}

func (q *pool) add(u *upstream) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone {
		return errGone
	}
	u.home = q
	q.all[u] = struct{}{}
	return nil
}

var errGone = errors.New("the target is not registered any more")

// maxIdle bounds the idle connections to a target from one node.
const maxIdle = 1024

// put gives a connection back for the next request.
func (u *upstream) put(now int64) {
	q := u.home
	q.mu.Lock()
	if q.gone || len(q.idle) >= maxIdle {
		q.mu.Unlock()
		u.close()
		return
	}
	u.since = now
	q.idle = append(q.idle, u)
	q.mu.Unlock()
}

// cut reports that we ended the connection, with the target's registration: what
// was under way is not to be tried again.
func (u *upstream) cut() bool {
	u.home.mu.Lock()
	defer u.home.mu.Unlock()
	return u.home.gone
}

func (u *upstream) close() {
	u.home.mu.Lock()
	delete(u.home.all, u)
	u.home.mu.Unlock()
	_ = u.conn.Close()
}

func (q *pool) sweep(before int64) {
	q.mu.Lock()
	var old []*upstream
	kept := q.idle[:0]
	for _, u := range q.idle {
		if u.since < before || !u.fresh() {
			old = append(old, u)
			delete(q.all, u)
		} else {
			kept = append(kept, u)
		}
	}
	clear(q.idle[len(kept):])
	q.idle = kept
	q.mu.Unlock()
	for _, u := range old {
		_ = u.conn.Close()
	}
}

// fresh reports that an idle connection has nothing to read: neither an end nor
// bytes that nobody asked for.
func (u *upstream) fresh() bool {
	if !u.in.Empty() {
		return false
	}
	s, ok := u.raw.(syscall.Conn)
	if !ok {
		return true
	}
	r, err := s.SyscallConn()
	if err != nil {
		return false
	}
	quiet := false
	err = r.Control(func(fd uintptr) {
		var b [1]byte
		_, _, e := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = e == syscall.EAGAIN
	})
	return err == nil && quiet
}

// connect opens a connection to a target.
func (lb *balancer) connect(ctx context.Context, k poolKey, sources []netip.Addr, cfg *tls.Config) (*upstream, error) {
	q := lb.pools.of(k)
	raw, err := lb.dial(ctx, sources, k.target)
	if err != nil {
		return nil, err
	}
	raw = quick(raw)
	u := &upstream{conn: raw, raw: raw}
	if k.tls {
		t := tls.Client(raw, cfg)
		hs, cancel := context.WithTimeout(ctx, connectTimeout)
		err := t.HandshakeContext(hs)
		cancel()
		if err != nil {
			_ = raw.Close()
			return nil, &handshakeError{err}
		}
		u.conn = t
	}
	u.in = h1.NewReader(u.conn, 32<<10)
	if err := q.add(u); err != nil {
		_ = u.conn.Close()
		return nil, err
	}
	return u, nil
}

// handshakeError is a TLS handshake that failed, which is 502 also if it took too
// long.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return "TLS with the target: " + e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// timeout reports that an error is a deadline that passed.
func timeout(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// connectFailure is AWS's code for a connection that could not be made.
func connectFailure(err error) *failure {
	var hs *handshakeError
	if !errors.As(err, &hs) && timeout(err) {
		return fail(504)
	}
	return fail(502)
}

// idleFor is how long a connection to a target may be idle: the load balancer's
// idle timeout.
func idleBefore(now time.Time, idle time.Duration) int64 { return now.Add(-idle).UnixNano() }
