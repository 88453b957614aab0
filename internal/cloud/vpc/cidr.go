package vpc

import (
	"encoding/binary"
	"net/netip"

	"github.com/musubi-net/musubi/internal/cloud"
)

// maxBlocks is how many IPv4, and how many IPv6, blocks a VPC may have.
const maxBlocks = 5

// ParseCIDR parses a request's address block. Host bits are masked away, as AWS
// does; parameter is its name in the request.
func ParseCIDR(parameter, text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return netip.Prefix{}, invalidValue("cidr", parameter, text, "This is not a valid CIDR block.")
	}
	return p.Masked(), nil
}

// checkIPv4Size refuses blocks outside /16 to /28; code is InvalidVpc.Range or
// InvalidSubnet.Range.
func checkIPv4Size(subject, code string, p netip.Prefix) error {
	if !p.Addr().Is4() || p.Bits() < 16 || p.Bits() > 28 {
		return cloud.Errorf(cloud.KindInvalid, subject, code, "The CIDR '%s' is invalid.", p)
	}
	return nil
}

// checkVPCBlock says whether p can be (a part of) any VPC.
func checkVPCBlock(p netip.Prefix) error {
	if err := checkIPv4Size("vpc", "InvalidVpc.Range", p); err != nil {
		return err
	}
	for _, never := range []string{"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"} {
		if p.Overlaps(netip.MustParsePrefix(never)) {
			return cloud.Errorf(cloud.KindInvalid, "vpc", "InvalidVpc.Range", "The CIDR '%s' is invalid.", p)
		}
	}
	return nil
}

// checkSecondaryBlock says whether p may be added to a VPC that has these blocks.
func checkSecondaryBlock(v *VPC, p netip.Prefix) error {
	if err := checkVPCBlock(p); err != nil {
		return err
	}
	for _, have := range v.CIDRs {
		if have.Prefix.Overlaps(p) {
			return cloud.Errorf(cloud.KindConflict, "vpc", "InvalidVpc.Range",
				"The CIDR '%s' conflicts with the CIDR '%s' of the VPC '%s'", p, have.Prefix, v.ID)
		}
	}
	if !compatibleBlock(v.Primary(), p) {
		return cloud.Errorf(cloud.KindInvalid, "vpc", "InvalidVpc.Range", "%s",
			"The CIDR '"+p.String()+"' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, "+
				"or use a publicly-routable CIDR. For additional restrictions, see "+
				"https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html#add-cidr-block-restrictions")
	}
	return nil
}

// compatibleBlock keeps private ranges of different families out of one VPC.
func compatibleBlock(primary, p netip.Prefix) bool {
	reserved := netip.MustParsePrefix("198.19.0.0/16")
	if reserved.Overlaps(p) {
		return false
	}
	family := privateFamily(primary)
	other := privateFamily(p)
	if other == "" || family == "" {
		return other == ""
	}
	if family == "172.16.0.0/12" && netip.MustParsePrefix("172.31.0.0/16").Overlaps(p) {
		return false
	}
	return family == other
}

func privateFamily(p netip.Prefix) string {
	for _, f := range []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"} {
		if netip.MustParsePrefix(f).Overlaps(p) {
			return f
		}
	}
	return ""
}

// newIPv6Block takes the next /56 of the range that stands for Amazon's pool,
// 2600:1f00::/24. No two VPCs ever get the same one.
func newIPv6Block(tx *cloud.Tx) netip.Prefix {
	var a [16]byte
	a[0], a[1], a[2] = 0x26, 0x00, 0x1f
	binary.BigEndian.PutUint32(a[3:7], tx.NextNumber("ipv6-block")<<8)
	return netip.PrefixFrom(netip.AddrFrom16(a), 56)
}

// AssociateVPCCIDR adds an IPv4 or an Amazon-provided IPv6 block to a VPC.
type AssociateVPCCIDR struct {
	VPCID      string
	CIDR       netip.Prefix // IPv4
	AmazonIPv6 bool
}

// Apply returns the VPC; the new block is its last one of the family.
func (c AssociateVPCCIDR) Apply(tx *cloud.Tx) (VPC, error) {
	v, err := FindVPC(tx, tx.Caller.Scope, c.VPCID)
	if err != nil {
		return VPC{}, err
	}
	if c.AmazonIPv6 == c.CIDR.IsValid() {
		return VPC{}, cloud.Errorf(cloud.KindMissing, "vpc", "MissingParameter",
			"Either 'cidrBlock' or 'amazonProvidedIpv6CidrBlock' should be provided.")
	}
	p := c.CIDR
	if c.AmazonIPv6 {
		p, err = addIPv6Block(tx, &v)
	} else {
		err = addIPv4Block(tx, &v, p)
	}
	if err != nil {
		return VPC{}, err
	}
	VPCs.Put(tx, v)
	addLocalRoute(tx, v.ID, p)
	if c.AmazonIPv6 {
		allowIPv6(tx, v.DefaultACLID)
	}
	return v, nil
}

