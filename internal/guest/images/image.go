package images

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/musubi-net/musubi/internal/spec"
)

// Image is an image of the store.
type Image struct {
	Digest string // sha256:…
	// Name is what it was called where it came from: a reference or a file name.
	Name         string
	Architecture string // amd64, arm64
	// Size is what it takes in the store.
	Size    int64
	Created time.Time
	// Program is what it says is to be run; nil if that is only a shell.
	Program *spec.Program
}

// nameAnnotation is where OCI layouts keep an image's name.
const nameAnnotation = "org.opencontainers.image.ref.name"

// Get returns the image with a digest.
func (s *Store) Get(digest string) (Image, error) {
	m, err := s.index()
	if err != nil {
		return Image{}, err
	}
	for _, d := range m.Manifests {
		if d.Digest.String() == digest {
			return s.describe(d)
		}
	}
	return Image{}, fmt.Errorf("%w: %s", ErrUnknown, digest)
}

// List returns all images, in the order of import.
func (s *Store) List() ([]Image, error) {
	m, err := s.index()
	if err != nil {
		return nil, err
	}
	all := []Image{}
	for _, d := range m.Manifests {
		i, err := s.describe(d)
		if err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	return all, nil
}

func (s *Store) describe(d v1.Descriptor) (Image, error) {
	img, err := s.open(d.Digest)
	if err != nil {
		return Image{}, err
	}
	c, err := img.ConfigFile()
	if err != nil {
		return Image{}, fmt.Errorf("image %s: %w", d.Digest, err)
	}
	m, err := img.Manifest()
	if err != nil {
		return Image{}, fmt.Errorf("image %s: %w", d.Digest, err)
	}
	i := Image{
		Digest: d.Digest.String(), Name: d.Annotations[nameAnnotation], Architecture: architecture(c), Created: c.Created.Time,
		Size: d.Size + m.Config.Size, Program: program(c.Config),
	}
	for _, l := range m.Layers {
		i.Size += l.Size
	}
	return i, nil
}

// open reads an image of the store.
func (s *Store) open(digest v1.Hash) (v1.Image, error) {
	l, err := layout.FromPath(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, digest)
	}
	if err != nil {
		return nil, err
	}
	return l.Image(digest)
}

// Remove removes an image, and the layers that no other image has. One that is
// not there is gone.
func (s *Store) Remove(digest string) error {
	return s.locked(func() error {
		m, err := s.index()
		if err != nil {
			return err
		}
		had := len(m.Manifests)
		m.Manifests = slices.DeleteFunc(m.Manifests, func(d v1.Descriptor) bool { return d.Digest.String() == digest })
		if len(m.Manifests) == had {
			return nil
		}
		if err := s.writeIndex(m); err != nil {
			return err
		}
		return s.sweep(m)
	})
}

func architecture(c *v1.ConfigFile) string {
	if c.Architecture == "" {
		return runtime.GOARCH
	}
	return c.Architecture
}

// program is what an image's configuration says is to be run. An init system
// is not: guests have one of their own.
func program(c v1.Config) *spec.Program {
	args := append(slices.Clone(c.Entrypoint), c.Cmd...)
	if len(args) == 0 || justShell(args) || slices.Contains([]string{"init", "systemd", "openrc-init"}, path.Base(args[0])) {
		return nil
	}
	return &spec.Program{Args: args, Env: c.Env, Dir: c.WorkingDir, User: c.User}
}

// justShell tells whether a command is a shell that waits for somebody to type.
func justShell(args []string) bool {
	shells := []string{"sh", "bash", "ash", "dash", "zsh", "fish", "busybox"}
	if !slices.Contains(shells, path.Base(args[0])) {
		return false
	}
	for _, a := range args[1:] {
		short := strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--")
		switch {
		case short && strings.Contains(a, "c"), !strings.HasPrefix(a, "-") && !slices.Contains(shells, a):
			return false
		}
	}
	return true
}
