package hostproxy_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/proxy"

	"github.com/musubi-net/musubi/internal/cli/hostproxy"
	"github.com/musubi-net/musubi/internal/control"
)

// inside is a world with one server, under the name web.example.local, and names
// that fail.
func inside(t *testing.T, server string, dials *atomic.Int32) hostproxy.Dial {
	t.Helper()
	return func(ctx context.Context, host string, port uint16) (net.Conn, error) {
		dials.Add(1)
		switch host {
		case "web.example.local", "10.0.1.10":
			return new(net.Dialer).DialContext(ctx, "tcp", server)
		case "closed.example.local":
			return nil, &control.Refusal{Reason: control.ReasonRefused, Message: "closed refused the connection"}
		case "silent.example.local":
			return nil, &control.Refusal{Reason: control.ReasonTimeout, Message: "silent did not answer"}
		}
		return nil, &control.Refusal{Reason: control.ReasonUnknownName, Message: host + " does not resolve"}
	}
}

// serve runs a server until the test ends, and returns its address.
func serve(t *testing.T, s *hostproxy.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the server did not end")
		}
	})
	return l.Addr().String()
}

// web is a server that tells what it was asked.
func web(t *testing.T, secure bool) *httptest.Server {
	t.Helper()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s %s xff=%s ae=%q via=%q %s", r.Method, r.Host, r.RequestURI, r.Header.Get("X-Forwarded-For"), r.Header.Get("Accept-Encoding"), r.Header.Get("Proxy-Connection"), body)
	})
	s := httptest.NewUnstartedServer(h)
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

func quiet(error) {}

func TestHTTP(t *testing.T) {
	var dials atomic.Int32
	at := serve(t, hostproxy.NewProxy(inside(t, web(t, false).Listener.Addr().String(), &dials), quiet))
	transport := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: at}), DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	req, err := http.NewRequest(http.MethodPost, "http://web.example.local/a%2Fb;c?x=1;y=2", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Forwarded-For", "203.0.113.9")
	for range 2 {
		req.Body = io.NopCloser(strings.NewReader("body"))
		status, text := get(t, client, req)
		if want := `POST web.example.local /a%2Fb;c?x=1;y=2 xff=203.0.113.9 ae="" via="" body`; status != 200 || text != want {
			t.Fatalf("%d %q, want %q", status, text, want)
		}
	}
	if n := dials.Load(); n != 1 {
		t.Errorf("%d connections inside for one of the client's", n)
	}
	transport.CloseIdleConnections()
	for name, want := range map[string]int{"none.example.local": 502, "closed.example.local": 502, "silent.example.local": 504} {
		req, err := http.NewRequest(http.MethodGet, "http://"+name+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, text := get(t, client, req); status != want || !strings.HasPrefix(text, "musubi proxy: ") {
			t.Errorf("%s: %d %q", name, status, text)
		}
	}
	direct, err := http.NewRequest(http.MethodGet, "http://"+at+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, text := get(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, direct); status != 400 || !strings.Contains(text, "this is a proxy") {
		t.Errorf("not proxied: %d %q", status, text)
	}
}

func get(t *testing.T, c *http.Client, r *http.Request) (int, string) {
	t.Helper()
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}

func TestConnect(t *testing.T) {
	var dials atomic.Int32
	server := web(t, true)
	at := serve(t, hostproxy.NewProxy(inside(t, server.Listener.Addr().String(), &dials), quiet))
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: at})
	transport.TLSClientConfig.ServerName = "example.com"
	defer transport.CloseIdleConnections()
	req, err := http.NewRequest(http.MethodGet, "https://web.example.local/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, text := get(t, &http.Client{Transport: transport}, req); status != 200 || !strings.HasPrefix(text, "GET web.example.local / ") {
		t.Fatalf("%d %q", status, text)
	}
	for request, want := range map[string]string{
		"CONNECT none.example.local:443 HTTP/1.1\r\nHost: none.example.local:443\r\n\r\n": "502",
		"CONNECT web.example.local HTTP/1.1\r\nHost: web.example.local\r\n\r\n":           "400",
		"CONNECT web.example.local:0 HTTP/1.1\r\nHost: web.example.local:0\r\n\r\n":       "400",
		"GET https://web.example.local/ HTTP/1.1\r\nHost: web.example.local\r\n\r\n":      "400",
	} {
		if got := exchange(t, at, request); !strings.HasPrefix(got, "HTTP/1.1 "+want) {
			t.Errorf("%q: %q, want %s", request, got, want)
		}
	}
	// Bytes that come with the request are part of the stream.
	plain := serve(t, hostproxy.NewProxy(inside(t, web(t, false).Listener.Addr().String(), &dials), quiet))
	got := exchange(t, plain, "CONNECT 10.0.1.10:80 HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.0\r\nHost: early\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 200 Connection established\r\n\r\n") || !strings.Contains(got, "GET early /") {
		t.Errorf("early bytes: %q", got)
	}
}

