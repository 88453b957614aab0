package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/spec"
)

// DefaultRootLimit bounds what one image may take unpacked: it lies in memory.
const DefaultRootLimit = 8 << 30

// Roots unpacks images, each into a file system of its own, which all guests
// of an image share as the lowest layer of theirs.
type Roots struct {
	store *Store
	dir   string
	limit int64

	mu   sync.Mutex
	busy map[string]*sync.Mutex // by digest
}

// NewRoots unpacks the images of a store below a directory, each up to limit
// bytes.
func NewRoots(s *Store, dir string, limit int64) *Roots {
	return &Roots{store: s, dir: dir, limit: limit, busy: map[string]*sync.Mutex{}}
}

// lock makes the caller the only one who does something to an image's root.
func (r *Roots) lock(digest string) (unlock func()) {
	r.mu.Lock()
	l, ok := r.busy[digest]
	if !ok {
		l = &sync.Mutex{}
		r.busy[digest] = l
	}
	r.mu.Unlock()
	l.Lock()
	return l.Unlock
}

// at is the directory of an image's file system.
func (r *Roots) at(digest string) string {
	return filepath.Join(r.dir, strings.ReplaceAll(digest, ":", "-"))
}

// Root returns the directory of an unpacked image, which is unpacked if it is
// not yet, and what the image says is to be run.
func (r *Roots) Root(ctx context.Context, digest string) (string, *spec.Program, error) {
	image, err := r.store.Get(digest)
	if err != nil {
		return "", nil, err
	}
	defer r.lock(digest)()
	at := r.at(digest)
	root := filepath.Join(at, "root")
	if _, err := os.Lstat(root); err == nil {
		return root, image.Program, nil
	}
	// What a program that was killed left half done.
	if err := drop(at); err != nil {
		return "", nil, fmt.Errorf("unpack image %s: %w", digest, err)
	}
	if err := r.unpack(ctx, digest, at, root); err != nil {
		if errors.Is(err, unix.ENOSPC) {
			err = fmt.Errorf("it takes more than %d MiB, which is what this Musubi lets an image have in memory: %w", r.limit>>20, err)
		}
		return "", nil, errors.Join(fmt.Errorf("unpack image %s: %w", digest, err), drop(at))
	}
	return root, image.Program, nil
}

func (r *Roots) unpack(ctx context.Context, digest, at, root string) error {
	if err := os.MkdirAll(at, 0o700); err != nil {
		return err
	}
	options := fmt.Sprintf("mode=755,size=%d,nr_inodes=2m", r.limit)
	if err := unix.Mount("tmpfs", at, "tmpfs", unix.MS_NODEV|unix.MS_NOSUID, options); err != nil {
		return fmt.Errorf("tmpfs: %w", err)
	}
	part := filepath.Join(at, "unpacking")
	if err := os.Mkdir(part, 0o755); err != nil {
		return err
	}
	if err := r.store.Unpack(ctx, digest, part); err != nil {
		return err
	}
	return os.Rename(part, root)
}

// Forget lets an unpacked image go; guests that run keep what they have of it.
func (r *Roots) Forget(digest string) error {
	defer r.lock(digest)()
	return drop(r.at(digest))
}

// drop removes an image's file system, whatever is in it.
func drop(at string) error {
	if _, err := os.Lstat(at); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := unix.Unmount(at, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("unmount: %w", err)
	}
	return os.Remove(at)
}
