package ec2

import (
	"context"
	"net/netip"
	"slices"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func (a *API) natGatewayOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateNatGateway", a.createNATGateway),
		protocol.Op("DeleteNatGateway", a.deleteNATGateway),
		protocol.Op("DescribeNatGateways", a.describeNATGateways),
	}
}

func (a *API) createNATGateway(ctx context.Context, call *protocol.Call, in *model.CreateNatGatewayRequest) (*model.CreateNatGatewayResult, error) {
	tags, err := tagsFromSpecs(in.TagSpecifications, "natgateway")
	if err != nil {
		return nil, err
	}
	private, err := address("privateIpAddress", in.PrivateIpAddress)
	if err != nil {
		return nil, err
	}
	g, err := do(ctx, a, call, vpc.CreateNATGateway{
		SubnetID: val(in.SubnetId), ConnectivityType: val(in.ConnectivityType), AllocationID: val(in.AllocationId),
		PrivateIP: private, Tags: tags, ClientToken: val(in.ClientToken)})
	if err != nil {
		return nil, err
	}
	return &model.CreateNatGatewayResult{NatGateway: natGatewayView(g), ClientToken: in.ClientToken}, nil
}

// address parses an optional IPv4 address.
func address(parameter string, p *string) (netip.Addr, error) {
	if val(p) == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(*p)
	if err != nil || !a.Is4() {
		return netip.Addr{}, invalidValue(parameter, *p, "Invalid IPv4 address.")
	}
	return a, nil
}

func (a *API) deleteNATGateway(ctx context.Context, call *protocol.Call, in *model.DeleteNatGatewayRequest) (*model.DeleteNatGatewayResult, error) {
	if _, err := do(ctx, a, call, vpc.DeleteNATGateway{ID: val(in.NatGatewayId)}); err != nil {
		return nil, err
	}
	return &model.DeleteNatGatewayResult{NatGatewayId: in.NatGatewayId}, nil
}

func (a *API) describeNATGateways(_ context.Context, call *protocol.Call, in *model.DescribeNatGatewaysRequest) (*model.DescribeNatGatewaysResult, error) {
	gateways, next, err := a.natGatewayListing().page(a.engine.Snapshot(), call.Caller.Scope, in.NatGatewayIds, in.Filter, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	now := a.now()
	gateways = slices.DeleteFunc(gateways, func(g vpc.NATGateway) bool { return !g.Visible(now) })
	out := &model.DescribeNatGatewaysResult{NextToken: next}
	for _, g := range gateways {
		out.NatGateways = append(out.NatGateways, *natGatewayView(g))
	}
	return out, nil
}

func (a *API) natGatewayListing() listing[vpc.NATGateway] {
	find := func(r cloud.Reader, s cloud.Scope, id string) (vpc.NATGateway, error) {
		g, err := vpc.FindNATGateway(r, s, id)
		if err == nil && !g.Visible(a.now()) {
			return g, vpc.NATGatewayNotFound(id)
		}
		return g, err
	}
	return listing[vpc.NATGateway]{
		table: vpc.NATGateways, find: find,
		scope:   func(g vpc.NATGateway) cloud.Scope { return g.Scope },
		key:     func(g vpc.NATGateway) string { return g.ID },
		tags:    func(g vpc.NATGateway) cloud.Tags { return g.Tags },
		indexed: []indexedFilter{{"nat-gateway-id", "id"}, {"subnet-id", vpc.BySubnet}, {"vpc-id", vpc.ByVPC}},
		fields: filterFields[vpc.NATGateway]{
			"nat-gateway-id":    one(func(g vpc.NATGateway) string { return g.ID }),
			"state":             one(func(g vpc.NATGateway) string { return g.State }),
			"subnet-id":         one(func(g vpc.NATGateway) string { return g.SubnetID }),
			"vpc-id":            one(func(g vpc.NATGateway) string { return g.VPCID }),
			"connectivity-type": one(func(g vpc.NATGateway) string { return g.ConnectivityType }),
		},
	}
}

func natGatewayView(g vpc.NATGateway) *model.NatGateway {
	out := &model.NatGateway{
		NatGatewayId: new(g.ID), VpcId: new(g.VPCID), SubnetId: new(g.SubnetID), State: new(g.State),
		ConnectivityType: new(g.ConnectivityType), CreateTime: new(g.CreatedAt), Tags: tagList(g.Tags),
		FailureCode: text(g.FailureCode), FailureMessage: text(g.FailureMessage),
	}
	if !g.DeletedAt.IsZero() {
		out.DeleteTime = new(g.DeletedAt)
	}
	status := map[string]string{vpc.NATPending: "associating", vpc.NATAvailable: "succeeded", vpc.NATDeleting: "disassociating",
		vpc.NATDeleted: "succeeded", vpc.NATFailed: "failed"}[g.State]
	x := model.NatGatewayAddress{AllocationId: text(g.AllocationID), AssociationId: text(g.AssociationID), IsPrimary: new(true),
		NetworkInterfaceId: text(g.InterfaceID), Status: new(status)}
	if g.PublicIP.IsValid() {
		x.PublicIp = new(g.PublicIP.String())
	}
	if g.PrivateIP.IsValid() {
		x.PrivateIp = new(g.PrivateIP.String())
	}
	out.NatGatewayAddresses = []model.NatGatewayAddress{x}
	return out
}
