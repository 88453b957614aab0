package compute

import (
	"github.com/musubi-net/musubi/internal/cloud"
)

// RegisterImage makes an image of snapshots.
type RegisterImage struct {
	Name, Description, Architecture string
	RootDeviceName                  string
	Virtualization, BootMode, TPM   string
	ENA, SRIOV, IMDSv2              bool
	Devices                         []LaunchVolume
	Tags                            cloud.Tags
}

// Apply returns the image, which is available at once.
func (c RegisterImage) Apply(tx *cloud.Tx) (Image, error) {
	if err := checkImageName(tx, c.Name); err != nil {
		return Image{}, err
	}
	// AWS's defaults are those of its first instance types.
	if c.Architecture == "" {
		c.Architecture = "i386"
	}
	if c.Virtualization == "" {
		c.Virtualization = "paravirtual"
	}
	if c.RootDeviceName == "" {
		c.RootDeviceName = "/dev/sda1"
	}
	if err := c.check(); err != nil {
		return Image{}, err
	}
	devices, err := mergeDevices(tx, nil, c.Devices, c.RootDeviceName)
	if err != nil {
		return Image{}, err
	}
	image := Image{ID: "ami-" + tx.IDs.Hex(17), Scope: tx.Caller.Scope, OwnerID: tx.Caller.Account, Name: c.Name, Description: c.Description,
		Architecture: c.Architecture, CreatedAt: tx.Now, RootDeviceName: c.RootDeviceName, BootMode: c.BootMode, TPM: c.TPM,
		Virtualization: c.Virtualization, ENA: c.ENA, SRIOV: c.SRIOV, IMDSv2: c.IMDSv2, State: ImageAvailable, Tags: c.Tags.Clone()}
	for k := range devices {
		devices[k] = devices[k].settable()
	}
	image.setDevices(devices)
	if image.SnapshotID == "" {
		return image, invalid("No snapshotId was specified for the root device %s.", c.RootDeviceName)
	}
	root, err := FindSnapshot(tx, tx.Caller.Scope, image.SnapshotID)
	if err != nil {
		return image, err
	}
	if !root.Root {
		return image, cloud.Errorf(cloud.KindUnsupported, "snapshot", "UnsupportedOperation",
			"The snapshot '%s' is not of a root volume: it has no file system that an instance can start from.", root.ID)
	}
	image.Digest, image.SnapshotDigest = root.ImageDigest, root.Digest
	StoredImages.Put(tx, image)
	return image, nil
}

func (c RegisterImage) check() error {
	for _, f := range []struct {
		name, value string
		allowed     []string
	}{
		{"architecture", c.Architecture, []string{"i386", "x86_64", "arm64"}},
		{"virtualizationType", c.Virtualization, []string{hvm, "paravirtual"}},
		{"bootMode", c.BootMode, []string{"", "legacy-bios", "uefi", "uefi-preferred"}},
		{"tpmSupport", c.TPM, []string{"", "v2.0"}},
	} {
		if err := oneOf(f.name, f.value, f.allowed...); err != nil {
			return err
		}
	}
	return nil
}

// RegisterImported makes an image of imported content. An image of the same name
// that was imported before is replaced by it.
type RegisterImported struct {
	Name, Description string
	// Digest is the content's, in the store of images.
	Digest string
	// Architecture is x86_64 or arm64.
	Architecture string
	// SizeGiB is the root volume's size; 0 is 8.
	SizeGiB int
	Public  bool
	Tags    cloud.Tags
}

// Apply returns the image, which is available at once; what was imported before
// is returned again if it is the same.
func (c RegisterImported) Apply(tx *cloud.Tx) (Image, error) {
	if c.Digest == "" {
		return Image{}, missing("digest")
	}
	if err := oneOf("architecture", c.Architecture, "x86_64", "arm64"); err != nil {
		return Image{}, err
	}
	if c.SizeGiB == 0 {
		c.SizeGiB = 8
	}
	if old, ok := StoredImages.First(tx, "name", tx.Caller.Key()+"/"+c.Name); ok && old.imported() {
		if old.Digest == c.Digest && old.SizeGiB == c.SizeGiB && old.Description == c.Description && old.Public == c.Public {
			return old, nil
		}
		if _, err := (DeregisterImage{ID: old.ID, DeleteSnapshots: true}).Apply(tx); err != nil {
			return Image{}, err
		}
	}
	if err := checkImageName(tx, c.Name); err != nil {
		return Image{}, err
	}
	image := Image{ID: "ami-" + tx.IDs.Hex(17), Scope: tx.Caller.Scope, OwnerID: tx.Caller.Account, Name: c.Name, Description: c.Description,
		Architecture: c.Architecture, CreatedAt: tx.Now, RootDeviceName: "/dev/xvda", BootMode: "uefi-preferred", Virtualization: hvm, ENA: true,
		SRIOV: true, Digest: c.Digest, State: ImageAvailable, Public: c.Public, Tags: c.Tags.Clone()}
	if c.Architecture == "arm64" {
		image.BootMode = "uefi"
	}
	s := newSnapshot(tx, "vol-ffffffff", c.SizeGiB, "Imported for "+image.ID, nil)
	s.Root, s.ImageDigest = true, c.Digest
	Snapshots.Put(tx, s)
	image.setDevices([]LaunchVolume{{DeviceName: image.RootDeviceName, SnapshotID: s.ID, SizeGiB: c.SizeGiB, Type: "gp3"}})
	StoredImages.Put(tx, image)
	return image, nil
}

// imported reports whether the image is of imported content, and nothing was
// written over it.
func (i *Image) imported() bool {
	return i.Digest != "" && i.SnapshotDigest == "" && i.SourceInstanceID == "" && i.SourceImageID == ""
}
