package compute

import (
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
)

// CreateImage makes an image of an instance: of its disk as it is now.
type CreateImage struct {
	InstanceID, Name, Description string
	// NoReboot leaves a running instance alone; otherwise it is shut down while
	// the snapshot is taken.
	NoReboot bool
	// Devices change the instance's block devices or add others; Omit leaves out
	// those with these names.
	Devices                 []LaunchVolume
	Omit                    []string
	ImageTags, SnapshotTags cloud.Tags
}

// Apply returns the pending image; the reconciler takes the snapshot.
func (c CreateImage) Apply(tx *cloud.Tx) (Image, error) {
	i, err := FindInstance(tx, tx.Caller.Scope, c.InstanceID)
	if err != nil {
		return Image{}, err
	}
	if i.State != Running && i.State != Stopped {
		return Image{}, wrongState("IncorrectState", "The instance '%s' is not in the 'running' or 'stopped' state.", i.ID)
	}
	if err := checkImageName(tx, c.Name); err != nil {
		return Image{}, err
	}
	image := imageOf(tx, &i)
	image.Name, image.Description, image.Tags = c.Name, c.Description, c.ImageTags.Clone()
	devices, err := mergeDevices(tx, c.base(tx, &i), c.Devices, i.RootDeviceName)
	if err != nil {
		return image, err
	}
	for k := range devices {
		devices[k] = c.snapshot(tx, &i, image.ID, devices[k]).settable()
	}
	image.setDevices(devices)
	StoredImages.Put(tx, image)
	return image, nil
}

// imageOf is an image that has what its instance had of its own one.
func imageOf(tx *cloud.Tx, i *Instance) Image {
	image := Image{ID: "ami-" + tx.IDs.Hex(17), Scope: tx.Caller.Scope, OwnerID: tx.Caller.Account, Architecture: i.Architecture,
		CreatedAt: tx.Now, RootDeviceName: i.RootDeviceName, Virtualization: hvm, ENA: true, SRIOV: true, State: ImagePending,
		SourceInstanceID: i.ID, SourceImageID: i.ImageID, SourceRegion: i.Region}
	if from, err := FindImage(tx, i.Scope, i.ImageID); err == nil {
		image.BootMode, image.IMDSv2, image.TPM = from.BootMode, from.IMDSv2, from.TPM
	}
	return image
}

// base is the instance's own block device mapping.
func (c CreateImage) base(tx *cloud.Tx, i *Instance) []LaunchVolume {
	var out []LaunchVolume
	for _, b := range i.Volumes {
		v, ok := Volumes.Get(tx, b.VolumeID)
		if !ok || b.DeviceName != i.RootDeviceName && slices.Contains(c.Omit, b.DeviceName) {
			continue
		}
		out = append(out, LaunchVolume{DeviceName: b.DeviceName, SizeGiB: v.SizeGiB, Type: v.Type, IOPS: v.IOPS, Throughput: v.Throughput,
			Encrypted: v.Encrypted, DeleteOnTermination: new(b.DeleteOnTermination)}.settable())
	}
	return out
}

// snapshot makes the snapshot of one of the instance's devices; a device that the
// request adds has none, or its own.
func (c CreateImage) snapshot(tx *cloud.Tx, i *Instance, imageID string, d LaunchVolume) LaunchVolume {
	at := slices.IndexFunc(i.Volumes, func(b BlockDevice) bool { return b.DeviceName == d.DeviceName })
	if at < 0 || d.SnapshotID != "" {
		return d
	}
	v, ok := Volumes.Get(tx, i.Volumes[at].VolumeID)
	if !ok {
		return d
	}
	s := newSnapshot(tx, v.ID, v.SizeGiB, "Created by CreateImage("+i.ID+") for "+imageID, c.SnapshotTags)
	s.Encrypted = v.Encrypted
	if d.DeviceName == i.RootDeviceName {
		s = s.of(i, !c.NoReboot && i.State == Running)
	}
	Snapshots.Put(tx, s)
	d.SnapshotID = s.ID
	return d
}
