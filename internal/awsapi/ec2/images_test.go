package ec2

import (
	"testing"
	"time"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/engine"
)

func (n *netTest) internal(c cloud.Command[cloud.None]) {
	n.Helper()
	if _, err := engine.Do(n.Context(), engine.Runner(n.engine), cloud.Caller{Internal: true}, c); err != nil {
		n.Fatal(err)
	}
}

// imagesOf are the ids that a request finds.
func (n *netTest) imagesOf(in model.DescribeImagesRequest) []model.Image {
	n.Helper()
	return ok(n, n.describeImages, in).Images
}

func TestCreateImageHandlers(t *testing.T) {
	n := newNetTest(t)
	_, subnet := n.subnetOf()
	i := n.run(func(in *model.RunInstancesRequest) { in.SubnetId = subnet })
	n.report(i.InstanceId, 1, compute.Running)
	made := ok(n, n.createImage, model.CreateImageRequest{InstanceId: i.InstanceId, Name: new("golden"), Description: new("d"), NoReboot: new(true),
		TagSpecifications: append(named("image", "g"), named("snapshot", "s")...)}).ImageId
	image := n.imagesOf(model.DescribeImagesRequest{Owners: []string{"self"}, Filters: append(where("state", "pending"), where("tag:Name", "g")...)})[0]
	if *image.ImageId != *made || *image.SourceInstanceId != *i.InstanceId || *image.Public || *image.ImageLocation != "111122223333/golden" {
		t.Errorf("image: %+v", image)
	}
	snap := *image.BlockDeviceMappings[0].Ebs.SnapshotId
	found := ok(n, n.describeSnapshots, model.DescribeSnapshotsRequest{OwnerIds: []string{"self"}, Filters: where("tag:Name", "s")}).Snapshots
	if len(found) != 1 || *found[0].SnapshotId != snap || *found[0].State != "pending" || *found[0].Progress != "0%" {
		t.Errorf("snapshots: %+v", found)
	}
	n.internal(compute.ReportSnapshot{ID: snap, Digest: "sha256:d", Bytes: 5})
	if got := n.imagesOf(model.DescribeImagesRequest{ImageIds: []string{*made}}); *got[0].State != "available" {
		t.Errorf("image: %+v", got)
	}
	fails(n, "InvalidSnapshot.InUse", n.deleteSnapshot, model.DeleteSnapshotRequest{SnapshotId: &snap})
	fails(n, "InvalidAMIName.Duplicate", n.createImage, model.CreateImageRequest{InstanceId: i.InstanceId, Name: new("golden")})

	copied := ok(n, n.copyImage, model.CopyImageRequest{SourceRegion: new("ap-northeast-1"), SourceImageId: made, Name: new("copy"), Encrypted: new(true),
		CopyImageTags: new(true)}).ImageId
	got := n.imagesOf(model.DescribeImagesRequest{Filters: where("source-image-id", *made)})
	if len(got) != 1 || *got[0].ImageId != *copied || !*got[0].BlockDeviceMappings[0].Ebs.Encrypted || *got[0].Tags[0].Value != "g" {
		t.Errorf("copy: %+v", got)
	}
	gone := ok(n, n.deregisterImage, model.DeregisterImageRequest{ImageId: made, DeleteAssociatedSnapshots: new(true)})
	if len(gone.DeleteSnapshotResults) != 1 || *gone.DeleteSnapshotResults[0].ReturnCode != "success" {
		t.Errorf("deregistered: %+v", gone)
	}
	fails(n, "InvalidSnapshot.NotFound", n.describeSnapshots, model.DescribeSnapshotsRequest{SnapshotIds: []string{snap}})
	fails(n, "InvalidAMIID.NotFound", n.describeImages, model.DescribeImagesRequest{ImageIds: []string{*made}})
}

