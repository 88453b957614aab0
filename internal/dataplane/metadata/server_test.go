package metadata

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

const base = "http://169.254.169.254"

// lab is a server and a client that asks from a loopback address.
type lab struct {
	t      *testing.T
	s      *Server
	client *http.Client
	now    time.Time
}

func (l *lab) set(entries ...spec.Metadata) {
	known := map[netip.Addr]func() spec.Metadata{}
	for _, e := range entries {
		known[e.Address] = func() spec.Metadata { return e }
	}
	l.s.Set(known)
}

func newLab(t *testing.T, entries ...spec.Metadata) *lab {
	t.Helper()
	l := &lab{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	l.s = New(Options{Now: func() time.Time { return l.now }, Credentials: func(_ context.Context, id, role string) (Credentials, error) {
		if id != "i-1" {
			return Credentials{}, errors.New("whose?")
		}
		return Credentials{AccessKeyID: "ASIA" + role, Expiration: l.now.Add(time.Hour), LastUpdated: l.now}, nil
	}})
	l.set(entries...)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.s.Serve(listener); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
	}}
	l.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := l.s.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func (l *lab) do(method, path string, headers ...string) (int, string) {
	l.t.Helper()
	r, err := http.NewRequestWithContext(l.t.Context(), method, base+path, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := l.client.Do(r)
	if err != nil {
		l.t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		l.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func entry() spec.Metadata {
	return spec.Metadata{
		Address: netip.MustParseAddr("127.0.0.1"), InstanceID: "i-1", TokensRequired: true, Enabled: true, HopLimit: 2, Role: "web",
		Values: map[string]string{
			"meta-data/instance-id": "i-1", "meta-data/placement/region": "ap-northeast-1", "meta-data/iam/info": "{}",
			"meta-data/public-keys": "0=key", "meta-data/public-keys/0/openssh-key": "ssh-ed25519 AAAA",
			"user-data": "#!/bin/sh\n", "dynamic/instance-identity/document": "{}",
		},
	}
}

func TestToken(t *testing.T) {
	l := newLab(t, entry())
	const path = "/latest/meta-data/instance-id"
	if code, _ := l.do("GET", path); code != 401 {
		t.Errorf("without a token: %d", code)
	}
	for _, ttl := range []string{"", "0", "21601", "x"} {
		if code, _ := l.do("PUT", "/latest/api/token", ttlHeader, ttl); code != 400 {
			t.Errorf("ttl %q: %d", ttl, code)
		}
	}
	if code, _ := l.do("PUT", "/latest/api/token", ttlHeader, "60", "X-Forwarded-For", "10.0.0.1"); code != 403 {
		t.Errorf("forwarded: %d", code)
	}
	if code, _ := l.do("GET", "/latest/api/token"); code != 405 {
		t.Errorf("GET token: %d", code)
	}
	code, token := l.do("PUT", "/latest/api/token", ttlHeader, "60")
	if code != 200 || len(token) != 56 {
		t.Fatalf("token: %d %q", code, token)
	}
	if code, body := l.do("GET", path, tokenHeader, token); code != 200 || body != "i-1" {
		t.Errorf("with token: %d %q", code, body)
	}
	if code, _ := l.do("GET", path, tokenHeader, token[:55]+"A"); code != 401 {
		t.Errorf("forged token: %d", code)
	}
	if code, _ := l.do("POST", path, tokenHeader, token); code != 405 {
		t.Errorf("POST: %d", code)
	}
	other := entry()
	other.InstanceID = "i-2"
	l.set(other)
	if code, _ := l.do("GET", path, tokenHeader, token); code != 401 {
		t.Errorf("another instance's token: %d", code)
	}
	l.set(entry())
	l.now = l.now.Add(time.Minute)
	if code, _ := l.do("GET", path, tokenHeader, token); code != 401 {
		t.Errorf("old token: %d", code)
	}
}

func TestTree(t *testing.T) {
	e := entry()
	e.TokensRequired = false
	l := newLab(t, e)
	tests := []struct {
		path string
		code int
		want string
	}{
		{"/latest/", 200, "dynamic\nmeta-data\nuser-data"},
		{"/latest", 200, "dynamic\nmeta-data\nuser-data"},
		{"/latest/meta-data/", 200, "iam/\ninstance-id\nplacement/\npublic-keys/"},
		{"/2021-07-15/meta-data/placement", 200, "region"},
		{"/latest/meta-data/placement/region", 200, "ap-northeast-1"},
		{"/latest/meta-data/public-keys/", 200, "0=key"},
		{"/latest/meta-data/public-keys/0/", 200, "openssh-key"},
		{"/latest/meta-data/iam/", 200, "info\nsecurity-credentials/"},
		{"/latest/meta-data/iam/security-credentials/", 200, "web"},
		{"/latest/user-data", 200, "#!/bin/sh\n"},
		{"/latest/dynamic/instance-identity/", 200, "document"},
		{"/latest/meta-data/iam/security-credentials/other", 404, ""},
		{"/latest/meta-data/instance", 404, ""},
		{"/1999-01-01/meta-data", 404, ""},
	}
	for _, tt := range tests {
		code, body := l.do("GET", tt.path)
		if code != tt.code || code == 200 && body != tt.want {
			t.Errorf("%s: %d %q, want %d %q", tt.path, code, body, tt.code, tt.want)
		}
	}
	code, body := l.do("GET", "/latest/meta-data/iam/security-credentials/web")
	if code != 200 || !strings.Contains(body, `"AccessKeyId": "ASIAweb"`) || !strings.Contains(body, `"Expiration": "2026-01-02T04:04:05Z"`) {
		t.Errorf("credentials: %d %s", code, body)
	}
	if _, body := l.do("GET", "/"); !strings.HasSuffix(body, "\nlatest") {
		t.Errorf("versions: %q", body)
	}
}

func TestWhoAsks(t *testing.T) {
	e := entry()
	e.Enabled = false
	l := newLab(t, e)
	if code, _ := l.do("GET", "/latest/meta-data/"); code != 403 {
		t.Errorf("disabled: %d", code)
	}
	l.set()
	if code, _ := l.do("GET", "/latest/meta-data/"); code != 404 {
		t.Errorf("unknown: %d", code)
	}
}
