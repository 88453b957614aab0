package spec

import "net/netip"

// Names of links inside a VPC's namespace.
const (
	FabricLink   = "fab"  // to the fabric namespace
	InternetLink = "inet" // to the internet namespace; present if an internet gateway is attached
)

// MTUs in bytes, AWS's figures.
const (
	MTUVPC      = 9001
	MTUFabric   = 8500
	MTUInternet = 1500
)

// VPC is the router of one VPC: one network namespace and everything in it.
// All slices are sorted (Compile sorts them), so that equal worlds compare equal.
type VPC struct {
	ID     string
	Number uint32 // on the fabric
	// CIDRs are all blocks, IPv4 and IPv6: inside them only the addresses of
	// Interfaces and Local exist, the rest is a blackhole.
	CIDRs []netip.Prefix
	// Local are the addresses that the router itself owns (on lo): subnet
	// gateways, the resolver, metadata, load balancer nodes.
	Local []netip.Addr
	// Resolver are the addresses at which dnsd answers (UDP and TCP 53), empty
	// with enableDnsSupport false; Metadata those of IMDS (TCP 80).
	Resolver []netip.Addr
	Metadata []netip.Addr

	Interfaces  []Interface
	Groups      []Group
	RouteTables []RouteTable
	Endpoints   []Endpoint
	Gateways    []Gateway
	NodeSources []NodeSource
	Listeners   []Listener
	TargetSets  []TargetSet
	Guards      []Guard
	// Sockets are where user space answers for load balancers, on nodes' private
	// addresses (which are in Local).
	Sockets []Socket
	// Visitor is the router's own address (of Local) from which a person on the
	// host looks into the VPC; its connections meet listeners, endpoints and
	// groups like a guest's. Invalid without a subnet.
	Visitor netip.Addr
	// Transparent lets user space borrow clients' addresses for its connections to
	// targets.
	Transparent bool
	// Internet is nil without an internet gateway.
	Internet *InternetGateway
}

// Interface is an ENI that a guest uses: a veth from the VPC's namespace (Name)
// into the guest's.
type Interface struct {
	ID         string // eni-…
	Name       string // link in the VPC's namespace: e<hex number>
	InstanceID string // the guest's namespace
	GuestName  string // link in the guest's namespace: ens5, ens6, …
	MAC        string // of the guest's end
	// Addresses of the guest, primary first, with the subnet's prefix length.
	Addresses []netip.Prefix
	// Gateways are the subnet's routers (base+1, and fe80::1 for IPv6): the
	// guest's only routes, onlink.
	Gateways []netip.Addr
	// GroupIDs are the security groups, sorted.
	GroupIDs []string
	// RouteTable is the number of the subnet's route table.
	RouteTable uint32
	// CheckSource drops packets whose source is not one of Addresses.
	CheckSource bool
}

// Group is a security group's rules, group references expanded to addresses.
type Group struct {
	ID              string
	Ingress, Egress []Rule
	// Balanced are the ingress rules whose peer is a load balancer's node because
	// they refer to its group: they also allow what that load balancer passes on
	// with the client's address.
	Balanced []Rule
}

// Rule allows a protocol, a range and a peer. Protocol -1 is any. For TCP and
// UDP, From and To are ports; for ICMP and ICMPv6 they are type<<8|code, with
// any code as type<<8 .. type<<8|255; for other protocols and -1 they are 0 and
// 65535.
type Rule struct {
	Protocol int
	From, To uint16
	Peer     netip.Prefix
}

// RouteTable are the routes of a subnet beyond the local ones.
type RouteTable struct {
	Number uint32
	Routes []Route
}

// NATPorts is how many connections to one destination (address, port and protocol)
// a NAT gateway has for each of its addresses, NATFirstPort the first port that it
// sends from.
const (
	NATPorts     = 55000
	NATFirstPort = 1024
)

// RouteKind is what a route leads to.
type RouteKind string

