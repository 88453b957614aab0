package ec2

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/sns"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/engine"
)

// memory is an engine without a store.
type memory struct {
	db  *cloud.DB
	ids countingIDs
}

type countingIDs struct{ n int }

func (c *countingIDs) Hex(n int) string   { c.n++; return fmt.Sprintf("%0*x", n, c.n) }
func (c *countingIDs) Alnum(n int) string { return c.Hex(n) }
func (c *countingIDs) Upper(n int) string { return strings.ToUpper(c.Hex(n)) }

func (m *memory) Snapshot() *cloud.Snapshot { return m.db.Snapshot() }

func (m *memory) Run(_ context.Context, caller cloud.Caller, apply func(*cloud.Tx) error) error {
	tx := m.db.Begin(cloud.Env{Now: time.Unix(1_700_000_000, 0), Caller: caller, IDs: &m.ids})
	defer tx.Abort()
	if err := apply(tx); err != nil {
		return err
	}
	tx.Publish()
	return nil
}

// netTest calls the handlers as a user of one account and region.
type netTest struct {
	*testing.T
	*API
	call   *protocol.Call
	engine *memory
}

func newNetTest(t *testing.T) *netTest {
	t.Helper()
	db, err := cloud.NewDB(cloud.NewSchema(slices.Concat(vpc.Tables(), compute.Tables(), elb.Tables(), privatelink.Tables(), sns.Tables(), dns.Tables())...))
	if err != nil {
		t.Fatal(err)
	}
	m := &memory{db: db}
	var runner engine.Runner = m
	return &netTest{T: t, engine: m, API: New(Options{Engine: runner, Now: func() time.Time { return time.Unix(1_700_000_000, 0) }}),
		call: &protocol.Call{Caller: cloud.Caller{Scope: cloud.Scope{Account: "111122223333", Region: "ap-northeast-1"}}}}
}

// ok calls a handler that has to succeed.
func ok[I, O any](n *netTest, handle func(context.Context, *protocol.Call, *I) (*O, error), in I) *O {
	n.Helper()
	out, err := handle(n.Context(), n.call, &in)
	if err != nil {
		n.Fatalf("%+v: %v", in, err)
	}
	return out
}

// fails calls a handler that has to fail with that code.
func fails[I, O any](n *netTest, code string, handle func(context.Context, *protocol.Call, *I) (*O, error), in I) {
	n.Helper()
	_, err := handle(n.Context(), n.call, &in)
	var e *cloud.Error
	if !errors.As(err, &e) || e.Code != code {
		n.Errorf("%T: %v, want %s", in, err, code)
	}
}

func where(name string, values ...string) []model.Filter {
	return []model.Filter{{Name: &name, Values: values}}
}

func named(resourceType, name string) []model.TagSpecification {
	return []model.TagSpecification{{ResourceType: &resourceType, Tags: []model.Tag{{Key: new("Name"), Value: &name}}}}
}

func (n *netTest) vpc(name string) *model.Vpc {
	n.Helper()
	return ok(n, n.createVPC, model.CreateVpcRequest{CidrBlock: new("10.0.0.0/16"), TagSpecifications: named("vpc", name)}).Vpc
}

