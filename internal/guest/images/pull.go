package images

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// PullOptions say how to pull.
type PullOptions struct {
	// Insecure speaks HTTP, or HTTPS without looking at certificates.
	Insecure bool
	Progress Progress
}

// Pull takes an image from a registry, with the credentials that docker login
// left.
func (s *Store) Pull(ctx context.Context, reference string, o PullOptions) (Image, error) {
	var parse []name.Option
	if o.Insecure {
		parse = append(parse, name.Insecure)
	}
	ref, err := name.ParseReference(reference, parse...)
	if err != nil {
		return Image{}, fmt.Errorf("%q is not a reference to an image, such as debian:12 or registry.example.com/team/web:1.2", reference)
	}
	d, err := remote.Get(ref, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithPlatform(machine()),
		remote.WithUserAgent("musubi"))
	if err != nil {
		return Image{}, fmt.Errorf("pull %s: %w", ref, refused(err))
	}
	if d.MediaType.IsIndex() {
		if err := offers(d, ref); err != nil {
			return Image{}, err
		}
	}
	img, err := d.Image()
	if err != nil {
		return Image{}, fmt.Errorf("pull %s: %w", ref, refused(err))
	}
	i, err := s.add(ctx, img, reference, o.Progress)
	if err != nil && !errors.Is(err, ErrPlatform) {
		err = fmt.Errorf("pull %s: %w", ref, refused(err))
	}
	return i, err
}

// offers refuses an index without an image for this machine.
func offers(d *remote.Descriptor, ref name.Reference) error {
	index, err := d.ImageIndex()
	if err != nil {
		return fmt.Errorf("pull %s: %w", ref, refused(err))
	}
	m, err := index.IndexManifest()
	if err != nil {
		return fmt.Errorf("pull %s: %w", ref, refused(err))
	}
	var others []string
	for _, c := range m.Manifests {
		p := c.Platform
		if p == nil {
			p = &v1.Platform{OS: "linux", Architecture: "amd64"} // as registries understand it
		}
		if p.Satisfies(machine()) {
			return nil
		}
		if p.OS != "unknown" && !slices.Contains(others, p.String()) {
			others = append(others, p.String())
		}
	}
	return fmt.Errorf("%s %w: it is for %s, and this one runs %s", ref, ErrPlatform, strings.Join(others, ", "), machine().String())
}

// refused says in a sentence what registries say in codes.
func refused(err error) error {
	t, ok := errors.AsType[*transport.Error](err)
	if !ok {
		return err
	}
	switch t.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("the registry has no such image (%w)", err)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("the registry wants credentials: docker login leaves them where musubi looks too (%w)", err)
	}
	return err
}
