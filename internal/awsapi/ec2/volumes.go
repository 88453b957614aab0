package ec2

import (
	"context"
	"strconv"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

func (a *API) volumeOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("DescribeVolumes", a.describeVolumes),
		protocol.Op("DescribeVolumesModifications", a.describeVolumesModifications),
		protocol.Op("ModifyVolume", a.modifyVolume),
	}
}

func (a *API) describeVolumes(_ context.Context, call *protocol.Call, in *model.DescribeVolumesRequest) (*model.DescribeVolumesResult, error) {
	r := a.engine.Snapshot()
	all, next, err := volumeListing(r).page(r, call.Caller.Scope, in.VolumeIds, in.Filters, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeVolumesResult{NextToken: next}
	for _, v := range all {
		out.Volumes = append(out.Volumes, volumeView(r, v))
	}
	return out, nil
}

// device finds how a volume is attached.
func device(r cloud.Reader, v compute.Volume) (compute.BlockDevice, bool) {
	i, _ := compute.Instances.Get(r, v.InstanceID)
	for _, b := range i.Volumes {
		if b.VolumeID == v.ID {
			return b, true
		}
	}
	return compute.BlockDevice{}, false
}

func volumeListing(r cloud.Reader) listing[compute.Volume] {
	type vol = compute.Volume
	attached := func(get func(compute.BlockDevice) string) func(vol) []string {
		return func(v vol) []string {
			b, ok := device(r, v)
			if !ok {
				return nil
			}
			return []string{get(b)}
		}
	}
	return listing[vol]{
		table: compute.Volumes, find: compute.FindVolume,
		scope:   func(v vol) cloud.Scope { return v.Scope },
		key:     func(v vol) string { return v.ID },
		indexed: []indexedFilter{{"volume-id", "id"}, {"attachment.instance-id", "instance"}},
		tags:    func(v vol) cloud.Tags { return v.Tags },
		fields: filterFields[vol]{
			"volume-id":              one(func(v vol) string { return v.ID }),
			"availability-zone":      one(func(v vol) string { return v.Zone }),
			"encrypted":              yesNo(func(v vol) bool { return v.Encrypted }),
			"size":                   one(func(v vol) string { return strconv.Itoa(v.SizeGiB) }),
			"snapshot-id":            one(func(v vol) string { return v.SnapshotID }),
			"status":                 one(func(v vol) string { return v.State }),
			"volume-type":            one(func(v vol) string { return v.Type }),
			"attachment.instance-id": one(func(v vol) string { return v.InstanceID }),
			"attachment.device":      attached(func(b compute.BlockDevice) string { return b.DeviceName }),
			"attachment.status":      attached(func(compute.BlockDevice) string { return "attached" }),
			"attachment.delete-on-termination": attached(func(b compute.BlockDevice) string {
				return strconv.FormatBool(b.DeleteOnTermination)
			}),
		},
	}
}

func volumeView(r cloud.Reader, v compute.Volume) model.Volume {
	out := model.Volume{VolumeId: &v.ID, AvailabilityZone: &v.Zone, Size: new(int64(v.SizeGiB)), VolumeType: &v.Type,
		State: &v.State, Encrypted: &v.Encrypted, SnapshotId: &v.SnapshotID, CreateTime: &v.CreatedAt, MultiAttachEnabled: new(false),
		Tags: tagList(v.Tags)}
	if v.IOPS != 0 {
		out.Iops = new(int64(v.IOPS))
	}
	if v.Throughput != 0 {
		out.Throughput = new(int64(v.Throughput))
	}
	if v.Encrypted {
		out.KmsKeyId = new("arn:aws:kms:" + v.Region + ":" + v.Account + ":alias/aws/ebs")
	}
	if b, ok := device(r, v); ok {
		out.Attachments = []model.VolumeAttachment{{VolumeId: &v.ID, InstanceId: &v.InstanceID, Device: &b.DeviceName, State: new("attached"),
			DeleteOnTermination: &b.DeleteOnTermination, AttachTime: &b.AttachedAt}}
	}
	return out
}

func (a *API) modifyVolume(ctx context.Context, call *protocol.Call, in *model.ModifyVolumeRequest) (*model.ModifyVolumeResult, error) {
	v, err := do(ctx, a, call, compute.ModifyVolume{ID: val(in.VolumeId), SizeGiB: int(val(in.Size)), Type: val(in.VolumeType),
		IOPS: int(val(in.Iops)), Throughput: int(val(in.Throughput))})
	if err != nil {
		return nil, err
	}
	return &model.ModifyVolumeResult{VolumeModification: modificationView(v)}, nil
}

func (a *API) describeVolumesModifications(_ context.Context, call *protocol.Call, in *model.DescribeVolumesModificationsRequest) (*model.DescribeVolumesModificationsResult, error) {
	r := a.engine.Snapshot()
	l := volumeListing(r)
	l.fields["modification-state"] = func(compute.Volume) []string { return []string{"completed"} }
	all, err := l.list(r, call.Caller.Scope, in.VolumeIds, in.Filters)
	if err != nil {
		return nil, err
	}
	var changed []compute.Volume
	for _, v := range all {
		switch {
		case v.Modification != nil:
			changed = append(changed, v)
		case len(in.VolumeIds) > 0:
			return nil, cloud.Errorf(cloud.KindNotFound, "volume", "InvalidVolumeModification.NotFound",
				"Modification for volume '%s' does not exist.", v.ID)
		}
	}
	changed, next, err := page(changed, l.key, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeVolumesModificationsResult{NextToken: next}
	for _, v := range changed {
		out.VolumesModifications = append(out.VolumesModifications, *modificationView(v))
	}
	return out, nil
}

func modificationView(v compute.Volume) *model.VolumeModification {
	m := v.Modification
	return &model.VolumeModification{VolumeId: &v.ID, ModificationState: new("completed"), Progress: new(int64(100)),
		StartTime: &m.At, EndTime: &m.At,
		OriginalSize: new(int64(m.OriginalSizeGiB)), TargetSize: new(int64(m.TargetSizeGiB)),
		OriginalVolumeType: &m.OriginalType, TargetVolumeType: &m.TargetType,
		OriginalIops: new(int64(m.OriginalIOPS)), TargetIops: new(int64(m.TargetIOPS)),
		OriginalThroughput: new(int64(m.OriginalThroughput)), TargetThroughput: new(int64(m.TargetThroughput))}
}
