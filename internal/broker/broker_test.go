package broker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/musubi-net/musubi/test/lab"
)

// patience is how long something that must happen may take.
const patience = 10 * time.Second

// TestMain lets the test binary be the broker, in a network of its own.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Command {
		os.Exit(Main(os.Args[2:]))
	}
	lab.Main(m)
}

func TestPolicy(t *testing.T) {
	p := policy{
		internet: true,
		own: func(a netip.Addr) (bool, error) {
			if a == netip.MustParseAddr("8.8.4.4") {
				return false, errors.New("no list")
			}
			return a == netip.MustParseAddr("1.2.3.4"), nil
		},
		servers: func() ([]string, error) { return []string{"127.0.0.53", "fd00::1"}, nil },
	}
	closed := p
	closed.internet = false
	for _, c := range []struct {
		p                      policy
		kind, network, address string
		want                   string // empty: forbidden
	}{
		{p, Service, "tcp", "127.0.0.1:9000", "127.0.0.1:9000"},
		{closed, Service, "tcp", "minio.test:9000", "minio.test:9000"},
		{closed, Service, "udp", "[::1]:53", "[::1]:53"},
		{p, Service, "unix", "/run/docker.sock", ""},
		{p, Internet, "tcp", "93.184.216.34:443", "93.184.216.34:443"},
		{p, Internet, "udp", "1.1.1.1:53", "1.1.1.1:53"},
		{closed, Internet, "tcp", "93.184.216.34:443", ""},
		{p, Internet, "tcp", "example.com:443", ""},
		{p, Internet, "tcp", "93.184.216.34:0", ""},
		{p, Internet, "tcp", "1.2.3.4:22", ""},
		{p, Internet, "ip4:icmp", "1.1.1.1:1", ""},
		{p, Internet, "tcp", "[2606:4700::1111]:443", ""},
		{p, Internet, "tcp", "[::ffff:93.184.216.34]:443", ""},
		{p, Internet, "tcp", "[::ffff:127.0.0.1]:22", ""},
		{p, Internet, "tcp", "[64:ff9b::7f00:1]:22", ""},
		{p, "", "tcp", "1.1.1.1:53", ""},
		{p, Resolver, "udp", "0", "127.0.0.53:53"},
		{p, Resolver, "tcp", "1", "[fd00::1]:53"},
		{p, Resolver, "tcp", "-1", ""},
		{closed, Resolver, "udp", "0", ""},
	} {
		got, err := c.p.target(request{Kind: c.kind, Network: c.network, Address: c.address})
		if got != c.want || (err == nil) != (c.want != "") || err != nil && !errors.Is(err, ErrForbidden) {
			t.Errorf("%s %s %s: %q, %v", c.kind, c.network, c.address, got, err)
		}
	}
	for _, a := range []string{
		"0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.31.0.1", "192.0.0.8", "192.0.2.1",
		"192.168.1.1", "198.18.0.10", "198.19.255.255", "198.51.100.1", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255",
	} {
		if _, err := p.target(request{Kind: Internet, Network: "tcp", Address: a + ":80"}); !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v", a, err)
		}
	}
	if _, err := p.target(request{Kind: Internet, Network: "tcp", Address: "8.8.4.4:53"}); err == nil {
		t.Error("without knowing the host's addresses")
	}
	if _, err := p.target(request{Kind: Resolver, Network: "udp", Address: "2"}); err == nil || errors.Is(err, ErrForbidden) {
		t.Errorf("a name server that is not there: %v", err)
	}
}

// started is a broker, and the supervisor's side of it.
func started(t *testing.T, o Options) (*Process, *Hub) {
	t.Helper()
	p, f, err := Start("/proc/self/exe", o, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	h, err := NewHub(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close(); p.Wait() })
	return p, h
}

