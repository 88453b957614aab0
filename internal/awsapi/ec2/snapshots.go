package ec2

import (
	"context"
	"slices"
	"strconv"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

func (a *API) snapshotOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("DescribeSnapshots", a.describeSnapshots),
		protocol.Op("DescribeSnapshotAttribute", a.describeSnapshotAttribute),
		protocol.Op("CreateSnapshot", a.createSnapshot),
		protocol.Op("CopySnapshot", a.copySnapshot),
		protocol.Op("DeleteSnapshot", a.deleteSnapshot),
	}
}

// describeSnapshots lists the caller's snapshots: they can not be shared, so that
// other owners have none that it sees.
func (a *API) describeSnapshots(_ context.Context, call *protocol.Call, in *model.DescribeSnapshotsRequest) (*model.DescribeSnapshotsResult, error) {
	r := a.engine.Snapshot()
	all, err := snapshotListing().list(r, call.Caller.Scope, in.SnapshotIds, in.Filters)
	if err != nil {
		return nil, err
	}
	mine := func(list []string) bool {
		return len(list) == 0 || slices.Contains(list, "self") || slices.Contains(list, call.Caller.Account)
	}
	if !mine(in.OwnerIds) || !mine(in.RestorableByUserIds) {
		all = nil
	}
	all, next, err := page(all, snapshotListing().key, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeSnapshotsResult{NextToken: next}
	for _, s := range all {
		out.Snapshots = append(out.Snapshots, *snapshotView(s))
	}
	return out, nil
}

func snapshotListing() listing[compute.Snapshot] {
	type snap = compute.Snapshot
	return listing[snap]{
		table: compute.Snapshots, find: compute.FindSnapshot,
		scope:   func(s snap) cloud.Scope { return s.Scope },
		key:     func(s snap) string { return s.ID },
		indexed: []indexedFilter{{"snapshot-id", "id"}, {"volume-id", "volume"}},
		tags:    func(s snap) cloud.Tags { return s.Tags },
		fields: filterFields[snap]{
			"snapshot-id":  one(func(s snap) string { return s.ID }),
			"description":  one(func(s snap) string { return s.Description }),
			"encrypted":    yesNo(func(s snap) bool { return s.Encrypted }),
			"owner-alias":  func(snap) []string { return nil },
			"owner-id":     one(func(s snap) string { return s.Account }),
			"progress":     one(progress),
			"start-time":   one(func(s snap) string { return s.StartedAt.UTC().Format(imageTime) }),
			"status":       one(func(s snap) string { return string(s.State) }),
			"storage-tier": func(snap) []string { return []string{"standard"} },
			"volume-id":    one(func(s snap) string { return s.VolumeID }),
			"volume-size":  one(func(s snap) string { return strconv.Itoa(s.SizeGiB) }),
		},
	}
}

func progress(s compute.Snapshot) string {
	switch s.State {
	case compute.SnapshotCompleted:
		return "100%"
	case compute.SnapshotPending:
		return "0%"
	}
	return ""
}

func snapshotView(s compute.Snapshot) *model.Snapshot {
	v := &model.Snapshot{SnapshotId: &s.ID, Description: &s.Description, Encrypted: &s.Encrypted, OwnerId: &s.Account, Progress: new(progress(s)),
		StartTime: &s.StartedAt, State: new(string(s.State)), StateMessage: text(s.StateMessage), VolumeId: &s.VolumeID,
		VolumeSize: new(int64(s.SizeGiB)), StorageTier: new("standard"), Tags: tagList(s.Tags)}
	if s.Encrypted {
		v.KmsKeyId = new("arn:aws:kms:" + s.Region + ":" + s.Account + ":alias/aws/ebs")
	}
	if s.State == compute.SnapshotCompleted {
		v.CompletionTime, v.FullSnapshotSizeInBytes = &s.CompletedAt, &s.Bytes
	}
	return v
}

func (a *API) describeSnapshotAttribute(_ context.Context, call *protocol.Call, in *model.DescribeSnapshotAttributeRequest) (*model.DescribeSnapshotAttributeResult, error) {
	s, err := compute.FindSnapshot(a.engine.Snapshot(), call.Caller.Scope, val(in.SnapshotId))
	if err != nil {
		return nil, err
	}
	switch name := val(in.Attribute); name {
	case "createVolumePermission", "productCodes":
	default:
		return nil, invalidValue("attribute", name, "Unknown attribute.")
	}
	return &model.DescribeSnapshotAttributeResult{SnapshotId: &s.ID}, nil
}

func (a *API) createSnapshot(ctx context.Context, call *protocol.Call, in *model.CreateSnapshotRequest) (*model.Snapshot, error) {
	tags, err := tagsFromSpecs(in.TagSpecifications, "snapshot")
	if err != nil {
		return nil, err
	}
	s, err := do(ctx, a, call, compute.CreateSnapshot{VolumeID: val(in.VolumeId), Description: val(in.Description), Tags: tags})
	return snapshotView(s), err
}

// copySnapshot has no use for the presigned URL that SDKs send: by it a region of
// AWS asks another one, and here they are one.
func (a *API) copySnapshot(ctx context.Context, call *protocol.Call, in *model.CopySnapshotRequest) (*model.CopySnapshotResult, error) {
	tags, err := tagsFromSpecs(in.TagSpecifications, "snapshot")
	if err != nil {
		return nil, err
	}
	if d := val(in.DestinationRegion); d != "" && d != call.Caller.Region {
		return nil, invalidValue("destinationRegion", d, "Send the request to the region that gets the copy.")
	}
	s, err := do(ctx, a, call, compute.CopySnapshot{SourceRegion: val(in.SourceRegion), SourceID: val(in.SourceSnapshotId),
		Description: val(in.Description), Encrypted: val(in.Encrypted), Tags: tags})
	return &model.CopySnapshotResult{SnapshotId: &s.ID, Tags: tagList(s.Tags)}, err
}

func (a *API) deleteSnapshot(ctx context.Context, call *protocol.Call, in *model.DeleteSnapshotRequest) (*model.DeleteSnapshotResult, error) {
	_, err := do(ctx, a, call, compute.DeleteSnapshot{ID: val(in.SnapshotId)})
	return nil, err
}
