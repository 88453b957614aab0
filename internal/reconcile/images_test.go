package reconcile

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/plan/plantest"
)

// fakeImages is a fake: it remembers whether the guest ran, and what was removed.
type fakeImages struct {
	guests *fakeGuests
	fail   error

	mu      sync.Mutex
	running []bool
	removed []string
}

func (f *fakeImages) Snapshot(_ context.Context, id string) (string, int64, error) {
	s, _ := f.guests.status(id)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running = append(f.running, s.Running)
	return "sha256:disk", 7, f.fail
}

func (f *fakeImages) Remove(_ context.Context, digest string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.removed = append(f.removed, digest)
	return nil
}

func (f *fakeImages) wasRemoved(digest string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.removed, digest)
}

// imageLab is a lab in which i-client runs.
func imageLab(t *testing.T, fail error) (*lab, *fakeImages) {
	t.Helper()
	l := newLab(t, plantest.Seed)
	images := &fakeImages{guests: l.guests, fail: fail}
	l.images = images
	l.start()
	l.until("the guest runs", func(*cloud.Snapshot) bool { g, _ := l.guests.status("i-client"); return g.Running })
	return l, images
}

// pend begins an image of i-client, as CreateImage does.
func pend(reboot bool) func(tx *cloud.Tx) {
	return func(tx *cloud.Tx) {
		i, _ := compute.Instances.Get(tx, "i-client")
		compute.Snapshots.Put(tx, compute.Snapshot{ID: "snap-1", Scope: i.Scope, State: compute.SnapshotPending, InstanceID: i.ID, Reboot: reboot})
		compute.StoredImages.Put(tx, compute.Image{ID: "ami-9", Scope: i.Scope, Name: "golden", State: compute.ImagePending, SnapshotID: "snap-1",
			Devices: []compute.LaunchVolume{{DeviceName: "/dev/xvda", SnapshotID: "snap-1"}}})
	}
}

func imageState(s *cloud.Snapshot) compute.ImageState {
	i, _ := compute.StoredImages.Get(s, "ami-9")
	return i.State
}

func TestImageOfRunningInstance(t *testing.T) {
	for _, reboot := range []bool{false, true} {
		l, images := imageLab(t, nil)
		before, _ := l.guests.status("i-client")
		l.do(pend(reboot))
		l.until("the image is available", func(s *cloud.Snapshot) bool { return imageState(s) == compute.ImageAvailable })
		want := before.Boot
		if reboot {
			want++
		}
		l.until("the guest runs again", func(*cloud.Snapshot) bool {
			g, _ := l.guests.status("i-client")
			return g.Running && g.Boot == want
		})
		if len(images.running) != 1 || images.running[0] == reboot {
			t.Errorf("reboot %v: the guest ran while the snapshot was taken: %v", reboot, images.running)
		}
		l.do(func(tx *cloud.Tx) {
			compute.StoredImages.Delete(tx, "ami-9")
			compute.Snapshots.Delete(tx, "snap-1")
		})
		l.until("the content is removed", func(*cloud.Snapshot) bool { return images.wasRemoved("sha256:disk") })
	}
}

func TestImageThatFails(t *testing.T) {
	l, _ := imageLab(t, errors.New("no room"))
	l.do(pend(true))
	l.until("the image failed", func(s *cloud.Snapshot) bool { return imageState(s) == compute.ImageFailed })
	l.until("the guest runs again", func(s *cloud.Snapshot) bool {
		g, _ := l.guests.status("i-client")
		return g.Running && g.Boot == 2 && state(s, "i-client") == compute.Running
	})
}

func TestImageWithoutDisk(t *testing.T) {
	l := newLab(t, plantest.Seed)
	l.images = &fakeImages{guests: l.guests}
	l.do(func(tx *cloud.Tx) {
		setState(tx, "i-client", compute.Stopped)
		i, _ := compute.Instances.Get(tx, "i-client")
		i.RootSnapshot = "sha256:own"
		compute.Instances.Put(tx, i)
		pend(true)(tx)
	})
	l.start()
	l.until("the image has what its instance would begin with", func(s *cloud.Snapshot) bool {
		i, _ := compute.StoredImages.Get(s, "ami-9")
		return i.State == compute.ImageAvailable && i.SnapshotDigest == "sha256:own"
	})
}

func TestImageOfTerminatingInstance(t *testing.T) {
	l, images := imageLab(t, nil)
	l.do(func(tx *cloud.Tx) {
		pend(false)(tx)
		setState(tx, "i-client", compute.ShuttingDown)
	})
	l.until("the instance is gone, and its image there", func(s *cloud.Snapshot) bool {
		return imageState(s) == compute.ImageAvailable && state(s, "i-client") == compute.Terminated
	})
	if images.running[0] {
		t.Error("the guest ran while the snapshot was taken")
	}
}
