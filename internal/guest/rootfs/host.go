package rootfs

import (
	"io/fs"
	"os"
	"path/filepath"
)

// hostFiles are what the guest gets a copy of, read while the host's names still
// mean the host's files.
type hostFiles struct {
	files map[string]string // by name in the guest
	links map[string]string
	dirs  []string
	// bundle are the certificate authorities that the host trusts.
	bundle string
}

// gather takes what the host's programs need to run at all: the dynamic linker's
// cache, the links of alternatives, the certificate authorities.
func (b *builder) gather() error {
	if !b.fresh {
		return nil
	}
	b.taken = hostFiles{files: map[string]string{}, links: map[string]string{}}
	for _, from := range []string{"/" + bundle, "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"} {
		if text, ok := readable(from); ok {
			b.taken.bundle = text
			break
		}
	}
	if b.cfg.Root != "" {
		return nil
	}
	for _, name := range []string{"etc/ld.so.cache", "etc/ld.so.conf", "etc/services", "etc/protocols", "etc/mime.types"} {
		if text, ok := readable("/" + name); ok {
			b.taken.files[name] = text
		}
	}
	for _, dir := range []string{"etc/alternatives", "etc/ld.so.conf.d"} {
		if err := b.gatherDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// readable reads a file that everybody on the host may read; a host without it,
// or that keeps it secret, is no failure.
func readable(name string) (string, bool) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o004 == 0 {
		return "", false
	}
	text, err := os.ReadFile(name)
	return string(text), err == nil
}

func (b *builder) gatherDir(dir string) error {
	return filepath.WalkDir("/"+dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // absent or unreadable
		case e.IsDir():
			b.taken.dirs = append(b.taken.dirs, path)
		case e.Type()&fs.ModeSymlink != 0:
			if target, err := os.Readlink(path); err == nil {
				b.taken.links[path] = target
			}
		default:
			if text, ok := readable(path); ok {
				b.taken.files[path] = text
			}
		}
		return nil
	})
}

// useHostFiles writes what was taken.
func (b *builder) useHostFiles() error {
	for _, d := range b.taken.dirs {
		if err := os.MkdirAll(b.path(d), 0o755); err != nil {
			return err
		}
	}
	for at, target := range b.taken.links {
		if err := symlink(target, b.path(at)); err != nil {
			return err
		}
	}
	return b.write(b.taken.files)
}
