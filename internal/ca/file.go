package ca

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Open returns the authority of a state directory, and makes it if there is none
// yet.
func Open(dir string, now time.Time) (*Authority, error) {
	a, err := load(dir)
	if err == nil {
		return a, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	if a, err = newAuthority(now); err != nil {
		return nil, err
	}
	if err := a.save(dir); err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	return a, nil
}

// load reads the files. The root certificate is written last: without it there
// is no authority.
func load(dir string) (*Authority, error) {
	roots, err := os.ReadFile(filepath.Join(dir, RootFile))
	if err != nil {
		return nil, err
	}
	secrets, err := os.ReadFile(filepath.Join(dir, KeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is there and %s is not; remove both to begin anew", RootFile, KeyFile)
	}
	if err != nil {
		return nil, err
	}
	a := &Authority{}
	if a.root.cert, _, err = certificate(roots); err != nil {
		return nil, fmt.Errorf("%s: %w", RootFile, err)
	}
	rest := secrets
	if a.root.key, rest, err = privateKey(rest); err != nil {
		return nil, fmt.Errorf("%s: %w", KeyFile, err)
	}
	if a.intermediate.cert, rest, err = certificate(rest); err != nil {
		return nil, fmt.Errorf("%s: %w", KeyFile, err)
	}
	if a.intermediate.key, _, err = privateKey(rest); err != nil {
		return nil, fmt.Errorf("%s: %w", KeyFile, err)
	}
	if err := a.intermediate.cert.CheckSignatureFrom(a.root.cert); err != nil {
		return nil, fmt.Errorf("%s is not of %s: %w", KeyFile, RootFile, err)
	}
	return a, nil
}

func block(data []byte, kind string) ([]byte, []byte, error) {
	b, rest := pem.Decode(data)
	if b == nil || b.Type != kind {
		return nil, nil, fmt.Errorf("no %s where there should be one", kind)
	}
	return b.Bytes, rest, nil
}

func certificate(data []byte) (*x509.Certificate, []byte, error) {
	der, rest, err := block(data, "CERTIFICATE")
	if err != nil {
		return nil, nil, err
	}
	c, err := x509.ParseCertificate(der)
	return c, rest, err
}

func privateKey(data []byte) (crypto.Signer, []byte, error) {
	der, rest, err := block(data, "PRIVATE KEY")
	if err != nil {
		return nil, nil, err
	}
	k, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, nil, err
	}
	s, ok := k.(crypto.Signer)
	if !ok {
		return nil, nil, fmt.Errorf("a %T can not sign", k)
	}
	return s, rest, nil
}

func (a *Authority) save(dir string) error {
	var secrets bytes.Buffer
	for _, s := range []signer{a.root, a.intermediate} {
		if s.cert != a.root.cert {
			secrets.WriteString(encode("CERTIFICATE", s.cert.Raw))
		}
		der, err := x509.MarshalPKCS8PrivateKey(s.key)
		if err != nil {
			return err
		}
		secrets.WriteString(encode("PRIVATE KEY", der))
	}
	if err := write(filepath.Join(dir, KeyFile), secrets.Bytes(), 0o600); err != nil {
		return err
	}
	return write(filepath.Join(dir, RootFile), []byte(a.Root()), 0o644)
}

// write replaces a file in one step and brings it to the disk.
func write(path string, data []byte, mode os.FileMode) (err error) {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
