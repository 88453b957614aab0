package app

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/musubi-net/musubi/internal/ca"
)

// RootCertificate is the certificate that this Musubi's certificates lead to.
type RootCertificate struct {
	PEM         string    `json:"certificate"`
	Path        string    `json:"path"`
	Subject     string    `json:"subject"`
	Fingerprint string    `json:"sha256"`
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
}

// GetRootCertificate reads the root certificate of a state directory, whether
// Musubi runs there or not.
func GetRootCertificate(dir string) (RootCertificate, error) {
	path := filepath.Join(dir, ca.RootFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return RootCertificate{}, fmt.Errorf("there is no certificate authority in %s yet; it is made by: musubi up --detach", dir)
	}
	if err != nil {
		return RootCertificate{}, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return RootCertificate{}, fmt.Errorf("%s holds no certificate", path)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return RootCertificate{}, fmt.Errorf("%s: %w", path, err)
	}
	sum := sha256.Sum256(c.Raw)
	return RootCertificate{PEM: string(data), Path: path, Subject: c.Subject.String(), Fingerprint: hex.EncodeToString(sum[:]),
		NotBefore: c.NotBefore, NotAfter: c.NotAfter}, nil
}
