package acm

import (
	"crypto"
	"crypto/x509"
	"errors"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/certpem"
)

// ImportCertificate takes a certificate that was issued elsewhere, or puts a
// newer one in the place of one that was imported before.
type ImportCertificate struct {
	ARN              string // of the one to replace; empty for a new one
	Body, Chain, Key string
	Tags             cloud.Tags
}

// Apply checks the certificate and keeps it.
func (c ImportCertificate) Apply(tx *cloud.Tx) (Certificate, error) {
	x := Certificate{Scope: tx.Caller.Scope, Type: Imported, Logging: "DISABLED"}
	if c.ARN != "" {
		if len(c.Tags) > 0 {
			return Certificate{}, invalid("Tagging is not permitted on re-import.")
		}
		var err error
		if x, err = Find(tx, tx.Caller.Scope, c.ARN); err != nil {
			return Certificate{}, err
		}
		if x.Type != Imported {
			return Certificate{}, invalid("The certificate %s was not imported and can not be re-imported.", c.ARN)
		}
	}
	leaf, err := c.check(tx)
	if err != nil {
		return Certificate{}, err
	}
	if was := x.KeyAlgorithm; was != "" && was != certpem.KeyAlgorithm(leaf.PublicKey) {
		return Certificate{}, invalid("The key algorithm and size of a re-imported certificate must be those of the original: %s.", was)
	}
	if c.ARN == "" {
		if x.Tags, err = setTags(nil, c.Tags); err != nil {
			return Certificate{}, err
		}
		if err := room(tx); err != nil {
			return Certificate{}, err
		}
		x.ARN, x.CreatedAt = newARN(tx), tx.Now
	}
	x.Status, x.ImportedAt = Issued, tx.Now
	x.fill(leaf, c.Body, c.Chain, c.Key)
	x.DomainName, x.AlternativeNames = namesOf(leaf)
	Certificates.Put(tx, x)
	return x, nil
}

// check goes through the texts in AWS's order.
func (c ImportCertificate) check(tx *cloud.Tx) (*x509.Certificate, error) {
	if len(c.Key) > 5120 {
		return nil, invalid("The private key must be no larger than 5 KB (5,120 bytes).")
	}
	all, err := certpem.Certificates(c.Body)
	if err != nil {
		return nil, invalid("The certificate is not PEM-encoded or is not valid.")
	}
	if len(all) > 1 {
		return nil, invalid("The certificate field contains more than one certificate. You can specify only one certificate in this field.")
	}
	leaf := all[0]
	key, err := certpem.Key(c.Key)
	switch {
	case errors.Is(err, certpem.ErrEncrypted):
		return nil, invalid("Your private key should not be encrypted.")
	case err != nil:
		return nil, invalid("The private key is not PEM-encoded or is not valid.")
	}
	if err := checkKeys(leaf, key); err != nil {
		return nil, err
	}
	switch {
	case leaf.Version != 3:
		return nil, invalid("The certificate is not an X.509 version 3 certificate.")
	case tx.Now.After(leaf.NotAfter):
		return nil, invalid("The certificate has expired, is not valid.")
	case tx.Now.Before(leaf.NotBefore):
		return nil, invalid("The certificate is not in effect yet, is not valid.")
	}
	return leaf, c.checkChain(leaf)
}

func checkKeys(leaf *x509.Certificate, key crypto.Signer) error {
	switch {
	case certpem.KeyAlgorithm(key.Public()) == "":
		return invalid("The private key is not supported.")
	case !certpem.Pair(leaf, key):
		return invalid("The private key does not match the certificate.")
	}
	return nil
}

func (c ImportCertificate) checkChain(leaf *x509.Certificate) error {
	if strings.TrimSpace(c.Chain) == "" {
		if !certpem.SelfSigned(leaf) {
			return invalid("Provided certificate is not a valid self signed. Please provide either a valid self-signed certificate or certificate chain.")
		}
		return nil
	}
	chain, err := certpem.Certificates(c.Chain)
	if err != nil {
		return invalid("The certificate chain is not PEM-encoded or is not valid.")
	}
	if certpem.BrokenLink(leaf, chain) >= 0 {
		return invalid("Could not validate the certificate with the certificate chain.")
	}
	return nil
}

// namesOf are the names that a certificate is for, the common name first.
func namesOf(leaf *x509.Certificate) (domain string, all []string) {
	if leaf.Subject.CommonName != "" {
		all = append(all, strings.ToLower(leaf.Subject.CommonName))
	}
	for _, n := range leaf.DNSNames {
		if n = strings.ToLower(n); !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	for _, a := range leaf.IPAddresses {
		if n := a.String(); !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	if len(all) == 0 {
		return "", nil
	}
	return all[0], all
}

// fill takes over what a certificate says of itself.
func (c *Certificate) fill(leaf *x509.Certificate, body, chain, key string) {
	c.Body, c.Chain, c.PrivateKey = body, chain, key
	c.KeyAlgorithm, c.SignatureAlgorithm = certpem.KeyAlgorithm(leaf.PublicKey), certpem.SignatureAlgorithm(leaf)
	c.Issuer, c.Subject, c.Serial = certpem.Issuer(leaf), leaf.Subject.String(), certpem.Serial(leaf)
	c.NotBefore, c.NotAfter = leaf.NotBefore, leaf.NotAfter
	c.KeyUsages, c.ExtendedKeyUsages = certpem.KeyUsages(leaf), certpem.ExtendedKeyUsages(leaf)
}