func TestVPCHandlers(t *testing.T) {
	n := newNetTest(t)
	v := n.vpc("one")
	n.vpc("two")
	if *v.OwnerId != "111122223333" || *v.State != "available" || *v.InstanceTenancy != "default" || len(v.CidrBlockAssociationSet) != 1 || *v.IsDefault {
		t.Errorf("view: %+v", v)
	}
	for _, tt := range []struct {
		filters []model.Filter
		want    int
	}{
		{nil, 2}, {where("tag:Name", "o*"), 1}, {where("vpc-id", *v.VpcId), 1}, {where("cidr", "10.0.0.0/16"), 2},
		{where("isDefault", "true"), 0}, {where("vpc-id", "vpc-0"), 0},
		{where("cidr-block-association.association-id", *v.CidrBlockAssociationSet[0].AssociationId), 1},
	} {
		if got := ok(n, n.describeVPCs, model.DescribeVpcsRequest{Filters: tt.filters}); len(got.Vpcs) != tt.want {
			t.Errorf("%v: %d VPCs, want %d", tt.filters, len(got.Vpcs), tt.want)
		}
	}
	fails(n, "InvalidParameterValue", n.describeVPCs, model.DescribeVpcsRequest{Filters: where("nonsense", "x")})
	fails(n, "InvalidVpcID.NotFound", n.describeVPCs, model.DescribeVpcsRequest{VpcIds: []string{"vpc-0"}})
	fails(n, "InvalidParameterValue", n.createVPC, model.CreateVpcRequest{CidrBlock: new("nonsense")})
	fails(n, "InvalidParameterValue", n.createVPC, model.CreateVpcRequest{CidrBlock: new("10.0.0.0/16"), TagSpecifications: named("subnet", "x")})
	first := ok(n, n.describeVPCs, model.DescribeVpcsRequest{MaxResults: new(int64(1))})
	second := ok(n, n.describeVPCs, model.DescribeVpcsRequest{MaxResults: new(int64(1)), NextToken: first.NextToken})
	if len(first.Vpcs) != 1 || len(second.Vpcs) != 1 || second.NextToken != nil || *first.Vpcs[0].VpcId == *second.Vpcs[0].VpcId {
		t.Errorf("pages: %+v, %+v", first, second)
	}

	ok(n, n.modifyVPCAttribute, model.ModifyVpcAttributeRequest{VpcId: v.VpcId, EnableDnsHostnames: attribute(true)})
	got := ok(n, n.describeVPCAttribute, model.DescribeVpcAttributeRequest{VpcId: v.VpcId, Attribute: new("enableDnsHostnames")})
	if !*got.EnableDnsHostnames.Value || got.EnableDnsSupport != nil {
		t.Errorf("attribute: %+v", got)
	}
	ok(n, n.createTags, model.CreateTagsRequest{Resources: []string{*v.VpcId}, Tags: []model.Tag{{Key: new("Env"), Value: new("test")}}})
	tags := ok(n, n.describeTags, model.DescribeTagsRequest{Filters: append(where("resource-id", *v.VpcId), where("key", "Env")...)})
	if len(tags.Tags) != 1 || *tags.Tags[0].Value != "test" || *tags.Tags[0].ResourceType != "vpc" {
		t.Errorf("tags: %+v", tags)
	}
	ok(n, n.deleteTags, model.DeleteTagsRequest{Resources: []string{*v.VpcId}, Tags: []model.Tag{{Key: new("Env")}}})
	if tags = ok(n, n.describeTags, model.DescribeTagsRequest{Filters: where("resource-type", "vpc")}); len(tags.Tags) != 2 {
		t.Errorf("tags: %+v", tags)
	}
}

// TestVPCReadsOfTerraform makes the reads of an aws_vpc resource.
func TestVPCReadsOfTerraform(t *testing.T) {
	n := newNetTest(t)
	v := n.vpc("one")
	n.vpc("two")
	inVPC := func(name, value string) []model.Filter {
		return append(where(name, value), where("vpc-id", *v.VpcId)...)
	}
	acls := ok(n, n.describeNetworkACLs, model.DescribeNetworkAclsRequest{Filters: inVPC("default", "true")})
	if len(acls.NetworkAcls) != 1 || len(acls.NetworkAcls[0].Entries) != 4 || *acls.NetworkAcls[0].Entries[1].RuleNumber != 32767 {
		t.Errorf("ACLs: %+v", acls.NetworkAcls)
	}
	tables := ok(n, n.describeRouteTables, model.DescribeRouteTablesRequest{Filters: inVPC("association.main", "true")})
	if len(tables.RouteTables) != 1 || *tables.RouteTables[0].Routes[0].GatewayId != "local" {
		t.Errorf("tables: %+v", tables.RouteTables)
	}
	options := ok(n, n.describeDHCPOptions, model.DescribeDhcpOptionsRequest{DhcpOptionsIds: []string{*v.DhcpOptionsId}})
	if len(options.DhcpOptions) != 1 || len(options.DhcpOptions[0].DhcpConfigurations) != 2 {
		t.Errorf("options: %+v", options.DhcpOptions)
	}
	v6 := ok(n, n.associateVPCCIDR, model.AssociateVpcCidrBlockRequest{VpcId: v.VpcId, AmazonProvidedIpv6CidrBlock: new(true)}).Ipv6CidrBlockAssociation
	if *v6.Ipv6Pool != "Amazon" || *v6.Ipv6CidrBlockState.State != "associated" || *v6.NetworkBorderGroup != "ap-northeast-1" {
		t.Errorf("IPv6: %+v", v6)
	}
	found := ok(n, n.describeVPCs, model.DescribeVpcsRequest{Filters: where("ipv6-cidr-block-association.association-id", *v6.AssociationId)})
	if len(found.Vpcs) != 1 || *found.Vpcs[0].VpcId != *v.VpcId {
		t.Errorf("by association: %+v", found.Vpcs)
	}
	gone := ok(n, n.disassociateVPCCIDR, model.DisassociateVpcCidrBlockRequest{AssociationId: v6.AssociationId})
	if gone.Ipv6CidrBlockAssociation == nil || gone.CidrBlockAssociation != nil {
		t.Errorf("disassociated: %+v", gone)
	}
	ok(n, n.deleteVPC, model.DeleteVpcRequest{VpcId: v.VpcId})
	fails(n, "InvalidVpcID.NotFound", n.describeVPCs, model.DescribeVpcsRequest{VpcIds: []string{*v.VpcId}})
}

