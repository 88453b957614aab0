// Package rootfs builds a guest's root file system and walls it in: either an
// overlay of the host's /usr with a minimal generated /etc, or an overlay of an
// imported image; with private /dev, /proc and /run, and nothing else of the
// host. It runs in the first process of the guest, before that becomes its init.
// It may import guest/initctl, guest/images, guest/terminal and guest/tools.
//
// The disk is a tmpfs that the supervisor holds, so it outlives the guest's
// mount namespace: root is what becomes /, over keeps what the guest wrote
// below the overlaid directories.
//
// What is on the disk is the guest's, links that lead anywhere too. So the
// root becomes / before anything in it is looked up or written: from then on no
// name that is on the disk leads out of it, and the host's files have names below
// host.
package rootfs

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/guest/initctl"
)

// Program is the guest's own copy of the Musubi binary, read-only: its init and
// its tools.
const Program = "/usr/lib/musubi/guest"

// builder carries what the steps share.
type builder struct {
	cfg    initctl.Config
	root   string // becomes /
	over   string // upper and work directories
	fresh  bool   // first boot of this disk
	cloned bool   // first boot of this disk, which has the content of another
	// hostRoot is where the host's tree is from the pivot on.
	hostRoot string
	taken    hostFiles
}

// step is one step of building.
type step struct {
	what string
	do   func() error
}

// Enter builds the root of cfg and makes it this process's /. It returns the
// master of the guest's console.
func Enter(cfg initctl.Config) (*os.File, error) {
	b := &builder{cfg: cfg, root: filepath.Join(cfg.Disk, "root"), over: filepath.Join(cfg.Disk, "over")}
	if _, err := os.Lstat(filepath.Join(cfg.Disk, builtFile)); errors.Is(err, os.ErrNotExist) {
		b.fresh = true
	}
	unix.Umask(0o022)
	var console *os.File
	steps := []step{
		{"make mounts private", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }},
		{"the disk's first content", b.restore},
		{"the host's files", b.gather},
	}
	steps = append(steps, b.roots()...)
	steps = append(steps, []step{
		{"/dev", b.dev},
		{"console", func() (err error) { console, err = b.console(); return err }},
		{"/run", b.run},
		{"leave the host", b.leave},
	}...)
	for _, s := range steps {
		if err := s.do(); err != nil {
			return nil, fmt.Errorf("%s: %w", s.what, err)
		}
	}
	if err := unix.Sethostname([]byte(cfg.Hostname)); err != nil {
		return nil, fmt.Errorf("hostname: %w", err)
	}
	return console, nil
}

// roots are the steps that differ between the built-in root and an image's.
func (b *builder) roots() []step {
	if b.cfg.Root != "" {
		return []step{
			{"the image", b.imageRoot},
			{"pivot", b.pivot},
			{"directories", b.imageDirs},
			{"/proc", b.proc},
			{"program", func() error { return errors.Join(b.runs(), b.program()) }},
			{"/etc", b.imageEtc},
			{"tools", b.imageTools},
		}
	}
	return []step{
		{"root", b.bindRoot},
		{"/usr", b.system},
		{"pivot", b.pivot},
		{"directories", b.skeleton},
		{"/proc", b.proc},
		{"units", b.units},
		{"program", b.program},
		{"/etc", b.etc},
		{"tools", b.tools},
	}
}

// builtFile marks a disk as built; the next boot keeps what is there.
const builtFile = "built"

func (b *builder) path(p string) string { return filepath.Join(b.root, p) }

// host is a name of a file of the host, after the pivot.
func (b *builder) host(p string) string { return filepath.Join(b.hostRoot, p) }

// bindRoot makes the root a mount point, which pivot_root wants.
func (b *builder) bindRoot() error {
	if err := os.MkdirAll(b.root, 0o755); err != nil {
		return err
	}
	return unix.Mount(b.root, b.root, "", unix.MS_BIND, "")
}

// skeleton makes the directories of a fresh disk.
func (b *builder) skeleton() error {
	dirs := []struct {
		path string
		mode os.FileMode
	}{
		{"dev", 0o755}, {"etc", 0o755}, {"home", 0o755}, {"home/ec2-user", 0o700}, {"home/ssm-user", 0o700},
		{"media", 0o755}, {"mnt", 0o755}, {"opt", 0o755}, {"proc", 0o555}, {"root", 0o700}, {"run", 0o755},
		{"srv", 0o755}, {"sys", 0o555}, {"tmp", 0o777 | os.ModeSticky}, {"usr", 0o755}, {"var", 0o755},
		{"var/cache", 0o755}, {"var/lib", 0o755}, {"var/lib/cloud", 0o755}, {"var/lib/musubi", 0o755},
		{"var/log", 0o755}, {"var/spool", 0o755}, {"var/tmp", 0o777 | os.ModeSticky}, {"var/www", 0o755},
		{"var/www/html", 0o755}, {"var/empty", 0o711},
	}
	for _, d := range dirs {
		if err := os.MkdirAll(b.path(d.path), 0o755); err != nil {
			return err
		}
		if err := os.Chmod(b.path(d.path), d.mode); b.fresh && err != nil {
			return err
		}
	}
	for link, target := range map[string]string{"var/run": "/run", "var/lock": "/run/lock"} {
		if err := symlink(target, b.path(link)); err != nil {
			return err
		}
	}
	return nil
}

// program puts the binary where init and the tools find it. It is a copy in
// the supervisor's private file system, so that no path of the host shows.
func (b *builder) program() error {
	return bindReadOnly(b.host(b.cfg.Exe), b.path(Program))
}

func (b *builder) run() error {
	if err := mountTmpfs(b.path("run"), "mode=755,size=64m"); err != nil {
		return err
	}
	for _, d := range []string{"run/musubi", "run/lock", "run/cloud-init"} {
		if err := os.MkdirAll(b.path(d), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// pivot makes the root /. The host's tree stays at hand until leave, below a name
// that nothing on the disk can know: were it mounted over the root itself, which
// would do without a name, ".." would lead from the root into it.
func (b *builder) pivot() error {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails: it ends the program instead
	at := hostPrefix + hex.EncodeToString(random[:])
	left, err := filepath.Glob(filepath.Join(b.root, hostPrefix) + "*") // by a boot that failed
	if err != nil {
		return err
	}
	for _, l := range left {
		_ = os.Remove(l) // a guest may have put something in it
	}
	if err := os.Mkdir(filepath.Join(b.root, at), 0o700); err != nil {
		return err
	}
	if err := unix.PivotRoot(b.root, filepath.Join(b.root, at)); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	b.root, b.hostRoot = "/", "/"+at
	return unix.Chdir("/")
}

// hostPrefix begins the name of the directory in which the host's tree is for a
// while.
const hostPrefix = ".musubi-host-"

// leave lets the host's tree go.
func (b *builder) leave() error {
	if err := os.WriteFile(b.host(filepath.Join(b.cfg.Disk, builtFile)), nil, 0o600); err != nil {
		return err
	}
	if err := unix.Unmount(b.hostRoot, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount the host's tree: %w", err)
	}
	return os.Remove(b.hostRoot)
}

// symlink makes a link if nothing is there yet.
func symlink(target, path string) error {
	if err := os.Symlink(target, path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}
