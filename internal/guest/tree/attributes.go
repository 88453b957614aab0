package tree

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// opened makes or opens a file or a directory, fills it and sets what belongs
// to it.
func (x *extractor) opened(h *tar.Header, dir int, base string, flags int, content io.Reader) error {
	fd, err := unix.Openat(dir, base, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), base)
	if content != nil {
		if err := x.fill(f, content, h.Size); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	err = x.attributes(h, fd)
	if err == nil && content != nil {
		err = unix.Futimes(fd, times(h))
	}
	return errors.Join(err, f.Close())
}

// fill copies the content and leaves out blocks of nothing: a file that was
// sparse stays so.
func (x *extractor) fill(f *os.File, content io.Reader, size int64) error {
	for {
		n, err := io.ReadFull(content, x.buf)
		if n > 0 {
			if e := x.write(f, x.buf[:n]); e != nil {
				return e
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := x.ctx.Err(); err != nil {
			return err
		}
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if at < size {
		return io.ErrUnexpectedEOF
	}
	return f.Truncate(at)
}

func (x *extractor) write(f *os.File, b []byte) error {
	const block = 4096
	for len(b) > 0 {
		n := min(block, len(b))
		if n == block && bytes.Count(b[:n], []byte{0}) == n {
			if _, err := f.Seek(block, io.SeekCurrent); err != nil {
				return err
			}
		} else if _, err := f.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// attributes sets owner, mode and extended attributes of an open file, in this
// order: a change of the owner clears bits of the mode.
func (x *extractor) attributes(h *tar.Header, fd int) error {
	if err := allowed(unix.Fchown(fd, x.users.id(h.Uid), x.group.id(h.Gid))); err != nil {
		return err
	}
	if err := unix.Fchmod(fd, uint32(h.Mode)&0o7777); err != nil {
		return err
	}
	for key, value := range h.PAXRecords {
		name, ok := strings.CutPrefix(key, xattrPrefix)
		if !ok || !x.keeps(name) {
			continue
		}
		// A file system without them is none the worse for a container.
		if err := unix.Fsetxattr(fd, name, []byte(value), 0); err != nil && x.kind == Disk && !errors.Is(err, unix.EOPNOTSUPP) {
			return err
		}
	}
	return nil
}

// keeps tells which extended attributes are unpacked: those of users, and of
// an overlay's own only that a directory hides the one below.
func (x *extractor) keeps(name string) bool {
	if strings.HasPrefix(name, overlayXattrs) {
		return x.kind == Disk && name == opaqueXattr
	}
	return strings.HasPrefix(name, userXattrs)
}

// named sets owner, mode and time of what cannot be opened.
func (x *extractor) named(h *tar.Header, dir int, base string, mode bool) error {
	err := allowed(unix.Fchownat(dir, base, x.users.id(h.Uid), x.group.id(h.Gid), unix.AT_SYMLINK_NOFOLLOW))
	if err == nil && mode {
		err = unix.Fchmodat(dir, base, uint32(h.Mode)&0o7777, 0) // it was just made, and is no link
	}
	if err != nil {
		return err
	}
	t := h.ModTime.UnixNano()
	stamp := []unix.Timespec{unix.NsecToTimespec(t), unix.NsecToTimespec(t)}
	return unix.UtimesNanoAt(dir, base, stamp, unix.AT_SYMLINK_NOFOLLOW)
}

// allowed forgives that an ordinary user, outside any namespace of ours, may
// not give files away.
func allowed(err error) error {
	if errors.Is(err, unix.EPERM) && os.Geteuid() != 0 {
		return nil
	}
	return err
}

func times(h *tar.Header) []unix.Timeval {
	t := unix.NsecToTimeval(h.ModTime.UnixNano())
	return []unix.Timeval{t, t}
}

// finish sets the times of directories, the deepest first.
func (x *extractor) finish() error {
	for i := len(x.times) - 1; i >= 0; i-- {
		h := x.times[i]
		name := h.Name
		if name == "" {
			name = "."
		}
		fd, err := x.root.open(name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
		if err != nil {
			continue // a later entry took its place
		}
		err = unix.Futimes(fd, times(h))
		_ = unix.Close(fd)
		if err != nil {
			return err
		}
	}
	return nil
}
