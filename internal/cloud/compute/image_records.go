package compute

import (
	"slices"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// ImageState is an image's state, as AWS spells it.
type ImageState string

// The image states.
const (
	ImagePending   ImageState = "pending"
	ImageAvailable ImageState = "available"
	ImageFailed    ImageState = "failed"
)

// hvm is the virtualization that all instance types have.
const hvm = "hvm"

// Image is a machine image. Some are built in: AWS's, Canonical's and Debian's by
// the names under which configurations look them up. The others are records:
// imported, created of an instance, registered or copied.
type Image struct {
	ID string
	// Scope is the owner's account, and the region.
	cloud.Scope
	Name           string
	Description    string
	OwnerID        string
	OwnerAlias     string // amazon
	Architecture   string // x86_64, arm64, i386
	CreatedAt      time.Time
	RootDeviceName string
	SnapshotID     string // of the root device
	SizeGiB        int    // of the root device
	VolumeType     string // of the root device
	BootMode       string
	// Virtualization is hvm or paravirtual; ENA whether the image has that driver.
	Virtualization string
	ENA            bool
	SRIOV          bool
	TPM            string
	// IMDSv2 makes instances require metadata tokens unless they say otherwise.
	IMDSv2 bool

	// Digest is the imported image that is the root file system; empty for the
	// built-in one. SnapshotDigest is what the disk has over it; empty for nothing.
	Digest, SnapshotDigest string
	State                  ImageState
	// StateReason says why it failed.
	StateReason string
	// Public images are for everybody; the others for their owner and these
	// accounts.
	Public    bool
	SharedFor []string
	// Devices is the block device mapping of an image that is a record, with the
	// root device.
	Devices      []LaunchVolume
	DeprecatedAt time.Time
	// What it was made of.
	SourceInstanceID, SourceImageID, SourceRegion string
	// LastLaunched is when an instance was last launched from it.
	LastLaunched time.Time
	ClientToken  string
	Tags         cloud.Tags
}

// Mapping is the image's block device mapping, by device name.
func (i *Image) Mapping() []LaunchVolume {
	if len(i.Devices) > 0 {
		return i.Devices
	}
	return []LaunchVolume{{DeviceName: i.RootDeviceName, SnapshotID: i.SnapshotID, SizeGiB: i.SizeGiB, Type: i.VolumeType}}
}

// VisibleTo reports whether an account may see and launch the image.
func (i *Image) VisibleTo(account string) bool {
	return i.Account == account || i.Public || slices.Contains(i.SharedFor, account)
}

// setDevices takes over a mapping and what follows from its root device.
func (i *Image) setDevices(devices []LaunchVolume) {
	i.Devices = devices
	for _, d := range devices {
		if d.DeviceName == i.RootDeviceName {
			i.SnapshotID, i.SizeGiB, i.VolumeType = d.SnapshotID, d.SizeGiB, d.Type
		}
	}
}

// byDigest is the index that finds who uses a content; see UsesDigest.
const byDigest = "digest"

// StoredImages is the table of the images that are not built in.
var StoredImages = cloud.NewTable("image", func(i *Image) string { return i.ID },
	cloud.Index[Image]{Name: ByScope, Keys: func(i *Image) []string { return []string{i.Key()} }},
	cloud.Index[Image]{Name: "region", Keys: func(i *Image) []string { return []string{i.Region} }},
	cloud.Index[Image]{Name: "name", Keys: func(i *Image) []string { return []string{i.Key() + "/" + i.Name} }},
	cloud.Index[Image]{Name: byDigest, Keys: func(i *Image) []string { return []string{i.Digest, i.SnapshotDigest} }},
	cloud.Index[Image]{Name: "snapshot", Keys: func(i *Image) []string {
		var out []string
		for _, d := range i.Devices {
			out = append(out, d.SnapshotID)
		}
		return out
	}},
	cloud.Index[Image]{Name: "token", Keys: func(i *Image) []string {
		if i.ClientToken == "" {
			return nil
		}
		return []string{i.Key() + "/" + i.ClientToken}
	}})

// SnapshotState is a snapshot's state, as AWS spells it.
type SnapshotState string

// The snapshot states.
const (
	SnapshotPending   SnapshotState = "pending"
	SnapshotCompleted SnapshotState = "completed"
	SnapshotError     SnapshotState = "error"
)

// Snapshot is an EBS snapshot. That of a root volume has what the guest wrote to
// its disk; that of another volume has nothing, since those volumes are
// bookkeeping.
type Snapshot struct {
	ID string
	cloud.Scope
	VolumeID    string
	SizeGiB     int
	Description string
	Encrypted   bool
	State       SnapshotState
	// StateMessage says why it failed.
	StateMessage string
	StartedAt    time.Time
	CompletedAt  time.Time
	// Root is true of a root volume's: an image can be registered with it.
	Root bool
	// ImageDigest is the imported image on which the disk lies, Digest what was
	// written over it.
	ImageDigest, Digest string
	// Bytes is how much was written.
	Bytes int64
	// InstanceID is whose disk it is while it is pending, and Reboot whether that
	// instance is shut down meanwhile.
	InstanceID string
	Reboot     bool
	Tags       cloud.Tags
}

// ByInstance finds an instance's snapshots that are pending.
const ByInstance = "instance"

// Snapshots is the table of snapshots.
var Snapshots = cloud.NewTable("snapshot", func(s *Snapshot) string { return s.ID },
	cloud.Index[Snapshot]{Name: ByScope, Keys: func(s *Snapshot) []string { return []string{s.Key()} }},
	cloud.Index[Snapshot]{Name: byDigest, Keys: func(s *Snapshot) []string { return []string{s.ImageDigest, s.Digest} }},
	cloud.Index[Snapshot]{Name: "volume", Keys: func(s *Snapshot) []string { return []string{s.VolumeID} }},
	cloud.Index[Snapshot]{Name: ByInstance, Keys: func(s *Snapshot) []string {
		if s.State != SnapshotPending {
			return nil
		}
		return []string{s.InstanceID}
	}})

// UsesDigest reports whether an image, a snapshot or an instance needs the
// content with that digest.
func UsesDigest(r cloud.Reader, digest string) bool {
	if _, ok := StoredImages.First(r, byDigest, digest); ok {
		return true
	}
	if _, ok := Snapshots.First(r, byDigest, digest); ok {
		return true
	}
	_, ok := Instances.First(r, byDigest, digest)
	return ok
}
