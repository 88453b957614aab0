package l7

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/musubi-net/musubi/internal/dataplane/l7/h1"
	"github.com/musubi-net/musubi/internal/dataplane/l7/h2"
)

// errIdle is the cause of a context that ended because nothing moved.
var errIdle = errors.New("idle timeout")

// forwardHTTP2 does the exchange with a target over HTTP/2.
func (x *exchange) forwardHTTP2() *failure {
	ctx, cancel := context.WithCancelCause(x.http.Context())
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel(nil)
	idle := time.AfterFunc(x.cfg.idle, func() { cancel(errIdle) })
	defer idle.Stop()
	e := h2.Endpoint{Namespace: x.client.lb.namespace(), Remote: x.lease.Address, TLS: x.group.tls != nil,
		Local: localFor(x.cfg.sources, x.lease.Address)}
	x.log.target = x.lease.Address
	watch.Go(func() { // the target may be deregistered meanwhile
		select {
		case <-x.lease.Ended():
			cancel(nil)
		case <-ctx.Done():
		}
	})
	x.log.sentRequest(x)
	res, err := x.client.s.transport.RoundTrip(e, x.requestHTTP2(ctx, idle))
	if err != nil {
		return x.failureHTTP2(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	x.log.heardResponse(x)
	x.log.targetStatus, x.log.status = res.StatusCode, res.StatusCode
	x.setCookiesHTTP2(res.Header)
	h := x.w.Header()
	for name, values := range res.Header {
		if !hop(name) {
			h[name] = append([]string(nil), values...)
		}
	}
	x.finishHeader(h)
	x.w.WriteHeader(res.StatusCode)
	return x.copyHTTP2(ctx, res, idle)
}

// hop reports fields that are not for HTTP/2.
func hop(name string) bool {
	switch h1.Identify([]byte(name)) {
	case h1.Connection, h1.KeepAlive, h1.ProxyConnection, h1.TransferEncoding, h1.Upgrade:
		return true
	}
	return false
}

func (x *exchange) failureHTTP2(ctx context.Context, err error) *failure {
	switch {
	case x.http.Context().Err() != nil:
		return &failure{status: 460, silent: true}
	case errors.Is(context.Cause(ctx), errIdle):
		return fail(504)
	}
	return connectFailure(err)
}

// requestHTTP2 makes the request for the target of the head that a target with
// HTTP/1.1 would get.
func (x *exchange) requestHTTP2(ctx context.Context, idle *time.Timer) *http.Request {
	head := x.appendRequest(nil)
	x.log.head = len(head)
	_, lines := cut(head)
	h := http.Header{}
	x.addLines(h, lines)
	host := h.Get("Host")
	for _, name := range [...]string{"Host", "Transfer-Encoding", "Content-Length", "Connection", "Upgrade"} {
		h.Del(name)
	}
	if x.http.Header.Get("Te") == "trailers" {
		h.Set("Te", "trailers")
	}
	scheme := "http"
	if x.group.tls != nil {
		scheme = "https"
	}
	u := &url.URL{Scheme: scheme, Host: x.lease.Address.String()}
	if p, err := url.ParseRequestURI(string(x.target)); err == nil {
		u.Path, u.RawPath, u.RawQuery, u.ForceQuery = p.Path, p.RawPath, p.RawQuery, p.ForceQuery
	} else {
		u.Opaque = string(x.target)
	}
	r := &http.Request{Method: x.http.Method, URL: u, Host: host, Header: h, ContentLength: x.http.ContentLength,
		Proto: "HTTP/2.0", ProtoMajor: 2, Trailer: x.http.Trailer}
	if x.req.Length != 0 {
		r.Body = &countedBody{x: x, in: x.http.Body, idle: idle}
	}
	return r.WithContext(ctx)
}

// countedBody is a request's body on its way, which keeps the exchange from being
// idle.
type countedBody struct {
	x    *exchange
	in   io.ReadCloser
	idle *time.Timer
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	b.idle.Reset(b.x.cfg.idle)
	return n, err
}

func (b *countedBody) Close() error { return b.in.Close() }

// copyHTTP2 relays a response's body and its trailers.
func (x *exchange) copyHTTP2(ctx context.Context, res *http.Response, idle *time.Timer) *failure {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	b := (*buf)[:pumpWrite]
	flush, _ := x.w.(http.Flusher)
	if flush != nil && res.ContentLength < 0 {
		flush.Flush()
	}
	for {
		n, err := res.Body.Read(b)
		idle.Reset(x.cfg.idle)
		if n > 0 {
			m, werr := x.w.Write(b[:n])
			x.log.sent += int64(m)
			if werr != nil {
				return &failure{status: 460, silent: true}
			}
			if flush != nil && err == nil {
				flush.Flush()
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			if x.http.Context().Err() != nil {
				return &failure{status: 460, silent: true}
			}
			return x.broken()
		}
	}
	for name, values := range res.Trailer {
		for _, v := range values {
			x.w.Header().Add(http.TrailerPrefix+name, v)
		}
	}
	return nil
}

func (x *exchange) setCookiesHTTP2(h http.Header) {
	s := x.group.Spec()
	if s.Stickiness == nil {
		return
	}
	for _, v := range x.client.s.cookies.SetTarget(x, headerMap(h), s, x.lease.Key, x.sticky) {
		x.cookies = appendLine(x.cookies, "Set-Cookie", v)
	}
}

// headerMap is a header that cookies look into.
type headerMap http.Header

func (m headerMap) Value(name string, i int) (string, bool) {
	if v := m[name]; i < len(v) {
		return v[i], true
	}
	return "", false
}
