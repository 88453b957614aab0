package l7

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// The exact form in which AWS answers.
func TestPages(t *testing.T) {
	l := newLab(t, nil) // a group without targets
	w := l.wire()
	w.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	head, err := readHead(w.r)
	if err != nil {
		t.Fatal(err)
	}
	date := head[strings.Index(head, "Date: "):][:len("Date: Mon, 02 Jan 2006 15:04:05 GMT")]
	want := "HTTP/1.1 503 Service Temporarily Unavailable\r\nServer: awselb/2.0\r\n" + date +
		"\r\nContent-Type: text/html\r\nContent-Length: 162\r\nConnection: keep-alive\r\n\r\n"
	if head != want {
		t.Errorf("%q", head)
	}
	body := make([]byte, 162)
	if _, err := io.ReadFull(w.r, body); err != nil || string(body) != "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n" {
		t.Errorf("%q %v", body, err)
	}
	if len(page(301)) != 134 {
		t.Errorf("a redirect has %d bytes", len(page(301)))
	}
}

func TestRequestCodes(t *testing.T) {
	g := newTarget(t, echoBody)
	l := newLab(t, nil, g.addr)
	long := strings.Repeat("a", 17<<10)
	for request, want := range map[string]int{
		"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n":                  405,
		"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n":            400,
		"GET / HTTP/1.1\r\n\r\n":                               400,
		"GET / HTTP/1.0\r\n\r\n":                               200,
		"GET / HTTP/2.0\r\nHost: a\r\n\r\n":                    505,
		"GET /\r\n\r\n":                                        400,
		"\x16\x03\x01\r\n\r\n":                                 400,
		"GET /" + long + " HTTP/1.1\r\nHost: a\r\n\r\n":        414,
		"GET / HTTP/1.1\r\nHost: a\r\nA: " + long + "\r\n\r\n": 400,
		"GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("A: "+long[:15<<10]+"\r\n", 5) + "\r\n":               400,
		"GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("A: "+long[:15<<10]+"\r\n", 4) + "\r\n":               200,
		"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: " + strings.Repeat("1.2.3.4, ", 30) + "1.2.3.4\r\n\r\n": 463,
		"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: " + strings.Repeat("1.2.3.4, ", 29) + "1.2.3.4\r\n\r\n": 200,
		"GET http://b/c HTTP/1.1\r\nHost: a\r\n\r\n":                                                           200,
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n":                                                                200,
		"GET * HTTP/1.1\r\nHost: a\r\n\r\n":                                                                    400,
		"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n":                                                                200,
		"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n":                       200,
	} {
		w := l.wire()
		w.send(request)
		res, _ := w.response("GET")
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%.80q: %d, want %d", request, res.StatusCode, want)
		}
	}
}

func TestTargetCodes(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := closed.Addr().String()
	_ = closed.Close()
	for name, c := range map[string]struct {
		answer func(string, net.Conn, *bufio.Reader) bool
		want   int
	}{
		"refused":      {nil, 502},
		"ends":         {func(string, net.Conn, *bufio.Reader) bool { return false }, 502},
		"nonsense":     {fixed("SSH-2.0-x\r\n\r\n"), 502},
		"large header": {fixed("HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 33<<10) + "\r\n\r\n"), 502},
		"101 unasked":  {fixed("HTTP/1.1 101 x\r\n\r\n"), 502},
		"silent":       {func(_ string, _ net.Conn, r *bufio.Reader) bool { _, _ = r.ReadByte(); return false }, 504},
		"103 first":    {fixed("HTTP/1.1 100 Continue\r\n\r\n" + hello), 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := refused
			if c.answer != nil {
				at = newTarget(t, c.answer).addr
			}
			l := newLab(t, func(b *spec.Balancer) { b.HTTP.IdleSeconds = 1 }, at)
			w := l.wire()
			w.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			if res, _ := w.response("GET"); res.StatusCode != c.want {
				t.Errorf("%d, want %d", res.StatusCode, c.want)
			}
		})
	}
}

// A target that does not speak TLS.
func TestTargetWithoutTLS(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	var target sync.WaitGroup
	defer target.Wait()
	target.Go(func() {
		if c, err := ln.Accept(); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 400 no TLS here\r\n\r\n")
			_ = c.Close()
		}
	})
	l := newLab(t, func(b *spec.Balancer) { b.Groups[0].Protocol = "HTTPS" }, ln.Addr().String())
	w := l.wire()
	w.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if res, _ := w.response("GET"); res.StatusCode != 502 {
		t.Errorf("%d", res.StatusCode)
	}
}

