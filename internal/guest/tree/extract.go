package tree

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Kind is what an archive is.
type Kind int

const (
	// Layer is a layer of an image: ".wh." files hide what lower layers have.
	Layer Kind = iota
	// Disk is what Pack made of a disk: it may have an overlay's marks.
	Disk
)

const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"

	xattrPrefix   = "SCHILY.xattr."
	userXattrs    = "user."
	overlayXattrs = "user.overlay."
	opaqueXattr   = "user.overlay.opaque"
)

// maxEntries bounds what is remembered of an archive, which may repeat a few names
// for ever.
const maxEntries = 4 << 20

// ErrArchive says that an archive is damaged, or is not one.
var ErrArchive = errors.New("not a readable archive")

// extractor unpacks one archive.
type extractor struct {
	ctx          context.Context
	root         *root
	kind         Kind
	users, group idMap
	// seen are the names of this archive: an opaque mark hides what is older.
	seen map[string]bool
	// times are set last: what is made in a directory changes its time.
	times []*tar.Header
	buf   []byte
}

// Extract unpacks an archive into a directory, over what is there. Nothing of
// it leads out of the directory; devices are left out, and ids that this user
// namespace lacks become nobody's.
func Extract(ctx context.Context, dir string, archive io.Reader, kind Kind) error {
	r, err := openRoot(dir)
	if err != nil {
		return err
	}
	defer r.close()
	x := &extractor{
		ctx: ctx, root: r, kind: kind, users: readMap("/proc/self/uid_map"), group: readMap("/proc/self/gid_map"),
		seen: map[string]bool{}, buf: make([]byte, 64<<10),
	}
	t := tar.NewReader(archive)
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if n == maxEntries {
			return fmt.Errorf("%w: it has more than %d entries", ErrArchive, maxEntries)
		}
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return x.finish()
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrArchive, err)
		}
		if err := x.entry(h, t); err != nil {
			return fmt.Errorf("%q: %w", h.Name, err)
		}
	}
}

// entry unpacks one entry.
func (x *extractor) entry(h *tar.Header, content io.Reader) error {
	// As chroot sees it: neither / in front nor .. leads anywhere else.
	name := path.Clean("/" + h.Name)[1:]
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	h.Name = name
	if name == "" {
		if h.Typeflag == tar.TypeDir {
			x.times = append(x.times, h)
			return x.attributes(h, int(x.root.dir.Fd()))
		}
		return nil
	}
	dir, base, err := x.root.parent(name)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(dir) }()
	if x.kind == Layer && strings.HasPrefix(base, whiteout) {
		return x.hide(dir, base, name)
	}
	x.seen[name] = true
	return x.create(h, dir, base, content)
}

// hide carries out a whiteout of a layer.
func (x *extractor) hide(dir int, base, name string) error {
	if base == opaque {
		above := path.Dir(name)
		return clearDir(dir, func(b string) bool { return x.ours(path.Join(above, b)) })
	}
	hidden := strings.TrimPrefix(base, whiteout)
	if hidden == "" || hidden == "." || hidden == ".." || strings.HasPrefix(hidden, ".wh.") {
		return nil // other marks of aufs
	}
	return remove(dir, hidden)
}

// ours tells whether a name, or one below it, is of this archive.
func (x *extractor) ours(name string) bool {
	if x.seen[name] {
		return true
	}
	for n := range x.seen {
		if strings.HasPrefix(n, name+"/") {
			return true
		}
	}
	return false
}

// create makes a file of any kind in an open directory.
func (x *extractor) create(h *tar.Header, dir int, base string, content io.Reader) error {
	var stat unix.Stat_t
	err := unix.Fstatat(dir, base, &stat, unix.AT_SYMLINK_NOFOLLOW)
	there := err == nil
	if h.Typeflag == tar.TypeDir {
		if !there || stat.Mode&unix.S_IFMT != unix.S_IFDIR {
			if err := remove(dir, base); err != nil {
				return err
			}
			if err := unix.Mkdirat(dir, base, 0o700); err != nil {
				return err
			}
		}
		x.times = append(x.times, h)
		return x.opened(h, dir, base, unix.O_RDONLY|unix.O_DIRECTORY, nil)
	}
	if h.Typeflag == tar.TypeLink {
		return x.link(h, dir, base)
	}
	if there {
		if err := remove(dir, base); err != nil {
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeReg:
		return x.opened(h, dir, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, content)
	case tar.TypeSymlink:
		if err := unix.Symlinkat(h.Linkname, dir, base); err != nil {
			return err
		}
		return x.named(h, dir, base, false)
	case tar.TypeFifo:
		if err := unix.Mknodat(dir, base, unix.S_IFIFO|0o600, 0); err != nil {
			return err
		}
		return x.named(h, dir, base, true)
	case tar.TypeChar:
		if x.kind == Disk && h.Devmajor == 0 && h.Devminor == 0 {
			return unix.Mknodat(dir, base, unix.S_IFCHR, 0)
		}
	}
	return nil // a device, or what only some tars know
}

// link makes a hard link to what an earlier entry made.
func (x *extractor) link(h *tar.Header, dir int, base string) error {
	target := path.Clean("/" + h.Linkname)[1:]
	if target == "" || target == h.Name {
		return fmt.Errorf("%w: a link to itself", ErrArchive)
	}
	above, old := path.Split(target)
	if above == "" {
		above = "."
	}
	from, err := x.root.open(above, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(from) }()
	// In two steps, for the target may be what is in the way's neighbour only.
	if err := remove(dir, base); err != nil {
		return err
	}
	return unix.Linkat(from, old, dir, base, 0)
}
