package vpc

import (
	"net/netip"

	"github.com/musubi-net/musubi/internal/cloud"
)

// CreateVPC makes a VPC with its main route table, default security group,
// default network ACL and DHCP options.
type CreateVPC struct {
	CIDR       netip.Prefix
	AmazonIPv6 bool
	Tenancy    string // default, dedicated; empty is default
	Tags       cloud.Tags
}

// Apply checks the block and makes the VPC.
func (c CreateVPC) Apply(tx *cloud.Tx) (VPC, error) {
	if !c.CIDR.IsValid() {
		return VPC{}, cloud.Errorf(cloud.KindMissing, "vpc", "MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
	}
	if err := checkVPCBlock(c.CIDR); err != nil {
		return VPC{}, err
	}
	switch c.Tenancy {
	case "":
		c.Tenancy = "default"
	case "default", "dedicated":
	default:
		return VPC{}, invalidValue("vpc", "instanceTenancy", c.Tenancy, "Tenancy must be default or dedicated.")
	}
	return newVPC(tx, c), nil
}

func newVPC(tx *cloud.Tx, c CreateVPC) VPC {
	v := VPC{
		ID: "vpc-" + tx.IDs.Hex(17), Scope: tx.Caller.Scope, Number: tx.NextNumber("vpc"),
		CIDRs: []CIDRAssociation{newBlock(tx, c.CIDR)}, Tenancy: c.Tenancy, EnableDNSSupport: true,
		State: "available", DHCPOptionsID: defaultDHCPOptions(tx), Tags: c.Tags.Clone(), CreatedAt: tx.Now,
	}
	if c.AmazonIPv6 {
		v.IPv6CIDRs = []CIDRAssociation{newBlock(tx, newIPv6Block(tx))}
	}
	createDefaultGroup(tx, &v)
	v.DefaultACLID = createDefaultACL(tx, &v)
	v.MainRouteTableID = createMainTable(tx, &v)
	VPCs.Put(tx, v)
	return v
}

// DeleteVPC removes a VPC with what CreateVPC made beside it; anything else in
// it must be gone.
type DeleteVPC struct{ ID string }

// Apply removes the VPC.
func (c DeleteVPC) Apply(tx *cloud.Tx) (cloud.None, error) {
	v, err := FindVPC(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	if vpcInUse(tx, &v) {
		return cloud.None{}, dependency("vpc", "vpc", v.ID)
	}
	for t := range RouteTables.By(tx, ByVPC, v.ID) {
		RouteTables.Delete(tx, t.ID)
	}
	for a := range NetworkACLs.By(tx, ByVPC, v.ID) {
		NetworkACLs.Delete(tx, a.ID)
	}
	// What is left of NAT gateways are deleted and failed ones.
	for g := range NATGateways.By(tx, ByVPC, v.ID) {
		NATGateways.Delete(tx, g.ID)
	}
	removeGroup(tx, v.DefaultGroupID)
	VPCs.Delete(tx, v.ID)
	return cloud.None{}, nil
}

func vpcInUse(tx *cloud.Tx, v *VPC) bool {
	if _, ok := Subnets.First(tx, ByVPC, v.ID); ok {
		return true
	}
	if _, ok := InternetGateways.First(tx, ByVPC, v.ID); ok {
		return true
	}
	if _, ok := NetworkInterfaces.First(tx, ByVPC, v.ID); ok {
		return true
	}
	for t := range RouteTables.By(tx, ByVPC, v.ID) {
		if t.ID != v.MainRouteTableID {
			return true
		}
	}
	for g := range SecurityGroups.By(tx, ByVPC, v.ID) {
		if g.ID != v.DefaultGroupID {
			return true
		}
	}
	for a := range NetworkACLs.By(tx, ByVPC, v.ID) {
		if !a.IsDefault {
			return true
		}
	}
	return false
}

// ModifyVPCAttribute changes exactly one attribute of a VPC.
type ModifyVPCAttribute struct {
	VPCID              string
	EnableDNSSupport   *bool
	EnableDNSHostnames *bool
	EnableNAUMetrics   *bool
}

// Apply sets the attribute.
func (c ModifyVPCAttribute) Apply(tx *cloud.Tx) (cloud.None, error) {
	v, err := FindVPC(tx, tx.Caller.Scope, c.VPCID)
	if err != nil {
		return cloud.None{}, err
	}
	given := 0
	for _, a := range []struct{ to, from *bool }{
		{&v.EnableDNSSupport, c.EnableDNSSupport},
		{&v.EnableDNSHostnames, c.EnableDNSHostnames},
		{&v.EnableNAUMetrics, c.EnableNAUMetrics},
	} {
		if a.from != nil {
			*a.to = *a.from
			given++
		}
	}
	switch given {
	case 0:
		return cloud.None{}, cloud.Errorf(cloud.KindMissing, "vpc", "MissingParameter", "The request must contain exactly one attribute to modify")
	case 1:
		VPCs.Put(tx, v)
		return cloud.None{}, nil
	}
	return cloud.None{}, cloud.Errorf(cloud.KindInvalid, "vpc", "InvalidParameterCombination", "Fields for multiple attribute types specified")
}

// ModifyVPCTenancy changes a VPC's tenancy from dedicated to default; AWS
// offers no other change.
type ModifyVPCTenancy struct{ VPCID, Tenancy string }

// Apply sets the tenancy.
func (c ModifyVPCTenancy) Apply(tx *cloud.Tx) (cloud.None, error) {
	v, err := FindVPC(tx, tx.Caller.Scope, c.VPCID)
	if err != nil {
		return cloud.None{}, err
	}
	if c.Tenancy != "default" {
		return cloud.None{}, invalidValue("vpc", "instanceTenancy", c.Tenancy, "Tenancy can only be changed to default.")
	}
	v.Tenancy = c.Tenancy
	VPCs.Put(tx, v)
	return cloud.None{}, nil
}
