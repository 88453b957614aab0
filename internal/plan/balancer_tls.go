package plan

import (
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/acm"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/spec"
)

// tlsSettings are those of a listener that ends TLS, else nil.
func tlsSettings(r cloud.Reader, l elb.Listener) *spec.TLSSettings {
	if l.Protocol != "TLS" && l.Protocol != "HTTPS" {
		return nil
	}
	out := &spec.TLSSettings{Policy: l.SSLPolicy, Mutual: mutualTLS(r, l.Mutual)}
	if l.Protocol == "TLS" {
		out.ALPN = textOr(l.ALPN, "None")
	}
	seen := map[string]bool{"": true}
	for _, arn := range append([]string{l.CertificateARN}, l.Certificates...) {
		if seen[arn] {
			continue
		}
		seen[arn] = true
		if c, ok := certificate(r, arn); ok {
			out.Certificates = append(out.Certificates, c)
		}
	}
	return out
}

// certificate looks a certificate up where its ARN says: ACM or IAM.
func certificate(r cloud.Reader, arn string) (spec.Certificate, bool) {
	if c, ok := acm.Certificates.Get(r, arn); ok && c.Body != "" {
		return spec.Certificate{ARN: arn, Chain: chain(c.Body, c.Chain), Key: []byte(c.PrivateKey)}, true
	}
	if c, ok := iam.ServerCertificates.First(r, iam.ByARN, arn); ok {
		return spec.Certificate{ARN: arn, Chain: chain(c.Body, c.Chain), Key: []byte(c.PrivateKey)}, true
	}
	return spec.Certificate{}, false
}

// chain puts PEM blocks behind each other, each on lines of its own.
func chain(parts ...string) []byte {
	var b strings.Builder
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			b.WriteString(p + "\n")
		}
	}
	return []byte(b.String())
}

func mutualTLS(r cloud.Reader, m *elb.MutualTLS) *spec.MutualTLS {
	if m == nil || m.Mode == "" || m.Mode == "off" {
		return nil
	}
	out := &spec.MutualTLS{Mode: m.Mode, IgnoreExpired: m.IgnoreExpired, AdvertiseCAs: m.AdvertiseCAs == "on"}
	if t, ok := elb.TrustStores.Get(r, m.TrustStoreARN); ok && m.Mode == "verify" {
		out.CAs = []byte(t.Bundle)
		for _, x := range t.Revocations {
			out.Revocations = append(out.Revocations, []byte(x.Content))
		}
	}
	return out
}
