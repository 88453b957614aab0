package compute_test

import (
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

// completed reports the snapshot of an image.
func (l *lab) completed(c compute.ReportSnapshot) {
	l.Helper()
	l.caller.Internal = true
	must(l, c)
	l.caller.Internal = false
}

func (l *lab) image(id string) compute.Image {
	i, _ := compute.StoredImages.Get(l.db.Snapshot(), id)
	return i
}

func (l *lab) uses(digest string) bool { return compute.UsesDigest(l.db.Snapshot(), digest) }

// running launches an instance that runs.
func (l *lab) running(change func(*compute.RunInstances)) compute.Instance {
	l.Helper()
	return l.report(must(l, l.launch(change))[0], 1, compute.Running)
}

func TestCreateImage(t *testing.T) {
	l := newLab(t)
	base := must(l, compute.RegisterImported{Name: "mine", Digest: "sha256:base", Architecture: "x86_64"})
	i := l.running(func(c *compute.RunInstances) {
		c.ImageID = base.ID
		c.Volumes = []compute.LaunchVolume{{DeviceName: "/dev/sdf", SizeGiB: 20, Type: "gp2", DeleteOnTermination: new(false)}}
	})
	if i.RootImage != "sha256:base" || i.RootSnapshot != "" {
		t.Errorf("instance: %+v", i)
	}
	made := must(l, compute.CreateImage{InstanceID: i.ID, Name: "golden", ImageTags: cloud.Tags{"a": "b"}, SnapshotTags: cloud.Tags{"c": "d"},
		Devices: []compute.LaunchVolume{{DeviceName: "/dev/xvda", SizeGiB: 30, Type: "gp3"}}})
	if made.State != compute.ImagePending || made.SizeGiB != 30 || len(made.Devices) != 2 || made.SourceInstanceID != i.ID || made.SourceImageID != base.ID {
		t.Errorf("image: %+v", made)
	}
	s, _ := compute.Snapshots.Get(l.db.Snapshot(), made.SnapshotID)
	if s.State != compute.SnapshotPending || !s.Reboot || s.InstanceID != i.ID || s.Tags["c"] != "d" || s.Description != "Created by CreateImage("+i.ID+") for "+made.ID {
		t.Errorf("snapshot: %+v", s)
	}
	refused(l, "InvalidAMIID.Unavailable", l.launch(func(c *compute.RunInstances) { c.ImageID = made.ID }))
	if got := refused(l, "InvalidAMIName.Duplicate", compute.CreateImage{InstanceID: i.ID, Name: "golden"}); got != "AMI name golden is already in use by AMI "+made.ID {
		t.Error(got)
	}
	refused(l, "", compute.ReportSnapshot{ID: s.ID})
	l.completed(compute.ReportSnapshot{ID: s.ID, Digest: "sha256:disk", Bytes: 9, Stopped: 1})
	if got := l.image(made.ID); got.State != compute.ImageAvailable || got.Digest != "sha256:base" || got.SnapshotDigest != "sha256:disk" {
		t.Errorf("available: %+v", got)
	}
	if got := l.get(i.ID); got.Boot != 2 || got.State != compute.Running {
		t.Errorf("the instance did not boot again: %+v", got)
	}
	next := must(l, l.launch(func(c *compute.RunInstances) { c.ImageID = made.ID }))[0]
	if next.RootImage != "sha256:base" || next.RootSnapshot != "sha256:disk" || len(next.Volumes) != 2 || next.Volumes[0].DeleteOnTermination {
		t.Errorf("launched: %+v", next)
	}
	must(l, compute.DeregisterImage{ID: made.ID})
	if got := refused(l, "InvalidSnapshot.NotFound", compute.DeleteSnapshot{ID: "snap-0"}); got != "The snapshot 'snap-0' does not exist." {
		t.Error(got)
	}
	must(l, compute.DeleteSnapshot{ID: s.ID})
	if !l.uses("sha256:disk") {
		t.Error("the disk of an instance is not used")
	}
	must(l, compute.TerminateInstances{IDs: []string{next.ID}})
	l.report(next, 1, compute.Terminated)
	if l.uses("sha256:disk") || !l.uses("sha256:base") {
		t.Error("who uses what is wrong")
	}
}

func TestFailedImage(t *testing.T) {
	l := newLab(t)
	i := l.running(nil)
	made := must(l, compute.CreateImage{InstanceID: i.ID, Name: "golden", NoReboot: true, Omit: []string{"/dev/sdx"}})
	l.completed(compute.ReportSnapshot{ID: made.SnapshotID, Failed: "no room"})
	if got := l.image(made.ID); got.State != compute.ImageFailed || got.StateReason != "Server.InternalError: no room" {
		t.Errorf("failed: %+v", got)
	}
	if got := l.get(i.ID).Boot; got != 1 {
		t.Errorf("boot %d", got)
	}
}

func TestImageRefusals(t *testing.T) {
	l := newLab(t)
	pending := must(l, l.launch(nil))[0]
	refused(l, "IncorrectState", compute.CreateImage{InstanceID: pending.ID, Name: "abc"})
	i := l.report(pending, 1, compute.Running)
	for _, name := range []string{"ab", strings.Repeat("a", 129), "a_b!"} {
		refused(l, "InvalidAMIName.Malformed", compute.CreateImage{InstanceID: i.ID, Name: name})
	}
	refused(l, "MissingParameter", compute.CreateImage{InstanceID: i.ID})
	refused(l, "InvalidInstanceID.NotFound", compute.CreateImage{InstanceID: "i-0", Name: "abc"})
	refused(l, "AuthFailure", compute.DeregisterImage{ID: i.ImageID})
	refused(l, "InvalidAMIID.NotFound", compute.DeregisterImage{ID: "ami-0"})
	refused(l, "InvalidSnapshotID.Malformed", compute.CopySnapshot{SourceRegion: l.caller.Region, SourceID: "x"})
}

func TestRegisterImage(t *testing.T) {
	l := newLab(t)
	i := l.running(func(c *compute.RunInstances) {
		c.Volumes = []compute.LaunchVolume{{DeviceName: "/dev/sdf", SizeGiB: 1}}
	})
	root := must(l, compute.CreateSnapshot{VolumeID: i.RootVolumeID})
	data := must(l, compute.CreateSnapshot{VolumeID: i.Volumes[0].VolumeID})
	register := compute.RegisterImage{Name: "abc", Architecture: "x86_64", RootDeviceName: "/dev/xvda", Virtualization: "hvm", ENA: true,
		Devices: []compute.LaunchVolume{{DeviceName: "/dev/xvda", SnapshotID: root.ID, Type: "gp3"}}}
	refused(l, "IncorrectState", register)
	l.completed(compute.ReportSnapshot{ID: root.ID, Digest: "sha256:disk"})
	without := register
	without.Devices = nil
	refused(l, "InvalidParameterValue", without)
	wrong := register
	wrong.Devices = []compute.LaunchVolume{{DeviceName: "/dev/xvda", SnapshotID: data.ID}}
	refused(l, "UnsupportedOperation", wrong)
	image := must(l, register)
	if image.State != compute.ImageAvailable || image.SnapshotDigest != "sha256:disk" || image.SizeGiB != 8 {
		t.Errorf("registered: %+v", image)
	}
	if got := refused(l, "InvalidSnapshot.InUse", compute.DeleteSnapshot{ID: root.ID}); got != "The snapshot "+root.ID+" is currently in use by "+image.ID {
		t.Error(got)
	}
	register.Name, register.Virtualization = "old", ""
	old := must(l, register)
	if got := refused(l, "InvalidParameterCombination", l.launch(func(c *compute.RunInstances) { c.ImageID = old.ID })); !strings.Contains(got, "'paravirtual'") {
		t.Error(got)
	}
	register.Name, register.Virtualization, register.ENA = "older", "hvm", false
	older := must(l, register)
	if got := refused(l, "InvalidParameterCombination", l.launch(func(c *compute.RunInstances) { c.ImageID = older.ID })); !strings.Contains(got, "(ENA)") {
		t.Error(got)
	}
	must(l, compute.DeregisterImage{ID: older.ID, DeleteSnapshots: true})
	if !l.uses("sha256:disk") {
		t.Error("a snapshot that another image uses is gone")
	}
}

func TestImportedAgain(t *testing.T) {
	l := newLab(t)
	first := must(l, compute.RegisterImported{Name: "mine", Digest: "sha256:1", Architecture: "x86_64"})
	if again := must(l, compute.RegisterImported{Name: "mine", Digest: "sha256:1", Architecture: "x86_64"}); again.ID != first.ID {
		t.Errorf("the same content has a new id")
	}
	second := must(l, compute.RegisterImported{Name: "mine", Digest: "sha256:2", Architecture: "x86_64"})
	if _, err := compute.FindImage(l.db.Snapshot(), l.caller.Scope, first.ID); err == nil || second.ID == first.ID {
		t.Error("the old image is still there")
	}
	if l.uses("sha256:1") || !l.uses("sha256:2") {
		t.Error("who uses what is wrong")
	}
}

func TestSharedImages(t *testing.T) {
	l := newLab(t)
	image := must(l, compute.RegisterImported{Name: "mine", Digest: "sha256:1", Architecture: "x86_64", Tags: cloud.Tags{"a": "b"}})
	other := cloud.Scope{Account: "444455556666", Region: l.caller.Region}
	sees := func() bool {
		_, err := compute.FindImage(l.db.Snapshot(), other, image.ID)
		return err == nil
	}
	if sees() {
		t.Error("a private image is seen")
	}
	refused(l, "InvalidAMIAttributeItemValue", compute.ModifyImage{ID: image.ID, Add: compute.Grants{Accounts: []string{"1"}}})
	must(l, compute.ModifyImage{ID: image.ID, Add: compute.Grants{Accounts: []string{other.Account}}})
	if !sees() {
		t.Error("a shared image is not seen")
	}
	mine := l.caller
	l.caller.Scope = other
	refused(l, "AuthFailure", compute.DeregisterImage{ID: image.ID})
	l.caller.Region = "eu-west-1"
	copied := must(l, compute.CopyImage{SourceRegion: other.Region, SourceID: image.ID, Name: "copy", CopyTags: true})
	if copied.Account != other.Account || copied.Region != "eu-west-1" || copied.Digest != "sha256:1" || copied.SnapshotID == image.SnapshotID || len(copied.Tags) != 0 {
		t.Errorf("copied: %+v", copied)
	}
	l.caller = mine
	must(l, compute.ModifyImage{ID: image.ID, Reset: true, Description: new("d")})
	if sees() || l.image(image.ID).Description != "d" {
		t.Error("the permission is still there")
	}
	must(l, compute.ModifyImage{ID: image.ID, Add: compute.Grants{All: true}})
	if !sees() {
		t.Error("a public image is not seen")
	}
	builtin := must(l, compute.CopyImage{SourceRegion: "us-east-1", SourceID: builtIn("us-east-1"), Name: "al2023"})
	if i := must(l, l.launch(func(c *compute.RunInstances) { c.ImageID = builtin.ID }))[0]; i.RootImage != "" || i.Metadata.HTTPTokens != "required" {
		t.Errorf("launched of a copy: %+v", i)
	}
}

// builtIn is a built-in image of a region.
func builtIn(region string) string { return image(region, "al2023-ami-2023", "x86_64") }

func TestSnapshotOfLeftVolume(t *testing.T) {
	l := newLab(t)
	i := l.running(func(c *compute.RunInstances) {
		c.Volumes = []compute.LaunchVolume{{DeviceName: "/dev/xvda", DeleteOnTermination: new(false)}}
	})
	must(l, compute.TerminateInstances{IDs: []string{i.ID}})
	l.report(i, 1, compute.Terminated)
	refused(l, "UnsupportedOperation", compute.CreateSnapshot{VolumeID: i.RootVolumeID})
}
