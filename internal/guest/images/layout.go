package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	parts "github.com/google/go-containerregistry/pkg/v1/partial"
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
	if err := found[0].intact(); err != nil {
		return Image{}, fmt.Errorf("%s is damaged: %w", name, err)
	}
	return s.add(ctx, found[0].image, name, progress)
}

// candidate is an image of a layout that this machine can run.
type candidate struct {
	image  v1.Image
	digest v1.Hash
	name   string
}

// intact compares an image's manifest and configuration with their digests, which
// whoever reads a layout does not; layers are compared when they are taken. The
// library's own check brings what every process of this binary would pay for.
func (c candidate) intact() error {
	m, err := c.image.Manifest()
	if err != nil {
		return err
	}
	manifest, err := c.image.RawManifest()
	if err != nil {
		return err
	}
	config, err := c.image.RawConfigFile()
	if err != nil {
		return err
	}
	if err := errors.Join(matches("manifest", manifest, c.digest), matches("configuration", config, m.Config.Digest)); err != nil {
		return err
	}
	layers, err := c.image.Layers()
	if err != nil {
		return err
	}
	for _, l := range layers {
		if ok, err := parts.Exists(l); err != nil || !ok {
			return errors.Join(errors.New("a layer is missing"), err)
		}
	}
	return nil
}

func matches(what string, content []byte, want v1.Hash) error {
	got, _, err := v1.SHA256(bytes.NewReader(content))
	if err == nil && got != want {
		err = fmt.Errorf("the %s's digest is %s, and should be %s", what, got, want)
	}
	return err
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
		found = append(found, candidate{img, d.Digest, called})
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
