package images

import (
	"context"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// importLayout takes the image for this machine from an OCI layout.
func (s *Store) importLayout(ctx context.Context, dir, name string, progress Progress) (Image, error) {
	l, err := layout.FromPath(dir)
	if err != nil {
		return Image{}, fmt.Errorf("%s is not an OCI layout: %w", name, err)
	}
	index, err := l.ImageIndex()
	if err != nil {
		return Image{}, fmt.Errorf("%s: %w", name, err)
	}
	found, others, err := candidates(index, "")
	if err != nil {
		return Image{}, fmt.Errorf("%s: %w", name, err)
	}
	switch {
	case len(found) == 0 && len(others) > 0:
		return Image{}, fmt.Errorf("%s %w: it is for %s, and this one runs %s", name, ErrPlatform, strings.Join(others, ", "), machine().String())
	case len(found) == 0:
		return Image{}, fmt.Errorf("%s has no image", name)
	case len(found) > 1:
		var names []string
		for _, c := range found {
			names = append(names, c.name)
		}
		return Image{}, fmt.Errorf("%s has %d images (%s): copy one to a layout of its own", name, len(found), strings.Join(names, ", "))
	}
	if found[0].name != "" {
		name = found[0].name
	}
	// Nothing has compared the layout's files with their digests yet.
	if err := validate.Image(found[0].image, validate.Fast); err != nil {
		return Image{}, fmt.Errorf("%s is damaged: %w", name, err)
	}
	return s.add(ctx, found[0].image, name, progress)
}

// candidate is an image of a layout that this machine can run.
type candidate struct {
	image v1.Image
	name  string
}

// candidates lists the images of an index that this machine can run, and the
// platforms of the others.
func candidates(index v1.ImageIndex, name string) (found []candidate, others []string, err error) {
	m, err := index.IndexManifest()
	if err != nil {
		return nil, nil, err
	}
	for _, d := range m.Manifests {
		called := name
		for _, key := range []string{nameAnnotation, "io.containerd.image.name"} {
			if n := d.Annotations[key]; n != "" {
				called = n
			}
		}
		if d.MediaType.IsIndex() {
			below, err := index.ImageIndex(d.Digest)
			if err != nil {
				return nil, nil, err
			}
			f, o, err := candidates(below, called)
			if err != nil {
				return nil, nil, err
			}
			found, others = append(found, f...), append(others, o...)
			continue
		}
		if !d.MediaType.IsImage() || d.Platform != nil && d.Platform.OS == "unknown" {
			continue // an attestation
		}
		img, err := index.Image(d.Digest)
		if err != nil {
			return nil, nil, err
		}
		if err := suits(img, called); errors.Is(err, ErrPlatform) {
			others = append(others, platform(img))
			continue
		} else if err != nil {
			return nil, nil, err
		}
		found = append(found, candidate{img, called})
	}
	return found, others, nil
}

func platform(img v1.Image) string {
	c, err := img.ConfigFile()
	if err != nil {
		return "another"
	}
	return c.OS + "/" + c.Architecture
}
