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
	if err := b.write(map[string]string{bundle: b.withTrust(b.taken.bundle)}); err != nil {
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

// withTrust puts this cloud's authorities behind others.
func (b *builder) withTrust(text string) string {
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + b.cfg.Trust
}
