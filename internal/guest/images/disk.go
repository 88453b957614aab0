package images

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/musubi-net/musubi/internal/guest/tree"
)

// Unpack unpacks an image into an empty directory.
func (s *Store) Unpack(ctx context.Context, digest, dir string) error {
	hash, err := v1.NewHash(digest)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrUnknown, digest)
	}
	img, err := s.open(hash)
	if err != nil {
		return err
	}
	layers, err := img.Layers()
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s", ErrUnknown, digest)
	}
	if err != nil {
		return fmt.Errorf("image %s: %w", digest, err)
	}
	for n, l := range layers {
		content, err := l.Uncompressed()
		if err != nil {
			return fmt.Errorf("image %s, layer %d: %w", digest, n+1, err)
		}
		err = tree.Extract(ctx, dir, content, tree.Layer)
		if err = errors.Join(err, content.Close()); err != nil {
			return fmt.Errorf("image %s, layer %d: %w", digest, n+1, err)
		}
	}
	return nil
}

// AddDisk keeps the content of a disk, which pack writes, and returns its digest
// and its size in the store.
func (s *Store) AddDisk(pack func(io.Writer) error) (digest string, size int64, err error) {
	// The lock is for what sweeps; packing may take long, and hinders nobody.
	if err := s.locked(func() error { return nil }); err != nil {
		return "", 0, err
	}
	f, err := os.CreateTemp(s.path(diskDir), partial)
	if err != nil {
		return "", 0, err
	}
	sum := sha256.New()
	z, err := gzip.NewWriterLevel(io.MultiWriter(f, sum), gzip.BestSpeed)
	if err == nil {
		err = errors.Join(pack(z), z.Close())
	}
	info, statErr := f.Stat()
	hexSum := hex.EncodeToString(sum.Sum(nil))
	if err := s.settle(f, diskDir+"/"+hexSum, errors.Join(err, statErr)); err != nil {
		return "", 0, err
	}
	return "sha256:" + hexSum, info.Size(), nil
}

// Disk is the file of a disk's content, a tar compressed with gzip.
func (s *Store) Disk(digest string) (path string, err error) {
	hash, err := v1.NewHash(digest)
	if err != nil {
		return "", fmt.Errorf("%w: %s", ErrUnknown, digest)
	}
	path = s.path(diskDir, hash.Hex)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w: the content of disk %s is gone", ErrUnknown, digest)
	}
	return path, nil
}

// RemoveDisk removes a disk's content; one that is not there is gone.
func (s *Store) RemoveDisk(digest string) error {
	hash, err := v1.NewHash(digest)
	if err != nil {
		return nil
	}
	if err := os.Remove(s.path(diskDir, hash.Hex)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// CleanDisks removes what a Musubi that was killed left half written, or has kept and
// not told anybody of: what nothing uses.
func (s *Store) CleanDisks(used func(digest string) bool) error {
	entries, err := os.ReadDir(s.path(diskDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), partial) || !used("sha256:"+e.Name()) {
			err = errors.Join(err, os.Remove(s.path(diskDir, e.Name())))
		}
	}
	return err
}

// RestoreDisk unpacks a disk's content, by its file, into an empty directory.
func RestoreDisk(ctx context.Context, file, dir string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("%w: %w", tree.ErrArchive, err)
	}
	return errors.Join(tree.Extract(ctx, dir, z, tree.Disk), z.Close())
}
