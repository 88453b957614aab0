package tlsconf_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/dataplane/tlsconf"
	"github.com/musubi-net/musubi/internal/spec"
)

// issued is a certificate with its key.
type issued struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func (i issued) chain() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw})
}

func (i issued) spec(t *testing.T, arn string) spec.Certificate {
	t.Helper()
	b, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return spec.Certificate{ARN: arn, Chain: i.chain(), Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b})}
}

func (i issued) tls() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{i.cert.Raw}, PrivateKey: i.key}
}

// issue makes a certificate, by itself without a parent.
func issue(t *testing.T, parent *issued, useRSA bool, template x509.Certificate) issued {
	t.Helper()
	var key crypto.Signer
	var err error
	if useRSA {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	if template.SerialNumber == nil {
		template.SerialNumber = big.NewInt(0xabcdef01)
	}
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	template.NotBefore = time.Now().Add(-48 * time.Hour)
	p := issued{&template, key}
	if parent != nil {
		p = *parent
	}
	raw, err := x509.CreateCertificate(rand.Reader, &template, p.cert, key.Public(), p.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return issued{cert, key}
}

func named(names ...string) x509.Certificate { return x509.Certificate{DNSNames: names} }

// handshake connects a client to a server and returns what each saw.
func handshake(t *testing.T, server, client *tls.Config) (s, c tls.ConnectionState, err error) {
	t.Helper()
	l, r := net.Pipe()
	defer func() { _, _ = l.Close(), r.Close() }()
	deadline := time.Now().Add(10 * time.Second)
	_, _ = l.SetDeadline(deadline), r.SetDeadline(deadline)
	srv, cl := tls.Server(l, server), tls.Client(r, client)
	done := make(chan error, 1)
	go func() {
		err := srv.Handshake()
		if err == nil {
			_, err = srv.Write([]byte("x"))
		}
		_ = l.Close()
		done <- err
	}()
	clientErr := cl.Handshake()
	if clientErr == nil {
		_, clientErr = cl.Read(make([]byte, 1))
	}
	_ = r.Close()
	err = errors.Join(<-done, clientErr)
	return srv.ConnectionState(), cl.ConnectionState(), err
}

func insecure(name string) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ServerName: name}
}

func TestCertificateByName(t *testing.T) {
	settings := &spec.TLSSettings{Policy: "ELBSecurityPolicy-TLS13-1-2-2021-06", Certificates: []spec.Certificate{
		issue(t, nil, false, named("default.example.com")).spec(t, "default"),
		issue(t, nil, true, named("*.example.com")).spec(t, "wild"),
		issue(t, nil, true, named("api.example.com", "both.example.com")).spec(t, "api"),
		issue(t, nil, false, named("both.example.com")).spec(t, "both-ecdsa"),
		issue(t, nil, true, x509.Certificate{Subject: pkix.Name{CommonName: "old.example.org"}}).spec(t, "cn"),
	}}
	conf, err := tlsconf.Server(settings, nil)
	if err != nil {
		t.Fatal(err)
	}
	rsaOnly := func(c *tls.Config) {
		c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	}
	for _, c := range []struct {
		name  string
		alter func(*tls.Config)
		want  string
		rsa   bool
	}{
		{name: "", want: "default.example.com"},
		{name: "unknown.example.net", want: "default.example.com"},
		{name: "api.example.com", want: "api.example.com", rsa: true},
		{name: "API.example.com", want: "api.example.com", rsa: true},
		{name: "x.example.com", want: "*.example.com", rsa: true},
		{name: "a.b.example.com", want: "default.example.com"},
		{name: "both.example.com", want: "both.example.com"},
		{name: "both.example.com", alter: rsaOnly, want: "api.example.com", rsa: true},
		{name: "old.example.org", want: "old.example.org", rsa: true},
	} {
		client := insecure(c.name)
		if c.alter != nil {
			c.alter(client)
		}
		_, got, err := handshake(t, conf, client)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		leaf := got.PeerCertificates[0]
		name := leaf.Subject.CommonName
		if len(leaf.DNSNames) > 0 {
			name = leaf.DNSNames[0]
		}
		if _, isRSA := leaf.PublicKey.(*rsa.PublicKey); name != c.want || isRSA != c.rsa {
			t.Errorf("%s: got %s (RSA %v), want %s (RSA %v)", c.name, name, isRSA, c.want, c.rsa)
		}
	}
}

