package l7

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/musubi-net/musubi/internal/dataplane/l7/h1"
	"github.com/musubi-net/musubi/internal/dataplane/l7/h2"
)

// serveHTTP2 serves a client that speaks HTTP/2, until the connection ends.
func (c *client) serveHTTP2(cfg *config) {
	ctx, cancel := context.WithCancel(c.f.ctx)
	defer cancel()
	c.state.Store(streams)
	c.graceful.Store(&cancel)
	if c.f.retired.Load() {
		cancel()
	}
	_ = c.raw.SetDeadline(time.Time{})
	s := h2.NewServer(h2.ServerOptions{IdleTimeout: cfg.idle, KeepAlive: cfg.life, Log: c.s.o.Log})
	s.ServeConn(ctx, c.conn, http.HandlerFunc(c.stream))
}

// stream is an exchange on an HTTP/2 connection.
func (c *client) stream(w http.ResponseWriter, r *http.Request) {
	x := &exchange{client: c, cfg: c.f.cfg.Load(), req: fromHTTP(r), w: w, http: r}
	x.log.begin(x)
	x.serve()
	if x.aborted {
		panic(http.ErrAbortHandler)
	}
}

// fromHTTP makes a request of ours. Its fields have no order, as maps have none.
func fromHTTP(r *http.Request) *h1.Request {
	out := &h1.Request{Method: []byte(r.Method), Target: []byte(r.RequestURI), Minor: 1, Length: r.ContentLength}
	if len(out.Target) == 0 {
		out.Target = []byte(r.URL.RequestURI())
	}
	if r.ContentLength < 0 {
		out.Length = h1.Chunked
	}
	out.Fields = append(make([]h1.Field, 0, len(r.Header)+2), h1.Field{Name: []byte("Host"), Value: []byte(r.Host), ID: h1.Host})
	for name, values := range r.Header {
		id := h1.Identify([]byte(name))
		switch id {
		case h1.Host, h1.Connection, h1.KeepAlive, h1.ProxyConnection, h1.TransferEncoding, h1.ContentLength, h1.Upgrade:
			continue
		case h1.Expect:
			continue // answered by the server
		}
		for _, v := range values {
			out.Fields = append(out.Fields, h1.Field{Name: []byte(name), Value: []byte(v), ID: id})
		}
	}
	if out.Length > 0 {
		out.Fields = append(out.Fields, h1.Field{Name: []byte("Content-Length"), Value: []byte(r.Header.Get("Content-Length")), ID: h1.ContentLength})
		if r.Header.Get("Content-Length") == "" {
			out.Fields = out.Fields[:len(out.Fields)-1]
			out.Length = h1.Chunked
		}
	}
	return out
}

// forwardDown does the exchange with a target over HTTP/1.1.
func (x *exchange) forwardDown() *failure {
	out := x.appendRequest(make([]byte, 0, 2<<10))
	x.log.head = len(out)
	whole := x.req.Length == 0
	again := whole && idempotent(x.req.Method)
	for try := 0; ; try++ {
		u, f := x.connection(!again, try > 0)
		if f != nil {
			return f
		}
		stale, f := x.down(u, out, whole)
		if stale && again && try == 0 && x.http.Context().Err() == nil && !u.cut() {
			continue
		}
		return f
	}
}

func (x *exchange) down(u *upstream, head []byte, whole bool) (stale bool, f *failure) {
	s := x.client.s
	stop := context.AfterFunc(x.http.Context(), func() { _ = u.raw.Close() })
	u.deadline.extend(u.conn, s.clock.Load(), x.cfg.idle)
	x.log.sentRequest(x)
	if _, err := u.conn.Write(head); err != nil {
		stop()
		u.close()
		return u.reused, fail(502)
	}
	sent := make(chan error, 1)
	if whole {
		sent <- nil
	} else {
		go func() { sent <- x.sendDown(u) }()
	}
	var body h1.Body
	stale, f = x.answerDown(u, &body)
	if f != nil {
		_ = u.raw.Close() // ends the upload too
		_ = x.http.Body.Close()
	}
	var err error
	select {
	case err = <-sent:
	case <-time.After(grace):
		_ = u.raw.Close()
		_ = x.http.Body.Close()
		err = <-sent
		if err == nil {
			err = io.ErrShortWrite
		}
	}
	if !stop() && f != nil {
		f = &failure{status: 460, silent: true}
	}
	if f == nil && err == nil && body.Done() && !u.res.Close && u.in.Empty() && x.http.Context().Err() == nil {
		u.put(s.clock.Load())
	} else {
		u.close()
	}
	return stale, f
}

