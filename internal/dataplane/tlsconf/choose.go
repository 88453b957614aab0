package tlsconf

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// certificate is a certificate with its key, parsed.
type certificate struct {
	tls   tls.Certificate
	names []string // lower case
}

func parse(c spec.Certificate) (*certificate, error) {
	t, err := tls.X509KeyPair(c.Chain, c.Key)
	if err != nil {
		return nil, err
	}
	if t.Leaf == nil {
		return nil, errors.New("no leaf")
	}
	out := &certificate{tls: t}
	for _, n := range t.Leaf.DNSNames {
		out.names = append(out.names, strings.ToLower(n))
	}
	if len(out.names) == 0 && t.Leaf.Subject.CommonName != "" {
		out.names = []string{strings.ToLower(t.Leaf.Subject.CommonName)}
	}
	return out, nil
}

// certificates are a listener's; the first is the default.
type certificates struct {
	first  *certificate
	byName map[string][]*certificate // exact names and wildcards, best first
}

func (s *certificates) add(c *certificate) {
	if s.first == nil {
		s.first, s.byName = c, map[string][]*certificate{}
	}
	for _, n := range c.names {
		s.byName[n] = append(s.byName[n], c)
		slices.SortStableFunc(s.byName[n], better)
	}
}

// choose takes the best certificate of the name that the client asks for which
// the client supports: an exact name before a wildcard. Without one it takes the
// default.
func (s *certificates) choose(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.TrimSuffix(strings.ToLower(h.ServerName), ".")
	wildcard := ""
	if i := strings.IndexByte(name, '.'); i > 0 {
		wildcard = "*" + name[i:]
	}
	// The name was looked at already, as AWS does it, which takes common names.
	nameless := *h
	nameless.ServerName = ""
	for _, n := range []string{name, wildcard} {
		for _, c := range s.byName[n] {
			if nameless.SupportsCertificate(&c.tls) == nil {
				return &c.tls, nil
			}
		}
	}
	return &s.first.tls, nil
}

// better orders as AWS does: ECDSA before RSA, valid before expired, longer keys,
// longer validity.
func better(a, b *certificate) int {
	x, y := a.tls.Leaf, b.tls.Leaf
	if c := flag(isECDSA(y)) - flag(isECDSA(x)); c != 0 {
		return c
	}
	now := time.Now()
	if c := flag(now.Before(y.NotAfter)) - flag(now.Before(x.NotAfter)); c != 0 {
		return c
	}
	if c := keyBits(y) - keyBits(x); c != 0 {
		return c
	}
	return y.NotAfter.Compare(x.NotAfter)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

func isECDSA(c *x509.Certificate) bool { _, ok := c.PublicKey.(*ecdsa.PublicKey); return ok }

func keyBits(c *x509.Certificate) int {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen()
	case *ecdsa.PublicKey:
		return k.Params().BitSize
	}
	return 0
}
