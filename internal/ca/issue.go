package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"time"
)

// Life is how long a certificate is valid: ACM's 13 months.
const Life = 395 * 24 * time.Hour

// Request is what a certificate is to say.
type Request struct {
	// Names are DNS names, wildcards included; the first is the subject.
	Names []string
	// KeyAlgorithm is as ACM spells it; empty is RSA_2048.
	KeyAlgorithm string
	Now          time.Time
}

// Issued is a certificate with its key, all PEM. Chain is the intermediate and
// the root.
type Issued struct{ Certificate, Chain, Key string }

// Issue makes a key and a certificate for it, good for servers and clients.
func (a *Authority) Issue(r Request) (Issued, error) {
	if len(r.Names) == 0 {
		return Issued{}, errors.New("a certificate needs a name")
	}
	key, usage, err := newKey(r.KeyAlgorithm)
	if err != nil {
		return Issued{}, err
	}
	serial, err := newSerial()
	if err != nil {
		return Issued{}, err
	}
	begin := r.Now.UTC().Truncate(24 * time.Hour)
	template := &x509.Certificate{
		SerialNumber: serial, DNSNames: r.Names, NotBefore: begin, NotAfter: begin.Add(Life - time.Second),
		KeyUsage: usage, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	// A common name has 64 characters at most; a longer name is in the
	// alternative names only.
	if len(r.Names[0]) <= 64 {
		template.Subject = pkix.Name{CommonName: r.Names[0]}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.intermediate.cert, key.Public(), a.intermediate.key)
	if err != nil {
		return Issued{}, fmt.Errorf("issue: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Issued{}, fmt.Errorf("issue: %w", err)
	}
	return Issued{
		Certificate: encode("CERTIFICATE", der),
		Chain:       encode("CERTIFICATE", a.intermediate.cert.Raw) + a.Root(),
		Key:         encode("PRIVATE KEY", secret),
	}, nil
}

// newKey makes a key, and says what a certificate of it may be used for.
func newKey(algorithm string) (crypto.Signer, x509.KeyUsage, error) {
	var key crypto.Signer
	var err error
	usage := x509.KeyUsageDigitalSignature
	switch algorithm {
	case "", "RSA_2048":
		usage |= x509.KeyUsageKeyEncipherment
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "EC_prime256v1":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EC_secp384r1":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	default:
		err = fmt.Errorf("no keys of %s are made", algorithm)
	}
	return key, usage, err
}
