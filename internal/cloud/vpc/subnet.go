package vpc

import (
	"net/netip"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// CreateSubnet makes a subnet in one zone of a VPC.
type CreateSubnet struct {
	VPCID    string
	CIDR     netip.Prefix
	IPv6CIDR netip.Prefix // may be absent
	Zone     string       // name; with ZoneID empty too, the first zone
	ZoneID   string
	Tags     cloud.Tags
}

// Apply checks range, overlap and zone.
func (c CreateSubnet) Apply(tx *cloud.Tx) (Subnet, error) {
	v, err := FindVPC(tx, tx.Caller.Scope, c.VPCID)
	if err != nil {
		return Subnet{}, err
	}
	zone, err := pickZone(tx, v.Scope, c.Zone, c.ZoneID)
	if err != nil {
		return Subnet{}, err
	}
	if !c.CIDR.IsValid() {
		return Subnet{}, cloud.Errorf(cloud.KindMissing, "subnet", "MissingParameter", "Either 'cidrBlock' or 'ipv6CidrBlock' should be provided.")
	}
	if err := checkSubnetBlock(tx, &v, c.CIDR); err != nil {
		return Subnet{}, err
	}
	s := newSubnet(tx, &v, zone, c.CIDR, c.Tags)
	if c.IPv6CIDR.IsValid() {
		if err := addSubnetIPv6(tx, &v, &s, c.IPv6CIDR); err != nil {
			return Subnet{}, err
		}
	}
	Subnets.Put(tx, s)
	joinDefaultACL(tx, &v, s.ID)
	return s, nil
}

func newSubnet(tx *cloud.Tx, v *VPC, zone cloud.Zone, p netip.Prefix, tags cloud.Tags) Subnet {
	return Subnet{
		ID: "subnet-" + tx.IDs.Hex(17), Scope: v.Scope, VPCID: v.ID, Zone: zone.Name, ZoneID: zone.ID, CIDR: p,
		HostnameType: "ip-name", State: "available", Tags: tags.Clone(),
		NextAddress: reservedHead, AvailableIPv4: 1<<(32-p.Bits()) - reservedHead - 1,
	}
}

func pickZone(r cloud.Reader, scope cloud.Scope, name, id string) (cloud.Zone, error) {
	zones := cloud.ZonesOf(r, scope)
	if name == "" && id == "" {
		return zones[0], nil
	}
	parameter, value := "availabilityZone", name
	if name == "" {
		parameter, value = "availabilityZoneId", id
	}
	var names []string
	for _, z := range zones {
		if (name == "" || z.Name == name) && (id == "" || z.ID == id) {
			return z, nil
		}
		if parameter == "availabilityZone" {
			names = append(names, z.Name)
		} else {
			names = append(names, z.ID)
		}
	}
	return cloud.Zone{}, invalidValue("zone", parameter, value,
		"Subnets can currently only be created in the following availability zones: "+strings.Join(names, ", ")+".")
}

func checkSubnetBlock(r cloud.Reader, v *VPC, p netip.Prefix) error {
	if err := checkIPv4Size("subnet", "InvalidSubnet.Range", p); err != nil {
		return err
	}
	if !within(v.CIDRs, p) {
		return cloud.Errorf(cloud.KindInvalid, "subnet", "InvalidSubnet.Range", "The CIDR '%s' is invalid.", p)
	}
	return subnetConflict(r, v.ID, p)
}

func within(blocks []CIDRAssociation, p netip.Prefix) bool {
	for _, b := range blocks {
		if b.Prefix.Bits() <= p.Bits() && b.Prefix.Contains(p.Addr()) {
			return true
		}
	}
	return false
}

// subnetConflict looks at the VPC's subnets only.
func subnetConflict(r cloud.Reader, vpcID string, p netip.Prefix) error {
	for s := range Subnets.By(r, ByVPC, vpcID) {
		if subnetUses(s, p) {
			return cloud.Errorf(cloud.KindConflict, "subnet", "InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", p)
		}
	}
	return nil
}

func addSubnetIPv6(tx *cloud.Tx, v *VPC, s *Subnet, p netip.Prefix) error {
	if !p.Addr().Is6() || p.Bits() != 64 || !within(v.IPv6CIDRs, p) {
		return cloud.Errorf(cloud.KindInvalid, "subnet", "InvalidSubnet.Range", "The CIDR '%s' is invalid.", p)
	}
	if err := subnetConflict(tx, v.ID, p); err != nil {
		return err
	}
	s.IPv6CIDRs = append(s.IPv6CIDRs[:len(s.IPv6CIDRs):len(s.IPv6CIDRs)], CIDRAssociation{
		AssociationID: "subnet-cidr-assoc-" + tx.IDs.Hex(17), Prefix: p, State: "associated"})
	return nil
}

// DeleteSubnet removes a subnet that holds no interface.
type DeleteSubnet struct{ ID string }

// Apply removes the subnet and its associations.
func (c DeleteSubnet) Apply(tx *cloud.Tx) (cloud.None, error) {
	s, err := FindSubnet(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	if _, used := NetworkInterfaces.First(tx, BySubnet, s.ID); used {
		return cloud.None{}, dependency("subnet", "subnet", s.ID)
	}
	leaveRouteTable(tx, s.ID)
	leaveACL(tx, s.ID)
	Subnets.Delete(tx, s.ID)
	return cloud.None{}, nil
}

// AssociateSubnetCIDR adds an IPv6 block to a subnet.
type AssociateSubnetCIDR struct {
	SubnetID string
	CIDR     netip.Prefix
}

// Apply returns the subnet; the new block is its last one.
func (c AssociateSubnetCIDR) Apply(tx *cloud.Tx) (Subnet, error) {
	s, err := FindSubnet(tx, tx.Caller.Scope, c.SubnetID)
	if err != nil {
		return Subnet{}, err
	}
	v, err := FindVPC(tx, tx.Caller.Scope, s.VPCID)
	if err != nil {
		return Subnet{}, err
	}
	if len(s.IPv6CIDRs) > 0 {
		return Subnet{}, cloud.Errorf(cloud.KindLimit, "subnet", "SubnetCidrLimitExceeded",
			"The subnet '%s' has met its maximum number of allowed IPv6 CIDRs: 1", s.ID)
	}
	if err := addSubnetIPv6(tx, &v, &s, c.CIDR); err != nil {
		return Subnet{}, err
	}
	Subnets.Put(tx, s)
	return s, nil
}

// DisassociateSubnetCIDR removes an IPv6 block from a subnet.
type DisassociateSubnetCIDR struct{ AssociationID string }

// DisassociatedSubnetCIDR is what was removed.
type DisassociatedSubnetCIDR struct {
	SubnetID string
	Block    CIDRAssociation
}

// Apply removes the block, unless an interface has an address of it.
func (c DisassociateSubnetCIDR) Apply(tx *cloud.Tx) (DisassociatedSubnetCIDR, error) {
	s, ok := Subnets.First(tx, ByAssociation, c.AssociationID)
	if !ok || s.Scope != tx.Caller.Scope {
		return DisassociatedSubnetCIDR{}, &cloud.Error{Kind: cloud.KindNotFound, Subject: "subnet-cidr-association", ID: c.AssociationID,
			Code:    "InvalidSubnetCidrBlockAssociationID.NotFound",
			Message: "The subnet CIDR block association ID '" + c.AssociationID + "' does not exist"}
	}
	var gone CIDRAssociation
	s.IPv6CIDRs, gone = without(s.IPv6CIDRs, c.AssociationID, gone)
	for n := range NetworkInterfaces.By(tx, BySubnet, s.ID) {
		for _, a := range n.IPv6s {
			if gone.Prefix.Contains(a) {
				return DisassociatedSubnetCIDR{}, cloud.Errorf(cloud.KindInUse, "subnet", "InvalidCidrBlock.InUse",
					"The subnet currently has network interfaces with IPv6 addresses within CIDR block %s", gone.Prefix)
			}
		}
	}
	if len(s.IPv6CIDRs) == 0 {
		s.AssignIPv6OnCreation = false
	}
	Subnets.Put(tx, s)
	gone.State = "disassociating"
	return DisassociatedSubnetCIDR{SubnetID: s.ID, Block: gone}, nil
}
