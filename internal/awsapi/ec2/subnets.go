package ec2

import (
	"context"
	"strconv"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func (a *API) subnetOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateSubnet", a.createSubnet),
		protocol.Op("CreateDefaultSubnet", a.createDefaultSubnet),
		protocol.Op("DeleteSubnet", a.deleteSubnet),
		protocol.Op("DescribeSubnets", a.describeSubnets),
		protocol.Op("ModifySubnetAttribute", a.modifySubnetAttribute),
		protocol.Op("AssociateSubnetCidrBlock", a.associateSubnetCIDR),
		protocol.Op("DisassociateSubnetCidrBlock", a.disassociateSubnetCIDR),
	}
}

func (a *API) createSubnet(ctx context.Context, call *protocol.Call, in *model.CreateSubnetRequest) (*model.CreateSubnetResult, error) {
	tags, err := tagsFromSpecs(in.TagSpecifications, "subnet")
	if err != nil {
		return nil, err
	}
	if val(in.Ipv6Native) {
		return nil, unserved("Ipv6Native", "true")
	}
	c := vpc.CreateSubnet{VPCID: val(in.VpcId), Zone: val(in.AvailabilityZone), ZoneID: val(in.AvailabilityZoneId), Tags: tags}
	if c.CIDR, err = cidr("cidrBlock", in.CidrBlock); err != nil {
		return nil, err
	}
	if c.IPv6CIDR, err = cidr("ipv6CidrBlock", in.Ipv6CidrBlock); err != nil {
		return nil, err
	}
	s, err := do(ctx, a, call, c)
	if err != nil {
		return nil, err
	}
	return &model.CreateSubnetResult{Subnet: subnetView(s)}, nil
}

func (a *API) createDefaultSubnet(ctx context.Context, call *protocol.Call, in *model.CreateDefaultSubnetRequest) (*model.CreateDefaultSubnetResult, error) {
	if val(in.Ipv6Native) {
		return nil, unserved("Ipv6Native", "true")
	}
	s, err := do(ctx, a, call, vpc.CreateDefaultSubnet{Zone: val(in.AvailabilityZone)})
	if err != nil {
		return nil, err
	}
	return &model.CreateDefaultSubnetResult{Subnet: subnetView(s)}, nil
}

func (a *API) deleteSubnet(ctx context.Context, call *protocol.Call, in *model.DeleteSubnetRequest) (*model.DeleteSubnetResult, error) {
	_, err := do(ctx, a, call, vpc.DeleteSubnet{ID: val(in.SubnetId)})
	return nil, err
}