// A connection that the target closed while it was idle costs nobody an error.
func TestStale(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		var n atomic.Int32
		g := newTarget(t, func(_ string, c net.Conn, r *bufio.Reader) bool {
			_, _ = io.WriteString(c, hello)
			return n.Add(1) > 1 // the first connection ends after its first response
		})
		l := newLab(t, nil, g.addr)
		w := l.wire()
		for range 3 {
			w.send(method + " / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
			if res, _ := w.response(method); res.StatusCode != 200 {
				t.Errorf("%s: %d", method, res.StatusCode)
			}
		}
	}
}

func TestClientTimeouts(t *testing.T) {
	l := newLab(t, func(b *spec.Balancer) { b.HTTP.IdleSeconds = 1 }, newTarget(t, fixed(hello)).addr)
	idle, half := l.wire(), l.wire()
	half.send("GET / HTTP/1.1\r\nHo")
	if res, _ := half.response("GET"); res.StatusCode != 408 || !half.ended() {
		t.Errorf("%d", res.StatusCode)
	}
	if !idle.ended() {
		t.Error("an idle connection stays")
	}
}

// A client that leaves is logged with 460, and the target's work is ended.
func TestClientLeaves(t *testing.T) {
	ended := make(chan struct{})
	g := newTarget(t, func(_ string, _ net.Conn, r *bufio.Reader) bool {
		_, _ = r.ReadByte()
		close(ended)
		return false
	})
	l := newLab(t, func(b *spec.Balancer) { b.HTTP.LogBucket = "logs" }, g.addr)
	w := l.wire()
	w.send("GET /slow HTTP/1.1\r\nHost: a\r\nUser-Agent: me\r\n\r\n")
	for deadline := time.Now().Add(5 * time.Second); g.count() == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	_ = w.Close()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Fatal("the target still works for nobody")
	}
	dir := l.o.LogDir
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := logged(t, dir); !strings.Contains(got, " 460 - ") || !strings.Contains(got, `"GET http://a:80/slow HTTP/1.1" "me"`) {
		t.Errorf("log %q", got)
	}
}

