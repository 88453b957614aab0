package l7

import (
	"errors"
	"io"

	"github.com/musubi-net/musubi/internal/dataplane/l7/h1"
)

// smallBody is read whole before a target gets it, so that one write sends the
// request; larger ones stream.
const smallBody = 16 << 10

// forwardHTTP1 does the exchange with a target over HTTP/1.1, for a client that
// speaks HTTP/1.
func (x *exchange) forwardHTTP1() *failure {
	c := x.client
	out := x.appendRequest(c.out[:0])
	x.log.head = len(out)
	c.out = out
	whole, f := x.firstBody()
	if f != nil {
		x.last = true
		return f
	}
	again := whole && idempotent(x.req.Method)
	for try := 0; ; try++ {
		u, f := x.connection(!again, try > 0)
		if f != nil {
			return f
		}
		stale, f := x.roundTrip(u, whole)
		if stale && again && try == 0 && !c.left.Load() && !u.cut() {
			continue // the target closed it while it was idle
		}
		return f
	}
}

// idempotent methods may be sent again.
func idempotent(method []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE":
		return true
	}
	return false
}

// firstBody puts what is there of the request's body behind its head, and waits
// for all of a small one.
func (x *exchange) firstBody() (whole bool, f *failure) {
	c := x.client
	if x.drained {
		return true, nil
	}
	c.upload.Start(c.in, x.req.Length)
	small := x.req.Length > 0 && x.req.Length <= smallBody && !x.req.Continue
	for len(c.out) < 2*smallBody {
		p, err := c.upload.Next(smallBody)
		if err != nil {
			return false, fail(400)
		}
		x.log.body += int64(len(p))
		switch {
		case c.upload.Done():
			c.out = x.appendData(c.out, p)
			if x.req.Length == h1.Chunked {
				c.out = h1.AppendEnd(c.out, c.upload.Trailer())
			}
			x.drained = true
			return true, nil
		case len(p) > 0:
			c.out = x.appendData(c.out, p)
		case !small:
			return false, nil
		default:
			c.deadline.extend(c.conn, c.s.clock.Load(), x.cfg.idle)
			if err := c.upload.Fill(); err != nil {
				return false, clientFailure(err)
			}
		}
	}
	return false, nil
}

func (x *exchange) appendData(dst, p []byte) []byte {
	if x.req.Length == h1.Chunked && len(p) > 0 {
		return h1.AppendChunk(dst, p)
	}
	return append(dst, p...)
}

// clientFailure is AWS's code for a client that did not send its whole body.
func clientFailure(err error) *failure {
	if timeout(err) {
		return fail(504)
	}
	return fail(400)
}

// connection takes or makes a connection to the target. Careful asks whether one
// that was idle still lives; anew makes one in any case.
func (x *exchange) connection(careful, anew bool) (*upstream, *failure) {
	lb := x.client.lb
	k := poolKey{group: x.group.arn, target: x.lease.Address, tls: x.group.tls != nil}
	if len(x.cfg.sources) > 0 {
		k.source = x.cfg.sources[0]
	}
	x.log.target = k.target
	q := lb.pools.of(k)
	for !anew {
		u := q.take()
		if u == nil {
			break
		}
		if careful && !u.fresh() {
			u.close()
			continue
		}
		return u, nil
	}
	u, err := lb.connect(x.client.f.ctx, k, x.cfg.sources, x.group.tls)
	if err != nil {
		return nil, connectFailure(err)
	}
	return u, nil
}

// roundTrip sends the request and relays the response. Stale says that a
// connection that was used before ended without a sign of the target having seen
// the request.
func (x *exchange) roundTrip(u *upstream, whole bool) (stale bool, f *failure) {
	c := x.client
	c.since.Store(c.s.clock.Load())
	c.waiting.Store(u)
	u.deadline.extend(u.conn, c.s.clock.Load(), x.cfg.idle)
	x.log.sentRequest(x)
	_, err := u.conn.Write(c.out)
	var up *upload
	if err == nil && !whole {
		up = c.startUpload(x, u)
	}
	if err == nil {
		stale, f = x.response(u, up)
	} else {
		stale, f = u.reused, fail(502)
	}
	clean := up.finish(x, f != nil || err != nil)
	mine := c.waiting.CompareAndSwap(u, nil)
	if !mine {
		if f != nil { // the sweep found that nobody waits
			f = &failure{status: 460, silent: true}
		}
		x.last = true
	} else if e := up.failed(); e != nil && f != nil && x.log.status == 0 {
		f, stale = clientFailure(e), false
		x.last = true
	}
	if f == nil && mine && clean && x.reusable(u) {
		u.put(c.s.clock.Load())
	} else {
		u.close()
	}
	return stale, f
}