// sendDown sends a stream's body to a target.
func (x *exchange) sendDown(u *upstream) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	in := (*buf)[:16<<10]
	var out []byte
	for {
		n, err := x.http.Body.Read(in)
		out = x.appendData(out[:0], in[:n])
		x.log.body += int64(n)
		if err == io.EOF && x.req.Length == h1.Chunked {
			out = h1.AppendEnd(out, trailerLines(x.http.Trailer))
		}
		if len(out) > 0 {
			u.deadline.extend(u.conn, x.client.s.clock.Load(), x.cfg.idle)
			if _, err := u.conn.Write(out); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			_ = u.raw.Close() // the target is not to take a part for the whole
			return err
		}
	}
}

func trailerLines(h http.Header) (out []byte) {
	for name, values := range h {
		for _, v := range values {
			out = appendLine(out, name, v)
		}
	}
	return out
}

// answerDown relays a target's response to a stream.
func (x *exchange) answerDown(u *upstream, body *h1.Body) (stale bool, f *failure) {
	r := &u.res
	for {
		head, err := u.in.Head(targetLimits)
		if err != nil {
			return u.reused && u.in.Empty() && !timeout(err), targetFailure(err)
		}
		if r.Parse(head) != nil || r.Status == 101 {
			return false, fail(502)
		}
		if r.Status >= 200 {
			break
		}
	}
	x.log.heardResponse(x)
	x.log.targetStatus, x.log.status = r.Status, r.Status
	x.setCookies(r.Fields)
	h := x.w.Header()
	for i := range r.Fields {
		f := &r.Fields[i]
		switch f.ID {
		case h1.Connection, h1.KeepAlive, h1.ProxyConnection, h1.TE, h1.TransferEncoding, h1.Upgrade, h1.Trailer:
			continue
		case h1.ContentLength:
			if r.Length < 0 {
				continue
			}
		}
		h.Add(string(f.Name), string(f.Value))
	}
	x.finishHeader(h)
	x.w.WriteHeader(r.Status)
	body.Start(u.in, r.Body(string(x.req.Method) == "HEAD"))
	return false, x.bodyDown(u, body)
}

// finishHeader applies what the load balancer adds to a target's response, and
// takes from it.
func (x *exchange) finishHeader(h http.Header) {
	for _, n := range x.cfg.replaced {
		h.Del(n)
	}
	if h["Date"] == nil {
		h["Date"] = nil // it is the target's to say
	}
	x.addLines(h, x.cookies)
	x.addLines(h, x.cfg.inject)
}

func (x *exchange) bodyDown(u *upstream, body *h1.Body) *failure {
	flush, _ := x.w.(http.Flusher)
	for {
		p, err := body.Next(pumpWrite)
		if err != nil {
			return x.broken()
		}
		if len(p) > 0 {
			n, err := x.w.Write(p)
			x.log.sent += int64(n)
			if err != nil {
				return &failure{status: 460, silent: true}
			}
			continue
		}
		if body.Done() {
			break
		}
		if flush != nil {
			flush.Flush()
		}
		u.deadline.extend(u.conn, x.client.s.clock.Load(), x.cfg.idle)
		if body.Fill() != nil {
			return x.broken()
		}
	}
	for lines := body.Trailer(); len(lines) > 0; {
		var line []byte
		line, lines = cut(lines)
		if name, value, ok := h1.Split(line); ok {
			x.w.Header().Add(http.TrailerPrefix+string(name), string(value))
		}
	}
	return nil
}

// broken is a response that ended in its middle.
func (x *exchange) broken() *failure {
	return &failure{status: x.log.targetStatus, silent: true}
}
