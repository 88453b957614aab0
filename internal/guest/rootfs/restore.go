package rootfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/guest/images"
)

// restore begins a fresh disk with the content of another, if that is wanted.
func (b *builder) restore() error {
	if !b.fresh || b.cfg.Snapshot == "" {
		return nil
	}
	err := images.RestoreDisk(context.Background(), b.cfg.Snapshot, b.cfg.Disk)
	if err == nil {
		b.fresh, b.cloned = false, true
		return nil
	}
	// Half of a disk would be taken for a disk at the next attempt.
	entries, listErr := os.ReadDir(b.cfg.Disk)
	err = errors.Join(err, listErr)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(b.cfg.Disk, e.Name())))
	}
	if errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("the disk is too small for the content of its image: %w", err)
	}
	return err
}

// hostKeysUnit makes the keys of an SSH server as distributions do.
const hostKeysUnit = `[Unit]
Description=OpenSSH server host keys of this instance

[Service]
Type=oneshot
ExecStart=-ssh-keygen -A

[Install]
WantedBy=multi-user.target
`

// ownIdentity takes from a cloned disk what only the instance that wrote it may
// have. That an instance is new, cloud-init finds out by itself.
func (b *builder) ownIdentity() error {
	if !b.cloned {
		return nil
	}
	entries, err := os.ReadDir(b.path("etc/ssh"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	had := false
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "ssh_host_") && strings.Contains(e.Name(), "_key") {
			had = true
			if err := os.Remove(b.path("etc/ssh/" + e.Name())); err != nil {
				return err
			}
		}
	}
	if !had {
		return nil
	}
	// First in the order of names: before the server that needs them.
	const unit = "00-sshd-keygen.service"
	if err := b.write(map[string]string{"etc/systemd/system/" + unit: hostKeysUnit}); err != nil {
		return err
	}
	return b.enable("/etc/systemd/system/" + unit)
}

// enable has init start a unit.
func (b *builder) enable(unit string) error {
	const wants = "etc/systemd/system/multi-user.target.wants"
	if err := os.MkdirAll(b.path(wants), 0o755); err != nil {
		return err
	}
	return symlink(unit, b.path(filepath.Join(wants, filepath.Base(unit))))
}
