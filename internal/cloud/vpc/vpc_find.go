package vpc

import (
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// kind is how AWS speaks of one type of resource when it does not know an id.
type kind struct {
	subject   string
	prefix    string // of ids, with the dash
	parameter string // name of the id in requests
	notFound  string // AWS code
	malformed string // AWS code
	noun      string // "The <noun> '<id>' does not exist"
}

func vpcKind() kind {
	return kind{"vpc", "vpc-", "vpcId", "InvalidVpcID.NotFound", "InvalidVpcId.Malformed", "vpc ID"}
}

func subnetKind() kind {
	return kind{"subnet", "subnet-", "subnetId", "InvalidSubnetID.NotFound", "InvalidSubnetId.Malformed", "subnet ID"}
}

func routeTableKind() kind {
	return kind{"route-table", "rtb-", "routeTableId", "InvalidRouteTableID.NotFound", "InvalidRouteTableId.Malformed", "routeTable ID"}
}

func internetGatewayKind() kind {
	return kind{"internet-gateway", "igw-", "internetGatewayId", "InvalidInternetGatewayID.NotFound",
		"InvalidInternetGatewayId.Malformed", "internetGateway ID"}
}

func natGatewayKind() kind {
	return kind{"nat-gateway", "nat-", "natGatewayId", "NatGatewayNotFound", "NatGatewayMalformed", "NAT gateway"}
}

func dhcpOptionsKind() kind {
	return kind{"dhcp-options", "dopt-", "dhcpOptionsId", "InvalidDhcpOptionID.NotFound", "InvalidDhcpOptionsId.Malformed", "dhcpOption ID"}
}

func aclKind() kind {
	return kind{"network-acl", "acl-", "networkAclId", "InvalidNetworkAclID.NotFound", "InvalidNetworkAclId.Malformed", "networkAcl ID"}
}

func addressKind() kind {
	return kind{"address", "eipalloc-", "allocationId", "InvalidAllocationID.NotFound", "InvalidAllocationID.NotFound", "allocation ID"}
}

func interfaceKind() kind {
	return kind{"network-interface", "eni-", "networkInterfaceId", "InvalidNetworkInterfaceID.NotFound",
		"InvalidNetworkInterfaceId.Malformed", "networkInterface ID"}
}

func (k kind) missing(id string) error {
	return &cloud.Error{Kind: cloud.KindNotFound, Subject: k.subject, ID: id, Code: k.notFound,
		Message: "The " + k.noun + " '" + id + "' does not exist"}
}

// check refuses what can not be an id of that kind.
func (k kind) check(id string) error {
	if id == "" {
		return cloud.Errorf(cloud.KindMissing, k.subject, "MissingParameter", "The request must contain the parameter %s", k.parameter)
	}
	rest, ok := strings.CutPrefix(id, k.prefix)
	if ok && rest != "" && strings.Trim(rest, "0123456789abcdefghijklmnopqrstuvwxyz") == "" {
		return nil
	}
	message := "Invalid id: \"" + id + "\" (expecting \"" + k.prefix + "...; the Id may only contain lowercase alphanumeric characters and a single dash\")"
	if k.subject == "subnet" {
		message = "Invalid Subnet Id: '" + id + "' (expecting 'subnet-...'; the Id may only contain lowercase alphanumeric characters and a single dash)"
	}
	return &cloud.Error{Kind: cloud.KindInvalid, Subject: k.subject, ID: id, Code: k.malformed, Message: message}
}

// find is the look-up of all kinds: what belongs to another scope is not there.
func find[T any](r cloud.Reader, t *cloud.Table[T], k kind, s cloud.Scope, id string, scope func(*T) cloud.Scope) (T, error) {
	var zero T
	if err := k.check(id); err != nil {
		return zero, err
	}
	v, ok := t.Get(r, id)
	if !ok || scope(&v) != s {
		return zero, k.missing(id)
	}
	return v, nil
}

// FindVPC returns the scope's VPC with that id, or AWS's refusal.
func FindVPC(r cloud.Reader, s cloud.Scope, id string) (VPC, error) {
	return find(r, VPCs, vpcKind(), s, id, func(v *VPC) cloud.Scope { return v.Scope })
}

// FindSubnet returns the scope's subnet with that id, or AWS's refusal.
func FindSubnet(r cloud.Reader, s cloud.Scope, id string) (Subnet, error) {
	return find(r, Subnets, subnetKind(), s, id, func(v *Subnet) cloud.Scope { return v.Scope })
}

// FindRouteTable returns the scope's route table with that id, or AWS's refusal.
func FindRouteTable(r cloud.Reader, s cloud.Scope, id string) (RouteTable, error) {
	return find(r, RouteTables, routeTableKind(), s, id, func(v *RouteTable) cloud.Scope { return v.Scope })
}

// FindInternetGateway returns the scope's internet gateway with that id, or
// AWS's refusal.
func FindInternetGateway(r cloud.Reader, s cloud.Scope, id string) (InternetGateway, error) {
	return find(r, InternetGateways, internetGatewayKind(), s, id, func(v *InternetGateway) cloud.Scope { return v.Scope })
}

// FindNATGateway returns the scope's NAT gateway with that id, or AWS's refusal.
func FindNATGateway(r cloud.Reader, s cloud.Scope, id string) (NATGateway, error) {
	g, err := find(r, NATGateways, natGatewayKind(), s, id, func(v *NATGateway) cloud.Scope { return v.Scope })
	if cloud.IsKind(err, cloud.KindNotFound) {
		return g, NATGatewayNotFound(id)
	}
	return g, err
}

// NATGatewayNotFound is AWS's refusal of an unknown NAT gateway.
func NATGatewayNotFound(id string) error {
	return &cloud.Error{Kind: cloud.KindNotFound, Subject: "nat-gateway", ID: id, Code: "NatGatewayNotFound",
		Message: "NAT gateway " + id + " was not found"}
}

// FindDHCPOptions returns the scope's DHCP option set with that id, or AWS's
// refusal.
func FindDHCPOptions(r cloud.Reader, s cloud.Scope, id string) (DHCPOptions, error) {
	return find(r, DHCPOptionSets, dhcpOptionsKind(), s, id, func(v *DHCPOptions) cloud.Scope { return v.Scope })
}

// FindNetworkACL returns the scope's network ACL with that id, or AWS's refusal.
func FindNetworkACL(r cloud.Reader, s cloud.Scope, id string) (NetworkACL, error) {
	return find(r, NetworkACLs, aclKind(), s, id, func(v *NetworkACL) cloud.Scope { return v.Scope })
}

// FindAddress returns the scope's Elastic IP with that allocation id, or AWS's
// refusal.
func FindAddress(r cloud.Reader, s cloud.Scope, id string) (Address, error) {
	return find(r, Addresses, addressKind(), s, id, func(v *Address) cloud.Scope { return v.Scope })
}

func findInterface(r cloud.Reader, s cloud.Scope, id string) (NetworkInterface, error) {
	return find(r, NetworkInterfaces, interfaceKind(), s, id, func(v *NetworkInterface) cloud.Scope { return v.Scope })
}

func dependency(subject, noun, id string) error {
	return &cloud.Error{Kind: cloud.KindInUse, Subject: subject, ID: id, Code: "DependencyViolation",
		Message: "The " + noun + " '" + id + "' has dependencies and cannot be deleted."}
}

func invalidValue(subject, parameter, value, why string) error {
	return cloud.Errorf(cloud.KindInvalid, subject, "InvalidParameterValue",
		"Value (%s) for parameter %s is invalid. %s", value, parameter, why)
}
