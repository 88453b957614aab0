package l7

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"
)

// BenchmarkProxy does the same through us and through Go's reverse proxy, in
// turns, and reports how much longer that takes.
func BenchmarkProxy(b *testing.B) {
	g := newTarget(b, fixed(hello))
	l := newLab(b, nil, g.addr)
	u, err := url.Parse("http://" + g.addr)
	if err != nil {
		b.Fatal(err)
	}
	other := httptest.NewServer(httputil.NewSingleHostReverseProxy(u))
	defer other.Close()
	ours, theirs := dialed(b, l.addr()), dialed(b, other.Listener.Addr().String())
	var us, them time.Duration
	b.ReportAllocs()
	for b.Loop() {
		us += ours.ask(b)
		them += theirs.ask(b)
	}
	b.ReportMetric(float64(them)/float64(us), "x-ReverseProxy")
	b.ReportMetric(float64(us.Nanoseconds())/float64(b.N), "ns/ours")
}

type asker struct {
	c net.Conn
	r *bufio.Reader
}

func dialed(b *testing.B, addr string) *asker {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return &asker{c, bufio.NewReader(c)}
}

func (a *asker) ask(b *testing.B) time.Duration {
	began := time.Now()
	if _, err := io.WriteString(a.c, "GET /path HTTP/1.1\r\nHost: example.com\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n\r\n"); err != nil {
		b.Fatal(err)
	}
	res, err := http.ReadResponse(a.r, nil)
	if err != nil || res.StatusCode != 200 {
		b.Fatal(res, err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		b.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}
