package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// bundle is where the guest keeps the certificate authorities that it trusts.
const bundle = "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"

// trust gives the guest the host's certificate authorities and those of this
// cloud, in one file under the names that programs look for.
func (b *builder) trust() error {
	for _, from := range []string{
		"/" + bundle, "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
	} {
		if err := b.copyFile(from, bundle); err != nil {
			return err
		}
		if _, err := os.Stat(b.path(bundle)); err == nil {
			break
		}
	}
	if err := b.addTrust(); err != nil {
		return err
	}
	links := []string{
		"etc/pki/tls/certs/ca-bundle.crt", "etc/pki/tls/cert.pem", "etc/ssl/certs/ca-certificates.crt",
		"etc/ssl/cert.pem", "etc/ssl/ca-bundle.pem",
	}
	// Where OpenSSL of some hosts, and so Python, looks: in its own directory.
	const own = "usr/lib/ssl"
	if _, err := os.Stat(b.path(own)); err == nil {
		if _, err := os.Lstat(b.path(own + "/cert.pem")); errors.Is(err, fs.ErrNotExist) {
			links = append(links, own+"/cert.pem")
		}
	}
	for _, link := range links {
		if err := os.MkdirAll(filepath.Dir(b.path(link)), 0o755); err != nil {
			return err
		}
		if err := symlink("/"+bundle, b.path(link)); err != nil {
			return err
		}
	}
	return nil
}

// addTrust puts this cloud's authorities behind the host's.
func (b *builder) addTrust() error {
	if b.cfg.Trust == "" {
		return nil
	}
	text, err := os.ReadFile(b.path(bundle))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(text) > 0 && !strings.HasSuffix(string(text), "\n") {
		text = append(text, '\n')
	}
	if err := os.MkdirAll(filepath.Dir(b.path(bundle)), 0o755); err != nil {
		return err
	}
	return os.WriteFile(b.path(bundle), append(text, b.cfg.Trust...), 0o644)
}