// The kinds of route.
const (
	RouteBlackhole RouteKind = "blackhole"
	RouteInternet  RouteKind = "internet"  // by the internet gateway: only sources with a public address pass
	RouteNAT       RouteKind = "nat"       // by a NAT gateway: the source becomes Source
	RouteInterface RouteKind = "interface" // to an interface of the VPC (its Name)
)

// Route is one route of a table.
type Route struct {
	Destination netip.Prefix
	Kind        RouteKind
	// Source is the public address of the NAT gateway (RouteNAT), Ports how many
	// connections to one destination it can have at once; 0 is NATPorts.
	Source netip.Addr
	Ports  int
	// Interface is the link, Via the guest's address (RouteInterface).
	Interface string
	Via       netip.Addr
}

// InternetGateway is the VPC's attachment to the internet namespace.
type InternetGateway struct {
	// Public are the one-to-one translations of addresses of interfaces and
	// NAT gateways.
	Public []PublicAddress
}

// PublicAddress is a public address and the private one behind it. NAT
// gateways have no Private address here: nothing comes in.
type PublicAddress struct {
	Public  netip.Addr
	Private netip.Addr
}

// Endpoint is the consumer's side of an interface endpoint in one zone: traffic
// to Address goes to VIP on the fabric, with Source as its source.
type Endpoint struct {
	ID          string // vpce-…
	InterfaceID string
	Address     netip.Addr // in the VPC
	VIP         netip.Addr // on the fabric
	Source      netip.Addr // on the fabric
	GroupIDs    []string   // filter client -> endpoint
	// GuardIDs are the groups of the provider's load balancer that filter as well,
	// by the client's real address. Groups has their rules, as far as they can
	// match here.
	GuardIDs []string
	// Open is false while the connection is not accepted or has no path: then
	// packets are dropped.
	Open bool
}

// Gateway is a gateway endpoint as one route table leads to it: traffic of the
// table's subnets to Address, which is public, goes to VIP on the fabric, with
// Source as its source.
type Gateway struct {
	ID         string // vpce-…
	RouteTable uint32 // RouteTable.Number
	Address    netip.Addr
	VIP        netip.Addr
	Source     netip.Addr
}

// NodeSource is the provider's side: what arrives for Address (a fabric VIP or
// a node's own address) leaves for a target with Node as its source.
type NodeSource struct{ Address, Node netip.Addr }

// Guard filters at an address of a load balancer that has security groups. The
// ingress rules say who may send to it; the egress rules which targets it may
// send to, for health checks too. Addresses without a guard let everything in
// and out.
type Guard struct {
	Address  netip.Addr // a node's, private or public, or a VIP
	GroupIDs []string
	// Checked leaves the ingress rules out: what comes by an endpoint met them at
	// the consumer, or is not to.
	Checked bool
}

// Socket is an address, protocol and port of the router itself.
type Socket struct {
	Address  netip.Addr
	Protocol int // 6, 17
	Port     uint16
}

// Listener sends what arrives for an address, protocol and port to a target set.
// Addresses are fabric VIPs (for endpoints), node addresses (for clients in the
// VPC) and public addresses (for clients on the internet).
type Listener struct {
	Address  netip.Addr
	Protocol int // 6, 17
	Port     uint16
	Targets  string // TargetSet.Name
	// KeepClient leaves the client's address as the source; otherwise the source
	// is the node's (NodeSources).
	KeepClient bool
	// IdleSeconds is how long an idle connection or flow lives.
	IdleSeconds int
	// Local sends to a socket of the router (Sockets): the one target of the set.
	// The source stays what it is, also what comes over the fabric.
	Local bool
	// Sticky chooses the target by the client's address alone.
	Sticky bool
}

// Flow names connections by where their clients send, and by the target that they
// were sent on to.
type Flow struct {
	Entrance netip.AddrPort
	Protocol int // 6, 17
	Target   netip.AddrPort
}

// TargetSet is what one listener of one zone balances over. Weights are equal:
// an entry that stands twice gets twice the connections. Empty: dropped.
type TargetSet struct {
	Name    string
	Targets []netip.AddrPort
}