func TestPolicies(t *testing.T) {
	cert := issue(t, nil, true, named("a.example.com")).spec(t, "a")
	for _, c := range []struct {
		policy   string
		version  uint16
		suite    uint16 // up to TLS 1.2; 0 is any
		accepted bool
	}{
		{"ELBSecurityPolicy-2016-08", tls.VersionTLS10, 0, true},
		{"", tls.VersionTLS12, 0, true},
		{"ELBSecurityPolicy-2016-08", tls.VersionTLS13, 0, false},
		{"ELBSecurityPolicy-TLS-1-1-2017-01", tls.VersionTLS10, 0, false},
		{"ELBSecurityPolicy-TLS-1-1-2017-01", tls.VersionTLS11, 0, true},
		{"ELBSecurityPolicy-TLS-1-2-2017-01", tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, false},
		{"ELBSecurityPolicy-TLS-1-2-Ext-2018-06", tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, true},
		{"ELBSecurityPolicy-FS-1-2-2019-08", tls.VersionTLS12, tls.TLS_RSA_WITH_AES_128_GCM_SHA256, false},
		{"ELBSecurityPolicy-FS-1-2-Res-2020-10", tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, false},
		{"ELBSecurityPolicy-TLS13-1-2-2021-06", tls.VersionTLS13, 0, true},
		{"ELBSecurityPolicy-TLS13-1-2-2021-06", tls.VersionTLS11, 0, false},
		{"ELBSecurityPolicy-TLS13-1-2-Res-2021-06", tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, false},
		{"ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", tls.VersionTLS12, tls.TLS_RSA_WITH_AES_256_CBC_SHA, true},
		{"ELBSecurityPolicy-TLS13-1-3-2021-06", tls.VersionTLS12, 0, false},
		{"ELBSecurityPolicy-TLS13-1-0-2021-06", tls.VersionTLS10, 0, true},
		{"ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", tls.VersionTLS13, 0, true},
	} {
		conf, err := tlsconf.Server(&spec.TLSSettings{Policy: c.policy, Certificates: []spec.Certificate{cert}}, nil)
		if err != nil {
			t.Fatalf("%s: %v", c.policy, err)
		}
		client := insecure("")
		client.MinVersion, client.MaxVersion = c.version, c.version
		if c.suite != 0 {
			client.CipherSuites = []uint16{c.suite}
		}
		_, _, err = handshake(t, conf, client)
		if (err == nil) != c.accepted {
			t.Errorf("%s with %s %s: %v, want accepted %v", c.policy, tlsconf.VersionName(c.version), tlsconf.CipherName(c.suite), err, c.accepted)
		}
	}
	for _, name := range []string{"ELBSecurityPolicy-TLS13-1-2-Ext0-2021-06", "ELBSecurityPolicy-TLS13-1-3-Res-2021-06", "ELBSecurityPolicy-TLS13-1-2", "mine"} {
		if _, err := tlsconf.Server(&spec.TLSSettings{Policy: name, Certificates: []spec.Certificate{cert}}, nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestALPN(t *testing.T) {
	cert := issue(t, nil, false, named("a.example.com")).spec(t, "a")
	for _, c := range []struct {
		policy string
		offer  []string
		want   string
	}{
		{"None", []string{"h2", "http/1.1"}, ""},
		{"HTTP1Only", []string{"h2", "http/1.1"}, "http/1.1"},
		{"HTTP2Only", []string{"http/1.1", "h2"}, "h2"},
		{"HTTP2Only", []string{"http/1.1"}, ""},
		{"HTTP2Optional", []string{"h2", "http/1.0"}, "http/1.0"},
		{"HTTP2Preferred", []string{"http/1.1", "h2"}, "h2"},
		{"HTTP2Preferred", []string{"other"}, ""},
		{"HTTP2Preferred", nil, ""},
	} {
		conf, err := tlsconf.Server(&spec.TLSSettings{ALPN: c.policy, Certificates: []spec.Certificate{cert}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		client := insecure("")
		client.NextProtos = c.offer
		_, got, err := handshake(t, conf, client)
		if err != nil || got.NegotiatedProtocol != c.want {
			t.Errorf("%s with %v: %q, %v; want %q", c.policy, c.offer, got.NegotiatedProtocol, err, c.want)
		}
	}
}

func TestMutual(t *testing.T) {
	server := issue(t, nil, false, named("a.example.com")).spec(t, "a")
	authority := x509.Certificate{Subject: pkix.Name{CommonName: "CA", Country: []string{"JP"}}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte{1}}
	ca, other := issue(t, nil, false, authority), issue(t, nil, false, authority)
	client := func(by *issued, serial int64, until time.Duration, use x509.ExtKeyUsage) issued {
		return issue(t, by, false, x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "me", Organization: []string{"O, Inc"}},
			NotAfter: time.Now().Add(until), ExtKeyUsage: []x509.ExtKeyUsage{use}})
	}
	crl, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), NextUpdate: time.Now().Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(666), RevocationTime: time.Now()}}}, ca.cert, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	revoked := [][]byte{pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: crl})}
	verify := spec.MutualTLS{Mode: "verify", CAs: ca.chain(), Revocations: revoked}
	lenient := verify
	lenient.IgnoreExpired = true
	good := client(&ca, 0x03a5b1, time.Hour, x509.ExtKeyUsageClientAuth)
	late := client(&ca, 5, -time.Hour, x509.ExtKeyUsageClientAuth)
	for name, c := range map[string]struct {
		mode spec.MutualTLS
		cert *issued
		want string // the code, or ok
	}{
		"good":            {verify, &good, "ok"},
		"none":            {verify, nil, "refused"},
		"other authority": {verify, new(client(&other, 6, time.Hour, x509.ExtKeyUsageClientAuth)), "ClientCertUntrusted"},
		"revoked":         {verify, new(client(&ca, 666, time.Hour, x509.ExtKeyUsageClientAuth)), "ClientCertCrlHit"},
		"expired":         {verify, &late, "ClientCertExpired"},
		"expired ignored": {lenient, &late, "ok"},
		"server's":        {verify, new(client(&ca, 7, time.Hour, x509.ExtKeyUsageServerAuth)), "ClientCertPurposeInvalid"},
		"passed through":  {spec.MutualTLS{Mode: "passthrough"}, &late, "ok"},
		"none needed":     {spec.MutualTLS{Mode: "passthrough"}, nil, "ok"},
	} {
		conf, err := tlsconf.Server(&spec.TLSSettings{Mutual: &c.mode, Certificates: []spec.Certificate{server}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		cl := insecure("")
		if c.cert != nil {
			cl.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return new(c.cert.tls()), nil }
		}
		_, _, err = handshake(t, conf, cl)
		got := "ok"
		if refused, ok := errors.AsType[*tlsconf.ClientError](err); ok {
			got = refused.Code
		} else if err != nil {
			got = "refused"
		}
		if got != c.want {
			t.Errorf("%s: %s (%v), want %s", name, got, err, c.want)
		}
	}
	state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{good.cert}}
	checkHeaders(t, state)
}