func (a *API) describeSubnets(_ context.Context, call *protocol.Call, in *model.DescribeSubnetsRequest) (*model.DescribeSubnetsResult, error) {
	subnets, next, err := subnetListing().page(a.engine.Snapshot(), call.Caller.Scope, in.SubnetIds, in.Filters, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeSubnetsResult{NextToken: next}
	for _, s := range subnets {
		out.Subnets = append(out.Subnets, *subnetView(s))
	}
	return out, nil
}

func subnetListing() listing[vpc.Subnet] {
	block := one(func(s vpc.Subnet) string { return s.CIDR.String() })
	zone := one(func(s vpc.Subnet) string { return s.Zone })
	zoneID := one(func(s vpc.Subnet) string { return s.ZoneID })
	return listing[vpc.Subnet]{
		table: vpc.Subnets, find: vpc.FindSubnet,
		scope: func(s vpc.Subnet) cloud.Scope { return s.Scope },
		key:   func(s vpc.Subnet) string { return s.ID },
		tags:  func(s vpc.Subnet) cloud.Tags { return s.Tags },
		indexed: []indexedFilter{
			{"subnet-id", "id"}, {"ipv6-cidr-block-association.association-id", vpc.ByAssociation}, {"vpc-id", vpc.ByVPC},
		},
		fields: filterFields[vpc.Subnet]{
			"subnet-id":               one(func(s vpc.Subnet) string { return s.ID }),
			"subnet-arn":              one(subnetARN),
			"vpc-id":                  one(func(s vpc.Subnet) string { return s.VPCID }),
			"owner-id":                one(func(s vpc.Subnet) string { return s.Account }),
			"state":                   one(func(s vpc.Subnet) string { return s.State }),
			"cidr":                    block,
			"cidr-block":              block,
			"availability-zone":       zone,
			"availability-zone-id":    zoneID,
			"default-for-az":          yesNo(func(s vpc.Subnet) bool { return s.DefaultForAZ }),
			"map-public-ip-on-launch": yesNo(func(s vpc.Subnet) bool { return s.MapPublicIPOnLaunch }),
			"enable-dns64":            yesNo(func(s vpc.Subnet) bool { return s.EnableDNS64 }),
			"ipv6-native":             yesNo(func(s vpc.Subnet) bool { return s.IPv6Native }),
			"outpost-arn":             func(vpc.Subnet) []string { return nil },
			"available-ip-address-count": one(func(s vpc.Subnet) string {
				return strconv.Itoa(s.AvailableIPv4)
			}),
			"ipv6-cidr-block-association.ipv6-cidr-block": func(s vpc.Subnet) []string { return blocks(s.IPv6CIDRs, blockPrefix) },
			"ipv6-cidr-block-association.association-id":  func(s vpc.Subnet) []string { return blocks(s.IPv6CIDRs, blockID) },
			"ipv6-cidr-block-association.state":           func(s vpc.Subnet) []string { return blocks(s.IPv6CIDRs, blockState) },
			"private-dns-name-options-on-launch.hostname-type": one(func(s vpc.Subnet) string {
				return s.HostnameType
			}),
			"private-dns-name-options-on-launch.enable-resource-name-dns-a-record": yesNo(func(s vpc.Subnet) bool {
				return s.EnableResourceNameDNSA
			}),
			"private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record": yesNo(func(s vpc.Subnet) bool {
				return s.EnableResourceNameDNSAAAA
			}),
		},
	}
}

func subnetARN(s vpc.Subnet) string {
	return "arn:aws:ec2:" + s.Region + ":" + s.Account + ":subnet/" + s.ID
}

func subnetView(s vpc.Subnet) *model.Subnet {
	out := &model.Subnet{
		SubnetId: new(s.ID), SubnetArn: new(subnetARN(s)), VpcId: new(s.VPCID), OwnerId: new(s.Account), State: new(s.State),
		AvailabilityZone: new(s.Zone), AvailabilityZoneId: new(s.ZoneID), CidrBlock: new(s.CIDR.String()),
		AvailableIpAddressCount: new(int64(s.AvailableIPv4)), DefaultForAz: new(s.DefaultForAZ),
		MapPublicIpOnLaunch: new(s.MapPublicIPOnLaunch), MapCustomerOwnedIpOnLaunch: new(false),
		AssignIpv6AddressOnCreation: new(s.AssignIPv6OnCreation), EnableDns64: new(s.EnableDNS64), Ipv6Native: new(s.IPv6Native),
		PrivateDnsNameOptionsOnLaunch: &model.PrivateDnsNameOptionsOnLaunch{HostnameType: new(s.HostnameType),
			EnableResourceNameDnsARecord:    new(s.EnableResourceNameDNSA),
			EnableResourceNameDnsAAAARecord: new(s.EnableResourceNameDNSAAAA)},
		BlockPublicAccessStates: &model.BlockPublicAccessStates{InternetGatewayBlockMode: new("off")},
		Tags:                    tagList(s.Tags),
	}
	for _, b := range s.IPv6CIDRs {
		out.Ipv6CidrBlockAssociationSet = append(out.Ipv6CidrBlockAssociationSet, *subnetIPv6View(b))
	}
	return out
}

func subnetIPv6View(b vpc.CIDRAssociation) *model.SubnetIpv6CidrBlockAssociation {
	return &model.SubnetIpv6CidrBlockAssociation{AssociationId: new(b.AssociationID), Ipv6CidrBlock: new(b.Prefix.String()),
		Ipv6CidrBlockState: &model.SubnetCidrBlockState{State: new(b.State)}, IpSource: new("amazon"), Ipv6AddressAttribute: new("public")}
}

func (a *API) modifySubnetAttribute(ctx context.Context, call *protocol.Call, in *model.ModifySubnetAttributeRequest) (*model.ModifySubnetAttributeResult, error) {
	c := vpc.ModifySubnetAttribute{
		SubnetID:                  val(in.SubnetId),
		MapPublicIPOnLaunch:       attributeValue(in.MapPublicIpOnLaunch),
		AssignIPv6OnCreation:      attributeValue(in.AssignIpv6AddressOnCreation),
		EnableDNS64:               attributeValue(in.EnableDns64),
		EnableResourceNameDNSA:    attributeValue(in.EnableResourceNameDnsARecordOnLaunch),
		EnableResourceNameDNSAAAA: attributeValue(in.EnableResourceNameDnsAAAARecordOnLaunch),
		HostnameType:              in.PrivateDnsHostnameTypeOnLaunch,
	}
	if owned := attributeValue(in.MapCustomerOwnedIpOnLaunch); owned != nil {
		if *owned {
			return nil, unserved("MapCustomerOwnedIpOnLaunch", "true")
		}
		if c == (vpc.ModifySubnetAttribute{SubnetID: c.SubnetID}) {
			_, err := vpc.FindSubnet(a.engine.Snapshot(), call.Caller.Scope, c.SubnetID)
			return nil, err
		}
	}
	_, err := do(ctx, a, call, c)
	return nil, err
}

func (a *API) associateSubnetCIDR(ctx context.Context, call *protocol.Call, in *model.AssociateSubnetCidrBlockRequest) (*model.AssociateSubnetCidrBlockResult, error) {
	p, err := cidr("ipv6CidrBlock", in.Ipv6CidrBlock)
	if err != nil {
		return nil, err
	}
	s, err := do(ctx, a, call, vpc.AssociateSubnetCIDR{SubnetID: val(in.SubnetId), CIDR: p})
	if err != nil {
		return nil, err
	}
	return &model.AssociateSubnetCidrBlockResult{SubnetId: new(s.ID), Ipv6CidrBlockAssociation: subnetIPv6View(s.IPv6CIDRs[len(s.IPv6CIDRs)-1])}, nil
}

func (a *API) disassociateSubnetCIDR(ctx context.Context, call *protocol.Call, in *model.DisassociateSubnetCidrBlockRequest) (*model.DisassociateSubnetCidrBlockResult, error) {
	gone, err := do(ctx, a, call, vpc.DisassociateSubnetCIDR{AssociationID: val(in.AssociationId)})
	if err != nil {
		return nil, err
	}
	return &model.DisassociateSubnetCidrBlockResult{SubnetId: new(gone.SubnetID), Ipv6CidrBlockAssociation: subnetIPv6View(gone.Block)}, nil
}
