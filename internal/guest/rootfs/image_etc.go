package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// accounts adds the users that an instance has to those of the image.
func (b *builder) accounts() error {
	passwd, group, shadow := b.text("etc/passwd"), b.text("etc/group"), b.text("etc/shadow")
	shell := "/bin/sh"
	if _, err := os.Stat(b.path("bin/bash")); err == nil {
		shell = "/bin/bash"
	}
	taken := map[string]bool{}
	for line := range strings.Lines(passwd + group) {
		if f := strings.Split(line, ":"); len(f) > 2 {
			taken[f[2]] = true
		}
	}
	for _, u := range []struct {
		name, home, gecos string
		id                int
	}{{"root", "/root", "root", 0}, {"ec2-user", "/home/ec2-user", "EC2 Default User", 1000}, {"ssm-user", "/home/ssm-user", "", 1001}} {
		if hasEntry(passwd, u.name) {
			continue
		}
		id := strconv.Itoa(u.id)
		for n := u.id; n > 0 && taken[id]; n++ {
			id = strconv.Itoa(n + 1)
		}
		taken[id] = true
		passwd = line(passwd, fmt.Sprintf("%s:x:%s:%s:%s:%s:%s", u.name, id, id, u.gecos, u.home, shell))
		if !hasEntry(group, u.name) {
			group = line(group, fmt.Sprintf("%s:x:%s:", u.name, id))
		}
		if !hasEntry(shadow, u.name) {
			shadow = line(shadow, u.name+":!!::0:99999:7:::")
		}
		if err := b.home(u.home, id); err != nil {
			return err
		}
	}
	if err := b.put("etc/passwd", passwd, 0o644); err != nil {
		return err
	}
	if err := b.put("etc/group", group, 0o644); err != nil {
		return err
	}
	return b.put("etc/shadow", shadow, 0o600)
}

// home makes a user's directory.
func (b *builder) home(dir, id string) error {
	at := b.path(dir)
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(at, 0o700); err != nil || !b.cfg.ManyIDs {
		return err
	}
	n, err := strconv.Atoi(id)
	if err != nil {
		return err
	}
	return os.Lchown(at, n, n)
}

func hasEntry(text, name string) bool {
	return strings.HasPrefix(text, name+":") || strings.Contains(text, "\n"+name+":")
}

func line(text, add string) string {
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + add + "\n"
}

// text is a file's content; one that cannot be read has none.
func (b *builder) text(name string) string {
	text, err := os.ReadFile(b.path(name))
	if err != nil {
		return ""
	}
	return string(text)
}

// put writes a file in place: its owner, mode and whatever leads to it stay.
func (b *builder) put(name, text string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(b.path(name)), 0o755); err != nil {
		return err
	}
	err := os.WriteFile(b.path(name), []byte(text), mode)
	if errors.Is(err, fs.ErrNotExist) { // a link that leads to nothing
		err = errors.Join(os.Remove(b.path(name)), os.WriteFile(b.path(name), []byte(text), mode))
	}
	return err
}

// bundles are where distributions keep the certificate authorities that programs
// trust, and anchors where their tools find those that were added.
var (
	bundles = []string{
		"etc/ssl/certs/ca-certificates.crt", "etc/pki/tls/certs/ca-bundle.crt", "etc/ssl/cert.pem", "etc/ssl/ca-bundle.pem",
		bundle, "etc/pki/tls/cert.pem", "usr/lib/ssl/cert.pem",
	}
	anchors = []string{"etc/pki/ca-trust/source/anchors", "etc/ca-certificates/trust-source/anchors", "etc/pki/trust/anchors"}
)

// imageTrust adds this cloud's authorities to those that the image trusts,
// wherever it keeps them; an image without any gets the host's too.
func (b *builder) imageTrust() error {
	first := ""
	for _, name := range bundles {
		old := b.text(name)
		if old == "" {
			continue
		}
		if first == "" {
			first = name
		}
		if b.cfg.Trust == "" || strings.Contains(old, b.cfg.Trust) {
			continue // a link to one that has them
		}
		if err := b.put(name, b.withTrust(old), 0o644); err != nil {
			return err
		}
	}
	if first == "" {
		first = bundles[0]
		if err := b.put(first, b.withTrust(b.taken.bundle), 0o644); err != nil {
			return err
		}
	}
	// Where the AWS CLI and SDKs are told to look.
	const told = "etc/pki/tls/certs/ca-bundle.crt"
	if b.text(told) == "" {
		if err := os.MkdirAll(filepath.Dir(b.path(told)), 0o755); err != nil {
			return err
		}
		if err := errors.Join(os.RemoveAll(b.path(told)), os.Symlink("/"+first, b.path(told))); err != nil {
			return err
		}
	}
	if b.cfg.Trust == "" {
		return nil
	}
	// For the day on which the image's own tools write the bundles anew.
	files := map[string]string{"usr/local/share/ca-certificates/musubi.crt": b.cfg.Trust}
	for _, dir := range anchors {
		if info, err := os.Stat(b.path(dir)); err == nil && info.IsDir() {
			files[dir+"/musubi.pem"] = b.cfg.Trust
		}
	}
	return b.write(files)
}
