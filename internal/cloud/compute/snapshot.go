package compute

import (
	"fmt"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// FindSnapshot returns the scope's snapshot with that id, or AWS's refusal.
func FindSnapshot(r cloud.Reader, s cloud.Scope, id string) (Snapshot, error) {
	if !strings.HasPrefix(id, "snap-") {
		return Snapshot{}, &cloud.Error{Kind: cloud.KindInvalid, Subject: "snapshot", ID: id, Code: "InvalidSnapshotID.Malformed",
			Message: `Invalid id: "` + id + `" (expecting "snap-...")`}
	}
	v, ok := Snapshots.Get(r, id)
	if !ok || v.Scope != s {
		return Snapshot{}, &cloud.Error{Kind: cloud.KindNotFound, Subject: "snapshot", ID: id, Code: "InvalidSnapshot.NotFound",
			Message: "The snapshot '" + id + "' does not exist."}
	}
	return v, nil
}

func snapshotState(s Snapshot) error {
	return &cloud.Error{Kind: cloud.KindState, Subject: "snapshot", ID: s.ID, Code: "IncorrectState",
		Message: "Snapshot '" + s.ID + "' is not 'completed'."}
}

// CreateSnapshot keeps what a volume has now. A root volume's is made by the
// reconciler, of the guest's disk; another volume has nothing to keep.
type CreateSnapshot struct {
	VolumeID, Description string
	Tags                  cloud.Tags
}

// Apply returns the snapshot, which is pending if there is something to keep.
func (c CreateSnapshot) Apply(tx *cloud.Tx) (Snapshot, error) {
	v, err := FindVolume(tx, tx.Caller.Scope, c.VolumeID)
	if err != nil {
		return Snapshot{}, err
	}
	s := newSnapshot(tx, v.ID, v.SizeGiB, c.Description, c.Tags)
	s.Encrypted = v.Encrypted
	if i, ok := Instances.Get(tx, v.InstanceID); ok && i.RootVolumeID == v.ID {
		s = s.of(&i, false)
	} else if v.RootOf != "" {
		return s, cloud.Errorf(cloud.KindUnsupported, "volume", "UnsupportedOperation",
			"The volume '%s' was the root of the instance '%s', and its content went with it.", v.ID, v.RootOf)
	}
	Snapshots.Put(tx, s)
	return s, nil
}

// newSnapshot is a snapshot without content.
func newSnapshot(tx *cloud.Tx, volumeID string, size int, description string, tags cloud.Tags) Snapshot {
	return Snapshot{ID: "snap-" + tx.IDs.Hex(17), Scope: tx.Caller.Scope, VolumeID: volumeID, SizeGiB: size, Description: description,
		State: SnapshotCompleted, StartedAt: tx.Now, CompletedAt: tx.Now, Tags: tags.Clone()}
}

// of makes s a snapshot of an instance's disk, to be taken.
func (s Snapshot) of(i *Instance, reboot bool) Snapshot {
	s.State, s.CompletedAt = SnapshotPending, time.Time{}
	s.Root, s.InstanceID, s.Reboot, s.ImageDigest = true, i.ID, reboot, i.RootImage
	return s
}

// DeleteSnapshot removes a snapshot that no image uses.
type DeleteSnapshot struct{ ID string }

// Apply removes it.
func (c DeleteSnapshot) Apply(tx *cloud.Tx) (cloud.None, error) {
	s, err := FindSnapshot(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	if i, ok := StoredImages.First(tx, "snapshot", s.ID); ok {
		return cloud.None{}, &cloud.Error{Kind: cloud.KindInUse, Subject: "snapshot", ID: s.ID, Code: "InvalidSnapshot.InUse",
			Message: "The snapshot " + s.ID + " is currently in use by " + i.ID}
	}
	Snapshots.Delete(tx, s.ID)
	return cloud.None{}, nil
}

// CopySnapshot makes a snapshot with the content of another one of the account,
// maybe of another region.
type CopySnapshot struct {
	SourceRegion, SourceID, Description string
	Encrypted                           bool
	Tags                                cloud.Tags
}

// Apply returns the new snapshot.
func (c CopySnapshot) Apply(tx *cloud.Tx) (Snapshot, error) {
	from, err := FindSnapshot(tx, cloud.Scope{Account: tx.Caller.Account, Region: c.SourceRegion}, c.SourceID)
	if err != nil {
		return from, err
	}
	if from.State != SnapshotCompleted {
		return from, snapshotState(from)
	}
	s := from.copied(tx, c.Description, c.Tags)
	s.Encrypted = s.Encrypted || c.Encrypted
	Snapshots.Put(tx, s)
	return s, nil
}

// copied is a new snapshot of the caller's with the same content. Its volume is
// one that does not exist, as on AWS.
func (s Snapshot) copied(tx *cloud.Tx, description string, tags cloud.Tags) Snapshot {
	n := newSnapshot(tx, "vol-ffffffff", s.SizeGiB, description, tags)
	n.Encrypted, n.Root, n.ImageDigest, n.Digest, n.Bytes = s.Encrypted, s.Root, s.ImageDigest, s.Digest, s.Bytes
	return n
}

// ReportSnapshot is what became of a pending snapshot: the digest of the disk's
// content, or why there is none.
type ReportSnapshot struct {
	ID     string
	Digest string
	Bytes  int64
	Failed string
	// Stopped is the boot of the guest that was shut down for it, if one was: the
	// instance boots again.
	Stopped uint32
}

// Apply completes the snapshot and the images that wait for it.
func (c ReportSnapshot) Apply(tx *cloud.Tx) (cloud.None, error) {
	if !tx.Caller.Internal {
		return cloud.None{}, internalOnly()
	}
	s, ok := Snapshots.Get(tx, c.ID)
	if !ok || s.State != SnapshotPending {
		return cloud.None{}, nil
	}
	if i, ok := Instances.Get(tx, s.InstanceID); ok && i.State == Running && c.Stopped != 0 && i.Boot == c.Stopped {
		i.Boot++
		Instances.Put(tx, i)
	}
	s.State, s.Digest, s.Bytes, s.CompletedAt = SnapshotCompleted, c.Digest, c.Bytes, tx.Now
	if c.Failed != "" {
		s.State, s.StateMessage, s.Digest, s.Bytes = SnapshotError, c.Failed, "", 0
	}
	s.InstanceID = ""
	Snapshots.Put(tx, s)
	for i := range StoredImages.By(tx, "snapshot", s.ID) {
		if i.State != ImagePending || i.SnapshotID != s.ID {
			continue
		}
		i.State, i.Digest, i.SnapshotDigest = ImageAvailable, s.ImageDigest, s.Digest
		if c.Failed != "" {
			i.State, i.StateReason, i.Digest = ImageFailed, "Server.InternalError: "+c.Failed, ""
		}
		StoredImages.Put(tx, i)
	}
	return cloud.None{}, nil
}

// copyDescription is what AWS writes on the snapshots that CopyImage makes.
func copyDescription(tx *cloud.Tx, image, source, snapshot string) string {
	return fmt.Sprintf("Copied for DestinationAmi %s from SourceAmi %s for SourceSnapshot %s. Task created on %d.", image, source, snapshot, tx.Now.UnixMilli())
}
