// Package ca is the certificate authority of one Musubi: a root that is made
// once and kept in the state directory, an intermediate below it, and the
// certificates that stand for those of Amazon's authority.
//
// It may import nothing of the project.
package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// Names of the files in the state directory: the root certificate, which anybody
// may have, and the keys with the intermediate certificate, which nobody may.
const (
	RootFile = "ca.pem"
	KeyFile  = "ca.key"
)

// The life of the authority's own certificates.
const (
	rootYears         = 25
	intermediateYears = 15
)

// signer is a certificate that signs others.
type signer struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// Authority issues certificates.
type Authority struct{ root, intermediate signer }

// Root is the root certificate as PEM.
func (a *Authority) Root() string { return encode("CERTIFICATE", a.root.cert.Raw) }

// newAuthority makes the root and the intermediate.
func newAuthority(now time.Time) (*Authority, error) {
	root, err := newSigner("Musubi Root CA 1", now, rootYears, 1, nil)
	if err != nil {
		return nil, fmt.Errorf("root certificate: %w", err)
	}
	intermediate, err := newSigner("Musubi ECDSA 256 M01", now, intermediateYears, 0, &root)
	if err != nil {
		return nil, fmt.Errorf("intermediate certificate: %w", err)
	}
	return &Authority{root: root, intermediate: intermediate}, nil
}

// newSigner makes an authority's certificate; without a parent it signs itself.
func newSigner(name string, now time.Time, years, pathLen int, parent *signer) (signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return signer{}, err
	}
	serial, err := newSerial()
	if err != nil {
		return signer{}, err
	}
	begin := now.UTC().Truncate(24 * time.Hour)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{Organization: []string{"Musubi"}, CommonName: name},
		NotBefore: begin, NotAfter: begin.AddDate(years, 0, 0), IsCA: true, BasicConstraintsValid: true,
		MaxPathLen: pathLen, MaxPathLenZero: pathLen == 0,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	issuer := signer{cert: template, key: key}
	if parent != nil {
		issuer = *parent
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.cert, key.Public(), issuer.key)
	if err != nil {
		return signer{}, err
	}
	cert, err := x509.ParseCertificate(der)
	return signer{cert: cert, key: key}, err
}

// newSerial makes a random positive number of 16 bytes.
func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return nil, err
	}
	return n.SetBit(n, 126, 1), nil // always of the same length
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
