package tree

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// root is the directory that is unpacked into. Names are resolved as if it
// were /, as a container's own programs would.
type root struct{ dir *os.File }

func openRoot(dir string) (*root, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	return &root{f}, nil
}

func (r *root) close() { _ = r.dir.Close() }

// open opens a name; links in it, absolute ones too, lead no further than root.
func (r *root) open(name string, flags uint64) (int, error) {
	return r.openat(name, flags, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
}

// still opens a name in a tree that somebody may change meanwhile: a link, wherever
// in the name, is an error.
func (r *root) still(name string, flags uint64) (*os.File, error) {
	fd, err := r.openat(name, flags, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// look tells what has a name in such a tree, and where it leads if it is a link.
func (r *root) look(name string) (*unix.Stat_t, string, error) {
	f, err := r.still(name, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = f.Close() }()
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil || stat.Mode&unix.S_IFMT != unix.S_IFLNK {
		return &stat, "", err
	}
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(f.Fd()), "", target)
	if err != nil {
		return nil, "", err
	}
	return &stat, string(target[:n]), nil
}

// changed tells whether what was there a moment ago is gone, or something else.
func changed(err error) bool {
	for _, e := range []error{unix.ENOENT, unix.ENOTDIR, unix.ELOOP, unix.ENXIO} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (r *root) openat(name string, flags, resolve uint64) (int, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: resolve}
	for {
		fd, err := unix.Openat2(int(r.dir.Fd()), name, &how)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
			continue
		}
		if err != nil {
			return -1, &os.PathError{Op: "open", Path: name, Err: err}
		}
		return fd, nil
	}
}

// parent opens the directory of a name, which is made where it is missing, and
// returns it with the last part of the name.
func (r *root) parent(name string) (fd int, base string, err error) {
	dir, base := path.Split(name)
	fd, err = r.directory(path.Clean("/" + dir)[1:])
	return fd, base, err
}

func (r *root) directory(dir string) (int, error) {
	const flags = unix.O_PATH | unix.O_DIRECTORY
	if dir == "" {
		dir = "."
	}
	fd, err := r.open(dir, flags)
	if dir == "." || !errors.Is(err, unix.ENOENT) {
		return fd, err
	}
	above, base, err := r.parent(dir)
	if err != nil {
		return -1, err
	}
	err = unix.Mkdirat(above, base, 0o755)
	_ = unix.Close(above)
	if err != nil {
		// A link that leads to nothing is in the way.
		return -1, &os.PathError{Op: "mkdir", Path: dir, Err: err}
	}
	return r.open(dir, flags)
}

// remove removes what has a name in an open directory, with all that is below.
// It follows no links.
func remove(dir int, base string) error {
	return os.RemoveAll(filepath.Join(descriptor(dir), base))
}

// descriptor is a path that leads to an open directory.
func descriptor(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// clear removes what is in a directory but what keep tells.
func clearDir(fd int, keep func(base string) bool) error {
	entries, err := os.ReadDir(descriptor(fd))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if keep(e.Name()) {
			continue
		}
		if err := remove(fd, e.Name()); err != nil {
			return fmt.Errorf("remove %s: %w", e.Name(), err)
		}
	}
	return nil
}
