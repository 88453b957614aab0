package ec2

import (
	"context"
	"slices"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

func (a *API) profileOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("DescribeIamInstanceProfileAssociations", a.describeProfileAssociations),
		protocol.Op("AssociateIamInstanceProfile", a.associateProfile),
		protocol.Op("DisassociateIamInstanceProfile", a.disassociateProfile),
		protocol.Op("ReplaceIamInstanceProfileAssociation", a.replaceProfile),
	}
}

func profileView(i compute.Instance, state string) *model.IamInstanceProfileAssociation {
	return &model.IamInstanceProfileAssociation{AssociationId: &i.ProfileAssociationID, InstanceId: &i.ID, State: &state,
		IamInstanceProfile: &model.IamInstanceProfile{Arn: &i.ProfileARN, Id: &i.ProfileID}}
}

func (a *API) describeProfileAssociations(_ context.Context, call *protocol.Call, in *model.DescribeIamInstanceProfileAssociationsRequest) (*model.DescribeIamInstanceProfileAssociationsResult, error) {
	r := a.engine.Snapshot()
	var all []compute.Instance
	for i := range compute.Instances.By(r, compute.ByScope, call.Caller.Key()) {
		if i.ProfileARN != "" && (len(in.AssociationIds) == 0 || slices.Contains(in.AssociationIds, i.ProfileAssociationID)) {
			all = append(all, i)
		}
	}
	all, err := selectItems(all, in.Filters, filterFields[compute.Instance]{
		"instance-id": one(func(i compute.Instance) string { return i.ID }),
		"state":       func(compute.Instance) []string { return []string{"associated"} },
	}, nil)
	if err != nil {
		return nil, err
	}
	all, next, err := page(all, func(i compute.Instance) string { return i.ProfileAssociationID }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeIamInstanceProfileAssociationsResult{NextToken: next}
	for _, i := range all {
		out.IamInstanceProfileAssociations = append(out.IamInstanceProfileAssociations, *profileView(i, "associated"))
	}
	return out, nil
}

func (a *API) associateProfile(ctx context.Context, call *protocol.Call, in *model.AssociateIamInstanceProfileRequest) (*model.AssociateIamInstanceProfileResult, error) {
	p := val(in.IamInstanceProfile)
	i, err := do(ctx, a, call, compute.AssociateProfile{InstanceID: val(in.InstanceId), Name: val(p.Name), ARN: val(p.Arn)})
	return &model.AssociateIamInstanceProfileResult{IamInstanceProfileAssociation: profileView(i, "associating")}, err
}

func (a *API) disassociateProfile(ctx context.Context, call *protocol.Call, in *model.DisassociateIamInstanceProfileRequest) (*model.DisassociateIamInstanceProfileResult, error) {
	i, err := do(ctx, a, call, compute.DisassociateProfile{AssociationID: val(in.AssociationId)})
	return &model.DisassociateIamInstanceProfileResult{IamInstanceProfileAssociation: profileView(i, "disassociating")}, err
}

func (a *API) replaceProfile(ctx context.Context, call *protocol.Call, in *model.ReplaceIamInstanceProfileAssociationRequest) (*model.ReplaceIamInstanceProfileAssociationResult, error) {
	p := val(in.IamInstanceProfile)
	i, err := do(ctx, a, call, compute.ReplaceProfile{AssociationID: val(in.AssociationId), Name: val(p.Name), ARN: val(p.Arn)})
	return &model.ReplaceIamInstanceProfileAssociationResult{IamInstanceProfileAssociation: profileView(i, "associating")}, err
}
