package images

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"

	"github.com/musubi-net/musubi/internal/guest/tree"
)

// Import takes an image from a file or directory of the host: what docker save
// or skopeo wrote (a tar, or an OCI layout as a tar or a directory), or a tar of
// a root file system. Tars may be compressed with gzip or zstd.
func (s *Store) Import(ctx context.Context, file string, progress Progress) (Image, error) {
	info, err := os.Stat(file)
	if err != nil {
		return Image{}, err
	}
	name := filepath.Base(file)
	if abs, err := filepath.Abs(file); err == nil {
		name = filepath.Base(abs)
	}
	if info.IsDir() {
		return s.importLayout(ctx, file, trim(name), progress)
	}
	kind, err := look(ctx, file)
	if err != nil {
		return Image{}, fmt.Errorf("%s: %w", file, err)
	}
	switch kind {
	case dockerTar:
		return s.importDocker(ctx, file, trim(name), progress)
	case layoutTar:
		return s.importLayoutTar(ctx, file, trim(name), progress)
	}
	return s.importRoot(ctx, file, trim(name), progress)
}

// trim takes the endings of archives off a name.
func trim(name string) string {
	for _, end := range []string{".gz", ".zst", ".tgz", ".tar", ".oci"} {
		name = strings.TrimSuffix(name, end)
	}
	return name
}

type tarKind int

const (
	rootTar tarKind = iota
	dockerTar
	layoutTar
)

// look finds out what a tar is, and reads it to its end to see that it is whole.
func look(ctx context.Context, file string) (tarKind, error) {
	f, err := openTar(file)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	kind, entries := rootTar, 0
	for t := tar.NewReader(f); ; entries++ {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF) && entries == 0:
			return 0, errors.New("is an empty archive")
		case errors.Is(err, io.EOF):
			return kind, nil
		case err != nil && entries == 0:
			return 0, errors.New("is neither a tar (plain, gzip or zstd) nor an OCI layout")
		case err != nil:
			return 0, fmt.Errorf("is a damaged tar: %w", err)
		case ctx.Err() != nil:
			return 0, ctx.Err()
		}
		switch path.Clean(h.Name) {
		case "manifest.json":
			return dockerTar, nil
		case "oci-layout":
			kind = layoutTar
		}
	}
}

// openTar opens a tar and decompresses it.
func openTar(file string) (io.ReadCloser, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	b := bufio.NewReaderSize(f, 64<<10)
	magic, _ := b.Peek(4) // a file that is shorter is no archive
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return opened{z, f}, nil
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return opened{z.IOReadCloser(), f}, nil
	}
	return opened{b, f}, nil
}

// opened reads one and closes the other.
type opened struct {
	io.Reader
	f *os.File
}

func (o opened) Close() error { return o.f.Close() }

func (s *Store) importDocker(ctx context.Context, file, name string, progress Progress) (Image, error) {
	open := func() (io.ReadCloser, error) { return openTar(file) }
	m, err := tarball.LoadManifest(open)
	if err != nil {
		return Image{}, fmt.Errorf("%s: %w", file, err)
	}
	if len(m) != 1 {
		var tags []string
		for _, d := range m {
			tags = append(tags, strings.Join(d.RepoTags, ", "))
		}
		return Image{}, fmt.Errorf("%s has %d images (%s): save one alone", file, len(m), strings.Join(tags, "; "))
	}
	if len(m[0].RepoTags) > 0 {
		name = m[0].RepoTags[0]
	}
	img, err := tarball.Image(open, nil)
	if err != nil {
		return Image{}, fmt.Errorf("%s: %w", file, err)
	}
	return s.add(ctx, img, name, progress)
}

// importRoot makes an image of one layer.
func (s *Store) importRoot(ctx context.Context, file, name string, progress Progress) (Image, error) {
	l, err := tarball.LayerFromFile(file, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return Image{}, fmt.Errorf("%s: %w", file, err)
	}
	img, err := mutate.Append(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON),
		mutate.Addendum{Layer: l, History: v1.History{CreatedBy: "musubi image import"}})
	if err != nil {
		return Image{}, fmt.Errorf("%s: %w", file, err)
	}
	c, err := img.ConfigFile()
	if err != nil {
		return Image{}, err
	}
	c = c.DeepCopy()
	c.OS, c.Architecture = machine().OS, machine().Architecture
	if img, err = mutate.ConfigFile(img, c); err != nil {
		return Image{}, err
	}
	return s.add(ctx, img, name, progress)
}

// importLayoutTar unpacks an OCI layout for a while.
func (s *Store) importLayoutTar(ctx context.Context, file, name string, progress Progress) (out Image, err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return Image{}, err
	}
	dir, err := os.MkdirTemp(s.dir, partial)
	if err != nil {
		return Image{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f, err := openTar(file)
	if err != nil {
		return Image{}, err
	}
	defer func() { _ = f.Close() }()
	if err := tree.Extract(ctx, dir, f, tree.Disk); err != nil {
		return Image{}, fmt.Errorf("%s: %w", file, err)
	}
	return s.importLayout(ctx, dir, name, progress)
}
