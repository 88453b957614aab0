package tlsconf

import (
	"crypto/tls"
	"fmt"
	"slices"

	"github.com/musubi-net/musubi/internal/spec"
)

// Server makes the configuration of a listener that ends TLS. alpn are the
// protocols that it offers, the preferred one first; a client that offers none of
// them is served without a protocol agreed (UNCONFIRMED for AWS). With nil, the
// settings' own policy says (ALPN).
func Server(s *spec.TLSSettings, alpn []string) (*tls.Config, error) {
	return new(Cache).Server(s, alpn)
}

// Client makes the configuration towards targets: nothing is validated. The
// listener's policy says which of AWS's two policies for targets it is. An empty
// server name sends none.
func Client(listenerPolicy, serverName string, alpn []string) *tls.Config {
	name := "ELBSecurityPolicy-2016-08"
	if _, ok := modern(listenerPolicy); ok {
		name = "ELBSecurityPolicy-TLS13-1-0-2021-06"
	}
	p, err := policyNamed(name)
	if err != nil {
		p = policy{min: tls.VersionTLS12, max: tls.VersionTLS13}
	}
	return &tls.Config{
		InsecureSkipVerify: true, // AWS does not validate targets' certificates
		ServerName:         serverName, NextProtos: alpn,
		MinVersion: p.min, MaxVersion: p.max, CipherSuites: p.suites, CurvePreferences: p.curves,
	}
}

// ALPN are the protocols of a network listener's ALPN policy.
func ALPN(policy string) []string {
	one := []string{"http/1.1", "http/1.0"}
	switch policy {
	case "HTTP1Only":
		return one
	case "HTTP2Only":
		return []string{"h2"}
	case "HTTP2Optional":
		return append(one, "h2")
	case "HTTP2Preferred":
		return append([]string{"h2"}, one...)
	}
	return nil
}

// server makes a configuration from settings, with certificates from load.
func server(s *spec.TLSSettings, alpn []string, load func(spec.Certificate) (*certificate, error)) (*tls.Config, error) {
	if s == nil || len(s.Certificates) == 0 {
		return nil, fmt.Errorf("a TLS listener needs a certificate")
	}
	p, err := policyNamed(s.Policy)
	if err != nil {
		return nil, err
	}
	var set certificates
	for _, c := range s.Certificates {
		parsed, err := load(c)
		if err != nil {
			return nil, fmt.Errorf("certificate %s: %w", c.ARN, err)
		}
		set.add(parsed)
	}
	if alpn == nil {
		alpn = ALPN(s.ALPN)
	}
	out := &tls.Config{
		MinVersion: p.min, MaxVersion: p.max, CipherSuites: p.suites, CurvePreferences: p.curves,
		GetCertificate: set.choose, NextProtos: alpn,
	}
	if err := mutual(out, s.Mutual); err != nil {
		return nil, err
	}
	if len(alpn) > 0 {
		without := out.Clone()
		without.NextProtos = nil
		out.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			if len(h.SupportedProtos) == 0 || slices.ContainsFunc(alpn, func(p string) bool { return slices.Contains(h.SupportedProtos, p) }) {
				return nil, nil
			}
			return without, nil
		}
	}
	return out, nil
}
