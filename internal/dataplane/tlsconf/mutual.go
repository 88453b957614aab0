package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// maxDepth is how long a client's chain may be, without the trust store's own.
const maxDepth = 4

// ClientError is why a client's certificate was refused; Code is AWS's name for
// it in connection logs: ClientCertUntrusted, ClientCertExpired, ….
type ClientError struct {
	Code string
	Err  error
}

// Error says what AWS's log would.
func (e *ClientError) Error() string { return e.Code + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ClientError) Unwrap() error { return e.Err }

// mutual adds what is asked of clients to a configuration.
func mutual(c *tls.Config, m *spec.MutualTLS) error {
	if m == nil {
		return nil
	}
	switch m.Mode {
	case "", "off":
		return nil
	case "passthrough":
		c.ClientAuth = tls.RequestClientCert
		return nil
	case "verify":
	default:
		return fmt.Errorf("mutual authentication mode %q", m.Mode)
	}
	v, err := newVerifier(m)
	if err != nil {
		return err
	}
	// Verification is ours, on every connection, resumed ones too. Go asks for
	// certificates of the authorities that it has in ClientCAs.
	c.ClientAuth = tls.RequireAnyClientCert
	c.VerifyConnection = v.verify
	if m.AdvertiseCAs {
		c.ClientCAs = v.roots
	}
	return nil
}

// verifier is a trust store with its revocation lists.
type verifier struct {
	roots         *x509.CertPool
	ignoreExpired bool
	revoked       map[string]bool // issuer's raw name and serial number
}

func newVerifier(m *spec.MutualTLS) (*verifier, error) {
	v := &verifier{roots: x509.NewCertPool(), ignoreExpired: m.IgnoreExpired, revoked: map[string]bool{}}
	var authorities []*x509.Certificate
	for rest := m.CAs; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		if b.Type != "CERTIFICATE" {
			continue
		}
		a, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, fmt.Errorf("trust store: %w", err)
		}
		authorities = append(authorities, a)
		v.roots.AddCert(a)
	}
	if len(authorities) == 0 {
		return nil, errors.New("trust store without certificates")
	}
	for _, r := range m.Revocations {
		if err := v.revoke(r, authorities); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// revoke adds a revocation list that one of the authorities signed.
func (v *verifier) revoke(raw []byte, authorities []*x509.Certificate) error {
	if b, _ := pem.Decode(raw); b != nil {
		raw = b.Bytes
	}
	list, err := x509.ParseRevocationList(raw)
	if err != nil {
		return fmt.Errorf("revocation list: %w", err)
	}
	for _, a := range authorities {
		if string(a.RawSubject) != string(list.RawIssuer) || a.CheckSignature(list.SignatureAlgorithm, list.RawTBSRevocationList, list.Signature) != nil {
			continue
		}
		for _, e := range list.RevokedCertificateEntries {
			v.revoked[string(list.RawIssuer)+e.SerialNumber.String()] = true
		}
	}
	return nil
}

// verify judges a client's certificates.
func (v *verifier) verify(s tls.ConnectionState) error {
	certs := s.PeerCertificates
	if len(certs) == 0 {
		return &ClientError{"ClientCertRejected", errors.New("no certificate")}
	}
	if len(certs) > maxDepth {
		return &ClientError{"ClientCertMaxChainDepthExceeded", fmt.Errorf("%d certificates", len(certs))}
	}
	leaf, now := certs[0], time.Now()
	if v.ignoreExpired && now.After(leaf.NotAfter) {
		now = leaf.NotAfter
	}
	between := x509.NewCertPool()
	for _, c := range certs[1:] {
		between.AddCert(c)
	}
	chains, err := leaf.Verify(x509.VerifyOptions{Roots: v.roots, Intermediates: between, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		return &ClientError{code(err, leaf, now), err}
	}
	for _, chain := range chains {
		if !v.hasRevoked(chain) {
			return nil
		}
	}
	return &ClientError{"ClientCertCrlHit", errors.New("revoked")}
}

func (v *verifier) hasRevoked(chain []*x509.Certificate) bool {
	for _, c := range chain {
		if v.revoked[string(c.RawIssuer)+c.SerialNumber.String()] {
			return true
		}
	}
	return false
}

// code is AWS's name for what x509 found.
func code(err error, leaf *x509.Certificate, now time.Time) string {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return "ClientCertUntrusted"
	case !errors.As(err, &invalid):
	case invalid.Reason == x509.Expired && now.Before(leaf.NotBefore):
		return "ClientCertNotYetValid"
	case invalid.Reason == x509.Expired:
		return "ClientCertExpired"
	case invalid.Reason == x509.IncompatibleUsage:
		return "ClientCertPurposeInvalid"
	}
	return "ClientCertInvalid"
}
