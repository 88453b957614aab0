package ec2

import (
	"context"
	"net/netip"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func (a *API) vpcOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateVpc", a.createVPC),
		protocol.Op("CreateDefaultVpc", a.createDefaultVPC),
		protocol.Op("DeleteVpc", a.deleteVPC),
		protocol.Op("DescribeVpcs", a.describeVPCs),
		protocol.Op("DescribeVpcAttribute", a.describeVPCAttribute),
		protocol.Op("ModifyVpcAttribute", a.modifyVPCAttribute),
		protocol.Op("ModifyVpcTenancy", a.modifyVPCTenancy),
		protocol.Op("AssociateVpcCidrBlock", a.associateVPCCIDR),
		protocol.Op("DisassociateVpcCidrBlock", a.disassociateVPCCIDR),
	}
}

func (a *API) createVPC(ctx context.Context, call *protocol.Call, in *model.CreateVpcRequest) (*model.CreateVpcResult, error) {
	tags, err := tagsFromSpecs(in.TagSpecifications, "vpc")
	if err != nil {
		return nil, err
	}
	if err := checkBorderGroup(call, in.Ipv6CidrBlockNetworkBorderGroup); err != nil {
		return nil, err
	}
	c := vpc.CreateVPC{AmazonIPv6: val(in.AmazonProvidedIpv6CidrBlock), Tenancy: val(in.InstanceTenancy), Tags: tags}
	if c.CIDR, err = cidr("cidrBlock", in.CidrBlock); err != nil {
		return nil, err
	}
	v, err := do(ctx, a, call, c)
	if err != nil {
		return nil, err
	}
	return &model.CreateVpcResult{Vpc: vpcView(v)}, nil
}

// cidr parses an optional address block.
func cidr(parameter string, p *string) (netip.Prefix, error) {
	if p == nil {
		return netip.Prefix{}, nil
	}
	return vpc.ParseCIDR(parameter, *p)
}

// checkBorderGroup: there are no local zones, so the only border group is the
// region.
func checkBorderGroup(call *protocol.Call, group *string) error {
	if g := val(group); g != "" && g != call.Caller.Region {
		return invalidValue("networkBorderGroup", g, "The network border group does not exist.")
	}
	return nil
}

func (a *API) createDefaultVPC(ctx context.Context, call *protocol.Call, _ *model.CreateDefaultVpcRequest) (*model.CreateDefaultVpcResult, error) {
	v, err := do(ctx, a, call, vpc.CreateDefaultVPC{})
	if err != nil {
		return nil, err
	}
	return &model.CreateDefaultVpcResult{Vpc: vpcView(v)}, nil
}

// deleteVPC asks the endpoints too, which the VPC's own family does not know.
type deleteVPC struct{ vpc.DeleteVPC }

