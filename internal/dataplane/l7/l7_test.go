package l7

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// lab is a server on loopback with one listener and one group.
type lab struct {
	*Server
	t       testing.TB
	b       *spec.Balancer
	mu      sync.Mutex
	opened  map[netip.AddrPort]string // what was asked for, where it is
	dialled int
}

// newLab makes a load balancer in front of targets.
func newLab(t testing.TB, change func(*spec.Balancer), targets ...string) *lab {
	t.Helper()
	l := &lab{t: t, opened: map[netip.AddrPort]string{}}
	l.Server = New(Options{LogDir: t.TempDir(), Listen: l.listen, Dial: l.dial})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	l.b = &spec.Balancer{
		ARN: "lb", ID: "app/a/1", Type: "application", VPC: "vpc-1", Account: "000000000000", Region: "us-east-1",
		HTTP: spec.HTTPSettings{IdleSeconds: 60, KeepAliveSeconds: 3600, HTTP2: true, Desync: "defensive", Forwarded: "append"},
		Listeners: []spec.BalancerListener{{
			ARN: "listener", Protocol: "HTTP", Port: 80,
			Addresses: []spec.BalancerAddress{{Address: netip.MustParseAddr("10.0.0.1"), Zone: "a"}},
			Rules:     []spec.BalancerRule{{ARN: "default", Forward: &spec.ForwardAction{Groups: []spec.ForwardGroup{{Group: "tg", Weight: 1}}}}},
		}},
		Groups: []spec.BalancerGroup{group1("tg", targets...)},
	}
	if change != nil {
		change(l.b)
	}
	l.set()
	return l
}

func group1(arn string, targets ...string) spec.BalancerGroup {
	g := spec.BalancerGroup{ARN: arn, Name: arn, Protocol: "HTTP", Version: "HTTP1", CrossZone: true}
	for _, a := range targets {
		g.Targets = append(g.Targets, spec.BalancerTarget{Key: a, ID: a, Address: netip.MustParseAddrPort(a), Zone: "a", Health: "healthy"})
	}
	return g
}

func (l *lab) set() {
	l.t.Helper()
	b := *l.b // as the reconciler does: a new value each time
	if err := l.Set(l.t.Context(), &b); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) listen(_ context.Context, ns string, a netip.AddrPort) (net.Listener, error) {
	if ns != "vpc-1" {
		return nil, fmt.Errorf("listen in %q", ns)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		l.mu.Lock()
		l.opened[a] = ln.Addr().String()
		l.mu.Unlock()
	}
	return ln, err
}

func (l *lab) dial(ctx context.Context, _ string, _ netip.Addr, to netip.AddrPort) (net.Conn, error) {
	l.mu.Lock()
	l.dialled++
	l.mu.Unlock()
	var d net.Dialer
	return d.DialContext(ctx, "tcp", to.String())
}

func (l *lab) dials() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dialled
}

// addr is where the first listener is.
func (l *lab) addr() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.b.Listeners {
		if a := l.opened[netip.AddrPortFrom(l.b.Listeners[i].Addresses[0].Address, l.b.Listeners[i].Port)]; a != "" {
			return a
		}
	}
	return ""
}

// wire is a raw client connection.
type wire struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

func (l *lab) wire() *wire {
	l.t.Helper()
	c, err := net.Dial("tcp", l.addr())
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return &wire{Conn: c, t: l.t, r: bufio.NewReader(c)}
}

func (w *wire) send(s string) {
	w.t.Helper()
	if _, err := io.WriteString(w, s); err != nil {
		w.t.Fatal(err)
	}
}

