package vpc

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// maxGroupsPerInterface is AWS's default quota.
const maxGroupsPerInterface = 5

// InterfaceParams is what a new interface is made from.
type InterfaceParams struct {
	SubnetID    string
	Type        InterfaceType // default: interface
	Description string
	// PrivateIPs are the wanted IPv4 addresses, primary first; with none the
	// subnet picks the primary one. SecondaryIPs are wanted beside a primary one
	// that the subnet picks. SecondaryCount adds picked ones.
	PrivateIPs     []netip.Addr
	SecondaryIPs   []netip.Addr
	SecondaryCount int
	// IPv6s are the wanted IPv6 addresses, IPv6Count asks for picked ones. With
	// neither, a user's interface follows the subnet's AssignIPv6OnCreation; a
	// negative IPv6Count says none.
	IPv6s     []netip.Addr
	IPv6Count int
	// GroupIDs are the security groups; empty is the VPC's default group unless
	// NoGroups.
	GroupIDs        []string
	NoGroups        bool
	SourceDestCheck bool
	RequesterID     string
	Attachment      *Attachment
	Tags            cloud.Tags
	ClientToken     string
}

// NewInterface makes an interface in a subnet, of the subnet's account: it
// picks and reserves the addresses. It does not ask whether the caller may.
func NewInterface(tx *cloud.Tx, p InterfaceParams) (NetworkInterface, error) {
	s, ok := Subnets.Get(tx, p.SubnetID)
	if !ok {
		return NetworkInterface{}, noSubnet(p.SubnetID)
	}
	groups, err := interfaceGroups(tx, s.VPCID, p)
	if err != nil {
		return NetworkInterface{}, err
	}
	n := NetworkInterface{
		ID: "eni-" + tx.IDs.Hex(17), Scope: s.Scope, VPCID: s.VPCID, SubnetID: s.ID, Zone: s.Zone,
		Type: p.Type, Description: p.Description, MAC: newMAC(tx), GroupIDs: groups,
		SourceDestCheck: p.SourceDestCheck, RequesterID: p.RequesterID, Status: "available",
		Tags: p.Tags.Clone(), ClientToken: p.ClientToken,
	}
	if n.Type == "" {
		n.Type = TypeInterface
	}
	if err := firstAddresses(tx, &s, &n, p); err != nil {
		return NetworkInterface{}, err
	}
	n.Number = tx.NextNumber("interface")
	if p.Attachment != nil {
		n.Attachment = newAttachment(tx, *p.Attachment)
		n.Status = "in-use"
	}
	Subnets.Put(tx, s)
	NetworkInterfaces.Put(tx, n)
	return n, nil
}

// RemoveInterface removes an interface and gives back its addresses and the
// public address that it was lent; an Elastic IP becomes free. It checks nothing.
func RemoveInterface(tx *cloud.Tx, id string) {
	n, ok := NetworkInterfaces.Get(tx, id)
	if !ok {
		return
	}
	interfaceGone(tx, &n)
	if s, ok := Subnets.Get(tx, n.SubnetID); ok {
		s.AvailableIPv4 += len(n.PrivateIPs)
		Subnets.Put(tx, s)
	}
	NetworkInterfaces.Delete(tx, id)
}

func firstAddresses(tx *cloud.Tx, s *Subnet, n *NetworkInterface, p InterfaceParams) error {
	if !s.IPv6Native {
		if len(p.PrivateIPs) == 0 {
			if err := pickPrimary(tx, s, n, p.SecondaryIPs); err != nil {
				return err
			}
		}
		if err := takeIPv4(tx, s, n, append(slices.Clone(p.PrivateIPs), p.SecondaryIPs...), p.SecondaryCount); err != nil {
			return err
		}
	}
	v6 := max(p.IPv6Count, 0)
	if s.AssignIPv6OnCreation && p.RequesterID == "" && p.IPv6Count == 0 && len(p.IPv6s) == 0 {
		v6 = 1
	}
	return takeIPv6(tx, s, n, p.IPv6s, v6)
}

func newAttachment(tx *cloud.Tx, a Attachment) *Attachment {
	if a.ID == "" {
		a.ID = "eni-attach-" + tx.IDs.Hex(17)
		if strings.HasPrefix(a.InstanceOwnerID, "amazon") {
			a.ID = "ela-attach-" + tx.IDs.Hex(17)
		}
	}
	if a.Status == "" {
		a.Status = "attached"
	}
	if a.AttachedAt.IsZero() {
		a.AttachedAt = tx.Now
	}
	return &a
}

// newMAC makes a locally administered unicast address.
func newMAC(tx *cloud.Tx) string {
	h := tx.IDs.Hex(10)
	return strings.Join([]string{"02", h[0:2], h[2:4], h[4:6], h[6:8], h[8:10]}, ":")
}

func interfaceGroups(tx *cloud.Tx, vpcID string, p InterfaceParams) ([]string, error) {
	if len(p.GroupIDs) > 0 {
		return CheckGroups(tx, vpcID, p.GroupIDs)
	}
	if p.NoGroups {
		return nil, nil
	}
	v, ok := VPCs.Get(tx, vpcID)
	if !ok || v.DefaultGroupID == "" {
		return nil, cloud.Errorf(cloud.KindNotFound, "security-group", "InvalidGroup.NotFound",
			"The security group 'default' does not exist in VPC '%s'", vpcID)
	}
	return []string{v.DefaultGroupID}, nil
}

// CheckGroups says whether an interface of a VPC may have these groups, and
// returns them without doubles.
func CheckGroups(r cloud.Reader, vpcID string, ids []string) ([]string, error) {
	var out []string
	seen := map[string]bool{}
	for _, id := range ids {
		g, ok := SecurityGroups.Get(r, id)
		if !ok {
			return nil, groupNotFound(id)
		}
		if g.VPCID != vpcID {
			return nil, &cloud.Error{Kind: cloud.KindConflict, Subject: "security-group", ID: id, Code: "InvalidGroup.NotFound",
				Message: "You have specified two resources that belong to different networks."}
		}
		if !seen[id] {
			out = append(out, id)
		}
		seen[id] = true
	}
	if len(out) > maxGroupsPerInterface {
		return nil, cloud.Errorf(cloud.KindLimit, "security-group", "SecurityGroupsPerInterfaceLimitExceeded",
			"The maximum number of security groups per interface has been reached.")
	}
	return out, nil
}

func noSubnet(id string) error {
	return &cloud.Error{Kind: cloud.KindNotFound, Subject: "subnet", ID: id, Code: "InvalidSubnetID.NotFound",
		Message: "The subnet ID '" + id + "' does not exist"}
}