// exchange sends bytes and reads until the end.
func exchange(t *testing.T, at, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(c)
	return string(b)
}

func TestSOCKS(t *testing.T) {
	var dials atomic.Int32
	at := serve(t, hostproxy.NewProxy(inside(t, web(t, false).Listener.Addr().String(), &dials), quiet))
	d, err := proxy.SOCKS5("tcp", at, nil, proxy.Direct)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"web.example.local:80", "10.0.1.10:80"} {
		c, err := d.Dial("tcp", name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "GET / HTTP/1.0\r\nHost: h\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || r.StatusCode != 200 {
			t.Fatalf("%s: %v, %v", name, r, err)
		}
		_ = r.Body.Close()
		_ = c.Close()
	}
	for name, want := range map[string]byte{"none.example.local": 4, "closed.example.local": 5, "silent.example.local": 6} {
		got := exchange(t, at, socksRequest(1, 3, append([]byte{byte(len(name))}, name...), 80))
		if len(got) < 4 || got[3] != want {
			t.Errorf("%s: reply %q, want %d", name, got, want)
		}
	}
	for name, c := range map[string]struct{ request, want string }{
		"bind":     {socksRequest(2, 1, []byte{10, 0, 1, 10}, 80), "\x05\x00\x05\x07"},
		"type":     {socksRequest(1, 9, nil, 80), "\x05\x00\x05\x08"},
		"password": {"\x05\x01\x02", "\x05\xff"},
		"SOCKS4":   {"\x04\x01\x00\x50\x0a\x00\x01\x0a\x00", "\x00\x5b"},
	} {
		if got := exchange(t, at, c.request); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func socksRequest(command, typ byte, address []byte, port uint16) string {
	b := append([]byte{5, 1, 0, 5, command, 0, typ}, address...)
	return string(binary.BigEndian.AppendUint16(b, port))
}

func TestForward(t *testing.T) {
	var dials atomic.Int32
	server := web(t, false).Listener.Addr().String()
	at := serve(t, hostproxy.NewForward(inside(t, server, &dials), "web.example.local", 80, quiet))
	if got := exchange(t, at, "GET / HTTP/1.0\r\nHost: h\r\n\r\n"); !strings.Contains(got, "GET h /") {
		t.Errorf("%q", got)
	}
	told := make(chan error, 1)
	at = serve(t, hostproxy.NewForward(inside(t, server, &dials), "closed.example.local", 80, func(err error) { told <- err }))
	// The reset can come before the client knows that it is connected.
	if c, err := net.Dial("tcp", at); err == nil {
		b, err := io.ReadAll(c)
		_ = c.Close()
		if len(b) > 0 || err == nil {
			t.Errorf("%q, %v from a port that is closed", b, err)
		}
	}
	if err := <-told; !strings.Contains(err.Error(), "refused") {
		t.Error(err)
	}
}

func TestEndsWithOpenConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var dials atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	mine, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	s := hostproxy.NewProxy(inside(t, l.Addr().String(), &dials), quiet)
	go func() { done <- s.Serve(ctx, mine) }()
	for _, request := range []string{"", "\x05", "CONNECT web.example.local:80 HTTP/1.1\r\nHost: x\r\n\r\n", "GET http://web.example.local/ HTTP/1.1\r\n"} {
		c, err := net.Dial("tcp", mine.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
	}
	inner, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	select {
	case err := <-done:
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("did not end")
	}
	if _, err := io.Copy(io.Discard, inner); err != nil {
		t.Fatal(err)
	}
}

func FuzzSOCKS(f *testing.F) {
	f.Add([]byte(socksRequest(1, 3, []byte("\x03abc"), 80)))
	f.Add([]byte(socksRequest(1, 1, []byte{10, 0, 0, 1}, 443)))
	f.Add([]byte(socksRequest(1, 4, bytes.Repeat([]byte{1}, 16), 1)))
	f.Fuzz(func(t *testing.T, in []byte) {
		host, port, code, err := hostproxy.Negotiate(in)
		if err == nil && (host == "" || port == 0 || code != 0) {
			t.Errorf("%q: took %q:%s", in, host, strconv.Itoa(int(port)))
		}
	})
}
