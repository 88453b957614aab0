package tree

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrTooLarge says that a file claims to be larger than what it lies on.
var ErrTooLarge = errors.New("a file is larger than its disk")

// PackOptions say how to pack.
type PackOptions struct {
	// Skip leaves out a file, or a directory with all that is below it, by its
	// name below the directory.
	Skip func(name string) bool
	// Label is written at the front: archives of the same content differ by it.
	Label string
	// LargestFile bounds what one file may be; sparse ones can claim anything.
	LargestFile int64
}

// packer packs one directory.
type packer struct {
	ctx   context.Context
	dir   string
	o     PackOptions
	out   *tar.Writer
	links map[inode]string
	buf   []byte
}

type inode struct{ dev, ino uint64 }

// Pack writes a directory as an archive of the kind Disk, with an overlay's
// whiteouts and opaque directories. Files may change while it reads: what it
// writes is whole, and as new as when each was read.
func Pack(ctx context.Context, w io.Writer, dir string, o PackOptions) error {
	p := &packer{ctx: ctx, dir: dir, o: o, out: tar.NewWriter(w), links: map[inode]string{}, buf: make([]byte, 64<<10)}
	if o.Label != "" {
		h := &tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": o.Label}}
		if err := p.out.WriteHeader(h); err != nil {
			return err
		}
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != dir {
			return nil // it was removed meanwhile
		}
		if err != nil {
			return err
		}
		return p.entry(path, e)
	})
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	return p.out.Close()
}

func (p *packer) entry(path string, e fs.DirEntry) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	name, err := filepath.Rel(p.dir, path)
	if err != nil {
		return err
	}
	if name == "." {
		return nil
	}
	if p.o.Skip != nil && p.o.Skip(name) {
		if e.IsDir() {
			return fs.SkipDir
		}
		return nil
	}
	info, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.ErrUnsupported
	}
	h := &tar.Header{
		Format: tar.FormatPAX, Name: name, Mode: int64(stat.Mode & 0o7777), Uid: int(stat.Uid), Gid: int(stat.Gid), ModTime: info.ModTime(),
	}
	return p.file(h, path, stat)
}

// file writes one file of any kind.
func (p *packer) file(h *tar.Header, path string, stat *syscall.Stat_t) error {
	id := inode{stat.Dev, stat.Ino}
	kind := stat.Mode & syscall.S_IFMT
	if first, ok := p.links[id]; ok && stat.Nlink > 1 && kind != syscall.S_IFDIR {
		h.Typeflag, h.Linkname = tar.TypeLink, first
		return p.out.WriteHeader(h)
	}
	written := true
	var err error
	switch kind {
	case syscall.S_IFREG:
		written, err = p.content(h, path)
	case syscall.S_IFDIR:
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		if h.PAXRecords, err = xattrs(path); err == nil {
			err = p.out.WriteHeader(h)
		}
	case syscall.S_IFLNK:
		h.Typeflag = tar.TypeSymlink
		if h.Linkname, err = os.Readlink(path); err == nil {
			err = p.out.WriteHeader(h)
		}
	case syscall.S_IFIFO:
		h.Typeflag = tar.TypeFifo
		err = p.out.WriteHeader(h)
	case syscall.S_IFCHR:
		// Only an overlay's whiteouts: no guest can make another.
		if written = stat.Rdev == 0; written {
			h.Typeflag = tar.TypeChar
			err = p.out.WriteHeader(h)
		}
	default:
		written = false // sockets end with who listens
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && written && stat.Nlink > 1 {
		p.links[id] = h.Name
	}
	return err
}

// content writes a file with as many bytes as it had when it was opened.
func (p *packer) content(h *tar.Header, path string) (written bool, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, fs.ErrNotExist) {
		return false, nil // it was replaced meanwhile
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	h.Typeflag, h.Size = tar.TypeReg, info.Size()
	if p.o.LargestFile > 0 && h.Size > p.o.LargestFile {
		return false, fmt.Errorf("%w: %s claims %d bytes", ErrTooLarge, h.Name, h.Size)
	}
	if h.PAXRecords, err = xattrs(path); err != nil {
		return false, err
	}
	if err := p.out.WriteHeader(h); err != nil {
		return false, err
	}
	n, err := io.CopyBuffer(onlyWriter{p}, io.LimitReader(f, h.Size), p.buf)
	if err != nil {
		return false, err
	}
	// It was cut short meanwhile.
	_, err = io.CopyN(p.out, zeros{}, h.Size-n)
	return true, err
}

// onlyWriter ends a long copy with the context.
type onlyWriter struct{ p *packer }

func (w onlyWriter) Write(b []byte) (int, error) {
	if err := w.p.ctx.Err(); err != nil {
		return 0, err
	}
	return w.p.out.Write(b)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// xattrs are a file's attributes that are kept, as records of an archive.
func xattrs(path string) (map[string]string, error) {
	size, err := unix.Llistxattr(path, nil)
	if err != nil || size <= 0 {
		return nil, absent(err)
	}
	list := make([]byte, size)
	if size, err = unix.Llistxattr(path, list); err != nil {
		return nil, absent(err)
	}
	records := map[string]string{}
	for name := range strings.SplitSeq(strings.Trim(string(list[:size]), "\x00"), "\x00") {
		if !strings.HasPrefix(name, userXattrs) || strings.HasPrefix(name, overlayXattrs) && name != opaqueXattr {
			continue
		}
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			continue
		}
		records[xattrPrefix+name] = string(value[:n])
	}
	return records, nil
}

func absent(err error) error {
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ERANGE) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