// reusable reports whether another request may follow on the connection.
func (x *exchange) reusable(u *upstream) bool {
	r := &u.res
	ambiguous := x.req.Tier >= h1.Ambiguous && x.cfg.http.Desync != "monitor"
	return !r.Close && r.Status >= 200 && x.client.download.Done() && u.in.Empty() && !ambiguous
}

// response waits for the response and relays it.
func (x *exchange) response(u *upstream, up *upload) (stale bool, f *failure) {
	c, r := x.client, &u.res
	for {
		head, err := u.in.Head(targetLimits)
		if err != nil {
			return u.reused && u.in.Empty() && !timeout(err), targetFailure(err)
		}
		if err := r.Parse(head); err != nil {
			return false, fail(502)
		}
		if r.Status >= 200 || r.Status == 101 {
			break
		}
		if x.req.Minor < 1 || r.Status == 100 && !x.req.Continue {
			continue
		}
		c.deadline.extend(c.conn, c.s.clock.Load(), x.cfg.idle)
		if _, err := c.conn.Write(x.appendResponse(nil, r, false)); err != nil {
			return false, &failure{status: 460, silent: true}
		}
	}
	x.log.heardResponse(x)
	x.log.targetStatus, x.log.status = r.Status, r.Status
	if r.Status == 101 {
		if !x.upgrade || up != nil {
			x.log.status = 0
			return false, fail(502)
		}
		x.tunnel(u)
		return false, nil
	}
	return false, x.relayResponse(u)
}

// targetFailure is AWS's code for a response that did not come.
func targetFailure(err error) *failure {
	if timeout(err) {
		return fail(504)
	}
	return fail(502)
}

// relayResponse sends the response to the client.
func (x *exchange) relayResponse(u *upstream) *failure {
	c, r := x.client, &u.res
	length := r.Body(string(x.req.Method) == "HEAD")
	chunked := false
	if length < 0 {
		if x.req.Minor >= 1 {
			chunked = true
		} else {
			x.last = true
		}
	}
	x.last = x.last || c.f.retired.Load()
	x.setCookies(r.Fields)
	c.download.Start(u.in, length)
	p := pump{body: &c.download, chunk: chunked, from: end{conn: u.conn, deadline: &u.deadline}, to: end{conn: c.conn, deadline: &c.deadline},
		clock: &c.s.clock, idle: x.cfg.idle}
	p.last = x.lastWrites()
	var err error
	c.out, err = p.run(x.appendResponse(c.out[:0], r, chunked))
	x.log.sent += p.sent
	if err == nil {
		return nil
	}
	x.last = true
	if p.from.failed {
		x.log.reason = "" // the response has begun: nothing can be said any more
		return &failure{status: r.Status, silent: true}
	}
	return &failure{status: 460, silent: true}
}

// lastWrites is the client's socket if the connection ends with the response, at
// once; else nil.
func (x *exchange) lastWrites() *socket {
	if !x.last || !x.drained {
		return nil
	}
	s, _ := x.client.raw.(*socket)
	return s
}

// upload is a request body that streams while the response is awaited.
type upload struct {
	done chan struct{}
	// err is why the client's side of it failed.
	err   error
	clean bool
}

// startUpload streams the rest of a request's body in a goroutine, which finish
// waits for.
func (c *client) startUpload(x *exchange, u *upstream) *upload {
	up := &upload{done: make(chan struct{})}
	go func() {
		defer close(up.done)
		p := pump{body: &c.upload, chunk: x.req.Length == h1.Chunked, from: end{conn: c.conn, deadline: &c.deadline},
			to: end{conn: u.conn, deadline: &u.deadline}, clock: &c.s.clock, idle: x.cfg.idle}
		buf := buffers.Get().(*[]byte)
		out, err := p.run((*buf)[:0])
		*buf = out
		buffers.Put(buf)
		x.log.body += p.sent
		up.clean = err == nil
		if err != nil && p.from.failed {
			up.err = err
			if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, h1.ErrChunk) {
				_ = u.raw.Close() // nobody is to wait for what will not come
			}
		}
	}()
	return up
}
