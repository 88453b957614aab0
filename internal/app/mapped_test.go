package app

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/broker"
	"github.com/musubi-net/musubi/internal/cloud/amazon"
)

// direct dials as the broker would.
type direct struct{ t *testing.T }

func (d direct) Dial(ctx context.Context, kind, network, address string) (net.Conn, error) {
	if kind != broker.Service {
		d.t.Errorf("dialled as %s", kind)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// passing is a gate's server in front of a program on the host.
func passing(t *testing.T, upstream http.HandlerFunc) (front *httptest.Server, failures chan error) {
	t.Helper()
	back := httptest.NewServer(upstream)
	t.Cleanup(back.Close)
	p := newPassage(direct{t})
	t.Cleanup(p.transport.CloseIdleConnections)
	failures = make(chan error, 1)
	front = httptest.NewServer(p.to(amazon.Mapping{Service: "s3", URL: back.URL}, func(w http.ResponseWriter, _ *http.Request, err error) {
		failures <- err
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(front.Close)
	return front, failures
}

func TestPassage(t *testing.T) {
	front, _ := passing(t, func(w http.ResponseWriter, r *http.Request) {
		for name, want := range map[string]string{"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Host": "", "Accept-Encoding": "", "Authorization": "AWS4 x", "User-Agent": "u"} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s is %q, not %q", name, got, want)
			}
		}
		if r.Host != "bucket.s3.eu-west-1.amazonaws.com" || r.RequestURI != "/a%2Fb//c%20d?x;y=%zz&list-type=2" {
			t.Errorf("asked for %s at %s", r.RequestURI, r.Host)
		}
		w.Header().Set("Server", "emulator")
		_, _ = io.Copy(w, r.Body)
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, front.URL, strings.NewReader(strings.Repeat("x", 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	req.URL.Path, req.URL.RawPath = "/a/b//c d", "/a%2Fb//c%20d"
	req.URL.RawQuery = "x;y=%zz&list-type=2"
	req.Host = "bucket.s3.eu-west-1.amazonaws.com"
	req.Header = http.Header{"X-Forwarded-For": {"1.2.3.4"}, "Authorization": {"AWS4 x"}, "User-Agent": {"u"}}
	resp, err := (&http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if b, err := io.ReadAll(resp.Body); err != nil || len(b) != 1<<20 || resp.Header.Get("Server") != "emulator" {
		t.Errorf("got %d bytes from %s, %v", len(b), resp.Header.Get("Server"), err)
	}
}

// TestPassageStreams: what the program has written arrives before it goes on.
func TestPassageStreams(t *testing.T) {
	next := make(chan struct{})
	front, _ := passing(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first\n")
		_ = http.NewResponseController(w).Flush()
		<-next
		_, _ = io.WriteString(w, "second\n")
	})
	resp, err := http.Get(front.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || lines.Text() != "first" {
		t.Fatalf("got %q", lines.Text())
	}
	close(next)
	if !lines.Scan() || lines.Text() != "second" {
		t.Errorf("got %q", lines.Text())
	}
}

// TestPassageUpgrades: a connection that both sides agree to use otherwise is theirs.
func TestPassageUpgrades(t *testing.T) {
	front, _ := passing(t, func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = c.Close() }()
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		line, _ := rw.ReadString('\n')
		_, _ = io.WriteString(c, "echo "+line)
	})
	c, err := net.Dial("tcp", strings.TrimPrefix(front.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", resp, err)
	}
	_, _ = io.WriteString(c, "hello\n")
	if line, err := r.ReadString('\n'); err != nil || line != "echo hello\n" {
		t.Errorf("%q, %v", line, err)
	}
}

func TestPassageToNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	p := newPassage(direct{t})
	var failed error
	w := httptest.NewRecorder()
	p.to(amazon.Mapping{URL: "http://" + l.Addr().String()}, func(_ http.ResponseWriter, _ *http.Request, err error) { failed = err }).
		ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if errors.Is(failed, context.Canceled) || failed == nil {
		t.Errorf("failed with %v", failed)
	}
}
