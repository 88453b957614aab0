package elb

import (
	"net/netip"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// freeAddresses is how many addresses a subnet must have left for a node whose
// address AWS picks, largestBits the longest prefix of a subnet with an
// application load balancer in it.
const (
	freeAddresses = 8
	largestBits   = 27
)

// SubnetMapping asks for a node in a subnet, perhaps with fixed addresses.
type SubnetMapping struct {
	SubnetID     string
	AllocationID string     // internet-facing: the Elastic IP
	PrivateIPv4  netip.Addr // internal: the address in the subnet
	IPv6         netip.Addr // dualstack
}

// Mappings makes plain mappings of subnet ids.
func Mappings(subnetIDs []string) []SubnetMapping {
	out := make([]SubnetMapping, len(subnetIDs))
	for i, id := range subnetIDs {
		out[i].SubnetID = id
	}
	return out
}

// place is a mapping with the subnet that it names.
type place struct {
	SubnetMapping
	subnet vpc.Subnet
}

// resolve finds the subnets of a new list and applies the rules that hold among
// them: one VPC, one subnet per zone, two zones for an application load balancer.
func resolve(r cloud.Reader, scope cloud.Scope, lbType string, mappings []SubnetMapping) ([]place, error) {
	if len(mappings) == 0 {
		return nil, invalid(subjectLB, "At least one subnet must be specified")
	}
	var out []place
	zones := map[string]bool{}
	for _, m := range mappings {
		s, ok := vpc.Subnets.Get(r, m.SubnetID)
		if !ok || s.Scope != scope {
			return nil, &cloud.Error{Kind: cloud.KindNotFound, Subject: "subnet", ID: m.SubnetID, Code: "SubnetNotFound",
				Message: "The subnet ID '" + m.SubnetID + "' does not exist"}
		}
		if len(out) > 0 && s.VPCID != out[0].subnet.VPCID {
			return nil, badConfiguration(subjectLB, "All subnets must belong to the same VPC: '%s', '%s'", out[0].subnet.VPCID, s.VPCID)
		}
		if zones[s.Zone] {
			return nil, badConfiguration(subjectLB, "A load balancer cannot be attached to multiple subnets in the same Availability Zone")
		}
		zones[s.Zone] = true
		out = append(out, place{m, s})
	}
	if lbType == typeApplication && len(out) < 2 {
		return nil, invalid(subjectLB, "At least two subnets in two different Availability Zones must be specified")
	}
	return out, nil
}

// checkPlace applies the rules for one node.
func checkPlace(r cloud.Reader, l *LoadBalancer, p place) error {
	if l.IsApplication() {
		if err := checkApplicationPlace(p); err != nil {
			return err
		}
	}
	internal := l.Scheme == "internal"
	switch {
	case internal && p.AllocationID != "":
		return badConfiguration(subjectLB, "Elastic IP addresses cannot be specified for load balancers with scheme 'internal'")
	case !internal && p.PrivateIPv4.IsValid():
		return badConfiguration(subjectLB, "Private IPv4 addresses cannot be specified for load balancers with scheme 'internet-facing'")
	case p.IPv6.IsValid() && l.IPAddressType != "dualstack":
		return badConfiguration(subjectLB, "IPv6 addresses cannot be specified for load balancers with IP address type '%s'", l.IPAddressType)
	case p.subnet.IPv6Native:
		return invalidSubnet(p.subnet.ID, "The subnet '"+p.subnet.ID+"' does not have an IPv4 CIDR block")
	case l.IPAddressType == "dualstack" && len(p.subnet.IPv6CIDRs) == 0:
		return badConfiguration(subjectLB, "You must specify subnets with an associated IPv6 CIDR block: '%s'", p.subnet.ID)
	case !p.PrivateIPv4.IsValid() && p.subnet.AvailableIPv4 < freeAddresses:
		return invalidSubnet(p.subnet.ID, "Not enough IP space available in "+p.subnet.ID+
			". ELB requires at least 8 free IP addresses in each subnet.")
	case p.PrivateIPv4.IsValid() && !p.subnet.CIDR.Contains(p.PrivateIPv4):
		return badConfiguration(subjectLB, "The private IPv4 address '%s' is not in the subnet '%s'", p.PrivateIPv4, p.subnet.ID)
	}
	if !internal {
		return checkInternet(r, l, p)
	}
	return nil
}

// checkApplicationPlace: an application load balancer picks its addresses, and
// needs room to grow.
func checkApplicationPlace(p place) error {
	switch {
	case p.AllocationID != "":
		return badConfiguration(subjectLB, "Elastic IP addresses cannot be specified for load balancers with type 'application'")
	case p.PrivateIPv4.IsValid():
		return badConfiguration(subjectLB, "Private IPv4 addresses cannot be specified for load balancers with type 'application'")
	case p.IPv6.IsValid():
		return badConfiguration(subjectLB, "IPv6 addresses cannot be specified for load balancers with type 'application'")
	case p.subnet.CIDR.IsValid() && p.subnet.CIDR.Bits() > largestBits:
		return invalidSubnet(p.subnet.ID, "The subnet '"+p.subnet.ID+"' must have a CIDR block with at least a /27 bitmask")
	}
	return nil
}

func checkInternet(r cloud.Reader, l *LoadBalancer, p place) error {
	if _, ok := vpc.InternetGateways.First(r, vpc.ByVPC, p.subnet.VPCID); !ok {
		return invalidSubnet(p.subnet.ID, "VPC "+p.subnet.VPCID+" has no internet gateway")
	}
	if p.AllocationID == "" {
		return nil
	}
	a, ok := vpc.Addresses.Get(r, p.AllocationID)
	if !ok || a.AllocationID == "" || a.Scope != l.Scope {
		return &cloud.Error{Kind: cloud.KindNotFound, Subject: "address", ID: p.AllocationID, Code: "AllocationIdNotFound",
			Message: "The allocation IDs '" + p.AllocationID + "' do not exist"}
	}
	if a.AssociationID != "" {
		return &cloud.Error{Kind: cloud.KindInUse, Subject: "address", ID: p.AllocationID, Code: "ResourceInUse",
			Message: "The allocation IDs are already in use: '" + p.AllocationID + "'"}
	}
	return nil
}

func invalidSubnet(id, message string) error {
	return &cloud.Error{Kind: cloud.KindState, Subject: "subnet", ID: id, Code: "InvalidSubnet", Message: message}
}

// addNode makes the load balancer's interface in a subnet.
func addNode(tx *cloud.Tx, l *LoadBalancer, p place) (Node, error) {
	kind, owner := vpc.TypeNLB, "amazon-aws"
	if l.IsApplication() {
		kind, owner = vpc.TypeInterface, "amazon-elb"
	}
	params := vpc.InterfaceParams{
		SubnetID: p.subnet.ID, Type: kind, Description: "ELB " + l.path(),
		GroupIDs: l.GroupIDs, NoGroups: len(l.GroupIDs) == 0, RequesterID: "amazon-elb", IPv6Count: -1,
		Attachment: &vpc.Attachment{
			ID: "ela-attach-" + tx.IDs.Hex(17), InstanceOwnerID: owner, DeviceIndex: 1, Status: "attached", AttachedAt: tx.Now},
	}
	if p.PrivateIPv4.IsValid() {
		params.PrivateIPs = []netip.Addr{p.PrivateIPv4}
	}
	if l.IPAddressType == "dualstack" {
		params.IPv6Count = 1
		if p.IPv6.IsValid() {
			params.IPv6s, params.IPv6Count = []netip.Addr{p.IPv6}, -1
		}
	}
	eni, err := vpc.NewInterface(tx, params)
	if err != nil {
		return Node{}, err
	}
	n := Node{Zone: p.subnet.Zone, ZoneID: p.subnet.ZoneID, SubnetID: p.subnet.ID, InterfaceID: eni.ID,
		PrivateIP: eni.PrivateIPs[0], ChosenIPv4: p.PrivateIPv4.IsValid(), ChosenIPv6: p.IPv6.IsValid()}
	if len(eni.IPv6s) > 0 {
		n.IPv6 = eni.IPv6s[0]
	}
	if l.Scheme == "internal" {
		return n, nil
	}
	return n, addPublic(tx, &n, p.AllocationID)
}

func addPublic(tx *cloud.Tx, n *Node, allocationID string) error {
	if allocationID == "" {
		a, err := vpc.LendPublicIP(tx, n.InterfaceID, n.PrivateIP)
		n.PublicIP = a
		return err
	}
	a, err := vpc.BindAddress(tx, allocationID, n.InterfaceID, n.PrivateIP, false)
	n.PublicIP, n.AllocationID = a.PublicIP, allocationID
	return err
}

// removeNode gives the node's interface and addresses back.
func removeNode(tx *cloud.Tx, n Node) {
	if n.AllocationID != "" {
		if a, ok := vpc.Addresses.Get(tx, n.AllocationID); ok && a.InterfaceID == n.InterfaceID {
			a.AssociationID, a.InterfaceID, a.PrivateIP = "", "", netip.Addr{}
			vpc.Addresses.Put(tx, a)
		}
	}
	vpc.RemoveInterface(tx, n.InterfaceID)
}

func (l *LoadBalancer) nodeIn(zone string) (Node, bool) {
	for _, n := range l.Nodes {
		if n.Zone == zone {
			return n, true
		}
	}
	return Node{}, false
}
