package vpc_test

import (
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func TestCreateSubnetChecks(t *testing.T) {
	l := newNetLab(t)
	v := l.vpc("10.0.0.0/16")
	l.subnet(v, "10.0.1.0/24", "ap-northeast-1a")
	for _, tt := range []struct{ block, zone, code, message string }{
		{"10.0.1.128/25", "", "InvalidSubnet.Conflict", "The CIDR '10.0.1.128/25' conflicts with another subnet"},
		{"10.0.0.0/16", "", "InvalidSubnet.Conflict", "The CIDR '10.0.0.0/16' conflicts with another subnet"},
		{"10.1.0.0/24", "", "InvalidSubnet.Range", "The CIDR '10.1.0.0/24' is invalid."},
		{"10.0.0.0/8", "", "InvalidSubnet.Range", "The CIDR '10.0.0.0/8' is invalid."},
		{"10.0.2.0/29", "", "InvalidSubnet.Range", "The CIDR '10.0.2.0/29' is invalid."},
		{"10.0.2.0/24", "ap-northeast-1b", "InvalidParameterValue", "Value (ap-northeast-1b) for parameter availabilityZone is invalid. " +
			"Subnets can currently only be created in the following availability zones: ap-northeast-1a, ap-northeast-1c, ap-northeast-1d."},
		{"", "", "MissingParameter", "Either 'cidrBlock' or 'ipv6CidrBlock' should be provided."},
	} {
		if m := refused(l, tt.code, vpc.CreateSubnet{VPCID: v.ID, CIDR: pfx(tt.block), Zone: tt.zone}); m != tt.message {
			t.Errorf("%s: %q, want %q", tt.block, m, tt.message)
		}
	}
	s := must(l, vpc.CreateSubnet{VPCID: v.ID, CIDR: pfx("10.0.2.0/24"), ZoneID: "apne1-az2"})
	if s.Zone != "ap-northeast-1d" || s.AvailableIPv4 != 251 || s.State != "available" {
		t.Errorf("subnet %+v", s)
	}
	refused(l, "InvalidVpcID.NotFound", vpc.CreateSubnet{VPCID: "vpc-0", CIDR: pfx("10.0.3.0/24")})
}

func TestSubnetJoinsAndLeavesACLAndTable(t *testing.T) {
	l := newNetLab(t)
	v := l.vpc("10.0.0.0/16")
	s := l.subnet(v, "10.0.1.0/24", "")
	acl, ok := vpc.NetworkACLs.First(l.db.Snapshot(), vpc.BySubnet, s.ID)
	if !ok || acl.ID != v.DefaultACLID {
		t.Fatalf("ACL of the subnet: %+v", acl)
	}
	table := must(l, vpc.CreateRouteTable{VPCID: v.ID})
	must(l, vpc.AssociateRouteTable{RouteTableID: table.ID, SubnetID: s.ID})
	must(l, vpc.DeleteSubnet{ID: s.ID})
	r := l.db.Snapshot()
	if _, ok := vpc.NetworkACLs.First(r, vpc.BySubnet, s.ID); ok {
		t.Error("the ACL remembers the subnet")
	}
	if n := len(l.table(table.ID).Associations); n != 0 {
		t.Errorf("the route table has %d associations", n)
	}
	must(l, vpc.DeleteRouteTable{ID: table.ID})
}

func TestDeleteWithDependents(t *testing.T) {
	l := newNetLab(t)
	v := l.vpc("10.0.0.0/16")
	s := l.subnet(v, "10.0.1.0/24", "")
	n := l.nic(s)
	if m := refused(l, "DependencyViolation", vpc.DeleteSubnet{ID: s.ID}); m != "The subnet '"+s.ID+"' has dependencies and cannot be deleted." {
		t.Error(m)
	}
	if m := refused(l, "DependencyViolation", vpc.DeleteVPC{ID: v.ID}); m != "The vpc '"+v.ID+"' has dependencies and cannot be deleted." {
		t.Error(m)
	}
	l.edit(func(tx *cloud.Tx) { vpc.RemoveInterface(tx, n.ID) })
	must(l, vpc.DeleteSubnet{ID: s.ID})
	g := must(l, vpc.CreateInternetGateway{})
	must(l, vpc.AttachInternetGateway{ID: g.ID, VPCID: v.ID})
	refused(l, "DependencyViolation", vpc.DeleteVPC{ID: v.ID})
	refused(l, "DependencyViolation", vpc.DeleteInternetGateway{ID: g.ID})
	must(l, vpc.DetachInternetGateway{ID: g.ID, VPCID: v.ID})
	refused(l, "Gateway.NotAttached", vpc.DetachInternetGateway{ID: g.ID, VPCID: v.ID})
	table := must(l, vpc.CreateRouteTable{VPCID: v.ID})
	refused(l, "DependencyViolation", vpc.DeleteVPC{ID: v.ID})
	must(l, vpc.DeleteRouteTable{ID: table.ID})
	must(l, vpc.DeleteVPC{ID: v.ID})
	refused(l, "Gateway.NotAttached", vpc.DetachInternetGateway{ID: g.ID, VPCID: v.ID})
	refused(l, "InvalidVpcId.Malformed", vpc.DetachInternetGateway{ID: g.ID, VPCID: "x"})
	must(l, vpc.DeleteInternetGateway{ID: g.ID})
}

func TestSubnetIPv6(t *testing.T) {
	l := newNetLab(t)
	v := must(l, vpc.CreateVPC{CIDR: pfx("10.0.0.0/16"), AmazonIPv6: true})
	block := v.IPv6CIDRs[0].Prefix.Addr().String() + "/64"
	s := must(l, vpc.CreateSubnet{VPCID: v.ID, CIDR: pfx("10.0.1.0/24"), IPv6CIDR: pfx(block)})
	refused(l, "InvalidSubnet.Conflict", vpc.CreateSubnet{VPCID: v.ID, CIDR: pfx("10.0.2.0/24"), IPv6CIDR: pfx(block)})
	refused(l, "InvalidSubnet.Range", vpc.CreateSubnet{VPCID: v.ID, CIDR: pfx("10.0.2.0/24"), IPv6CIDR: pfx("2001:db8::/64")})
	must(l, vpc.ModifySubnetAttribute{SubnetID: s.ID, AssignIPv6OnCreation: new(true)})
	n := l.nic(s)
	if len(n.IPv6s) != 1 {
		t.Fatalf("addresses %v", n.IPv6s)
	}
	id := s.IPv6CIDRs[0].AssociationID
	refused(l, "InvalidCidrBlock.InUse", vpc.DisassociateSubnetCIDR{AssociationID: id})
	l.edit(func(tx *cloud.Tx) { vpc.RemoveInterface(tx, n.ID) })
	must(l, vpc.DisassociateSubnetCIDR{AssociationID: id})
	refused(l, "InvalidParameterValue", vpc.ModifySubnetAttribute{SubnetID: s.ID, AssignIPv6OnCreation: new(true)})
	refused(l, "UnsupportedOperation", vpc.ModifySubnetAttribute{SubnetID: s.ID, EnableDNS64: new(true)})
	must(l, vpc.AssociateSubnetCIDR{SubnetID: s.ID, CIDR: pfx(block)})
	must(l, vpc.DeleteSubnet{ID: s.ID})
	must(l, vpc.DisassociateVPCCIDR{AssociationID: v.IPv6CIDRs[0].AssociationID})
}

// nic makes a user's interface in a subnet, attached to an instance.
func (l *netLab) nic(s vpc.Subnet) vpc.NetworkInterface {
	l.t.Helper()
	var n vpc.NetworkInterface
	l.edit(func(tx *cloud.Tx) {
		var err error
		n, err = vpc.NewInterface(tx, vpc.InterfaceParams{SubnetID: s.ID, SourceDestCheck: true,
			Attachment: &vpc.Attachment{InstanceID: "i-" + l.ids.Hex(17), InstanceOwnerID: s.Account}})
		if err != nil {
			l.t.Fatal(err)
		}
	})
	return n
}
