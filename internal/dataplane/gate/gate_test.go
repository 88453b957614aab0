package gate

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// fixed is a certificate that is good for any name here.
func fixed(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	c := s.TLS.Certificates[0]
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	c.Leaf = leaf
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return c, pool
}

func TestGate(t *testing.T) {
	c, pool := fixed(t)
	var issued atomic.Int32
	g := New(Options{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			way, ok := WayOf(r.Context())
			if !ok || way.Local.Port() == 0 || !way.Remote.Addr().IsLoopback() {
				t.Errorf("came by %v, %v", way, ok)
			}
			_, _ = io.WriteString(w, "served")
		}),
		Names: func(_ Way, name string) []string {
			if name == "example.com" {
				return []string{name}
			}
			return nil
		},
		Issue: func([]string) (tls.Certificate, error) { issued.Add(1); return c, nil },
		Now:   func() time.Time { return c.Leaf.NotBefore },
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.Serve(l)
	get := func(name string) error {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: name}}
		defer tr.CloseIdleConnections()
		resp, err := (&http.Client{Transport: tr, Timeout: 10 * time.Second}).Get("https://" + l.Addr().String())
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	for range 2 {
		if err := get("example.com"); err != nil {
			t.Fatal(err)
		}
	}
	if err := get("other.example.com"); err == nil {
		t.Error("a name that nobody has is answered")
	}
	if n := issued.Load(); n != 1 {
		t.Errorf("%d certificates", n)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}
