package compute

import (
	"slices"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// CopyImage makes an image of the caller's with the content of another one, maybe
// of another region.
type CopyImage struct {
	SourceRegion, SourceID string
	Name, Description      string
	Encrypted, CopyTags    bool
	ClientToken            string
	ImageTags              cloud.Tags
	SnapshotTags           cloud.Tags
}

// Apply returns the image, which is available at once: both have the same
// content.
func (c CopyImage) Apply(tx *cloud.Tx) (Image, error) {
	if c.SourceRegion == "" {
		return Image{}, missing("sourceRegion")
	}
	if c.ClientToken != "" {
		if again, ok := StoredImages.First(tx, "token", tx.Caller.Key()+"/"+c.ClientToken); ok {
			return again, nil
		}
	}
	from, err := availableImage(tx, cloud.Scope{Account: tx.Caller.Account, Region: c.SourceRegion}, c.SourceID)
	if err != nil {
		return from, err
	}
	if err := checkImageName(tx, c.Name); err != nil {
		return from, err
	}
	image := from
	image.ID, image.Scope, image.OwnerID, image.OwnerAlias = "ami-"+tx.IDs.Hex(17), tx.Caller.Scope, tx.Caller.Account, ""
	image.Name, image.Description, image.CreatedAt, image.ClientToken = c.Name, c.Description, tx.Now, c.ClientToken
	image.Public, image.SharedFor, image.DeprecatedAt, image.LastLaunched = false, nil, time.Time{}, time.Time{}
	image.SourceImageID, image.SourceRegion, image.SourceInstanceID = from.ID, c.SourceRegion, ""
	image.Tags = cloud.Tags{}
	if c.CopyTags && from.Account == tx.Caller.Account {
		image.Tags = from.Tags.Clone()
	}
	image.Tags = image.Tags.With(c.ImageTags)
	image.setDevices(c.devices(tx, from, image.ID))
	StoredImages.Put(tx, image)
	return image, nil
}

// devices copies the snapshots of an image's devices.
func (c CopyImage) devices(tx *cloud.Tx, from Image, imageID string) []LaunchVolume {
	devices := slices.Clone(from.Mapping())
	for k, d := range devices {
		devices[k].Encrypted = d.Encrypted || c.Encrypted
		if d.SnapshotID == "" {
			continue
		}
		old, ok := Snapshots.Get(tx, d.SnapshotID)
		if !ok { // of a built-in image
			old = Snapshot{ID: d.SnapshotID, SizeGiB: d.SizeGiB, Root: d.DeviceName == from.RootDeviceName}
		}
		s := old.copied(tx, copyDescription(tx, imageID, from.ID, old.ID), c.SnapshotTags)
		s.Encrypted = devices[k].Encrypted
		Snapshots.Put(tx, s)
		devices[k].SnapshotID = s.ID
	}
	return devices
}
