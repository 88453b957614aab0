package ec2

import (
	"context"
	"slices"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

// registerImage makes an image of snapshots; content that comes from elsewhere is
// imported with the program.
func (a *API) registerImage(ctx context.Context, call *protocol.Call, in *model.RegisterImageRequest) (*model.RegisterImageResult, error) {
	if l := val(in.ImageLocation); l != "" {
		return nil, cloud.Errorf(cloud.KindUnsupported, "image", "UnsupportedOperation",
			"Images in Amazon S3 ('%s') are not served by Musubi. Register an image of snapshots, or take over a root file system or "+
				"a container image with 'musubi image import'.", l)
	}
	if s := val(in.SriovNetSupport); s != "" && s != "simple" {
		return nil, invalidValue("sriovNetSupport", s, "Valid values: simple.")
	}
	if s := val(in.ImdsSupport); s != "" && s != "v2.0" {
		return nil, invalidValue("imdsSupport", s, "Valid values: v2.0.")
	}
	devices, omitted, err := imageVolumes(in.BlockDeviceMappings)
	if err != nil {
		return nil, err
	}
	if len(omitted) > 0 {
		return nil, unserved("BlockDeviceMapping.NoDevice", "")
	}
	tags, err := tagsFromSpecs(in.TagSpecifications, "image")
	if err != nil {
		return nil, err
	}
	i, err := do(ctx, a, call, compute.RegisterImage{Name: val(in.Name), Description: val(in.Description), Architecture: val(in.Architecture),
		RootDeviceName: val(in.RootDeviceName), Virtualization: val(in.VirtualizationType), BootMode: val(in.BootMode), TPM: val(in.TpmSupport),
		ENA: val(in.EnaSupport), SRIOV: val(in.SriovNetSupport) != "", IMDSv2: val(in.ImdsSupport) != "", Devices: devices, Tags: tags})
	return &model.RegisterImageResult{ImageId: &i.ID}, err
}

// imageVolumes are a request's devices, and the names of those to leave out.
func imageVolumes(list []model.BlockDeviceMapping) (devices []compute.LaunchVolume, omitted []string, err error) {
	for _, m := range list {
		if m.NoDevice != nil {
			omitted = append(omitted, val(m.DeviceName))
		}
	}
	list = slices.DeleteFunc(slices.Clone(list), func(m model.BlockDeviceMapping) bool { return m.NoDevice != nil })
	devices, err = launchVolumes(list)
	return devices, omitted, err
}

func (a *API) createImage(ctx context.Context, call *protocol.Call, in *model.CreateImageRequest) (*model.CreateImageResult, error) {
	devices, omitted, err := imageVolumes(in.BlockDeviceMappings)
	if err != nil {
		return nil, err
	}
	tags, err := tagsByType(in.TagSpecifications, "image", "snapshot")
	if err != nil {
		return nil, err
	}
	i, err := do(ctx, a, call, compute.CreateImage{InstanceID: val(in.InstanceId), Name: val(in.Name), Description: val(in.Description),
		NoReboot: val(in.NoReboot), Devices: devices, Omit: omitted, ImageTags: tags["image"], SnapshotTags: tags["snapshot"]})
	return &model.CreateImageResult{ImageId: &i.ID}, err
}

func (a *API) copyImage(ctx context.Context, call *protocol.Call, in *model.CopyImageRequest) (*model.CopyImageResult, error) {
	tags, err := tagsByType(in.TagSpecifications, "image", "snapshot")
	if err != nil {
		return nil, err
	}
	i, err := do(ctx, a, call, compute.CopyImage{SourceRegion: val(in.SourceRegion), SourceID: val(in.SourceImageId), Name: val(in.Name),
		Description: val(in.Description), Encrypted: val(in.Encrypted), CopyTags: val(in.CopyImageTags), ClientToken: val(in.ClientToken),
		ImageTags: tags["image"], SnapshotTags: tags["snapshot"]})
	return &model.CopyImageResult{ImageId: &i.ID}, err
}

func (a *API) deregisterImage(ctx context.Context, call *protocol.Call, in *model.DeregisterImageRequest) (*model.DeregisterImageResult, error) {
	list, err := do(ctx, a, call, compute.DeregisterImage{ID: val(in.ImageId), DeleteSnapshots: val(in.DeleteAssociatedSnapshots)})
	out := &model.DeregisterImageResult{Return: new(true)}
	for _, s := range list {
		out.DeleteSnapshotResults = append(out.DeleteSnapshotResults, model.DeleteSnapshotReturnCode{SnapshotId: &s.ID, ReturnCode: &s.Code})
	}
	return out, err
}

func (a *API) enableDeprecation(ctx context.Context, call *protocol.Call, in *model.EnableImageDeprecationRequest) (*model.EnableImageDeprecationResult, error) {
	_, err := do(ctx, a, call, compute.SetDeprecation{ID: val(in.ImageId), At: val(in.DeprecateAt)})
	return &model.EnableImageDeprecationResult{Return: new(true)}, err
}

func (a *API) disableDeprecation(ctx context.Context, call *protocol.Call, in *model.DisableImageDeprecationRequest) (*model.DisableImageDeprecationResult, error) {
	_, err := do(ctx, a, call, compute.SetDeprecation{ID: val(in.ImageId)})
	return &model.DisableImageDeprecationResult{Return: new(true)}, err
}