func addIPv4Block(tx *cloud.Tx, v *VPC, p netip.Prefix) error {
	if len(v.CIDRs) >= maxBlocks {
		return tooManyBlocks(v.ID)
	}
	if err := checkSecondaryBlock(v, p); err != nil {
		return err
	}
	for t := range RouteTables.By(tx, ByVPC, v.ID) {
		for _, r := range t.Routes {
			if !r.Local && r.PrefixListID == "" && r.Destination.Addr().Is4() && p.Bits() <= r.Destination.Bits() && p.Overlaps(r.Destination) {
				return cloud.Errorf(cloud.KindConflict, "vpc", "InvalidVpc.Range",
					"The CIDR '%s' conflicts with the route '%s' of the route table '%s'", p, r.Destination, t.ID)
			}
		}
	}
	v.CIDRs = append(v.CIDRs[:len(v.CIDRs):len(v.CIDRs)], newBlock(tx, p))
	return nil
}

func addIPv6Block(tx *cloud.Tx, v *VPC) (netip.Prefix, error) {
	if len(v.IPv6CIDRs) >= maxBlocks {
		return netip.Prefix{}, tooManyBlocks(v.ID)
	}
	p := newIPv6Block(tx)
	v.IPv6CIDRs = append(v.IPv6CIDRs[:len(v.IPv6CIDRs):len(v.IPv6CIDRs)], newBlock(tx, p))
	return p, nil
}

func newBlock(tx *cloud.Tx, p netip.Prefix) CIDRAssociation {
	return CIDRAssociation{AssociationID: "vpc-cidr-assoc-" + tx.IDs.Hex(17), Prefix: p, State: "associated"}
}

func tooManyBlocks(id string) error {
	return cloud.Errorf(cloud.KindLimit, "vpc", "CidrLimitExceeded",
		"This network '%s' has met its maximum number of allowed CIDRs: %d", id, maxBlocks)
}

// DisassociateVPCCIDR removes a block from a VPC; never the primary one.
type DisassociateVPCCIDR struct{ AssociationID string }

// DisassociatedVPCCIDR is what was removed.
type DisassociatedVPCCIDR struct {
	VPCID string
	Block CIDRAssociation
}

// Apply removes the block and its local routes.
func (c DisassociateVPCCIDR) Apply(tx *cloud.Tx) (DisassociatedVPCCIDR, error) {
	v, ok := VPCs.First(tx, ByAssociation, c.AssociationID)
	if !ok || v.Scope != tx.Caller.Scope {
		return DisassociatedVPCCIDR{}, &cloud.Error{Kind: cloud.KindNotFound, Subject: "vpc-cidr-association", ID: c.AssociationID,
			Code:    "InvalidVpcCidrBlockAssociationID.NotFound",
			Message: "The vpc CIDR block association ID '" + c.AssociationID + "' does not exist"}
	}
	if v.CIDRs[0].AssociationID == c.AssociationID {
		return DisassociatedVPCCIDR{}, cloud.Errorf(cloud.KindForbidden, "vpc", "OperationNotPermitted",
			"The vpc CIDR block with association ID %s may not be disassociated. It is the primary IPv4 CIDR block of the VPC", c.AssociationID)
	}
	var gone CIDRAssociation
	v.CIDRs, gone = without(v.CIDRs, c.AssociationID, gone)
	v.IPv6CIDRs, gone = without(v.IPv6CIDRs, c.AssociationID, gone)
	for s := range Subnets.By(tx, ByVPC, v.ID) {
		if subnetUses(s, gone.Prefix) {
			return DisassociatedVPCCIDR{}, cloud.Errorf(cloud.KindInUse, "vpc", "InvalidCidrBlock.InUse",
				"The vpc currently has a subnet within CIDR block %s", gone.Prefix)
		}
	}
	VPCs.Put(tx, v)
	removeLocalRoute(tx, v.ID, gone.Prefix)
	gone.State = "disassociating"
	return DisassociatedVPCCIDR{VPCID: v.ID, Block: gone}, nil
}

func without(blocks []CIDRAssociation, id string, gone CIDRAssociation) ([]CIDRAssociation, CIDRAssociation) {
	var rest []CIDRAssociation
	for _, b := range blocks {
		if b.AssociationID == id {
			gone = b
			continue
		}
		rest = append(rest, b)
	}
	return rest, gone
}

func subnetUses(s Subnet, p netip.Prefix) bool {
	if p.Overlaps(s.CIDR) {
		return true
	}
	for _, b := range s.IPv6CIDRs {
		if p.Overlaps(b.Prefix) {
			return true
		}
	}
	return false
}