func TestSubnetAndRouteHandlers(t *testing.T) {
	n := newNetTest(t)
	v := n.vpc("one")
	s := ok(n, n.createSubnet, model.CreateSubnetRequest{VpcId: v.VpcId, CidrBlock: new("10.0.1.0/24"), AvailabilityZone: new("ap-northeast-1c")}).Subnet
	if *s.AvailabilityZoneId != "apne1-az1" || *s.AvailableIpAddressCount != 251 ||
		*s.SubnetArn != "arn:aws:ec2:ap-northeast-1:111122223333:subnet/"+*s.SubnetId {
		t.Errorf("subnet: %+v", s)
	}
	ok(n, n.modifySubnetAttribute, model.ModifySubnetAttributeRequest{SubnetId: s.SubnetId, MapPublicIpOnLaunch: attribute(true)})
	for _, f := range [][]model.Filter{where("map-public-ip-on-launch", "true"), where("availabilityZone", "ap-northeast-1c"),
		where("cidrBlock", "10.0.1.0/24"), where("subnet-id", *s.SubnetId), where("vpc-id", *v.VpcId)} {
		if got := ok(n, n.describeSubnets, model.DescribeSubnetsRequest{Filters: f}); len(got.Subnets) != 1 {
			t.Errorf("%v: %d subnets", *f[0].Name, len(got.Subnets))
		}
	}
	g := ok(n, n.createInternetGateway, model.CreateInternetGatewayRequest{}).InternetGateway
	ok(n, n.attachInternetGateway, model.AttachInternetGatewayRequest{InternetGatewayId: g.InternetGatewayId, VpcId: v.VpcId})
	igws := ok(n, n.describeInternetGateways, model.DescribeInternetGatewaysRequest{Filters: where("attachment.vpc-id", *v.VpcId)})
	if len(igws.InternetGateways) != 1 || *igws.InternetGateways[0].Attachments[0].State != "available" {
		t.Errorf("gateways: %+v", igws.InternetGateways)
	}
	table := ok(n, n.createRouteTable, model.CreateRouteTableRequest{VpcId: v.VpcId}).RouteTable
	route := model.CreateRouteRequest{RouteTableId: table.RouteTableId, DestinationCidrBlock: new("0.0.0.0/0"), GatewayId: g.InternetGatewayId}
	if !*ok(n, n.createRoute, route).Return {
		t.Error("CreateRoute does not return true")
	}
	fails(n, "InvalidParameterValue", n.createRoute, model.CreateRouteRequest{RouteTableId: table.RouteTableId, DestinationIpv6CidrBlock: new("10.0.0.0/8"), GatewayId: g.InternetGatewayId})
	x := ok(n, n.associateRouteTable, model.AssociateRouteTableRequest{RouteTableId: table.RouteTableId, SubnetId: s.SubnetId})
	for _, f := range [][]model.Filter{where("association.route-table-association-id", *x.AssociationId), where("association.subnet-id", *s.SubnetId),
		where("route.gateway-id", *g.InternetGatewayId), where("route.destination-cidr-block", "0.0.0.0/0")} {
		got := ok(n, n.describeRouteTables, model.DescribeRouteTablesRequest{Filters: f})
		if len(got.RouteTables) != 1 || *got.RouteTables[0].RouteTableId != *table.RouteTableId || len(got.RouteTables[0].Routes) != 2 {
			t.Errorf("%v: %+v", *f[0].Name, got.RouteTables)
		}
	}
	ok(n, n.disassociateRouteTable, model.DisassociateRouteTableRequest{AssociationId: x.AssociationId})
	ok(n, n.deleteRoute, model.DeleteRouteRequest{RouteTableId: table.RouteTableId, DestinationCidrBlock: new("0.0.0.0/0")})
	ok(n, n.deleteRouteTable, model.DeleteRouteTableRequest{RouteTableId: table.RouteTableId})
	fails(n, "InvalidRouteTableID.NotFound", n.describeRouteTables, model.DescribeRouteTablesRequest{RouteTableIds: []string{*table.RouteTableId}})
}