func checkHeaders(t *testing.T, state *tls.ConnectionState) {
	t.Helper()
	got := map[string]string{}
	for _, h := range tlsconf.MutualHeaders("verify", state) {
		got[h.Name] = h.Value
	}
	for name, want := range map[string]string{tlsconf.HeaderSerialNumber: "03A5B1", tlsconf.HeaderIssuer: "CN=CA,C=JP", tlsconf.HeaderSubject: `CN=me,O=O\, Inc`} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	if v := got[tlsconf.HeaderValidity]; !strings.HasPrefix(v, "NotBefore=20") || !strings.Contains(v, "Z;NotAfter=20") {
		t.Errorf("validity %q", v)
	}
	through := tlsconf.MutualHeaders("passthrough", state)
	if len(through) != 1 || !strings.HasPrefix(through[0].Value, "-----BEGIN%20CERTIFICATE-----%0A") || through[0].Value != got[tlsconf.HeaderLeaf] {
		t.Errorf("passed through: %v", through)
	}
}

func TestAdvertisedAuthorities(t *testing.T) {
	ca := issue(t, nil, false, x509.Certificate{Subject: pkix.Name{CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true})
	for _, advertise := range []bool{false, true} {
		conf, err := tlsconf.Server(&spec.TLSSettings{Certificates: []spec.Certificate{issue(t, nil, false, named("a")).spec(t, "a")},
			Mutual: &spec.MutualTLS{Mode: "verify", CAs: ca.chain(), AdvertiseCAs: advertise}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var asked [][]byte
		client := insecure("")
		client.GetClientCertificate = func(i *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = i.AcceptableCAs
			return &tls.Certificate{}, nil
		}
		_, _, _ = handshake(t, conf, client)
		if found := slices.ContainsFunc(asked, func(b []byte) bool { return string(b) == string(ca.cert.RawSubject) }); found != advertise {
			t.Errorf("advertise %v: %d names", advertise, len(asked))
		}
	}
}

func TestNames(t *testing.T) {
	for id, want := range map[uint16]string{
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:       "ECDHE-RSA-AES128-GCM-SHA256",
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA:        "ECDHE-ECDSA-AES256-SHA",
		tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256:       "ECDHE-RSA-AES128-SHA256",
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-RSA-CHACHA20-POLY1305",
		tls.TLS_RSA_WITH_AES_256_GCM_SHA384:             "AES256-GCM-SHA384",
		tls.TLS_RSA_WITH_AES_128_CBC_SHA:                "AES128-SHA",
		tls.TLS_AES_128_GCM_SHA256:                      "TLS_AES_128_GCM_SHA256",
		tls.TLS_CHACHA20_POLY1305_SHA256:                "TLS_CHACHA20_POLY1305_SHA256",
	} {
		if got := tlsconf.CipherName(id); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestCacheKeepsTickets(t *testing.T) {
	var cache tlsconf.Cache
	cert := issue(t, nil, false, named("a.example.com"))
	settings := func() *spec.TLSSettings {
		return &spec.TLSSettings{Policy: "ELBSecurityPolicy-FS-1-2-Res-2020-10", Certificates: []spec.Certificate{cert.spec(t, "a")}}
	}
	first, err := cache.Server(settings(), []string{"http/1.1"})
	if err != nil {
		t.Fatal(err)
	}
	client := insecure("a.example.com")
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for n := range 2 {
		conf, err := cache.Server(settings(), []string{"http/1.1"})
		if err != nil || conf != first {
			t.Fatalf("another configuration: %v", err)
		}
		if _, got, err := handshake(t, conf, client); err != nil || got.DidResume != (n == 1) {
			t.Fatalf("handshake %d: resumed %v, %v", n, got.DidResume, err)
		}
	}
	if next, err := cache.Server(settings(), []string{"h2"}); err != nil || next == first {
		t.Fatalf("the same configuration for other protocols: %v", err)
	}
}

func TestClient(t *testing.T) {
	conf, err := tlsconf.Server(&spec.TLSSettings{Certificates: []spec.Certificate{issue(t, nil, true, named("a")).spec(t, "a")}}, []string{"h2"})
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := handshake(t, conf, tlsconf.Client("ELBSecurityPolicy-TLS13-1-2-2021-06", "target.example.com", []string{"h2"}))
	if err != nil || s.NegotiatedProtocol != "h2" || s.ServerName != "target.example.com" {
		t.Fatalf("%+v, %v", s, err)
	}
}
