package ec2

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func (a *API) internetGatewayOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateInternetGateway", a.createInternetGateway),
		protocol.Op("DeleteInternetGateway", a.deleteInternetGateway),
		protocol.Op("DescribeInternetGateways", a.describeInternetGateways),
		protocol.Op("AttachInternetGateway", a.attachInternetGateway),
		protocol.Op("DetachInternetGateway", a.detachInternetGateway),
	}
}

func (a *API) createInternetGateway(ctx context.Context, call *protocol.Call, in *model.CreateInternetGatewayRequest) (*model.CreateInternetGatewayResult, error) {
	tags, err := tagsFromSpecs(in.TagSpecifications, "internet-gateway")
	if err != nil {
		return nil, err
	}
	g, err := do(ctx, a, call, vpc.CreateInternetGateway{Tags: tags})
	if err != nil {
		return nil, err
	}
	return &model.CreateInternetGatewayResult{InternetGateway: internetGatewayView(g)}, nil
}

func (a *API) deleteInternetGateway(ctx context.Context, call *protocol.Call, in *model.DeleteInternetGatewayRequest) (*model.DeleteInternetGatewayResult, error) {
	_, err := do(ctx, a, call, vpc.DeleteInternetGateway{ID: val(in.InternetGatewayId)})
	return nil, err
}

func (a *API) attachInternetGateway(ctx context.Context, call *protocol.Call, in *model.AttachInternetGatewayRequest) (*model.AttachInternetGatewayResult, error) {
	_, err := do(ctx, a, call, vpc.AttachInternetGateway{ID: val(in.InternetGatewayId), VPCID: val(in.VpcId)})
	return nil, err
}

func (a *API) detachInternetGateway(ctx context.Context, call *protocol.Call, in *model.DetachInternetGatewayRequest) (*model.DetachInternetGatewayResult, error) {
	_, err := do(ctx, a, call, vpc.DetachInternetGateway{ID: val(in.InternetGatewayId), VPCID: val(in.VpcId)})
	return nil, err
}

func (a *API) describeInternetGateways(_ context.Context, call *protocol.Call, in *model.DescribeInternetGatewaysRequest) (*model.DescribeInternetGatewaysResult, error) {
	gateways, next, err := internetGatewayListing().page(a.engine.Snapshot(), call.Caller.Scope, in.InternetGatewayIds, in.Filters, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeInternetGatewaysResult{NextToken: next}
	for _, g := range gateways {
		out.InternetGateways = append(out.InternetGateways, *internetGatewayView(g))
	}
	return out, nil
}

func internetGatewayListing() listing[vpc.InternetGateway] {
	attached := func(value func(vpc.InternetGateway) string) func(vpc.InternetGateway) []string {
		return func(g vpc.InternetGateway) []string {
			if g.VPCID == "" {
				return nil
			}
			return []string{value(g)}
		}
	}
	return listing[vpc.InternetGateway]{
		table: vpc.InternetGateways, find: vpc.FindInternetGateway,
		scope:   func(g vpc.InternetGateway) cloud.Scope { return g.Scope },
		key:     func(g vpc.InternetGateway) string { return g.ID },
		tags:    func(g vpc.InternetGateway) cloud.Tags { return g.Tags },
		indexed: []indexedFilter{{"internet-gateway-id", "id"}, {"attachment.vpc-id", vpc.ByVPC}},
		fields: filterFields[vpc.InternetGateway]{
			"internet-gateway-id": one(func(g vpc.InternetGateway) string { return g.ID }),
			"owner-id":            one(func(g vpc.InternetGateway) string { return g.Account }),
			"attachment.vpc-id":   attached(func(g vpc.InternetGateway) string { return g.VPCID }),
			"attachment.state":    attached(func(vpc.InternetGateway) string { return "available" }),
		},
	}
}

func internetGatewayView(g vpc.InternetGateway) *model.InternetGateway {
	out := &model.InternetGateway{InternetGatewayId: new(g.ID), OwnerId: new(g.Account), Tags: tagList(g.Tags)}
	if g.VPCID != "" {
		out.Attachments = []model.InternetGatewayAttachment{{VpcId: new(g.VPCID), State: new("available")}}
	}
	return out
}
