package health

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// target is a fake network with one target behind it.
type target struct {
	mu      sync.Mutex
	up      bool
	from    map[netip.Addr]bool // sources that reach it; nil: all
	serve   func(net.Conn)
	dials   int
	results []Result
	refuse  int // reports to refuse
	began   time.Time
	at      []time.Duration
}

func (n *target) dial(ctx context.Context, _ string, local netip.Addr, _ netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dials++
	if !n.up || n.from != nil && !n.from[local] {
		return nil, errors.New("connection refused")
	}
	a, b := net.Pipe()
	if n.serve == nil {
		_ = b.Close()
		return a, nil
	}
	go n.serve(b)
	return a, nil
}

func (n *target) report(_ context.Context, r Result) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.refuse > 0 {
		n.refuse--
		return errors.New("not now")
	}
	n.results = append(n.results, r)
	n.at = append(n.at, time.Since(n.began))
	return nil
}

func (n *target) set(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

func (n *target) seen() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []string
	for _, r := range n.results {
		out = append(out, r.Health)
	}
	return out
}

var sources = []netip.Addr{netip.MustParseAddr("10.0.1.20"), netip.MustParseAddr("10.0.2.20")}

func check(health string) spec.HealthCheck {
	return spec.HealthCheck{Key: "t", VPC: "vpc-1", Sources: sources, Address: netip.MustParseAddrPort("10.0.1.10:80"), Protocol: "TCP",
		IntervalSeconds: 30, TimeoutSeconds: 10, HealthyThreshold: 3, UnhealthyThreshold: 2, Health: health}
}

// run runs f in a bubble of fake time with a checker of one check.
func run(t *testing.T, n *target, k spec.HealthCheck, f func(c *Checker)) {
	synctest.Test(t, func(t *testing.T) {
		n.began = time.Now()
		c := New(Options{Dial: n.dial, Report: n.report})
		defer c.Close()
		c.Set("vpc-1", []spec.HealthCheck{k})
		f(c)
	})
}

func expect(t *testing.T, n *target, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := n.seen(); !slices.Equal(got, want) {
		t.Fatalf("reported %v, want %v", got, want)
	}
}

func TestNewTargetNeedsOneSuccess(t *testing.T) {
	n := &target{}
	run(t, n, check("initial"), func(*Checker) {
		time.Sleep(5 * time.Second)
		expect(t, n)
		n.set(func() { n.up = true })
		time.Sleep(eager)
		expect(t, n, "healthy")
	})
}

func TestNewTargetThatFails(t *testing.T) {
	n := &target{}
	run(t, n, check("initial"), func(*Checker) {
		time.Sleep(29 * time.Second)
		expect(t, n)
		time.Sleep(2 * time.Second)
		expect(t, n, "unhealthy")
		if n.results[0].Reason != ReasonFailed {
			t.Error(n.results[0])
		}
	})
}

func TestThresholds(t *testing.T) {
	n := &target{up: true}
	run(t, n, check("healthy"), func(*Checker) {
		time.Sleep(65 * time.Second) // rounds at 0, 30, 60
		expect(t, n)
		n.set(func() { n.up = false })
		time.Sleep(30 * time.Second) // 90
		expect(t, n)
		time.Sleep(30 * time.Second) // 120
		expect(t, n, "unhealthy")
		n.set(func() { n.up = true })
		time.Sleep(60 * time.Second) // 150, 180
		expect(t, n, "unhealthy")
		time.Sleep(30 * time.Second) // 210
		expect(t, n, "unhealthy", "healthy")
	})
}

func TestOneSourceIsEnough(t *testing.T) {
	n := &target{up: true, from: map[netip.Addr]bool{sources[1]: true}}
	run(t, n, check("healthy"), func(*Checker) {
		time.Sleep(10 * time.Minute)
		expect(t, n)
	})
}

func TestRefusedReportIsRepeated(t *testing.T) {
	n := &target{up: true, refuse: 2}
	run(t, n, check("initial"), func(*Checker) {
		expect(t, n)
		time.Sleep(61 * time.Second)
		expect(t, n, "healthy")
	})
}

func TestSet(t *testing.T) {
	n := &target{up: true}
	run(t, n, check("initial"), func(c *Checker) {
		expect(t, n, "healthy")
		c.Set("vpc-1", []spec.HealthCheck{check("healthy")})
		before := n.dials
		time.Sleep(time.Second)
		expect(t, n, "healthy")
		if n.dials != before {
			t.Error("an unchanged check started over")
		}
		c.Set("vpc-1", []spec.HealthCheck{check("initial")}) // registered again
		expect(t, n, "healthy", "healthy")
		c.Set("vpc-1", nil)
		before = n.dials
		time.Sleep(time.Hour)
		if n.dials != before {
			t.Error("a removed check goes on")
		}
	})
}

func TestTimeout(t *testing.T) {
	n := &target{up: true, serve: func(c net.Conn) { // reads the request, never answers
		_, _ = bufio.NewReader(c).ReadString(0)
		_ = c.Close()
	}}
	k := check("healthy")
	k.Protocol, k.UnhealthyThreshold = "HTTP", 2
	run(t, n, k, func(*Checker) {
		time.Sleep(39 * time.Second)
		expect(t, n)
		time.Sleep(2 * time.Second)
		expect(t, n, "unhealthy")
	})
}

func TestHTTP(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "10.0.1.20:8080" || r.UserAgent() != "ELB-HealthChecker/2.0" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/", http.StatusFound)
		}
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	tests := []struct {
		protocol, path, matcher string
		ok                      bool
	}{
		{"HTTP", "/", "200-399", true}, {"HTTP", "/moved", "", true}, {"HTTP", "/moved", "200", false},
		{"HTTPS", "/", "200,202", true}, {"HTTPS", "/", "300-399", false},
	}
	for _, tt := range tests {
		server := plain
		if tt.protocol == "HTTPS" {
			server = secure
		}
		p := &prober{check: spec.HealthCheck{Protocol: tt.protocol, Path: tt.path, Matcher: tt.matcher, ListenerPort: 8080}}
		p.o.Dial = func(ctx context.Context, _ string, _ netip.Addr, _ netip.AddrPort) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if err := p.probe(ctx, sources[0], p.check.Address); (err == nil) != tt.ok {
			t.Errorf("%+v: %v", tt, err)
		}
		cancel()
	}
}
