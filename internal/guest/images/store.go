package images

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sys/unix"
)

// Dir is the store's directory in the state directory.
const Dir = "images"

const (
	lockFile   = "lock"
	indexFile  = "index.json"
	layoutFile = "oci-layout"
	blobsDir   = "blobs/sha256"
	diskDir    = "disks/sha256"
	// partial begins the name of a file that is not whole yet.
	partial = ".partial-"
)

// ErrUnknown says that the store has no content with a digest.
var ErrUnknown = errors.New("no such image")

// Store is a store in a directory, which is made when something is put there.
type Store struct{ dir string }

// Open uses the store in a directory.
func Open(dir string) *Store { return &Store{dir} }

func (s *Store) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// locked runs f as the only one who changes the store.
func (s *Store) locked(f func() error) error {
	for _, d := range []string{s.dir, s.path("blobs"), s.path(blobsDir), s.path("disks"), s.path(diskDir)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	l, err := os.OpenFile(s.path(lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	for {
		err := unix.Flock(int(l.Fd()), unix.LOCK_EX)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("lock the images: %w", err)
		}
		return f()
	}
}

// write puts a file there, whole or not at all.
func (s *Store) write(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(s.path(name)), partial)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return s.settle(f, name, err)
}

// settle gives a file that was written its name, or removes it if it could not
// be written.
func (s *Store) settle(f *os.File, name string, err error) error {
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), s.path(name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// index reads the list of images; a store that is not there has none.
func (s *Store) index() (*v1.IndexManifest, error) {
	text, err := os.ReadFile(s.path(indexFile))
	if errors.Is(err, fs.ErrNotExist) {
		return &v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{}}, nil
	}
	if err != nil {
		return nil, err
	}
	var m v1.IndexManifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", s.path(indexFile), err)
	}
	return &m, nil
}

func (s *Store) writeIndex(m *v1.IndexManifest) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if _, err := os.Stat(s.path(layoutFile)); err != nil {
		if err := s.write(layoutFile, []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
			return err
		}
	}
	return s.write(indexFile, text)
}

// sweep removes what nothing refers to, and what was left half written by
// somebody who was killed. The lock is held.
func (s *Store) sweep(m *v1.IndexManifest) error {
	keep := map[string]bool{}
	for _, d := range m.Manifests {
		keep[d.Digest.Hex] = true
		i, err := s.manifest(d.Digest)
		if err != nil {
			return err
		}
		keep[i.Config.Digest.Hex] = true
		for _, l := range i.Layers {
			keep[l.Digest.Hex] = true
		}
	}
	entries, err := os.ReadDir(s.path(blobsDir))
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if !keep[e.Name()] {
			errs = append(errs, os.Remove(s.path(blobsDir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

func (s *Store) manifest(digest v1.Hash) (*v1.Manifest, error) {
	text, err := os.ReadFile(s.path(blobsDir, digest.Hex))
	if err != nil {
		return nil, err
	}
	var m v1.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("manifest %s is damaged: %w", digest, err)
	}
	return &m, nil
}
