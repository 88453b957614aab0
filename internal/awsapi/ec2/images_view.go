package ec2

import (
	"strings"
	"time"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

// imageTime is how AWS writes an image's dates: they are strings there.
const imageTime = "2006-01-02T15:04:05.000Z"

func imageLocation(i compute.Image) string {
	if i.OwnerAlias != "" {
		return i.OwnerAlias + "/" + i.Name
	}
	return i.OwnerID + "/" + i.Name
}

// reasonCode is the part of a reason that programs read.
func reasonCode(reason string) string {
	code, _, _ := strings.Cut(reason, ":")
	return code
}

func imdsSupport(i compute.Image) *string {
	if !i.IMDSv2 {
		return nil
	}
	return new("v2.0")
}

// sriov is what AWS says of images with the Intel driver; those built in have it.
func sriov(i compute.Image) *string {
	if !i.SRIOV {
		return nil
	}
	return new("simple")
}

func imageView(i compute.Image) model.Image {
	v := model.Image{
		ImageId: &i.ID, Name: &i.Name, Description: text(i.Description), OwnerId: &i.OwnerID, ImageOwnerAlias: text(i.OwnerAlias),
		ImageLocation: new(imageLocation(i)), Architecture: &i.Architecture, CreationDate: new(i.CreatedAt.UTC().Format(imageTime)),
		State: new(string(i.State)), Public: &i.Public, ImageType: new("machine"), RootDeviceName: &i.RootDeviceName,
		RootDeviceType: new("ebs"), VirtualizationType: &i.Virtualization, Hypervisor: new("xen"), EnaSupport: &i.ENA, SriovNetSupport: sriov(i),
		PlatformDetails: new("Linux/UNIX"), UsageOperation: new("RunInstances"), BootMode: text(i.BootMode), TpmSupport: text(i.TPM),
		ImdsSupport: imdsSupport(i), SourceInstanceId: text(i.SourceInstanceID), SourceImageId: text(i.SourceImageID),
		SourceImageRegion: text(i.SourceRegion), BlockDeviceMappings: mappingView(i),
	}
	if !i.DeprecatedAt.IsZero() {
		v.DeprecationTime = new(i.DeprecatedAt.UTC().Format(imageTime))
	}
	if !i.LastLaunched.IsZero() {
		v.LastLaunchedTime = new(i.LastLaunched.UTC().Format(time.RFC3339))
	}
	if i.StateReason != "" {
		v.StateReason = &model.StateReason{Code: new(reasonCode(i.StateReason)), Message: &i.StateReason}
	}
	return v
}

func mappingView(i compute.Image) []model.BlockDeviceMapping {
	var out []model.BlockDeviceMapping
	for _, d := range i.Mapping() {
		ebs := &model.EbsBlockDevice{SnapshotId: text(d.SnapshotID), VolumeSize: new(int64(d.SizeGiB)), VolumeType: &d.Type,
			DeleteOnTermination: new(d.DeleteOnTermination == nil || *d.DeleteOnTermination), Encrypted: &d.Encrypted}
		if d.Type == "gp3" {
			d.IOPS, d.Throughput = max(d.IOPS, 3000), max(d.Throughput, 125)
			ebs.Throughput = new(int64(d.Throughput))
		}
		if d.IOPS != 0 {
			ebs.Iops = new(int64(d.IOPS))
		}
		out = append(out, model.BlockDeviceMapping{DeviceName: &d.DeviceName, Ebs: ebs})
	}
	return out
}