func TestRegisterImageHandlers(t *testing.T) {
	n := newNetTest(t)
	_, subnet := n.subnetOf()
	i := n.run(func(in *model.RunInstancesRequest) { in.SubnetId = subnet })
	n.report(i.InstanceId, 1, compute.Running)
	volume := ok(n, n.describeVolumes, model.DescribeVolumesRequest{}).Volumes[0].VolumeId
	s := ok(n, n.createSnapshot, model.CreateSnapshotRequest{VolumeId: volume, Description: new("d")})
	if *s.State != "pending" || *s.VolumeId != *volume {
		t.Errorf("snapshot: %+v", s)
	}
	n.internal(compute.ReportSnapshot{ID: *s.SnapshotId, Digest: "sha256:d", Bytes: 5})
	if got := ok(n, n.describeSnapshots, model.DescribeSnapshotsRequest{SnapshotIds: []string{*s.SnapshotId}}).Snapshots[0]; *got.State != "completed" || *got.FullSnapshotSizeInBytes != 5 {
		t.Errorf("snapshot: %+v", got)
	}
	in := model.RegisterImageRequest{Name: new("abc"), RootDeviceName: new("/dev/sda1"), Architecture: new("x86_64"), VirtualizationType: new("hvm"),
		EnaSupport: new(true), ImdsSupport: new("v2.0"), BootMode: new("uefi"),
		BlockDeviceMappings: []model.BlockDeviceMapping{{DeviceName: new("/dev/sda1"), Ebs: &model.EbsBlockDevice{SnapshotId: s.SnapshotId, VolumeType: new("gp3")}}}}
	id := ok(n, n.registerImage, in).ImageId
	if got := n.imagesOf(model.DescribeImagesRequest{ImageIds: []string{*id}})[0]; *got.ImdsSupport != "v2.0" || *got.BlockDeviceMappings[0].Ebs.VolumeSize != 8 {
		t.Errorf("image: %+v", got)
	}
	fails(n, "UnsupportedOperation", n.registerImage, model.RegisterImageRequest{Name: new("abd"), ImageLocation: new("bucket/image.manifest.xml")})
	copied := ok(n, n.copySnapshot, model.CopySnapshotRequest{SourceRegion: new("ap-northeast-1"), SourceSnapshotId: s.SnapshotId, TagSpecifications: named("snapshot", "c")})
	ok(n, n.deleteSnapshot, model.DeleteSnapshotRequest{SnapshotId: copied.SnapshotId})
}

func TestImageAttributeHandlers(t *testing.T) {
	n := newNetTest(t)
	image, err := engine.Do(n.Context(), engine.Runner(n.engine), n.call.Caller, compute.RegisterImported{Name: "mine", Digest: "sha256:1", Architecture: "x86_64"})
	if err != nil {
		t.Fatal(err)
	}
	permissions := func() int {
		return len(ok(n, n.describeImageAttribute, model.DescribeImageAttributeRequest{ImageId: &image.ID, Attribute: new("launchPermission")}).LaunchPermissions)
	}
	ok(n, n.modifyImageAttribute, model.ModifyImageAttributeRequest{ImageId: &image.ID, Attribute: new("launchPermission"),
		LaunchPermission: &model.LaunchPermissionModifications{Add: []model.LaunchPermission{{UserId: new("444455556666")}, {Group: new("all")}}}})
	if permissions() != 2 {
		t.Error("permissions were not added")
	}
	if got := n.imagesOf(model.DescribeImagesRequest{Filters: append(where("is-public", "true"), where("owner-id", image.Account)...), ExecutableUsers: []string{"all"}}); len(got) != 1 {
		t.Errorf("public: %+v", got)
	}
	ok(n, n.modifyImageAttribute, model.ModifyImageAttributeRequest{ImageId: &image.ID, Attribute: new("launchPermission"), OperationType: new("remove"), UserGroups: []string{"all"}})
	if permissions() != 1 {
		t.Error("the permission was not removed")
	}
	if got := n.imagesOf(model.DescribeImagesRequest{ExecutableUsers: []string{"444455556666"}}); len(got) != 1 {
		t.Errorf("shared: %+v", got)
	}
	ok(n, n.resetImageAttribute, model.ResetImageAttributeRequest{ImageId: &image.ID, Attribute: new("launchPermission")})
	if permissions() != 0 {
		t.Error("the permissions were not reset")
	}
	ok(n, n.modifyImageAttribute, model.ModifyImageAttributeRequest{ImageId: &image.ID, Description: &model.AttributeValue{Value: new("d")}})
	at := n.now().Add(24 * time.Hour)
	ok(n, n.enableDeprecation, model.EnableImageDeprecationRequest{ImageId: &image.ID, DeprecateAt: &at})
	got := n.imagesOf(model.DescribeImagesRequest{ImageIds: []string{image.ID}})[0]
	if *got.Description != "d" || got.DeprecationTime == nil {
		t.Errorf("image: %+v", got)
	}
	ok(n, n.disableDeprecation, model.DisableImageDeprecationRequest{ImageId: &image.ID})
	builtin := n.imagesOf(model.DescribeImagesRequest{Owners: []string{"amazon"}})[0].ImageId
	fails(n, "AuthFailure", n.modifyImageAttribute, model.ModifyImageAttributeRequest{ImageId: builtin, Description: &model.AttributeValue{Value: new("d")}})
	fails(n, "AuthFailure", n.describeImageAttribute, model.DescribeImageAttributeRequest{ImageId: builtin, Attribute: new("launchPermission")})
}