func (c deleteVPC) Apply(tx *cloud.Tx) (cloud.None, error) {
	v, err := vpc.FindVPC(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	for e := range privatelink.Endpoints.By(tx, privatelink.ByVPC, v.ID) {
		if e.State != privatelink.Deleted {
			return cloud.None{}, cloud.Errorf(cloud.KindInUse, "vpc", "DependencyViolation",
				"The vpc '%s' has dependencies and cannot be deleted.", v.ID)
		}
	}
	return c.DeleteVPC.Apply(tx)
}

func (a *API) deleteVPC(ctx context.Context, call *protocol.Call, in *model.DeleteVpcRequest) (*model.DeleteVpcResult, error) {
	_, err := do(ctx, a, call, deleteVPC{vpc.DeleteVPC{ID: val(in.VpcId)}})
	return nil, err
}

func (a *API) describeVPCs(_ context.Context, call *protocol.Call, in *model.DescribeVpcsRequest) (*model.DescribeVpcsResult, error) {
	vpcs, next, err := vpcListing().page(a.engine.Snapshot(), call.Caller.Scope, in.VpcIds, in.Filters, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeVpcsResult{NextToken: next}
	for _, v := range vpcs {
		out.Vpcs = append(out.Vpcs, *vpcView(v))
	}
	return out, nil
}

func vpcListing() listing[vpc.VPC] {
	return listing[vpc.VPC]{
		table: vpc.VPCs, find: vpc.FindVPC,
		scope: func(v vpc.VPC) cloud.Scope { return v.Scope },
		key:   func(v vpc.VPC) string { return v.ID },
		tags:  func(v vpc.VPC) cloud.Tags { return v.Tags },
		indexed: []indexedFilter{
			{"vpc-id", "id"}, {"cidr-block-association.association-id", vpc.ByAssociation},
			{"ipv6-cidr-block-association.association-id", vpc.ByAssociation}, {"dhcp-options-id", "dhcp"},
		},
		fields: filterFields[vpc.VPC]{
			"vpc-id":          one(func(v vpc.VPC) string { return v.ID }),
			"cidr":            one(func(v vpc.VPC) string { return v.Primary().String() }),
			"cidr-block":      one(func(v vpc.VPC) string { return v.Primary().String() }),
			"state":           one(func(v vpc.VPC) string { return v.State }),
			"dhcp-options-id": one(func(v vpc.VPC) string { return v.DHCPOptionsID }),
			"owner-id":        one(func(v vpc.VPC) string { return v.Account }),
			"is-default":      yesNo(func(v vpc.VPC) bool { return v.IsDefault }),
			"cidr-block-association.cidr-block": func(v vpc.VPC) []string {
				return blocks(v.CIDRs, blockPrefix)
			},
			"cidr-block-association.association-id": func(v vpc.VPC) []string { return blocks(v.CIDRs, blockID) },
			"cidr-block-association.state":          func(v vpc.VPC) []string { return blocks(v.CIDRs, blockState) },
			"ipv6-cidr-block-association.ipv6-cidr-block": func(v vpc.VPC) []string {
				return blocks(v.IPv6CIDRs, blockPrefix)
			},
			"ipv6-cidr-block-association.ipv6-pool": func(v vpc.VPC) []string {
				return blocks(v.IPv6CIDRs, func(vpc.CIDRAssociation) string { return "Amazon" })
			},
			"ipv6-cidr-block-association.association-id": func(v vpc.VPC) []string { return blocks(v.IPv6CIDRs, blockID) },
			"ipv6-cidr-block-association.state":          func(v vpc.VPC) []string { return blocks(v.IPv6CIDRs, blockState) },
		},
	}
}

func blocks(list []vpc.CIDRAssociation, get func(vpc.CIDRAssociation) string) []string {
	var out []string
	for _, b := range list {
		out = append(out, get(b))
	}
	return out
}

func blockPrefix(b vpc.CIDRAssociation) string { return b.Prefix.String() }
func blockID(b vpc.CIDRAssociation) string     { return b.AssociationID }
func blockState(b vpc.CIDRAssociation) string  { return b.State }

func vpcView(v vpc.VPC) *model.Vpc {
	out := &model.Vpc{
		VpcId: new(v.ID), OwnerId: new(v.Account), State: new(v.State), CidrBlock: new(v.Primary().String()),
		DhcpOptionsId: new(v.DHCPOptionsID), InstanceTenancy: new(v.Tenancy), IsDefault: new(v.IsDefault), Tags: tagList(v.Tags),
		BlockPublicAccessStates: &model.BlockPublicAccessStates{InternetGatewayBlockMode: new("off")},
	}
	for _, b := range v.CIDRs {
		out.CidrBlockAssociationSet = append(out.CidrBlockAssociationSet, *vpcBlockView(b))
	}
	for _, b := range v.IPv6CIDRs {
		out.Ipv6CidrBlockAssociationSet = append(out.Ipv6CidrBlockAssociationSet, *vpcIPv6View(v.Region, b))
	}
	return out
}

func vpcBlockView(b vpc.CIDRAssociation) *model.VpcCidrBlockAssociation {
	return &model.VpcCidrBlockAssociation{AssociationId: new(b.AssociationID), CidrBlock: new(b.Prefix.String()),
		CidrBlockState: &model.VpcCidrBlockState{State: new(b.State)}}
}

func vpcIPv6View(region string, b vpc.CIDRAssociation) *model.VpcIpv6CidrBlockAssociation {
	return &model.VpcIpv6CidrBlockAssociation{AssociationId: new(b.AssociationID), Ipv6CidrBlock: new(b.Prefix.String()),
		Ipv6CidrBlockState: &model.VpcCidrBlockState{State: new(b.State)}, NetworkBorderGroup: new(region),
		Ipv6Pool: new("Amazon"), IpSource: new("amazon"), Ipv6AddressAttribute: new("public")}
}

func (a *API) describeVPCAttribute(_ context.Context, call *protocol.Call, in *model.DescribeVpcAttributeRequest) (*model.DescribeVpcAttributeResult, error) {
	v, err := vpc.FindVPC(a.engine.Snapshot(), call.Caller.Scope, val(in.VpcId))
	if err != nil {
		return nil, err
	}
	out := &model.DescribeVpcAttributeResult{VpcId: new(v.ID)}
	switch name := val(in.Attribute); name {
	case "enableDnsSupport":
		out.EnableDnsSupport = attribute(v.EnableDNSSupport)
	case "enableDnsHostnames":
		out.EnableDnsHostnames = attribute(v.EnableDNSHostnames)
	case "enableNetworkAddressUsageMetrics":
		out.EnableNetworkAddressUsageMetrics = attribute(v.EnableNAUMetrics)
	default:
		return nil, invalidValue("attribute", name, "Unknown attribute.")
	}
	return out, nil
}

func attribute(b bool) *model.AttributeBooleanValue { return &model.AttributeBooleanValue{Value: &b} }

// attributeValue is what a request wants an attribute to be; nil is unchanged.
func attributeValue(v *model.AttributeBooleanValue) *bool {
	if v == nil {
		return nil
	}
	return v.Value
}

func (a *API) modifyVPCAttribute(ctx context.Context, call *protocol.Call, in *model.ModifyVpcAttributeRequest) (*model.ModifyVpcAttributeResult, error) {
	_, err := do(ctx, a, call, vpc.ModifyVPCAttribute{
		VPCID:              val(in.VpcId),
		EnableDNSSupport:   attributeValue(in.EnableDnsSupport),
		EnableDNSHostnames: attributeValue(in.EnableDnsHostnames),
		EnableNAUMetrics:   attributeValue(in.EnableNetworkAddressUsageMetrics),
	})
	return nil, err
}

func (a *API) modifyVPCTenancy(ctx context.Context, call *protocol.Call, in *model.ModifyVpcTenancyRequest) (*model.ModifyVpcTenancyResult, error) {
	_, err := do(ctx, a, call, vpc.ModifyVPCTenancy{VPCID: val(in.VpcId), Tenancy: val(in.InstanceTenancy)})
	if err != nil {
		return nil, err
	}
	return &model.ModifyVpcTenancyResult{ReturnValue: new(true)}, nil
}

func (a *API) associateVPCCIDR(ctx context.Context, call *protocol.Call, in *model.AssociateVpcCidrBlockRequest) (*model.AssociateVpcCidrBlockResult, error) {
	p, err := cidr("cidrBlock", in.CidrBlock)
	if err != nil {
		return nil, err
	}
	if err := checkBorderGroup(call, in.Ipv6CidrBlockNetworkBorderGroup); err != nil {
		return nil, err
	}
	c := vpc.AssociateVPCCIDR{VPCID: val(in.VpcId), CIDR: p, AmazonIPv6: val(in.AmazonProvidedIpv6CidrBlock)}
	v, err := do(ctx, a, call, c)
	if err != nil {
		return nil, err
	}
	out := &model.AssociateVpcCidrBlockResult{VpcId: new(v.ID)}
	if c.AmazonIPv6 {
		out.Ipv6CidrBlockAssociation = vpcIPv6View(v.Region, v.IPv6CIDRs[len(v.IPv6CIDRs)-1])
	} else {
		out.CidrBlockAssociation = vpcBlockView(v.CIDRs[len(v.CIDRs)-1])
	}
	return out, nil
}

func (a *API) disassociateVPCCIDR(ctx context.Context, call *protocol.Call, in *model.DisassociateVpcCidrBlockRequest) (*model.DisassociateVpcCidrBlockResult, error) {
	gone, err := do(ctx, a, call, vpc.DisassociateVPCCIDR{AssociationID: val(in.AssociationId)})
	if err != nil {
		return nil, err
	}
	out := &model.DisassociateVpcCidrBlockResult{VpcId: new(gone.VPCID)}
	if gone.Block.Prefix.Addr().Is6() {
		out.Ipv6CidrBlockAssociation = vpcIPv6View(call.Caller.Region, gone.Block)
	} else {
		out.CidrBlockAssociation = vpcBlockView(gone.Block)
	}
	return out, nil
}
