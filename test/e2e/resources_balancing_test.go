package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestBalancingResources(t *testing.T) {
	t.Parallel()
	l := newResourceLab(t, "balancing")
	ca := newIssuer(t)
	for name, serial := range map[string]int64{"a1": 11, "a2": 12} {
		certificate, key := ca.issue(t, serial, "a.example.com")
		l.put(name+".pem", certificate)
		l.put(name+".key", key)
	}
	certificate, key := newIssuer(t).both(t)
	l.put("self.pem", certificate)
	l.put("self.key", key)
	l.put("ca.pem", ca.pem)
	l.object("trust", "ca.pem", ca.pem)
	l.object("trust", "later/ca.pem", append(newIssuer(t).pem, ca.pem...))
	l.object("trust", "crl-0.pem", ca.revoke(t, 21, 22))
	l.object("trust", "crl-1.pem", ca.revoke(t))
	l.create()
	want := "map[all:3 alpn:HTTP2Preferred keep_alive:3600 logs:logs net:network redirect:HTTP_301 redirect_host:other.#{host} target_type:alb trust:true versions:GRPC HTTP1 HTTP2 weights:1 999 zone_ids:true]"
	if got := l.tf.output("found"); got != want {
		t.Errorf("found:\n%s, want\n%s", got, want)
	}
	if got := l.tf.output("certificate"); got != "/balancing/" {
		t.Errorf("the path of the server certificate is %q", got)
	}
	l.answers("web", "http://"+l.tf.output("dns_name")+"/fixed", "step 1")
	l.answers("web", "http://"+l.tf.output("dns_name")+"/", "Hello")
	l.change(0, 0)
	l.answers("web", "http://"+l.tf.output("dns_name")+"/fixed", `{"step":2}`)
	l.remove()
}

// put writes a file beside the configuration.
func (l *resourceLab) put(name string, data []byte) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.tf.dir, name), data, 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// object puts an object into a bucket.
func (m *musubi) object(bucket, key string, data []byte) {
	m.t.Helper()
	file := filepath.Join(m.dir, "s3", bucket, key)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// issuer is a certificate authority of a test.
type issuer struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "self.example.com"}, DNSNames: []string{"self.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), SubjectKeyId: []byte{1},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{certificate: c, key: key, pem: block("CERTIFICATE", der)}
}

// both is the issuer's own certificate, which it signed itself, and its key.
func (i *issuer) both(t *testing.T) (certificate, key []byte) {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return i.pem, block("EC PRIVATE KEY", der)
}

func (i *issuer) issue(t *testing.T, serial int64, name string) (certificate, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(12 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, i.certificate, k.Public(), i.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return block("CERTIFICATE", der), block("EC PRIVATE KEY", secret)
}

// revoke makes a revocation list.
func (i *issuer) revoke(t *testing.T, serials ...int64) []byte {
	t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour)}
	for _, s := range serials {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: big.NewInt(s), RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, i.certificate, i.key)
	if err != nil {
		t.Fatal(err)
	}
	return block("X509 CRL", der)
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
