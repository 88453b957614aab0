package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// system overlays /usr, and /bin, /lib and their like either as the symbolic
// links that they are on the host or, where they are directories, as overlays
// of their own.
func (b *builder) system() error {
	if err := b.overlay("usr"); err != nil {
		return err
	}
	for _, name := range []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32"} {
		info, err := os.Lstat("/" + name)
		switch {
		case err != nil:
			continue
		case info.Mode()&os.ModeSymlink != 0:
			target, err := os.Readlink("/" + name)
			if err != nil {
				return err
			}
			if err := symlink(target, b.path(name)); err != nil {
				return err
			}
		case info.IsDir():
			if err := b.overlay(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// overlay mounts the host's /name with a writable layer of the disk. Where the
// host has something mounted below, the kernel refuses the whole: then each
// directory in it gets an overlay of its own, or is shown read-only.
func (b *builder) overlay(name string) error {
	if err := b.upperDirs(name); err != nil {
		return err
	}
	whole := b.mountOverlay(name)
	if whole == nil || !errors.Is(whole, unix.EINVAL) {
		return whole
	}
	entries, err := os.ReadDir("/" + name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(b.path(name), 0o755); err != nil {
		return err
	}
	for _, e := range entries {
		if err := b.overlayPart(filepath.Join(name, e.Name()), e); err != nil {
			return errors.Join(whole, err)
		}
	}
	return nil
}

func (b *builder) overlayPart(name string, e os.DirEntry) error {
	switch {
	case e.Type()&os.ModeSymlink != 0:
		target, err := os.Readlink("/" + name)
		if err != nil {
			return err
		}
		return symlink(target, b.path(name))
	case e.IsDir():
		if err := b.upperDirs(name); err != nil {
			return err
		}
		if err := b.mountOverlay(name); err == nil {
			return nil
		}
		if err := unix.Mount("/"+name, b.path(name), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return err
		}
		return readOnly(b.path(name), unix.AT_RECURSIVE)
	}
	return nil
}

func (b *builder) mountOverlay(name string) error {
	flat := strings.ReplaceAll(name, "/", "-")
	upper, work := filepath.Join(b.over, flat), filepath.Join(b.over, flat+".work")
	for _, d := range []string{work, b.path(name)} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("lowerdir=/%s,upperdir=%s,workdir=%s", name, upper, work)
	err := unix.Mount("overlay", b.path(name), "overlay", unix.MS_NODEV, options+",userxattr")
	if err != nil {
		return fmt.Errorf("overlay of /%s: %w", name, err)
	}
	return nil
}

// upperDirs makes directories in the writable layer before it is mounted: with
// a single id, the host's directories belong to nobody here, and the kernel
// could not copy them up when a guest first writes into one. Later the layer is
// the guest's, with links that may lead anywhere.
func (b *builder) upperDirs(name string) error {
	upper := filepath.Join(b.over, strings.ReplaceAll(name, "/", "-"))
	if !b.fresh {
		return os.MkdirAll(upper, 0o755)
	}
	if err := os.MkdirAll(upper, 0o755); err != nil {
		return err
	}
	for _, d := range writable {
		below, ok := strings.CutPrefix("usr/"+d.path, name+"/")
		if !ok {
			continue
		}
		info, err := os.Lstat(filepath.Join("/", name, below))
		if (err != nil && !d.ours) || (err == nil && !info.IsDir()) {
			continue
		}
		if err := os.MkdirAll(filepath.Join(upper, below), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// writable are directories of /usr that guests write into; ours are made where
// the host has none.
var writable = []struct {
	path string
	ours bool
}{
	{"bin", false}, {"sbin", true}, {"lib", true}, {"lib/musubi", true}, {"lib/systemd", true},
	{"lib/systemd/system", true}, {"lib64", false}, {"libexec", false}, {"include", false}, {"share", true},
	{"share/doc", false}, {"share/httpd", true}, {"share/nginx", true}, {"share/nginx/html", true}, {"src", false},
	{"local", true}, {"local/bin", true}, {"local/sbin", true}, {"local/lib", false}, {"local/etc", false},
	{"local/share", false}, {"local/src", false},
}

// units hides the host's own unit files: what is installed here is what dnf
// installed.
func (b *builder) units() error {
	dir := b.host(filepath.Join(b.cfg.Disk, "units"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	at := b.path("usr/lib/systemd/system")
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	return unix.Mount(dir, at, "", unix.MS_BIND, "")
}

func bindReadOnly(from, to string) error {
	if err := bind(from, to); err != nil {
		return err
	}
	return readOnly(to, 0)
}

// bind shows a file of the host at a path of the guest.
func bind(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_RDONLY, 0o644)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", filepath.Base(from), err)
	}
	return nil
}

// readOnly adds read-only to a mount and leaves its other flags, some of which
// an unprivileged process may not clear.
func readOnly(path string, flags uint) error {
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(unix.AT_FDCWD, path, flags, &attr); err != nil {
		return fmt.Errorf("make read-only: %w", err)
	}
	return nil
}

func mountTmpfs(path, options string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", path, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		return fmt.Errorf("tmpfs: %w", err)
	}
	return nil
}
