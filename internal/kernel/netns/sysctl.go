package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Setting is a kernel setting of a namespace, by its path below /proc/sys.
type Setting struct {
	Path, Value string
	// Optional settings may be missing, or not ours to change.
	Optional bool
}

// Set writes settings of the namespace. It carries on past a failure.
func (n *NS) Set(settings ...Setting) error {
	return n.Do(func() error {
		root, done := settingsRoot()
		defer done()
		var errs []error
		for _, s := range settings {
			err := writeSetting(root, s)
			if err != nil && !s.Optional {
				errs = append(errs, fmt.Errorf("set %s to %s: %w", s.Path, s.Value, err))
			}
		}
		return errors.Join(errs...)
	})
}

// Get reads a setting of the namespace.
func (n *NS) Get(path string) (value string, err error) {
	err = n.Do(func() error {
		root, done := settingsRoot()
		defer done()
		fd, err := unix.Openat(root, path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("setting %s: %w", path, err)
		}
		defer func() { _ = unix.Close(fd) }()
		var b [256]byte
		k, err := unix.Read(fd, b[:])
		for k > 0 && b[k-1] == '\n' {
			k--
		}
		value = string(b[:max(k, 0)])
		return err
	})
	return value, err
}

// settingsRoot opens /proc/sys for the calling thread's namespace. A procfs
// instance of its own is preferred: in a shared one the entries of all
// namespaces are on one hash chain, and each look-up walks it.
func settingsRoot() (fd int, done func()) {
	if fd, err := privateProc(); err == nil {
		return fd, func() { _ = unix.Close(fd) }
	}
	dir, err := os.OpenFile("/proc/sys", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return -1, func() {}
	}
	return int(dir.Fd()), func() { _ = dir.Close() }
}

func privateProc() (int, error) {
	fsfd, err := unix.Fsopen("proc", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer func() { _ = unix.Close(fsfd) }()
	if err := unix.FsconfigCreate(fsfd); err != nil {
		return -1, err
	}
	mount, err := unix.Fsmount(fsfd, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer func() { _ = unix.Close(mount) }()
	return unix.Openat(mount, "sys", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

func writeSetting(root int, s Setting) error {
	fd, err := unix.Openat(root, s.Path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) && s.Optional {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	_, err = unix.Write(fd, []byte(s.Value))
	return err
}
