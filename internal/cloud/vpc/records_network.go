package vpc

import (
	"net/netip"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Index names that every table of this package may have.
const (
	ByScope  = "scope"  // cloud.Scope.Key()
	ByVPC    = "vpc"    // VPC id
	BySubnet = "subnet" // subnet id
	ByGroup  = "group"  // security group id
	// ByAssociation finds the holder of an association id.
	ByAssociation = "association"
	// ByToken finds what a client token made; the key is TokenKey.
	ByToken = "token"
)

// TokenKey is the key of the ByToken indexes; empty without a token.
func TokenKey(s cloud.Scope, token string) string {
	if token == "" {
		return ""
	}
	return s.Key() + "/" + token
}

func associationIDs(blocks []CIDRAssociation) []string {
	var ids []string
	for _, b := range blocks {
		ids = append(ids, b.AssociationID)
	}
	return ids
}

// VPC is a virtual private cloud.
type VPC struct {
	ID string
	cloud.Scope
	// Number names the VPC on the fabric; it is small and never reused.
	Number uint32
	// CIDRs are the IPv4 blocks; the first is the primary one.
	CIDRs     []CIDRAssociation
	IPv6CIDRs []CIDRAssociation

	DHCPOptionsID      string
	Tenancy            string // default, dedicated
	IsDefault          bool
	EnableDNSSupport   bool
	EnableDNSHostnames bool
	EnableNAUMetrics   bool
	State              string // available
	MainRouteTableID   string
	DefaultGroupID     string
	DefaultACLID       string
	Tags               cloud.Tags
	CreatedAt          time.Time
}

// CIDRAssociation is an address block of a VPC or of a subnet (IPv6).
type CIDRAssociation struct {
	AssociationID string
	Prefix        netip.Prefix
	State         string // associated
}

// Primary is the VPC's first IPv4 block.
func (v *VPC) Primary() netip.Prefix { return v.CIDRs[0].Prefix }

// VPCs is the table of VPCs.
var VPCs = cloud.NewTable("vpc", func(v *VPC) string { return v.ID },
	cloud.Index[VPC]{Name: ByScope, Keys: func(v *VPC) []string { return []string{v.Key()} }},
	cloud.Index[VPC]{Name: ByAssociation, Keys: func(v *VPC) []string {
		return append(associationIDs(v.CIDRs), associationIDs(v.IPv6CIDRs)...)
	}},
	// "dhcp" finds the VPCs that use a DHCP option set.
	cloud.Index[VPC]{Name: "dhcp", Keys: func(v *VPC) []string { return []string{v.DHCPOptionsID} }},
	// "default" finds the default VPC of a scope.
	cloud.Index[VPC]{Name: "default", Keys: func(v *VPC) []string {
		if !v.IsDefault {
			return nil
		}
		return []string{v.Key()}
	}})

// Subnet is a subnet of a VPC in one zone.
type Subnet struct {
	ID string
	cloud.Scope
	VPCID                     string
	Zone                      string // ap-northeast-1a
	ZoneID                    string // apne1-az4
	CIDR                      netip.Prefix
	IPv6CIDRs                 []CIDRAssociation
	MapPublicIPOnLaunch       bool
	AssignIPv6OnCreation      bool
	DefaultForAZ              bool
	IPv6Native                bool
	EnableDNS64               bool
	HostnameType              string // ip-name, resource-name
	EnableResourceNameDNSA    bool
	EnableResourceNameDNSAAAA bool
	State                     string
	Tags                      cloud.Tags
	NextAddress               uint32 // hint for the allocator: offset to try first
	AvailableIPv4             int
}

// Subnets is the table of subnets.
var Subnets = cloud.NewTable("subnet", func(s *Subnet) string { return s.ID },
	cloud.Index[Subnet]{Name: ByScope, Keys: func(s *Subnet) []string { return []string{s.Key()} }},
	cloud.Index[Subnet]{Name: ByVPC, Keys: func(s *Subnet) []string { return []string{s.VPCID} }},
	cloud.Index[Subnet]{Name: ByAssociation, Keys: func(s *Subnet) []string { return associationIDs(s.IPv6CIDRs) }})

// RouteTable is a VPC's route table with its associations.
type RouteTable struct {
	ID string
	cloud.Scope
	// Number is the table's mark and kernel routing table, never reused.
	Number       uint32
	VPCID        string
	Routes       []Route
	Associations []RouteTableAssociation
	Tags         cloud.Tags
	ClientToken  string
}

// RouteTableAssociation ties a table to a subnet, or makes it the main table.
type RouteTableAssociation struct {
	ID       string
	Main     bool
	SubnetID string // empty for main
}

// Route is one route. Exactly one target is set; Local is the VPC's own route.
type Route struct {
	Destination netip.Prefix
	// PrefixListID is the destination of a route to a gateway endpoint, instead of
	// Destination.
	PrefixListID string
	Origin       string // CreateRouteTable, CreateRoute
	State        string // active, blackhole
	Local        bool
	GatewayID    string // igw-…, vpce-…
	NATGatewayID string
	InterfaceID  string
	InstanceID   string // the interface's instance, when known
}

// RouteTables is the table of route tables.
var RouteTables = cloud.NewTable("route-table", func(t *RouteTable) string { return t.ID },
	cloud.Index[RouteTable]{Name: ByScope, Keys: func(t *RouteTable) []string { return []string{t.Key()} }},
	cloud.Index[RouteTable]{Name: ByVPC, Keys: func(t *RouteTable) []string { return []string{t.VPCID} }},
	cloud.Index[RouteTable]{Name: BySubnet, Keys: func(t *RouteTable) []string {
		var ids []string
		for _, a := range t.Associations {
			ids = append(ids, a.SubnetID)
		}
		return ids
	}},
	cloud.Index[RouteTable]{Name: "target", Keys: func(t *RouteTable) []string {
		var ids []string
		for _, r := range t.Routes {
			ids = append(ids, r.GatewayID, r.NATGatewayID, r.InterfaceID)
		}
		return ids
	}},
	cloud.Index[RouteTable]{Name: ByAssociation, Keys: func(t *RouteTable) []string {
		var ids []string
		for _, a := range t.Associations {
			ids = append(ids, a.ID)
		}
		return ids
	}},
	cloud.Index[RouteTable]{Name: ByToken, Keys: func(t *RouteTable) []string {
		return []string{TokenKey(t.Scope, t.ClientToken)}
	}})

// InternetGateway is an internet gateway, attached to at most one VPC.
type InternetGateway struct {
	ID string
	cloud.Scope
	VPCID string // empty when detached
	Tags  cloud.Tags
}

// InternetGateways is the table of internet gateways.
var InternetGateways = cloud.NewTable("internet-gateway", func(g *InternetGateway) string { return g.ID },
	cloud.Index[InternetGateway]{Name: ByScope, Keys: func(g *InternetGateway) []string { return []string{g.Key()} }},
	cloud.Index[InternetGateway]{Name: ByVPC, Keys: func(g *InternetGateway) []string { return []string{g.VPCID} }})

// NATGateway is a public or private NAT gateway.
type NATGateway struct {
	ID string
	cloud.Scope
	VPCID, SubnetID  string
	ConnectivityType string // public, private
	InterfaceID      string
	AllocationID     string
	AssociationID    string
	PublicIP         netip.Addr
	PrivateIP        netip.Addr
	State            string // pending, available, deleting, deleted, failed
	FailureCode      string
	FailureMessage   string
	CreatedAt        time.Time
	DeletedAt        time.Time
	ClientToken      string
	Tags             cloud.Tags
}

// NATGateways is the table of NAT gateways.
var NATGateways = cloud.NewTable("nat-gateway", func(g *NATGateway) string { return g.ID },
	cloud.Index[NATGateway]{Name: ByScope, Keys: func(g *NATGateway) []string { return []string{g.Key()} }},
	cloud.Index[NATGateway]{Name: ByVPC, Keys: func(g *NATGateway) []string { return []string{g.VPCID} }},
	cloud.Index[NATGateway]{Name: BySubnet, Keys: func(g *NATGateway) []string { return []string{g.SubnetID} }},
	cloud.Index[NATGateway]{Name: ByToken, Keys: func(g *NATGateway) []string {
		return []string{TokenKey(g.Scope, g.ClientToken)}
	}})

// Address is a public IPv4 address: an Elastic IP (AllocationID set), or one
// that AWS lends to an interface (then it has no AllocationID and its key is
// the address).
type Address struct {
	AllocationID string
	cloud.Scope
	PublicIP           netip.Addr
	AssociationID      string
	InterfaceID        string
	PrivateIP          netip.Addr
	NetworkBorderGroup string
	Amazon             bool // lent, released with the interface
	Tags               cloud.Tags
}

// Addresses is the table of public addresses.
var Addresses = cloud.NewTable("address", func(a *Address) string {
	if a.AllocationID != "" {
		return a.AllocationID
	}
	return a.PublicIP.String()
},
	cloud.Index[Address]{Name: ByScope, Keys: func(a *Address) []string { return []string{a.Key()} }},
	cloud.Index[Address]{Name: "ip", Keys: func(a *Address) []string { return []string{a.PublicIP.String()} }},
	cloud.Index[Address]{Name: "association", Keys: func(a *Address) []string { return []string{a.AssociationID} }},
	cloud.Index[Address]{Name: "interface", Keys: func(a *Address) []string { return []string{a.InterfaceID} }})

// DHCPOptions is a DHCP option set.
type DHCPOptions struct {
	ID string
	cloud.Scope
	Options map[string][]string
	Tags    cloud.Tags
}

// DHCPOptionSets is the table of DHCP option sets.
var DHCPOptionSets = cloud.NewTable("dhcp-options", func(d *DHCPOptions) string { return d.ID },
	cloud.Index[DHCPOptions]{Name: ByScope, Keys: func(d *DHCPOptions) []string { return []string{d.Key()} }})

// NetworkACL is a network ACL with its entries and subnet associations.
type NetworkACL struct {
	ID string
	cloud.Scope
	VPCID        string
	IsDefault    bool
	Entries      []ACLEntry
	Associations []ACLAssociation
	Tags         cloud.Tags
}

// ACLEntry is one rule of a network ACL.
type ACLEntry struct {
	Number   int
	Protocol string // "-1" or a number
	Allow    bool
	Egress   bool
	CIDR     netip.Prefix
	FromPort int
	ToPort   int
}

// ACLAssociation ties a network ACL to a subnet.
type ACLAssociation struct{ ID, SubnetID string }

// NetworkACLs is the table of network ACLs.
var NetworkACLs = cloud.NewTable("network-acl", func(a *NetworkACL) string { return a.ID },
	cloud.Index[NetworkACL]{Name: ByScope, Keys: func(a *NetworkACL) []string { return []string{a.Key()} }},
	cloud.Index[NetworkACL]{Name: ByVPC, Keys: func(a *NetworkACL) []string { return []string{a.VPCID} }},
	cloud.Index[NetworkACL]{Name: BySubnet, Keys: func(a *NetworkACL) []string {
		var ids []string
		for _, x := range a.Associations {
			ids = append(ids, x.SubnetID)
		}
		return ids
	}})
