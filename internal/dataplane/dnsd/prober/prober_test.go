package prober

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// lab is an internet on loopback: every address leads to one server.
type lab struct {
	server  *httptest.Server
	reports chan Result
	p       *Prober
}

func newLab(t *testing.T, secure bool, h http.HandlerFunc) *lab {
	t.Helper()
	l := &lab{server: httptest.NewUnstartedServer(h), reports: make(chan Result, 64)}
	if l.server.Start(); secure {
		l.server.Close()
		l.server = httptest.NewTLSServer(h)
	}
	t.Cleanup(l.server.Close)
	l.p = New(Options{
		Dial: func(ctx context.Context, _ netip.Addr, remote netip.AddrPort) (net.Conn, error) {
			if remote.Port() == 81 {
				return nil, context.DeadlineExceeded
			}
			return new(net.Dialer).DialContext(ctx, "tcp", l.server.Listener.Addr().String())
		},
		Resolve: func(_ context.Context, name string) ([]netip.Addr, error) {
			if name == "v6.test" {
				return []netip.Addr{netip.MustParseAddr("2001:db8::1")}, nil
			}
			return []netip.Addr{netip.MustParseAddr("198.18.0.5")}, nil
		},
		Report: func(_ context.Context, r Result) error { l.reports <- r; return nil },
	})
	t.Cleanup(l.p.Close)
	return l
}

// next is the next report that satisfies a condition.
func (l *lab) next(t *testing.T, ok func(Result) bool) Result {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		select {
		case r := <-l.reports:
			if ok(r) {
				return r
			}
		case <-late:
			t.Fatal("no such report")
		}
	}
}

func checkers(n int) []spec.Checker {
	var out []spec.Checker
	for i := range n {
		out = append(out, spec.Checker{Region: fmt.Sprintf("region-%d", i), Source: netip.AddrFrom4([4]byte{198, 18, 0, byte(65 + i)})})
	}
	return out
}

func TestKinds(t *testing.T) {
	page := func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			w.WriteHeader(http.StatusFound)
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		case "/late":
			_, _ = fmt.Fprint(w, strings.Repeat("x", maxSearch)+"needle")
		default:
			sni := ""
			if r.TLS != nil {
				sni = r.TLS.ServerName
			}
			_, _ = fmt.Fprintf(w, "a needle; host %s, agent %s, sni %s", r.Host, r.UserAgent(), sni)
		}
	}
	address := netip.MustParseAddr("198.18.0.5")
	for _, tt := range []struct {
		name    string
		check   spec.EndpointCheck
		healthy bool
		status  string
	}{
		{"http", spec.EndpointCheck{Type: "HTTP", Address: address, Port: 80}, true, "Success: HTTP Status Code 200, OK. Resolved IP: 198.18.0.5"},
		{"redirect", spec.EndpointCheck{Type: "HTTP", Address: address, Port: 80, Path: "moved"}, true, "302"},
		{"broken", spec.EndpointCheck{Type: "HTTP", Address: address, Port: 80, Path: "/broken"}, false, "Failure: HTTP Status Code 500, Internal Server Error."},
		{"string", spec.EndpointCheck{Type: "HTTP_STR_MATCH", Address: address, Port: 80, Search: "needle"}, true, "200"},
		{"no string", spec.EndpointCheck{Type: "HTTP_STR_MATCH", Address: address, Port: 80, Search: "thread"}, false, "search string was not found"},
		{"string too late", spec.EndpointCheck{Type: "HTTP_STR_MATCH", Address: address, Port: 80, Path: "/late", Search: "needle"}, false, "not found"},
		{"host", spec.EndpointCheck{Type: "HTTP_STR_MATCH", Name: "web.test", Port: 8080, Search: "host web.test:8080, agent Amazon-Route53-Health-Check-Service (ref id;"}, true, "198.18.0.5"},
		{"https", spec.EndpointCheck{Type: "HTTPS_STR_MATCH", Name: "web.test", Port: 443, SNI: true, Search: "host web.test, "}, true, "200"},
		{"sni", spec.EndpointCheck{Type: "HTTPS_STR_MATCH", Name: "web.test", Port: 443, SNI: true, Search: "sni web.test"}, true, "200"},
		{"no sni", spec.EndpointCheck{Type: "HTTPS_STR_MATCH", Name: "web.test", Port: 443, Search: "sni web.test"}, false, "not found"},
		{"tcp", spec.EndpointCheck{Type: "TCP", Address: address, Port: 80}, true, "Success"},
		{"timeout", spec.EndpointCheck{Type: "TCP", Address: address, Port: 81}, false, "Connection timed out"},
		{"no address", spec.EndpointCheck{Type: "TCP", Name: "v6.test", Port: 80}, false, "DNS resolution failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, strings.HasPrefix(tt.check.Type, "HTTPS"), page)
			tt.check.ID, tt.check.Version, tt.check.Threshold, tt.check.IntervalSeconds, tt.check.Checkers, tt.check.Healthy = "id", 3, 1, 10, checkers(3), true
			l.p.Set("id", &tt.check)
			r := l.next(t, func(Result) bool { return true })
			if r.Healthy != tt.healthy || !strings.Contains(r.Observations[0].Status, tt.status) || len(r.Observations) != 3 || r.Version != 3 {
				t.Errorf("%+v", r)
			}
			if failed := r.Observations[0].LastFailure != ""; failed == tt.healthy {
				t.Errorf("last failure: %+v", r.Observations[0])
			}
		})
	}
}

func TestThresholds(t *testing.T) {
	k := checker{seen: Observation{Healthy: true}}
	now := time.Now()
	for i, step := range []struct{ ok, want bool }{{false, true}, {true, true}, {false, true}, {false, false}, {true, false}, {false, false}, {true, false}, {true, true}} {
		k.count("x", step.ok, 2, now)
		if k.seen.Healthy != step.want {
			t.Errorf("step %d: %v", i, k.seen.Healthy)
		}
	}
	c := newCheck(Options{}, spec.EndpointCheck{Checkers: checkers(8)})
	for up, want := range []bool{false, false, true, true} {
		if up > 0 {
			c.checkers[up-1].seen.Healthy = true
		}
		if c.healthy() != want {
			t.Errorf("%d of 8 checkers: %v", up, !want)
		}
	}
}

func TestChangesAndEnds(t *testing.T) {
	var down atomic.Bool
	l := newLab(t, false, func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	check := spec.EndpointCheck{ID: "id", Type: "HTTP", Address: netip.MustParseAddr("198.18.0.5"), Port: 80, IntervalSeconds: 1, Threshold: 2, Checkers: checkers(2), Healthy: true}
	l.p.Set("id", &check)
	l.next(t, func(r Result) bool { return r.Healthy })
	known := check
	known.Healthy = false
	l.p.Set("id", &known) // what was found starts nothing anew
	down.Store(true)
	l.next(t, func(r Result) bool { return !r.Healthy })
	down.Store(false)
	l.next(t, func(r Result) bool { return r.Healthy })
	l.p.Set("id", nil)
	if len(l.p.checks) != 0 {
		t.Error("the check goes on")
	}
}
