package compute

import (
	"maps"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// LaunchVolume is a block device mapping of a launch: a change to the image's
// root device, or a further volume.
type LaunchVolume struct {
	DeviceName          string
	SnapshotID          string
	SizeGiB             int // 0: the snapshot's
	Type                string
	IOPS, Throughput    int
	Encrypted           bool
	DeleteOnTermination *bool
}

// volumeLimits are what a volume type can be.
type volumeLimits struct {
	minGiB, maxGiB   int
	minIOPS, maxIOPS int // 0: not settable
	throughput       bool
}

func limitsOf(kind string) (volumeLimits, bool) {
	l, ok := map[string]volumeLimits{
		"gp2":      {1, 16384, 0, 0, false},
		"gp3":      {1, 16384, 3000, 16000, true},
		"io1":      {4, 16384, 100, 64000, false},
		"io2":      {4, 65536, 100, 256000, false},
		"st1":      {125, 16384, 0, 0, false},
		"sc1":      {125, 16384, 0, 0, false},
		"standard": {1, 1024, 0, 0, false},
	}[kind]
	return l, ok
}

// settable is v without the speeds that follow from its type.
func (v LaunchVolume) settable() LaunchVolume {
	if l, _ := limitsOf(v.Type); l.maxIOPS == 0 {
		v.IOPS = 0
	}
	return v
}

// complete checks a volume's properties and fills in those that follow.
func (v LaunchVolume) complete() (LaunchVolume, error) {
	l, ok := limitsOf(v.Type)
	if !ok {
		return v, cloud.Errorf(cloud.KindInvalid, "volume", "InvalidParameterValue",
			"Value (%s) for parameter volumeType is invalid. Volume of type '%s' is not supported.", v.Type, v.Type)
	}
	if v.SizeGiB < l.minGiB || v.SizeGiB > l.maxGiB {
		return v, invalid("Volume of %dGiB is invalid for volume type %s; it must be between %dGiB and %dGiB.", v.SizeGiB, v.Type, l.minGiB, l.maxGiB)
	}
	if v.IOPS != 0 && l.maxIOPS == 0 {
		return v, combination("The parameter iops is not supported for %s volumes.", v.Type)
	}
	if v.Throughput != 0 && !l.throughput {
		return v, combination("The parameter throughput is not supported for %s volumes.", v.Type)
	}
	if v.IOPS != 0 && (v.IOPS < l.minIOPS || v.IOPS > l.maxIOPS) {
		return v, invalid("Volume iops of %d is invalid for volume type %s; it must be between %d and %d.", v.IOPS, v.Type, l.minIOPS, l.maxIOPS)
	}
	switch {
	case v.Type == "gp2":
		v.IOPS = min(max(100, 3*v.SizeGiB), 16000)
	case v.Type == "gp3":
		v.IOPS, v.Throughput = max(v.IOPS, 3000), max(v.Throughput, 125)
		if v.Throughput > 1000 {
			return v, invalid("Throughput (%d MiB/s) is invalid for volume type gp3; it must be between 125 and 1000.", v.Throughput)
		}
	case strings.HasPrefix(v.Type, "io") && v.IOPS == 0:
		return v, missing("iops")
	}
	return v, nil
}

// checkVolumes merges the request's devices with the image's root device.
func (l *launch) checkVolumes(tx *cloud.Tx) error {
	if slices.Contains(l.Omit, l.image.RootDeviceName) {
		return badDevices("The root device %s cannot be left out", l.image.RootDeviceName)
	}
	base := slices.DeleteFunc(slices.Clone(l.image.Mapping()), func(v LaunchVolume) bool { return slices.Contains(l.Omit, v.DeviceName) })
	var err error
	l.Volumes, err = mergeDevices(tx, base, l.Volumes, l.image.RootDeviceName)
	return err
}

// mergeDevices lays the devices of a request over those of an image (or of an
// instance of which one is made), by device name.
func mergeDevices(tx *cloud.Tx, base, over []LaunchVolume, root string) ([]LaunchVolume, error) {
	devices := map[string]LaunchVolume{}
	for _, v := range base {
		devices[v.DeviceName] = v
	}
	asked := map[string]bool{}
	for _, v := range over {
		if v.DeviceName == "" {
			return nil, missing("deviceName")
		}
		if asked[v.DeviceName] {
			return nil, badDevices("Duplicate device name: %s", v.DeviceName)
		}
		asked[v.DeviceName] = true
		merged, err := v.over(tx, devices[v.DeviceName], v.DeviceName == root)
		if err != nil {
			return nil, err
		}
		devices[v.DeviceName] = merged
	}
	var out []LaunchVolume
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		v, err := devices[name].complete()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// over lays a request's device over the base's device of that name, if any. A
// root device keeps its snapshot.
func (v LaunchVolume) over(tx *cloud.Tx, base LaunchVolume, root bool) (LaunchVolume, error) {
	if v.SnapshotID != "" && v.SnapshotID != base.SnapshotID {
		s, err := FindSnapshot(tx, tx.Caller.Scope, v.SnapshotID)
		switch {
		case err != nil:
			return v, err
		case root && base.SizeGiB != 0:
			return v, badDevices("snapshotId cannot be modified on root device")
		case s.State != SnapshotCompleted:
			return v, snapshotState(s)
		}
		base = LaunchVolume{DeviceName: v.DeviceName, SnapshotID: s.ID, SizeGiB: s.SizeGiB, Encrypted: s.Encrypted}
	}
	v.SnapshotID, v.Encrypted = base.SnapshotID, v.Encrypted || base.Encrypted
	if v.DeleteOnTermination == nil {
		v.DeleteOnTermination = base.DeleteOnTermination
	}
	if base.Type != "" && (v.Type == "" || v.Type == base.Type) {
		v.IOPS, v.Throughput = or(v.IOPS, base.IOPS), or(v.Throughput, base.Throughput)
	}
	if v.Type == "" {
		v.Type = base.Type
	}
	if v.Type == "" {
		v.Type = "gp2"
	}
	if v.SizeGiB == 0 {
		v.SizeGiB = base.SizeGiB
	}
	if v.SizeGiB == 0 {
		return v, missing("size or snapshotId")
	}
	if v.SizeGiB < base.SizeGiB {
		return v, badDevices("Volume of size %dGB is smaller than snapshot '%s', expect size >= %dGB", v.SizeGiB, base.SnapshotID, base.SizeGiB)
	}
	return v, nil
}

func badDevices(format string, args ...any) error {
	return cloud.Errorf(cloud.KindInvalid, "volume", "InvalidBlockDeviceMapping", format, args...)
}

// addVolumes makes the instance's volumes.
func (l *launch) addVolumes(tx *cloud.Tx, i *Instance) {
	for _, spec := range l.Volumes {
		v := Volume{ID: "vol-" + tx.IDs.Hex(17), Scope: i.Scope, Zone: i.Zone, SizeGiB: spec.SizeGiB, Type: spec.Type,
			IOPS: spec.IOPS, Throughput: spec.Throughput, Encrypted: spec.Encrypted, SnapshotID: spec.SnapshotID,
			InstanceID: i.ID, State: "in-use", CreatedAt: tx.Now, Tags: l.VolumeTags.Clone()}
		if spec.DeviceName == i.RootDeviceName {
			v.RootOf, i.RootVolumeID = i.ID, v.ID
		}
		Volumes.Put(tx, v)
		i.Volumes = append(i.Volumes, BlockDevice{DeviceName: spec.DeviceName, VolumeID: v.ID, AttachedAt: tx.Now,
			DeleteOnTermination: spec.DeleteOnTermination == nil || *spec.DeleteOnTermination})
	}
}

// FindVolume returns the scope's volume with that id, or AWS's refusal.
func FindVolume(r cloud.Reader, s cloud.Scope, id string) (Volume, error) {
	if !strings.HasPrefix(id, "vol-") {
		return Volume{}, &cloud.Error{Kind: cloud.KindInvalid, Subject: "volume", ID: id, Code: "InvalidVolumeID.Malformed",
			Message: `Invalid id: "` + id + `" (expecting "vol-...")`}
	}
	v, ok := Volumes.Get(r, id)
	if !ok || v.Scope != s {
		return v, &cloud.Error{Kind: cloud.KindNotFound, Subject: "volume", ID: id, Code: "InvalidVolume.NotFound",
			Message: "The volume '" + id + "' does not exist."}
	}
	return v, nil
}

// ModifyVolume changes a volume's size, type or speed; zero leaves as is.
type ModifyVolume struct {
	ID               string
	SizeGiB          int
	Type             string
	IOPS, Throughput int
}

// Apply returns the changed volume.
func (c ModifyVolume) Apply(tx *cloud.Tx) (Volume, error) {
	v, err := FindVolume(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return v, err
	}
	want := LaunchVolume{SizeGiB: v.SizeGiB, Type: v.Type, IOPS: c.IOPS, Throughput: c.Throughput}
	if c.SizeGiB != 0 {
		want.SizeGiB = c.SizeGiB
	}
	if want.SizeGiB < v.SizeGiB {
		return v, invalid("New size cannot be smaller than existing size")
	}
	if c.Type != "" {
		want.Type = c.Type
	}
	if want.Type == v.Type && v.Type != "gp2" {
		want.IOPS, want.Throughput = or(c.IOPS, v.IOPS), or(c.Throughput, v.Throughput)
	}
	if want, err = want.complete(); err != nil {
		return v, err
	}
	v.Modification = &VolumeModification{OriginalSizeGiB: v.SizeGiB, TargetSizeGiB: want.SizeGiB, OriginalType: v.Type,
		TargetType: want.Type, OriginalIOPS: v.IOPS, TargetIOPS: want.IOPS,
		OriginalThroughput: v.Throughput, TargetThroughput: want.Throughput, At: tx.Now}
	v.SizeGiB, v.Type, v.IOPS, v.Throughput = want.SizeGiB, want.Type, want.IOPS, want.Throughput
	Volumes.Put(tx, v)
	return v, nil
}

func or(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}
