package ca

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
)

// Secret derives a key of size bytes for another use, named by purpose: the same
// for as long as the authority is (HKDF, RFC 5869, over the root's private key).
func (a *Authority) Secret(purpose string, size int) ([]byte, error) {
	root, err := x509.MarshalPKCS8PrivateKey(a.root.key)
	if err != nil {
		return nil, fmt.Errorf("secret for %s: %w", purpose, err)
	}
	out, err := hkdf.Key(sha256.New, root, nil, "musubi "+purpose, size)
	if err != nil {
		return nil, fmt.Errorf("secret for %s: %w", purpose, err)
	}
	return out, nil
}