// response reads one response.
func (w *wire) response(method string) (*http.Response, string) {
	w.t.Helper()
	res, err := http.ReadResponse(w.r, &http.Request{Method: method})
	if err != nil {
		w.t.Fatalf("no response: %v", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatalf("body: %v", err)
	}
	return res, string(body)
}

// ended reports that the connection was closed.
func (w *wire) ended() bool {
	_, err := w.r.ReadByte()
	return err != nil && !timeout(err)
}

// target is a raw HTTP server: it calls answer with each head (and its body, by
// content length) that it gets.
type target struct {
	addr  string
	mu    sync.Mutex
	heads []string
}

func newTarget(t testing.TB, answer func(head string, c net.Conn, r *bufio.Reader) bool) *target {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out := &target{addr: ln.Addr().String()}
	var wg sync.WaitGroup
	conns := map[net.Conn]bool{}
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			out.mu.Lock()
			conns[c] = true
			out.mu.Unlock()
			wg.Go(func() {
				defer func() { _ = c.Close() }()
				r := bufio.NewReader(c)
				for {
					head, err := readHead(r)
					if err != nil {
						return
					}
					out.mu.Lock()
					out.heads = append(out.heads, head)
					out.mu.Unlock()
					if !answer(head, c, r) {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		out.mu.Lock()
		for c := range conns {
			_ = c.Close()
		}
		out.mu.Unlock()
		wg.Wait()
	})
	return out
}

func readHead(r *bufio.Reader) (string, error) {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		b.WriteString(line)
		if line == "\r\n" {
			return b.String(), nil
		}
	}
}

// fixed answers everything with the same.
func fixed(response string) func(string, net.Conn, *bufio.Reader) bool {
	return func(_ string, c net.Conn, _ *bufio.Reader) bool {
		_, err := io.WriteString(c, response)
		return err == nil
	}
}

func (g *target) last(t testing.TB) string {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.heads) == 0 {
		t.Fatal("the target got nothing")
	}
	return g.heads[len(g.heads)-1]
}

func (g *target) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.heads)
}

const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Thing: a\r\n\r\nhello"

func TestForward(t *testing.T) {
	g := newTarget(t, fixed(hello))
	l := newLab(t, nil, g.addr)
	w := l.wire()
	for range 3 {
		w.send("GET /a?b=c HTTP/1.1\r\nHost: example.com:80\r\nuser-AGENT: x\r\nX-Forwarded-For: 1.2.3.4\r\nConnection: keep-alive\r\n\r\n")
		res, body := w.response("GET")
		if res.StatusCode != 200 || body != "hello" || res.Header.Get("X-Thing") != "a" || res.Header.Get("Connection") != "keep-alive" {
			t.Fatal(res, body)
		}
	}
	lines := strings.Split(g.last(t), "\r\n")
	for i, want := range []string{"GET /a?b=c HTTP/1.1", "X-Forwarded-For: 1.2.3.4, 127.0.0.1", "X-Forwarded-Proto: http",
		"X-Forwarded-Port: 80", "Host: example.com", "X-Amzn-Trace-Id: Root=1-", "user-AGENT: x", "", ""} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) || want == "" && lines[i] != "" {
			t.Fatalf("line %d of %q is not %q", i, lines, want)
		}
	}
	if n := l.dials(); n != 1 {
		t.Errorf("%d connections to the target, want 1", n)
	}
}

func TestBodies(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Sized") != "" {
			w.Header().Set("Content-Length", fmt.Sprint(r.ContentLength))
		}
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.Copy(w, r.Body)
	}))
	defer echo.Close()
	l := newLab(t, nil, echo.Listener.Addr().String())
	for _, size := range []int{0, 1, 100, 16 << 10, 16<<10 + 1, 100 << 10, 3 << 20} {
		for _, kind := range []string{"sized", "chunked"} {
			t.Run(fmt.Sprint(size, kind), func(t *testing.T) {
				want := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
				r, _ := http.NewRequest("POST", "http://"+l.addr()+"/", bytes.NewReader(want))
				if kind == "chunked" {
					r.ContentLength = -1
				} else {
					r.Header.Set("X-Sized", "1")
				}
				res, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("%d bytes, %v", len(got), err)
				}
			})
		}
	}
}

// echoBody reads a request's body, as the one head that it got frames it.
func echoBody(head string, c net.Conn, r *bufio.Reader) bool {
	req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader(head), r)))
	if err != nil {
		_, _ = io.WriteString(c, "HTTP/1.1 599 not understood\r\nContent-Length: 0\r\n\r\n")
		return false
	}
	n := req.ContentLength
	if n < 0 {
		// what is buffered by the inner reader belongs to this request, in these tests
		b, _ := io.ReadAll(req.Body)
		n = int64(len(b))
	} else {
		_, _ = io.CopyN(io.Discard, req.Body, n)
	}
	_, err = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Body: %d\r\n\r\n", n)
	return err == nil
}
