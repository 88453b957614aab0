package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/control"
	"github.com/musubi-net/musubi/internal/engine"
	"github.com/musubi-net/musubi/internal/guest"
	"github.com/musubi-net/musubi/internal/guest/images"
	"github.com/musubi-net/musubi/internal/spec"
	"github.com/musubi-net/musubi/internal/supervisor"
)

// ImageStore is the store of images of a state directory, for whoever has the
// host's network: the daemon has none.
func ImageStore(dir string) *images.Store { return images.Open(filepath.Join(dir, images.Dir)) }

// guestImages are the images and disks that guests are made of.
type guestImages struct {
	store  *images.Store
	roots  *images.Roots
	guests *guest.Manager
	engine *engine.Engine
}

func newGuestImages(g *guest.Manager, e *engine.Engine) (*guestImages, error) {
	store := ImageStore(supervisor.StateDir)
	r := e.Snapshot()
	if err := store.CleanDisks(func(digest string) bool { return compute.UsesDigest(r, digest) }); err != nil {
		return nil, fmt.Errorf("images: %w", err)
	}
	roots := images.NewRoots(store, filepath.Join(supervisor.RunDir, "images"), images.DefaultRootLimit)
	return &guestImages{store: store, roots: roots, guests: g, engine: e}, nil
}

// prepare finds what a guest's root is made of.
func (g *guestImages) prepare(ctx context.Context, s *spec.Guest) error {
	if s.Image == "" {
		return nil
	}
	var err error
	s.Root, s.Program, err = g.roots.Root(ctx, s.Image)
	return err
}

// Snapshot keeps what an instance wrote to its disk.
func (g *guestImages) Snapshot(ctx context.Context, instanceID string) (string, int64, error) {
	return g.guests.Snapshot(ctx, instanceID)
}

// Remove forgets content that nothing uses any more.
func (g *guestImages) Remove(_ context.Context, digest string) error {
	if compute.UsesDigest(g.engine.Snapshot(), digest) {
		return nil // it is used again meanwhile
	}
	return errors.Join(g.roots.Forget(digest), g.store.Remove(digest), g.store.RemoveDisk(digest))
}

// imageRoutes serve musubi image.
func (d *daemon) imageRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/images", func(w http.ResponseWriter, _ *http.Request) {
		list, err := d.images.list(d.engine.Snapshot())
		d.imageAnswer(w, list, err)
	})
	mux.HandleFunc("POST /v1/images", func(w http.ResponseWriter, r *http.Request) {
		var n control.NewImage
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&n); err != nil {
			d.imageAnswer(w, nil, err)
			return
		}
		i, err := d.images.register(r.Context(), n)
		d.imageAnswer(w, i, err)
	})
	mux.HandleFunc("DELETE /v1/images", func(w http.ResponseWriter, r *http.Request) {
		d.imageAnswer(w, struct{}{}, d.images.deregister(r.Context(), r.URL.Query().Get("image")))
	})
}

// imageAnswer answers with a value, or with AWS's sentence on why there is none.
func (d *daemon) imageAnswer(w http.ResponseWriter, v any, err error) {
	if e, ok := errors.AsType[*cloud.Error](err); ok && e.Message != "" {
		err = &control.Refusal{Reason: control.ReasonOther, Message: e.Message}
	}
	d.answerOr(w, v, err)
}

// register makes an AMI of content that the command has put into the store.
func (g *guestImages) register(ctx context.Context, n control.NewImage) (control.Image, error) {
	content, err := g.store.Get(n.Digest)
	if err != nil {
		return control.Image{}, err
	}
	if !slices.Contains(cloud.Regions(), n.Region) {
		return control.Image{}, fmt.Errorf("there is no region %q", n.Region)
	}
	caller := cloud.Caller{Internal: true, Scope: cloud.Scope{Account: n.Account, Region: n.Region}}
	arch := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[content.Architecture]
	i, err := engine.Do(ctx, g.engine, caller, compute.RegisterImported{
		Name: n.Name, Description: n.Description, Digest: n.Digest, Architecture: arch, Public: n.Public,
	})
	if err != nil {
		return control.Image{}, errors.Join(err, g.Remove(ctx, n.Digest))
	}
	return row(i, map[string]images.Image{content.Digest: content}), nil
}

// deregister removes an AMI; the reconciler removes its content when nothing
// uses that any more.
func (g *guestImages) deregister(ctx context.Context, id string) error {
	i, ok := compute.StoredImages.Get(g.engine.Snapshot(), id)
	if !ok {
		return fmt.Errorf("no image %s was imported or created", id)
	}
	caller := cloud.Caller{Internal: true, Scope: i.Scope}
	_, err := engine.Do(ctx, g.engine, caller, compute.DeregisterImage{ID: id, DeleteSnapshots: true})
	return err
}

// list has the AMIs that are not built in, by name.
func (g *guestImages) list(r cloud.Reader) ([]control.Image, error) {
	all, err := g.store.List()
	if err != nil {
		return nil, err
	}
	content := map[string]images.Image{}
	for _, i := range all {
		content[i.Digest] = i
	}
	list := []control.Image{}
	for i := range compute.StoredImages.All(r) {
		c := row(i, content)
		if file, err := g.store.Disk(i.SnapshotDigest); err == nil {
			if info, err := os.Stat(file); err == nil {
				c.Size += info.Size()
			}
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b control.Image) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Region, b.Region), strings.Compare(a.ID, b.ID))
	})
	return list, nil
}

func row(i compute.Image, content map[string]images.Image) control.Image {
	c := content[i.Digest]
	return control.Image{
		ID: i.ID, Name: i.Name, Description: i.Description, Account: i.Account, Region: i.Region, Public: i.Public, State: string(i.State),
		Created: i.CreatedAt, Digest: i.Digest, DiskDigest: i.SnapshotDigest, Source: c.Name, Size: c.Size,
	}
}

// PullImage takes an image from a registry into the store of a state directory.
func PullImage(ctx context.Context, dir, reference string, insecure bool, progress func(done, total int64)) (images.Image, error) {
	return ImageStore(dir).Pull(ctx, reference, images.PullOptions{Insecure: insecure, Progress: progress})
}
