package rootfs

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/musubi-net/musubi/internal/guest/tools"
)

// tools links the stand-ins into the writable layer of a fresh disk. They
// shadow the host's programs of the same name, but for those that are only
// there where the host has none.
func (b *builder) tools() error {
	if !b.fresh {
		return nil
	}
	for _, t := range tools.Preinstalled() {
		if t.OnlyIfMissing && has(t.Name) {
			continue
		}
		dir := b.path("usr/bin")
		if t.Sbin {
			dir = b.path("usr/sbin")
		}
		path := filepath.Join(dir, t.Name)
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return err
		}
		if err := os.Symlink(Program, path); err != nil {
			return err
		}
	}
	for link, target := range tools.PreinstalledLinks() {
		if err := os.MkdirAll(filepath.Dir(b.path(link)), 0o755); err != nil {
			return err
		}
		if err := symlink(target, b.path(link)); err != nil {
			return err
		}
	}
	return b.write(tools.PreinstalledFiles())
}

// has tells whether the root shows a program that starts.
func has(name string) bool {
	for _, dir := range strings.Fields("/usr/local/bin /usr/bin /usr/sbin /bin /sbin") {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o001 != 0 {
			return true
		}
	}
	return false
}
