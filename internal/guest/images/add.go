package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// ErrPlatform says that an image is not for this machine.
var ErrPlatform = errors.New("is not for this machine")

// machine is the platform of this machine.
func machine() v1.Platform { return v1.Platform{OS: "linux", Architecture: runtime.GOARCH} }

// Progress is told how many bytes of how many are done; total may grow.
type Progress func(done, total int64)

// add puts an image into the store.
func (s *Store) add(ctx context.Context, img v1.Image, name string, progress Progress) (Image, error) {
	if err := suits(img, name); err != nil {
		return Image{}, err
	}
	var out Image
	err := s.locked(func() error {
		d, err := s.addBlobs(ctx, img, progress)
		if err != nil {
			return err
		}
		d.Annotations = map[string]string{nameAnnotation: name}
		m, err := s.index()
		if err != nil {
			return err
		}
		at := -1
		for n := range m.Manifests {
			if m.Manifests[n].Digest == d.Digest {
				at = n
			}
		}
		if at < 0 {
			m.Manifests = append(m.Manifests, d)
		} else {
			m.Manifests[at] = d
		}
		if err := s.writeIndex(m); err != nil {
			return err
		}
		out, err = s.describe(d)
		return errors.Join(err, s.sweep(m))
	})
	return out, err
}

// suits refuses images that guests on this machine cannot run.
func suits(img v1.Image, name string) error {
	c, err := img.ConfigFile()
	if err != nil {
		return fmt.Errorf("%s: read its configuration: %w", name, err)
	}
	want := machine()
	if got := architecture(c); (c.OS != "" && c.OS != want.OS) || got != want.Architecture {
		os := c.OS
		if os == "" {
			os = want.OS
		}
		return fmt.Errorf("%s %w: it is for %s/%s, and this one runs %s/%s", name, ErrPlatform, os, got, want.OS, want.Architecture)
	}
	return nil
}

// addBlobs writes the parts of an image and returns what the index says of it.
func (s *Store) addBlobs(ctx context.Context, img v1.Image, progress Progress) (v1.Descriptor, error) {
	var none v1.Descriptor
	layers, err := img.Layers()
	if err != nil {
		return none, fmt.Errorf("read its layers: %w", err)
	}
	count := &counter{ctx: ctx, progress: progress}
	for _, l := range layers {
		if size, err := l.Size(); err == nil {
			count.total += size
		}
	}
	for _, l := range layers {
		if err := s.addLayer(l, count); err != nil {
			return none, fmt.Errorf("read a layer: %w", err)
		}
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return none, err
	}
	name, err := img.ConfigName()
	if err != nil {
		return none, err
	}
	if err := s.write(blobsDir+"/"+name.Hex, config); err != nil {
		return none, err
	}
	raw, err := img.RawManifest()
	if err != nil {
		return none, err
	}
	digest, err := img.Digest()
	if err != nil {
		return none, err
	}
	var m v1.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return none, fmt.Errorf("read its manifest: %w", err)
	}
	media, err := img.MediaType()
	if err != nil {
		media = types.OCIManifestSchema1
	}
	return v1.Descriptor{MediaType: media, Digest: digest, Size: int64(len(raw))}, s.write(blobsDir+"/"+digest.Hex, raw)
}

// addLayer writes a layer, if no image has it yet.
func (s *Store) addLayer(l v1.Layer, count *counter) error {
	digest, err := l.Digest()
	if err != nil {
		return err
	}
	if info, err := os.Stat(s.path(blobsDir, digest.Hex)); err == nil {
		count.add(info.Size())
		return nil
	}
	content, err := l.Compressed()
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	f, err := os.CreateTemp(s.path(blobsDir), partial)
	if err != nil {
		return err
	}
	hash, _, err := v1.SHA256(io.TeeReader(content, io.MultiWriter(f, count)))
	if err == nil && hash != digest {
		err = fmt.Errorf("its digest is %s, and should be %s: it is damaged", hash, digest)
	}
	return s.settle(f, blobsDir+"/"+digest.Hex, err)
}

// counter counts bytes, and ends a copy with its context.
type counter struct {
	ctx         context.Context
	progress    Progress
	done, total int64
}

func (c *counter) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	c.add(int64(len(p)))
	return len(p), nil
}

func (c *counter) add(n int64) {
	c.done += n
	if c.progress != nil {
		c.progress(c.done, max(c.done, c.total))
	}
}