func TestAddressAndNATHandlers(t *testing.T) {
	n := newNetTest(t)
	v := ok(n, n.createDefaultVPC, model.CreateDefaultVpcRequest{}).Vpc
	s := ok(n, n.describeSubnets, model.DescribeSubnetsRequest{Filters: append(where("defaultForAz", "true"), where("availabilityZone", "ap-northeast-1a")...)}).Subnets[0]
	eip := ok(n, n.allocateAddress, model.AllocateAddressRequest{Domain: new("vpc"), TagSpecifications: named("elastic-ip", "nat")})
	if *eip.Domain != "vpc" || *eip.PublicIpv4Pool != "amazon" || *eip.NetworkBorderGroup != "ap-northeast-1" {
		t.Errorf("address: %+v", eip)
	}
	nat := ok(n, n.createNATGateway, model.CreateNatGatewayRequest{SubnetId: s.SubnetId, AllocationId: eip.AllocationId, ClientToken: new("t")}).NatGateway
	a := nat.NatGatewayAddresses[0]
	if *nat.State != "pending" || *a.PublicIp != *eip.PublicIp || !*a.IsPrimary || *nat.VpcId != *v.VpcId {
		t.Errorf("gateway: %+v", nat)
	}
	for _, f := range [][]model.Filter{where("network-interface-id", *a.NetworkInterfaceId), where("public-ip", *eip.PublicIp),
		where("association-id", *a.AssociationId), where("tag:Name", "nat"), where("domain", "vpc")} {
		got := ok(n, n.describeAddresses, model.DescribeAddressesRequest{Filters: f})
		if len(got.Addresses) != 1 || *got.Addresses[0].PrivateIpAddress != *a.PrivateIp {
			t.Errorf("%v: %+v", *f[0].Name, got.Addresses)
		}
	}
	fails(n, "InvalidAddress.NotFound", n.describeAddresses, model.DescribeAddressesRequest{PublicIps: []string{"198.18.9.9"}})
	fails(n, "InvalidAllocationID.NotFound", n.describeAddresses, model.DescribeAddressesRequest{AllocationIds: []string{"eipalloc-0"}})
	fails(n, "NatGatewayNotFound", n.describeNATGateways, model.DescribeNatGatewaysRequest{NatGatewayIds: []string{"nat-0"}})
	fails(n, "InvalidIPAddress.InUse", n.releaseAddress, model.ReleaseAddressRequest{AllocationId: eip.AllocationId})
	ok(n, n.deleteNATGateway, model.DeleteNatGatewayRequest{NatGatewayId: nat.NatGatewayId})
	n.call.Caller.Internal = true
	if _, err := engine.Do(t.Context(), engine.Runner(n.engine), n.call.Caller, vpc.ReportNATGateway{ID: *nat.NatGatewayId}); err != nil {
		t.Fatal(err)
	}
	got := ok(n, n.describeNATGateways, model.DescribeNatGatewaysRequest{NatGatewayIds: []string{*nat.NatGatewayId}}).NatGateways
	if len(got) != 1 || *got[0].State != "deleted" || got[0].DeleteTime == nil {
		t.Errorf("deleted gateway: %+v", got)
	}
	ok(n, n.releaseAddress, model.ReleaseAddressRequest{AllocationId: eip.AllocationId})
	attributes := ok(n, n.describeAccountAttributes, model.DescribeAccountAttributesRequest{AttributeNames: []string{"default-vpc"}}).AccountAttributes
	if len(attributes) != 1 || *attributes[0].AttributeValues[0].AttributeValue != *v.VpcId {
		t.Errorf("attributes: %+v", attributes)
	}
}

func TestZonesAndRegions(t *testing.T) {
	n := newNetTest(t)
	zones := ok(n, n.describeZones, model.DescribeAvailabilityZonesRequest{Filters: where("state", "available")}).AvailabilityZones
	if len(zones) != 3 || *zones[0].ZoneName != "ap-northeast-1a" || *zones[0].ZoneId != "apne1-az4" {
		t.Errorf("zones: %+v", zones)
	}
	if got := ok(n, n.describeZones, model.DescribeAvailabilityZonesRequest{ZoneIds: []string{"apne1-az2"}}).AvailabilityZones; len(got) != 1 || *got[0].ZoneName != "ap-northeast-1d" {
		t.Errorf("zone by id: %+v", got)
	}
	fails(n, "InvalidParameterValue", n.describeZones, model.DescribeAvailabilityZonesRequest{ZoneNames: []string{"ap-northeast-1b"}})
	regions := ok(n, n.describeRegions, model.DescribeRegionsRequest{RegionNames: []string{"ap-northeast-1"}}).Regions
	if len(regions) != 1 || *regions[0].Endpoint != "ec2.ap-northeast-1.amazonaws.com" {
		t.Errorf("regions: %+v", regions)
	}
}

func TestAbsentKinds(t *testing.T) {
	n := newNetTest(t)
	fails(n, "InvalidParameterValue", n.describePeerings, model.DescribeVpcPeeringConnectionsRequest{Filters: where("x", "y")})
	fails(n, "InvalidVpcPeeringConnectionID.NotFound", n.describePeerings, model.DescribeVpcPeeringConnectionsRequest{VpcPeeringConnectionIds: []string{"pcx-1"}})
}
