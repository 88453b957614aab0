package vpc

import (
	"net/netip"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// SecurityGroup is a security group; its rules are SecurityGroupRule records.
type SecurityGroup struct {
	ID string
	cloud.Scope
	VPCID       string
	Name        string
	Description string
	Tags        cloud.Tags
}

// SecurityGroups is the table of security groups.
var SecurityGroups = cloud.NewTable("security-group", func(g *SecurityGroup) string { return g.ID },
	cloud.Index[SecurityGroup]{Name: ByScope, Keys: func(g *SecurityGroup) []string { return []string{g.Key()} }},
	cloud.Index[SecurityGroup]{Name: ByVPC, Keys: func(g *SecurityGroup) []string { return []string{g.VPCID} }},
	cloud.Index[SecurityGroup]{Name: "name", Keys: func(g *SecurityGroup) []string { return []string{g.VPCID + "/" + g.Name} }})

// SecurityGroupRule is one rule (sgr-…) with exactly one peer.
type SecurityGroupRule struct {
	ID string
	cloud.Scope
	GroupID string
	Egress  bool
	// Protocol is "-1", "tcp", "udp", "icmp", "icmpv6" or a number as text.
	Protocol string
	// FromPort and ToPort are ports, or ICMP type and code; -1 is any.
	FromPort, ToPort int
	// Exactly one of CIDR (IPv4 or IPv6), PeerGroupID, PrefixListID.
	CIDR         netip.Prefix
	PeerGroupID  string
	PrefixListID string
	Description  string
	Tags         cloud.Tags
}

// SecurityGroupRules is the table of security group rules.
var SecurityGroupRules = cloud.NewTable("security-group-rule", func(r *SecurityGroupRule) string { return r.ID },
	cloud.Index[SecurityGroupRule]{Name: ByScope, Keys: func(r *SecurityGroupRule) []string { return []string{r.Key()} }},
	cloud.Index[SecurityGroupRule]{Name: ByGroup, Keys: func(r *SecurityGroupRule) []string { return []string{r.GroupID} }},
	cloud.Index[SecurityGroupRule]{Name: "peer", Keys: func(r *SecurityGroupRule) []string { return []string{r.PeerGroupID} }})

// InterfaceType says what a network interface is for, as AWS spells it.
type InterfaceType string

// The interface types.
const (
	TypeInterface   InterfaceType = "interface"
	TypeNATGateway  InterfaceType = "nat_gateway"
	TypeNLB         InterfaceType = "network_load_balancer"
	TypeVPCEndpoint InterfaceType = "vpc_endpoint"
)

// NetworkInterface is an elastic network interface.
type NetworkInterface struct {
	ID string
	cloud.Scope
	// Number names the interface in the kernel (veth "e<hex>") and, for an
	// endpoint, on the fabric (240.0.0.0 + Number). Never reused.
	Number      uint32
	VPCID       string
	SubnetID    string
	Zone        string
	Type        InterfaceType
	Description string
	MAC         string
	// PrivateIPs holds the primary address first.
	PrivateIPs      []netip.Addr
	IPv6s           []netip.Addr
	GroupIDs        []string
	SourceDestCheck bool
	// RequesterID is set for interfaces that a service made for the user; the
	// user may not attach, detach or delete those.
	RequesterID string
	Status      string // available, in-use
	Attachment  *Attachment
	// DetachedID is the attachment that ended last.
	DetachedID string
	// LendOnStart says that AWS lends the interface a public address whenever
	// its instance runs.
	LendOnStart bool
	Tags        cloud.Tags
	ClientToken string
}

// Attachment ties an interface to an instance or a service.
type Attachment struct {
	ID                  string // eni-attach-… (ela-attach-… for services)
	InstanceID          string
	InstanceOwnerID     string // account, amazon-aws, amazon-elb
	DeviceIndex         int
	Status              string // attached
	DeleteOnTermination bool
	AttachedAt          time.Time
}

// NetworkInterfaces is the table of network interfaces.
var NetworkInterfaces = cloud.NewTable("network-interface", func(n *NetworkInterface) string { return n.ID },
	cloud.Index[NetworkInterface]{Name: ByScope, Keys: func(n *NetworkInterface) []string { return []string{n.Key()} }},
	cloud.Index[NetworkInterface]{Name: ByVPC, Keys: func(n *NetworkInterface) []string { return []string{n.VPCID} }},
	cloud.Index[NetworkInterface]{Name: BySubnet, Keys: func(n *NetworkInterface) []string { return []string{n.SubnetID} }},
	cloud.Index[NetworkInterface]{Name: ByGroup, Keys: func(n *NetworkInterface) []string { return n.GroupIDs }},
	cloud.Index[NetworkInterface]{Name: "instance", Keys: func(n *NetworkInterface) []string {
		if n.Attachment == nil {
			return nil
		}
		return []string{n.Attachment.InstanceID}
	}},
	// "attachment" finds by the attachment, or by the one that ended last.
	cloud.Index[NetworkInterface]{Name: "attachment", Keys: func(n *NetworkInterface) []string {
		switch {
		case n.Attachment != nil:
			return []string{n.Attachment.ID}
		case n.DetachedID != "":
			return []string{n.DetachedID}
		}
		return nil
	}},
	cloud.Index[NetworkInterface]{Name: "token", Keys: func(n *NetworkInterface) []string {
		if n.ClientToken == "" {
			return nil
		}
		return []string{n.Key() + "/" + n.ClientToken}
	}},
	// "address" finds the holder of an address within a VPC.
	cloud.Index[NetworkInterface]{Name: "address", Keys: func(n *NetworkInterface) []string {
		var k []string
		for _, a := range append(append([]netip.Addr{}, n.PrivateIPs...), n.IPv6s...) {
			k = append(k, AddressKey(n.VPCID, a))
		}
		return k
	}})

// AddressKey is the key of the "address" index.
func AddressKey(vpcID string, a netip.Addr) string { return vpcID + "/" + a.String() }

// Tables lists the tables of this package.
func Tables() []cloud.AnyTable {
	return []cloud.AnyTable{VPCs, Subnets, RouteTables, InternetGateways, NATGateways, Addresses,
		DHCPOptionSets, NetworkACLs, SecurityGroups, SecurityGroupRules, NetworkInterfaces}
}
