package ca

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func open(t *testing.T, dir string) *Authority {
	t.Helper()
	a, err := Open(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestMadeOnce(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	second := open(t, dir)
	if first.Root() != second.Root() || string(first.intermediate.cert.Raw) != string(second.intermediate.cert.Raw) {
		t.Error("another authority after reopening")
	}
	info, err := os.Stat(filepath.Join(dir, KeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	data, err := os.ReadFile(filepath.Join(dir, RootFile))
	if err != nil || string(data) != first.Root() || strings.Contains(string(data), "PRIVATE") {
		t.Errorf("root file: %v\n%s", err, data)
	}
}

func TestDamageIsNotPaintedOver(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if err := os.Remove(filepath.Join(dir, KeyFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, now); err == nil {
		t.Error("opened without its key")
	}
	if err := os.WriteFile(filepath.Join(dir, KeyFile), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, now); err == nil {
		t.Error("opened with a damaged key")
	}
}

func TestIssue(t *testing.T) {
	a := open(t, t.TempDir())
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(a.Root()))
	long := strings.Repeat("a", 60) + ".example.com"
	tests := []struct {
		algorithm string
		names     []string
		good, bad string
	}{
		{"", []string{"example.com", "*.example.com"}, "www.example.com", "a.b.example.com"},
		{"RSA_2048", []string{"example.com"}, "example.com", "www.example.com"},
		{"EC_prime256v1", []string{"example.com"}, "example.com", "example.org"},
		{"EC_secp384r1", []string{long}, long, "example.com"},
	}
	for _, tt := range tests {
		t.Run(tt.algorithm, func(t *testing.T) {
			got, err := a.Issue(Request{Names: tt.names, KeyAlgorithm: tt.algorithm, Now: now})
			if err != nil {
				t.Fatal(err)
			}
			pair, err := tls.X509KeyPair([]byte(got.Certificate+got.Chain), []byte(got.Key))
			if err != nil {
				t.Fatal(err)
			}
			if len(pair.Certificate) != 3 {
				t.Errorf("%d certificates in the chain", len(pair.Certificate))
			}
			between := x509.NewCertPool()
			between.AppendCertsFromPEM([]byte(got.Chain))
			verify := func(name string, at time.Time) error {
				_, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: between, CurrentTime: at,
					KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}})
				return err
			}
			if err := verify(tt.good, now); err != nil {
				t.Error(err)
			}
			if verify(tt.bad, now) == nil {
				t.Errorf("good for %s", tt.bad)
			}
			if verify(tt.good, now.Add(Life-24*time.Hour)) != nil || verify(tt.good, now.Add(Life)) == nil {
				t.Error("not valid for as long as it should be")
			}
		})
	}
	for _, r := range []Request{{Now: now}, {Names: []string{"example.com"}, KeyAlgorithm: "RSA_512", Now: now}} {
		if _, err := a.Issue(r); err == nil {
			t.Errorf("%+v: issued", r)
		}
	}
}
