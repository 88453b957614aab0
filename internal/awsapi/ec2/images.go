package ec2

import (
	"context"
	"slices"
	"strconv"
	"time"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

// imageTime is how AWS writes an image's dates: they are strings there.
const imageTime = "2006-01-02T15:04:05.000Z"

func (a *API) imageOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("DescribeImages", a.describeImages),
		protocol.Op("DescribeImageAttribute", a.describeImageAttribute),
	}
}

func (a *API) describeImages(_ context.Context, call *protocol.Call, in *model.DescribeImagesRequest) (*model.DescribeImagesResult, error) {
	var all []compute.Image
	if len(in.ImageIds) > 0 {
		for _, id := range in.ImageIds {
			i, err := compute.FindImage(a.engine.Snapshot(), call.Caller.Scope, id)
			if err != nil {
				return nil, err
			}
			all = append(all, i)
		}
	} else {
		all = compute.VisibleImages(a.engine.Snapshot(), call.Caller.Scope)
	}
	all = slices.DeleteFunc(all, func(i compute.Image) bool { return !imageWanted(i, in.Owners, in.ExecutableUsers) })
	all, err := selectItems(all, in.Filters, imageFields(), nil)
	if err != nil {
		return nil, err
	}
	all, next, err := page(all, func(i compute.Image) string { return i.ID }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeImagesResult{NextToken: next}
	for _, i := range all {
		out.Images = append(out.Images, imageView(i))
	}
	return out, nil
}

// imageWanted says whether an image has one of the owners (an account, an
// alias; self owns none) and one of the users: all images are public.
func imageWanted(i compute.Image, owners, users []string) bool {
	owned := len(owners) == 0 || slices.Contains(owners, i.OwnerID) || i.OwnerAlias != "" && slices.Contains(owners, i.OwnerAlias)
	return owned && (len(users) == 0 || slices.Contains(users, "all"))
}

func imageFields() filterFields[compute.Image] {
	type image = compute.Image
	always := func(value string) func(image) []string { return func(image) []string { return []string{value} } }
	return filterFields[image]{
		"architecture": one(func(i image) string { return i.Architecture }),
		"block-device-mapping.delete-on-termination": always("true"),
		"block-device-mapping.device-name":           one(func(i image) string { return i.RootDeviceName }),
		"block-device-mapping.encrypted":             always("false"),
		"block-device-mapping.snapshot-id":           one(func(i image) string { return i.SnapshotID }),
		"block-device-mapping.volume-size":           one(func(i image) string { return strconv.Itoa(i.SizeGiB) }),
		"block-device-mapping.volume-type":           one(func(i image) string { return i.VolumeType }),
		"boot-mode":                                  one(func(i image) string { return i.BootMode }),
		"creation-date":                              one(func(i image) string { return i.CreatedAt.Format(imageTime) }),
		"description":                                one(func(i image) string { return i.Description }),
		"ena-support":                                always("true"),
		"hypervisor":                                 always("xen"),
		"image-id":                                   one(func(i image) string { return i.ID }),
		"image-type":                                 always("machine"),
		"is-public":                                  always("true"),
		"manifest-location":                          one(imageLocation),
		"name":                                       one(func(i image) string { return i.Name }),
		"owner-alias":                                one(func(i image) string { return i.OwnerAlias }),
		"owner-id":                                   one(func(i image) string { return i.OwnerID }),
		"platform":                                   func(image) []string { return nil },
		"platform-details":                           always("Linux/UNIX"),
		"root-device-name":                           one(func(i image) string { return i.RootDeviceName }),
		"root-device-type":                           always("ebs"),
		"sriov-net-support":                          always("simple"),
		"state":                                      always("available"),
		"usage-operation":                            always("RunInstances"),
		"virtualization-type":                        always("hvm"),
		"tag-key":                                    func(image) []string { return nil },
	}
}

func imageLocation(i compute.Image) string {
	if i.OwnerAlias != "" {
		return i.OwnerAlias + "/" + i.Name
	}
	return i.OwnerID + "/" + i.Name
}

func imageView(i compute.Image) model.Image {
	v := model.Image{
		ImageId: &i.ID, Name: &i.Name, Description: &i.Description, OwnerId: &i.OwnerID, ImageOwnerAlias: text(i.OwnerAlias),
		ImageLocation: new(imageLocation(i)), Architecture: &i.Architecture, CreationDate: new(i.CreatedAt.Format(imageTime)),
		// AWS deprecates public images two years after they were made.
		DeprecationTime: new(i.CreatedAt.AddDate(2, 0, 0).Truncate(time.Minute).Format(imageTime)),
		State:           new("available"), Public: new(true), ImageType: new("machine"), RootDeviceName: &i.RootDeviceName,
		RootDeviceType: new("ebs"), VirtualizationType: new("hvm"), Hypervisor: new("xen"), EnaSupport: new(true), SriovNetSupport: new("simple"),
		PlatformDetails: new("Linux/UNIX"), UsageOperation: new("RunInstances"), BootMode: &i.BootMode,
		BlockDeviceMappings: []model.BlockDeviceMapping{{DeviceName: &i.RootDeviceName, Ebs: &model.EbsBlockDevice{SnapshotId: &i.SnapshotID,
			VolumeSize: new(int64(i.SizeGiB)), VolumeType: &i.VolumeType, DeleteOnTermination: new(true), Encrypted: new(false)}}},
	}
	if i.VolumeType == "gp3" {
		v.BlockDeviceMappings[0].Ebs.Iops, v.BlockDeviceMappings[0].Ebs.Throughput = new(int64(3000)), new(int64(125))
	}
	if i.IMDSv2 {
		v.ImdsSupport = new("v2.0")
	}
	return v
}

func (a *API) describeImageAttribute(_ context.Context, call *protocol.Call, in *model.DescribeImageAttributeRequest) (*model.ImageAttribute, error) {
	i, err := compute.FindImage(a.engine.Snapshot(), call.Caller.Scope, val(in.ImageId))
	if err != nil {
		return nil, err
	}
	v := imageView(i)
	out := &model.ImageAttribute{ImageId: &i.ID}
	switch name := val(in.Attribute); name {
	case "description":
		out.Description = &model.AttributeValue{Value: v.Description}
	case "bootMode":
		out.BootMode = &model.AttributeValue{Value: v.BootMode}
	case "imdsSupport":
		out.ImdsSupport = &model.AttributeValue{Value: v.ImdsSupport}
	case "sriovNetSupport":
		out.SriovNetSupport = &model.AttributeValue{Value: v.SriovNetSupport}
	case "blockDeviceMapping":
		out.BlockDeviceMappings = v.BlockDeviceMappings
	case "launchPermission":
		out.LaunchPermissions = []model.LaunchPermission{{Group: new("all")}}
	case "kernel", "ramdisk", "productCodes", "lastLaunchedTime", "tpmSupport", "uefiData", "deregistrationProtection":
	default:
		return nil, invalidValue("attribute", name, "Unknown attribute.")
	}
	return out, nil
}
