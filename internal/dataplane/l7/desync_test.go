package l7

import (
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/spec"
)

// What could be understood in two ways is refused, or reaches the target in one
// way only, on connections that nobody uses again.
func TestSmuggling(t *testing.T) {
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
	const head = "POST /first HTTP/1.1\r\nHost: a\r\n"
	for _, c := range []struct {
		name, request              string
		monitor, defensive, strict int
		must, mustNot              string // in the head that the target gets
		monitorKeeps               bool
	}{
		{name: "CL.TE", request: head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, monitor: 200, defensive: 200, strict: 400,
			must: "Transfer-Encoding: chunked", mustNot: "Content-Length", monitorKeeps: true},
		{name: "TE.CL", request: head + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" + smuggled, monitor: 200, defensive: 200, strict: 400,
			must: "Transfer-Encoding: chunked", mustNot: "Content-Length", monitorKeeps: true},
		{name: "CL.CL equal", request: head + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n" + smuggled, monitor: 200, defensive: 200, strict: 400, monitorKeeps: true},
		{name: "CL.CL", request: head + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + smuggled, monitor: 200, defensive: 400, strict: 400,
			mustNot: "Content-Length: 5", monitorKeeps: true},
		{name: "TE.TE", request: head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + smuggled, monitor: 501, defensive: 400, strict: 400},
		{name: "chunked twice", request: head + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", monitor: 200, defensive: 400, strict: 400, mustNot: "chunked, chunked"},
		{name: "xchunked", request: head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", monitor: 501, defensive: 400, strict: 400},
		{name: "gzip", request: head + "Transfer-Encoding: gzip\r\n\r\n", monitor: 501, defensive: 501, strict: 501},
		{name: "space before colon", request: head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled, monitor: 200, defensive: 200, strict: 400, mustNot: "Transfer-Encoding: chunked"},
		{name: "underscore", request: head + "Content_Length: 40\r\n\r\n" + smuggled, monitor: 200, defensive: 200, strict: 400, monitorKeeps: true},
		{name: "fold", request: head + "Foo: a\r\n Transfer-Encoding: chunked\r\n\r\n" + smuggled, monitor: 200, defensive: 200, strict: 400,
			must: "Foo: a Transfer-Encoding: chunked\r\n", monitorKeeps: true},
		{name: "folded length", request: head + "Content-Length: 1\r\n 0\r\n\r\n" + smuggled, monitor: 400, defensive: 400, strict: 400},
		{name: "bare LF", request: "POST /first HTTP/1.1\nHost: a\n\n", monitor: 200, defensive: 200, strict: 400, must: "Host: a\r\n"},
		{name: "bare CR", request: head + "Foo: a\rTransfer-Encoding: chunked\r\n\r\n" + smuggled, monitor: 200, defensive: 400, strict: 400, mustNot: "chunked", monitorKeeps: true},
		{name: "NUL", request: head + "Foo: a\x00\r\n\r\n", monitor: 200, defensive: 400, strict: 400, mustNot: "Foo"},
		{name: "GET with a body", request: "GET /first HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + smuggled, monitor: 200, defensive: 200, strict: 400, monitorKeeps: true},
		{name: "bad chunk", request: head + "Transfer-Encoding: chunked\r\n\r\nx\r\n", monitor: 400, defensive: 400, strict: 400},
		{name: "chunk with LF", request: head + "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", monitor: 400, defensive: 400, strict: 400},
		{name: "HTTP/1.0 chunked", request: "POST /first HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", monitor: 200, defensive: 200, strict: 400},
		{name: "space in the target", request: "GET /first HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n", monitor: 200, defensive: 200, strict: 400, must: "GET /first%20HTTP/1.1 HTTP/1.1\r\n"},
		{name: "ordinary", request: head + "Content-Length: 2\r\n\r\nab" + smuggled, monitor: 200, defensive: 200, strict: 200, monitorKeeps: true},
	} {
		for mode, want := range map[string]int{"monitor": c.monitor, "defensive": c.defensive, "strictest": c.strict} {
			t.Run(c.name+"/"+mode, func(t *testing.T) {
				g := newTarget(t, echoBody)
				l := newLab(t, func(b *spec.Balancer) { b.HTTP.Desync = mode }, g.addr)
				w := l.wire()
				w.send(c.request)
				res, _ := w.response("POST")
				if res.StatusCode != want {
					t.Fatalf("%d, want %d", res.StatusCode, want)
				}
				if want != 200 {
					if g.count() > 0 && want == 400 && !strings.Contains(c.name, "chunk") {
						t.Errorf("the target got %q", g.last(t))
					}
					if !res.Close || !w.ended() {
						t.Error("the connection goes on")
					}
					return
				}
				g.mu.Lock()
				got := g.heads[0]
				g.mu.Unlock()
				if !strings.Contains(got, c.must) || c.mustNot != "" && strings.Contains(got, c.mustNot) {
					t.Errorf("the target got %q", got)
				}
				if keeps := mode == "monitor" && c.monitorKeeps || c.name == "ordinary"; keeps {
					if res, _ := w.response("GET"); res.StatusCode != 200 || !strings.HasPrefix(g.last(t), "GET /smuggled ") {
						t.Error("the second request is lost")
					}
				} else if mode == "defensive" && c.name != "bare LF" && c.name != "space in the target" {
					if !res.Close || !w.ended() || g.count() != 1 {
						t.Errorf("the connection goes on; the target got %d requests", g.count())
					}
				}
			})
		}
	}
}
