package tree

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

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
	root  *root
	o     PackOptions
	out   *tar.Writer
	links map[inode]string
	buf   []byte
}

type inode struct{ dev, ino uint64 }

// Pack writes a directory as an archive of the kind Disk, with an overlay's
// whiteouts and opaque directories. Files may change while it reads: what it
// writes is whole, and as new as when each was read. A link that takes the place
// of a directory leads nowhere.
func Pack(ctx context.Context, w io.Writer, dir string, o PackOptions) error {
	r, err := openRoot(dir)
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	defer r.close()
	p := &packer{ctx: ctx, root: r, o: o, out: tar.NewWriter(w), links: map[inode]string{}, buf: make([]byte, 64<<10)}
	if o.Label != "" {
		h := &tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": o.Label}}
		if err := p.out.WriteHeader(h); err != nil {
			return err
		}
	}
	names, err := names(r.dir)
	if err == nil {
		err = p.entries("", names)
	}
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	return p.out.Close()
}

// names are the names in an open directory, in order.
func names(dir *os.File) ([]string, error) {
	list, err := dir.Readdirnames(-1)
	slices.Sort(list)
	return list, err
}

// entries packs what a directory has.
func (p *packer) entries(dir string, names []string) error {
	for _, n := range names {
		if err := p.entry(path.Join(dir, n)); err != nil {
			return err
		}
	}
	return nil
}

func (p *packer) entry(name string) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	if p.o.Skip != nil && p.o.Skip(name) {
		return nil
	}
	stat, target, err := p.root.look(name)
	if changed(err) {
		return nil
	}
	if err != nil {
		return err
	}
	h := &tar.Header{
		Format: tar.FormatPAX, Name: name, Linkname: target, Mode: int64(stat.Mode & 0o7777), Uid: int(stat.Uid), Gid: int(stat.Gid),
		ModTime: time.Unix(stat.Mtim.Unix()),
	}
	return p.file(h, stat)
}

// file writes one file of any kind.
func (p *packer) file(h *tar.Header, stat *unix.Stat_t) error {
	id, name := inode{stat.Dev, stat.Ino}, h.Name
	kind := stat.Mode & unix.S_IFMT
	if kind == unix.S_IFDIR {
		return p.directory(h)
	}
	if first, ok := p.links[id]; ok && stat.Nlink > 1 {
		h.Typeflag, h.Linkname = tar.TypeLink, first
		return p.out.WriteHeader(h)
	}
	written := true
	var err error
	switch kind {
	case unix.S_IFREG:
		written, err = p.content(h)
	case unix.S_IFLNK:
		h.Typeflag = tar.TypeSymlink
		err = p.out.WriteHeader(h)
	case unix.S_IFIFO:
		h.Typeflag = tar.TypeFifo
		err = p.out.WriteHeader(h)
	case unix.S_IFCHR:
		// Only an overlay's whiteouts: no guest can make another.
		if written = stat.Rdev == 0; written {
			h.Typeflag = tar.TypeChar
			err = p.out.WriteHeader(h)
		}
	default:
		written = false // sockets end with who listens
	}
	if err == nil && written && stat.Nlink > 1 {
		p.links[id] = name
	}
	return err
}

// directory writes a directory and what it has.
func (p *packer) directory(h *tar.Header) error {
	dir := h.Name
	f, err := p.root.still(dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if changed(err) {
		return nil
	}
	if err != nil {
		return err
	}
	var list []string
	h.Typeflag, h.Name = tar.TypeDir, dir+"/"
	if h.PAXRecords, err = xattrs(f); err == nil {
		list, err = names(f)
	}
	// Before what is below: a deep tree is not to take all descriptors.
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := p.out.WriteHeader(h); err != nil {
		return err
	}
	return p.entries(dir, list)
}

// content writes a file with as many bytes as it had when it was opened.
func (p *packer) content(h *tar.Header) (written bool, err error) {
	f, err := p.root.still(h.Name, unix.O_RDONLY|unix.O_NONBLOCK)
	if changed(err) {
		return false, nil
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
	if h.PAXRecords, err = xattrs(f); err != nil {
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

// xattrs are an open file's attributes that are kept, as records of an archive.
func xattrs(f *os.File) (map[string]string, error) {
	fd := int(f.Fd())
	size, err := unix.Flistxattr(fd, nil)
	if err != nil || size <= 0 {
		return nil, absent(err)
	}
	list := make([]byte, size)
	if size, err = unix.Flistxattr(fd, list); err != nil {
		return nil, absent(err)
	}
	records := map[string]string{}
	for name := range strings.SplitSeq(strings.Trim(string(list[:size]), "\x00"), "\x00") {
		if !strings.HasPrefix(name, userXattrs) || strings.HasPrefix(name, overlayXattrs) && name != opaqueXattr {
			continue
		}
		value := make([]byte, 64<<10)
		n, err := unix.Fgetxattr(fd, name, value)
		if err != nil {
			continue
		}
		records[xattrPrefix+name] = string(value[:n])
	}
	return records, nil
}

func absent(err error) error {
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ERANGE) {
		return nil
	}
	return err
}
