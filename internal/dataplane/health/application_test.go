package health

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// answers is a target that answers health checks by path: with a status, or a
// gRPC status in the trailers.
func answers(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPost && r.Header.Get("Content-Type") == "application/grpc" && r.URL.Path == "/AWS.ALB/healthcheck":
		w.Header().Set("Trailer", "grpc-status")
		w.WriteHeader(http.StatusOK)
		w.Header().Set("grpc-status", "12")
	case r.Method == http.MethodPost:
		w.Header().Set("grpc-status", "5") // no messages: everything is in the head
	case r.URL.Path != "/" || r.Host != "10.0.1.10:80" || r.UserAgent() != "ELB-HealthChecker/2.0":
		w.WriteHeader(http.StatusNotFound)
	}
}

func TestVersions(t *testing.T) {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	protocols.SetHTTP2(true)
	plain := httptest.NewUnstartedServer(http.HandlerFunc(answers))
	plain.Config.Protocols = protocols
	plain.Start()
	defer plain.Close()
	secure := httptest.NewUnstartedServer(http.HandlerFunc(answers))
	secure.EnableHTTP2 = true
	secure.StartTLS()
	defer secure.Close()
	old := httptest.NewTLSServer(http.HandlerFunc(answers))
	defer old.Close()

	tests := []struct {
		server                           *httptest.Server
		protocol, version, path, matcher string
		reason, detail                   string
	}{
		{plain, "HTTP", "HTTP1", "/", "200", "", ""},
		{plain, "HTTP", "HTTP1", "/x", "200", ReasonMismatch, "404"},
		{plain, "HTTP", "HTTP2", "/", "200", "", ""},
		{plain, "HTTP", "HTTP2", "/x", "200,201", ReasonMismatch, "404"},
		{plain, "HTTP", "GRPC", "/AWS.ALB/healthcheck", "12", "", ""},
		{plain, "HTTP", "GRPC", "/AWS.ALB/healthcheck", "0-5", ReasonMismatch, "12"},
		{plain, "HTTP", "GRPC", "/x.Y/Z", "5", "", ""},
		{secure, "HTTPS", "HTTP1", "/", "200", "", ""},
		{secure, "HTTPS", "HTTP2", "/", "200", "", ""},
		{secure, "HTTPS", "GRPC", "/AWS.ALB/healthcheck", "0-99", "", ""},
		{old, "HTTPS", "HTTP2", "/", "200", ReasonFailed, ""},
	}
	for _, tt := range tests {
		p := &prober{check: spec.HealthCheck{Protocol: tt.protocol, Version: tt.version, Path: tt.path, Matcher: tt.matcher, Application: true}}
		p.o.Dial = func(ctx context.Context, _ string, _ netip.Addr, _ netip.AddrPort) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", tt.server.Listener.Addr().String())
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		err := p.probe(ctx, sources[0], netip.MustParseAddrPort("10.0.1.10:80"))
		cancel()
		var reason, detail string
		if err != nil {
			reason, detail = reasonOf([]error{err})
		}
		if reason != tt.reason || detail != tt.detail {
			t.Errorf("%s %s %s: %v", tt.protocol, tt.version, tt.path, err)
		}
	}
}

func TestReasonOf(t *testing.T) {
	late, refused := context.DeadlineExceeded, errors.New("connection refused")
	for _, tt := range []struct {
		errs           []error
		reason, detail string
	}{
		{[]error{late, os.ErrDeadlineExceeded}, ReasonTimeout, ""},
		{[]error{late, refused}, ReasonFailed, ""},
		{[]error{mismatch{code: 503}, late, mismatch{code: 404}, mismatch{code: 503}}, ReasonMismatch, "404, 503"},
	} {
		if reason, detail := reasonOf(tt.errs); reason != tt.reason || detail != tt.detail {
			t.Errorf("%v: %s %q", tt.errs, reason, detail)
		}
	}
}

// A target that fails otherwise than before says so; one that stays as it is
// says nothing.
func TestReasonChanges(t *testing.T) {
	n := &target{up: true, serve: func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); _ = c.Close() }}
	k := check("healthy")
	k.Protocol, k.Application = "HTTP", true
	run(t, n, k, func(*Checker) {
		time.Sleep(5 * time.Minute)
		expect(t, n, "unhealthy")
		n.set(func() {
			n.serve = func(c net.Conn) {
				buf := make([]byte, 4096)
				_, _ = c.Read(buf)
				_, _ = c.Write([]byte("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"))
				_ = c.Close()
			}
		})
		time.Sleep(5 * time.Minute)
		expect(t, n, "unhealthy", "unhealthy")
		if n.results[0].Reason != ReasonFailed || n.results[1].Reason != ReasonMismatch || n.results[1].Detail != "500" {
			t.Errorf("%+v", n.results)
		}
	})
}

// One address of several is enough.
func TestOthers(t *testing.T) {
	k := check("healthy")
	k.Others = []netip.AddrPort{netip.MustParseAddrPort("10.0.2.10:80")}
	n := &target{up: true}
	p := &prober{check: k}
	p.o.Dial = func(ctx context.Context, v string, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
		if remote == k.Address {
			return nil, errors.New("connection refused")
		}
		return n.dial(ctx, v, local, remote)
	}
	if errs := p.round(t.Context()); errs != nil || n.dials != len(sources) {
		t.Error(errs, n.dials)
	}
}