func connected(t *testing.T, h *Hub) *Client {
	t.Helper()
	f, err := h.Connect()
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// greet serves an address with a greeting.
func greet(t *testing.T, at string) string {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = fmt.Fprintln(c, "hello")
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}

func TestDial(t *testing.T) {
	if err := loopback(); err != nil {
		t.Fatal(err)
	}
	address := greet(t, "127.0.0.1:0")
	own := greet(t, "0.0.0.0:0")
	_, port, _ := net.SplitHostPort(own)
	p, h := started(t, Options{Internet: true})
	first, second := connected(t, h), connected(t, h)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var kept net.Conn
	for _, c := range []*Client{first, second, first} {
		conn, err := c.Dial(ctx, Service, "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(conn).ReadString('\n'); line != "hello\n" || err != nil {
			t.Errorf("%q, %v", line, err)
		}
		if kept != nil {
			_ = kept.Close()
		}
		kept = conn
	}
	defer func() { _ = kept.Close() }()
	if _, err := first.Dial(ctx, Service, "tcp", "127.0.0.1:1"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody listens: %v", err)
	}
	for _, a := range []string{address, "1.2.3.4:" + port, "1.2.5.6:" + port} {
		if _, err := first.Dial(ctx, Internet, "tcp", a); !errors.Is(err, ErrForbidden) {
			t.Errorf("internet at %s: %v", a, err)
		}
	}
	if _, err := first.Dial(ctx, Internet, "tcp", "9.9.9.9:80"); !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("no route: %v", err)
	}
	ended, over := context.WithCancel(ctx)
	over()
	if _, err := first.Dial(ended, Service, "tcp", address); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	// A daemon that ends does not take the others' connection with it.
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if _, err := first.Dial(ctx, Service, "tcp", address); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if c, err := second.Dial(ctx, Service, "tcp", address); err != nil {
		t.Error(err)
	} else {
		_ = c.Close()
	}
	// The supervisor's end ends the broker, whoever is connected.
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	p.Wait()
	if _, err := second.Dial(ctx, Service, "tcp", address); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func TestInternet(t *testing.T) {
	internet(t, "93.184.216.34")
	_, h := started(t, Options{Internet: true})
	c := connected(t, h)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := c.Dial(ctx, Internet, "tcp", "93.184.216.34:80")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "hello\n" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
	if _, err := c.Dial(ctx, Internet, "tcp", "93.184.216.34:81"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody listens: %v", err)
	}
	for _, a := range []string{"203.0.114.2:80", "203.0.114.255:80", "203.0.114.0:80"} { // the host, and broadcasts of its network
		if _, err := c.Dial(ctx, Internet, "udp", a); !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v", a, err)
		}
	}
}

func TestClosed(t *testing.T) {
	_, h := started(t, Options{})
	c := connected(t, h)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for kind, address := range map[string]string{Internet: "9.9.9.9:80", Resolver: "0"} {
		if _, err := c.Dial(ctx, kind, "tcp", address); !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestConfined(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = r.Close(), w.Close() }()
	p, h := started(t, Options{})
	c := connected(t, h)
	if _, err := c.Dial(t.Context(), Internet, "tcp", "9.9.9.9:80"); !errors.Is(err, ErrForbidden) { // it runs
		t.Fatal(err)
	}
	dir := fmt.Sprintf("/proc/%d/", p.Pid())
	text, err := os.ReadFile(dir + "status")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"NoNewPrivs:\t1", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if cwd, err := os.Readlink(dir + "cwd"); cwd != "/" {
		t.Errorf("in %s, %v", cwd, err)
	}
	fds, err := filepath.Glob(dir + "fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fds {
		to, _ := os.Readlink(f)
		n := filepath.Base(f)
		// Go's runtime looks at the group's share of the processors.
		if n > "2" && !strings.HasPrefix(to, "socket:") && !strings.HasPrefix(to, "anon_inode:") && !strings.HasPrefix(to, "/sys/fs/cgroup/") {
			t.Errorf("descriptor %s: %s", n, to)
		}
	}
}

func TestCleanup(t *testing.T) {
	dir := t.TempDir()
	groups, kept := filepath.Join(dir, "musubi"), filepath.Join(dir, "kept")
	for _, d := range []string{groups + "/i-1/deep", groups + "/i-2", kept} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(kept+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p, h := started(t, Options{Cleanup: []string{groups, filepath.Join(dir, "never"), kept}})
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	p.Wait()
	if _, err := os.Stat(groups); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
	if _, err := os.Stat(kept + "/file"); err != nil {
		t.Error(err)
	}
}

func TestMalformed(t *testing.T) {
	_, h := started(t, Options{})
	f, err := h.Connect()
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.FileConn(f)
	_ = f.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write([]byte("\xff\xff\xff\xff\xff")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(c); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("not ended: %v", err)
	}
	other := connected(t, h)
	if _, err := other.Dial(t.Context(), Internet, "tcp", "9.9.9.9:80"); !errors.Is(err, ErrForbidden) {
		t.Errorf("another daemon: %v", err)
	}
}
