// Package certpem reads certificates and keys that users hand over as PEM, and
// says of them what ACM and IAM do.
//
// It may import nothing of the project.
package certpem

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// What can be wrong with a text.
var (
	ErrFormat    = errors.New("not in PEM format")
	ErrEncrypted = errors.New("the private key is encrypted")
)

// Certificates parses a text of one or more certificates and nothing else.
func Certificates(text string) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	rest := bytes.TrimSpace([]byte(text))
	for len(rest) > 0 {
		if !bytes.HasPrefix(rest, []byte("-----BEGIN CERTIFICATE-----")) {
			return nil, ErrFormat
		}
		block, after := pem.Decode(rest)
		if block == nil {
			return nil, ErrFormat
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		all, rest = append(all, c), bytes.TrimSpace(after)
	}
	if all == nil {
		return nil, ErrFormat
	}
	return all, nil
}

// Key parses a private key: PKCS #8, PKCS #1 or SEC 1.
func Key(text string) (crypto.Signer, error) {
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, ErrFormat
		}
		if strings.Contains(block.Type, "ENCRYPTED") || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return nil, ErrEncrypted
		}
		switch block.Type {
		case "EC PARAMETERS":
			continue // openssl writes them before the key
		case "RSA PRIVATE KEY":
			return signer(x509.ParsePKCS1PrivateKey(block.Bytes))
		case "EC PRIVATE KEY":
			return signer(x509.ParseECPrivateKey(block.Bytes))
		case "PRIVATE KEY":
			return signer(x509.ParsePKCS8PrivateKey(block.Bytes))
		}
		return nil, ErrFormat
	}
}

func signer[T any](key T, err error) (crypto.Signer, error) {
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	s, ok := any(key).(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%w: a %T can not sign", ErrFormat, key)
	}
	return s, nil
}

// Pair reports whether a certificate is that key's.
func Pair(c *x509.Certificate, key crypto.Signer) bool {
	public, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(key.Public())
}

// SelfSigned reports whether a certificate is signed with its own key.
func SelfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// BrokenLink returns the index in the chain of the first certificate that did
// not sign the one before it, or -1.
func BrokenLink(leaf *x509.Certificate, chain []*x509.Certificate) int {
	for i, c := range chain {
		if !bytes.Equal(leaf.RawIssuer, c.RawSubject) || leaf.CheckSignatureFrom(c) != nil {
			return i
		}
		leaf = c
	}
	return -1
}

// KeyAlgorithm is a public key's algorithm as ACM spells it: RSA_2048,
// EC_prime256v1. It is empty for one that AWS does not take.
func KeyAlgorithm(public any) string {
	switch k := public.(type) {
	case *rsa.PublicKey:
		switch n := k.N.BitLen(); n {
		case 1024, 2048, 3072, 4096:
			return fmt.Sprintf("RSA_%d", n)
		}
	case *ecdsa.PublicKey:
		switch k.Curve.Params().Name {
		case "P-256":
			return "EC_prime256v1"
		case "P-384":
			return "EC_secp384r1"
		case "P-521":
			return "EC_secp521r1"
		}
	}
	return ""
}

// SignatureAlgorithm is how a certificate is signed, as ACM spells it:
// SHA256WITHRSA.
func SignatureAlgorithm(c *x509.Certificate) string {
	hash, scheme := "", ""
	for _, part := range strings.Split(c.SignatureAlgorithm.String(), "-") {
		if strings.HasPrefix(part, "SHA") {
			hash = part
		} else {
			scheme += strings.TrimSuffix(part, "PSS")
		}
	}
	if hash == "" {
		return strings.ToUpper(c.SignatureAlgorithm.String())
	}
	return hash + "WITH" + scheme
}

// Serial is a serial number as ACM shows it: pairs of digits with colons.
func Serial(c *x509.Certificate) string {
	raw := c.SerialNumber.Bytes()
	if len(raw) == 0 {
		raw = []byte{0}
	}
	pairs := make([]string, len(raw))
	for i, b := range raw {
		pairs[i] = fmt.Sprintf("%02x", b)
	}
	return strings.Join(pairs, ":")
}

// Issuer is the name of who issued a certificate: the organization, or else the
// common name.
func Issuer(c *x509.Certificate) string {
	if len(c.Issuer.Organization) > 0 {
		return c.Issuer.Organization[0]
	}
	return c.Issuer.CommonName
}
