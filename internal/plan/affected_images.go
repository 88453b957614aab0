package plan

import (
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

// images touches the instances of which a snapshot is to be taken, and content
// that may have lost its last user.
func (t *touched) images(c cloud.Change) {
	for _, s := range sides[compute.Snapshot](c) {
		if s.State == compute.SnapshotPending {
			t.guests.add(s.InstanceID)
		}
		t.unused(s.ImageDigest, s.Digest)
	}
	for _, i := range sides[compute.Image](c) {
		t.unused(i.Digest, i.SnapshotDigest)
	}
}

// unused touches the content that nothing uses after a change.
func (t *touched) unused(digests ...string) {
	for _, d := range digests {
		if d != "" && !compute.UsesDigest(t.r, d) {
			t.contents.add(d)
		}
	}
}