// logged is everything below a directory, unpacked.
func logged(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		out.Write(unpacked(b))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestActions(t *testing.T) {
	l := newLab(t, func(b *spec.Balancer) {
		b.Listeners[0].Attributes = map[string]string{
			"routing.http.response.strict_transport_security.header_value": "max-age=1",
			"routing.http.response.server.enabled":                         "false",
		}
		b.Listeners[0].Rules = append([]spec.BalancerRule{
			{Priority: 1, Conditions: []spec.Condition{{Field: "path-pattern", Values: []string{"/fixed*"}}}, Fixed: &spec.FixedResponse{Status: 418, ContentType: "text/plain", Body: "tea"}},
			{Priority: 2, Conditions: []spec.Condition{{Field: "host-header", Values: []string{"old.test"}}},
				Redirect: &spec.RedirectAction{Status: 301, Protocol: "HTTPS", Port: "443", Host: "new.test", Path: "/#{path}", Query: "#{query}"}},
		}, b.Listeners[0].Rules...)
	})
	w := l.wire()
	w.send("POST /fixed HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
	res, body := w.response("POST")
	if res.StatusCode != 418 || body != "tea" || res.Header.Get("Content-Type") != "text/plain; charset=utf-8" ||
		res.Header.Get("Server") != "" || res.Header.Get("Strict-Transport-Security") != "max-age=1" {
		t.Error(res, body)
	}
	w.send("GET /a?b HTTP/1.1\r\nHost: old.test\r\n\r\n")
	if res, _ := w.response("GET"); res.StatusCode != 301 || res.Header.Get("Location") != "https://new.test:443/a?b" {
		t.Error(res)
	}
	w.send("HEAD /fixed HTTP/1.1\r\nHost: a\r\n\r\n")
	if res, body := w.response("HEAD"); res.StatusCode != 418 || body != "" || res.ContentLength != 3 {
		t.Error(res, body)
	}
}

func TestStickiness(t *testing.T) {
	var targets []string
	for i := range 4 {
		targets = append(targets, newTarget(t, fixed(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", i))).addr)
	}
	l := newLab(t, func(b *spec.Balancer) {
		b.Groups[0].Stickiness = &spec.Stickiness{Type: "lb_cookie", Seconds: 60}
	}, targets...)
	w := l.wire()
	w.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	res, first := w.response("GET")
	cookies := res.Cookies()
	if len(cookies) != 2 || cookies[0].Name != "AWSALB" || cookies[1].Name != "AWSALBCORS" {
		t.Fatal(cookies)
	}
	for range 5 {
		w.send("GET / HTTP/1.1\r\nHost: a\r\nCookie: x=y; AWSALB=" + cookies[0].Value + "\r\n\r\n")
		if _, body := w.response("GET"); body != first {
			t.Errorf("target %s, not %s", body, first)
		}
	}
}

// A target that is gone ends what is under way; a listener that is gone lets it
// finish.
func TestGone(t *testing.T) {
	answer := make(chan struct{})
	g := newTarget(t, func(_ string, c net.Conn, _ *bufio.Reader) bool {
		<-answer
		_, err := io.WriteString(c, hello)
		return err == nil
	})
	l := newLab(t, nil, g.addr)
	ask := func() *wire {
		n := g.count()
		w := l.wire()
		w.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		for deadline := time.Now().Add(5 * time.Second); g.count() == n && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		return w
	}
	// On a connection that served before, too: that the target did not close.
	first := ask()
	answer <- struct{}{}
	if res, _ := first.response("GET"); res.StatusCode != 200 {
		t.Fatal(res.StatusCode)
	}
	cut := ask()
	kept := l.b.Groups
	// It stays registered elsewhere, which is no reason to wait for it here.
	l.b.Groups = []spec.BalancerGroup{group1("tg"), group1("other", g.addr)}
	l.set()
	if res, _ := cut.response("GET"); res.StatusCode != 502 {
		t.Errorf("%d", res.StatusCode)
	}
	l.b.Groups = kept
	l.set()
	addr := l.addr()
	idle, finishes := l.wire(), ask()
	l.b.Listeners = nil
	l.set()
	if !idle.ended() {
		t.Error("an idle connection stays")
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		_ = c.Close()
		t.Error("the listener still accepts")
	}
	close(answer)
	if res, body := finishes.response("GET"); res.StatusCode != 200 || body != "hello" || !res.Close || !finishes.ended() {
		t.Error(res, body)
	}
}

func TestHosts(t *testing.T) {
	g := newTarget(t, fixed(hello))
	for _, c := range []struct {
		port     uint16
		preserve bool
		line     string
		host     string
		want     string
	}{
		{80, false, "/x", "a.test:8080", "a.test"},
		{443, false, "/x", "a.test:443", "a.test"},
		{8080, false, "/x", "a.test", "a.test:8080"},
		{8080, false, "/x", "a.test:9", "a.test:9"},
		{8080, false, "/x", "[::1]", "[::1]:8080"},
		{80, false, "/x", "[::1]:80", "[::1]"},
		{80, false, "http://b.test:1/x", "a.test", "b.test"},
		{80, true, "/x", "a.test:8080", "a.test:8080"},
		{8080, true, "/x", "a.test", "a.test"},
		{8080, true, "http://b.test/x", "a.test", "a.test"},
	} {
		l := newLab(t, func(b *spec.Balancer) {
			b.Listeners[0].Port, b.HTTP.PreserveHost = c.port, c.preserve
		}, g.addr)
		w := l.wire()
		w.send("GET " + c.line + " HTTP/1.1\r\nHost: " + c.host + "\r\n\r\n")
		w.response("GET")
		if got := g.last(t); !strings.Contains(got, "\r\nHost: "+c.want+"\r\n") || !strings.HasPrefix(got, "GET /x HTTP/1.1\r\n") || strings.Count(got, "Host: ") != 1 {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestHeaders(t *testing.T) {
	g := newTarget(t, fixed(hello))
	for _, c := range []struct {
		name          string
		change        func(*spec.HTTPSettings)
		send          string
		must, mustNot []string
	}{
		{"remove", func(h *spec.HTTPSettings) { h.Forwarded = "remove" }, "X-Forwarded-For: 1.1.1.1\r\n", nil, []string{"X-Forwarded-For"}},
		{"preserve", func(h *spec.HTTPSettings) { h.Forwarded = "preserve" }, "x-forwarded-for: 1.1.1.1\r\n", []string{"x-forwarded-for: 1.1.1.1\r\n"}, []string{"127.0.0.1"}},
		{"several", func(*spec.HTTPSettings) {}, "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n", []string{"X-Forwarded-For: 1.1.1.1, 2.2.2.2, 127.0.0.1\r\n"}, nil},
		{"port", func(h *spec.HTTPSettings) { h.ForwardedPort = true }, "", []string{"X-Forwarded-For: 127.0.0.1:"}, nil},
		{"spoofed", func(*spec.HTTPSettings) {}, "X-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\n", []string{"X-Forwarded-Proto: http\r\n", "X-Forwarded-Port: 80\r\n"}, []string{"https"}},
		{"drop", func(h *spec.HTTPSettings) { h.DropInvalid = true }, "a_b: 1\r\nc d: 2\r\ne-f: 3\r\n", []string{"e-f: 3\r\n"}, []string{"a_b", "c d"}},
		{"keep", func(*spec.HTTPSettings) {}, "a_b: 1\r\nc d: 2\r\n", []string{"a_b: 1\r\n", "c d: 2\r\n"}, nil},
		{"hop by hop", func(*spec.HTTPSettings) {}, "Connection: keep-alive, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: x\r\nProxy-Connection: x\r\nTE: trailers\r\nUpgrade: x\r\n", nil,
			[]string{"X-Mine", "Keep-Alive", "Connection", "TE:", "Upgrade"}},
		{"trace", func(*spec.HTTPSettings) {}, "X-Amzn-Trace-Id: Self=1-0-0;Root=1-2-3;A=b\r\n", []string{"X-Amzn-Trace-Id: Self=1-", ";Root=1-2-3;A=b\r\n"}, []string{"Self=1-0-0"}},
		{"no root", func(*spec.HTTPSettings) {}, "X-Amzn-Trace-Id: A=b\r\n", []string{"X-Amzn-Trace-Id: Root=1-", ";A=b\r\n"}, nil},
	} {
		l := newLab(t, func(b *spec.Balancer) { c.change(&b.HTTP) }, g.addr)
		w := l.wire()
		w.send("GET / HTTP/1.1\r\nHost: a\r\n" + c.send + "\r\n")
		w.response("GET")
		got := g.last(t)
		for _, s := range c.must {
			if !strings.Contains(got, s) {
				t.Errorf("%s: %q is not in %q", c.name, s, got)
			}
		}
		for _, s := range c.mustNot {
			if strings.Contains(got, s) {
				t.Errorf("%s: %q is in %q", c.name, s, got)
			}
		}
	}
}

func unpacked(b []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return b
	}
	out, err := io.ReadAll(z)
	if err != nil {
		return b
	}
	return out
}

// A target that answers before it has the whole request is heard.
func TestEarlyResponse(t *testing.T) {
	g := newTarget(t, func(_ string, c net.Conn, r *bufio.Reader) bool {
		_, _ = io.WriteString(c, "HTTP/1.1 413 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		_, _ = io.Copy(io.Discard, r)
		return false
	})
	l := newLab(t, nil, g.addr)
	w := l.wire()
	w.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc")
	if res, _ := w.response("POST"); res.StatusCode != 413 || !w.ended() {
		t.Error(res)
	}
}

// A client that waits for 100 Continue hears it from the target.
func TestContinue(t *testing.T) {
	g := newTarget(t, func(head string, c net.Conn, r *bufio.Reader) bool {
		_, _ = io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
		return echoBody(head, c, r)
	})
	l := newLab(t, nil, g.addr)
	w := l.wire()
	w.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	if head, err := readHead(w.r); err != nil || head != "HTTP/1.1 100 Continue\r\n\r\n" {
		t.Fatal(head, err)
	}
	w.send("hello")
	if res, _ := w.response("POST"); res.StatusCode != 200 || res.Header.Get("X-Body") != "5" {
		t.Error(res)
	}
}

// A client that ends in the middle of its body is told so, where it still hears.
func TestShortBody(t *testing.T) {
	g := newTarget(t, echoBody)
	l := newLab(t, nil, g.addr)
	for _, length := range []int{100, 1 << 20} {
		w := l.wire()
		w.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\nabc", length))
		_ = w.Conn.(*net.TCPConn).CloseWrite()
		if res, _ := w.response("POST"); res.StatusCode != 400 {
			t.Errorf("%d: %d", length, res.StatusCode)
		}
	}
}
