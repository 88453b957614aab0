package privatelink

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// SubnetConfig asks for an endpoint interface in a subnet, perhaps with chosen
// addresses.
type SubnetConfig struct {
	SubnetID string
	IPv4     netip.Addr
	IPv6     netip.Addr
}

// join lists every subnet of a request once, with its addresses if any.
func join(subnetIDs []string, configs []SubnetConfig) []SubnetConfig {
	var out []SubnetConfig
	at := map[string]int{}
	for _, id := range subnetIDs {
		if _, ok := at[id]; !ok {
			at[id] = len(out)
			out = append(out, SubnetConfig{SubnetID: id})
		}
	}
	for _, c := range configs {
		if i, ok := at[c.SubnetID]; ok {
			out[i] = c
			continue
		}
		at[c.SubnetID] = len(out)
		out = append(out, c)
	}
	return out
}

// checkSubnet applies the rules for one more interface of an endpoint.
func checkSubnet(r cloud.Reader, s Service, e *Endpoint, c SubnetConfig) (vpc.Subnet, error) {
	sn, ok := vpc.Subnets.Get(r, c.SubnetID)
	if !ok || sn.Scope != e.Scope {
		return sn, &cloud.Error{Kind: cloud.KindNotFound, Subject: "subnet", ID: c.SubnetID, Code: "InvalidSubnetID.NotFound",
			Message: "The subnet ID '" + c.SubnetID + "' does not exist"}
	}
	if sn.VPCID != e.VPCID {
		return sn, invalid(subjectEndpoint, "The subnet ID '%s' does not belong to the VPC '%s'.", sn.ID, e.VPCID)
	}
	if e.CrossRegion() {
		if err := checkRemoteZone(r, sn); err != nil {
			return sn, err
		}
	} else if !slices.Contains(s.ZoneIDs, sn.ZoneID) || s.Amazon == "" && len(candidates(r, s, sn.ZoneID)) == 0 {
		return sn, invalid(subjectEndpoint, "The VPC endpoint service %s does not support the availability zone of the subnet: %s.", s.Name, sn.ID)
	}
	for _, i := range e.Interfaces {
		if i.ZoneID == sn.ZoneID {
			return sn, cloud.Errorf(cloud.KindConflict, subjectEndpoint, "DuplicateSubnetsInSameZone",
				"Found another VPC endpoint subnet in the availability zone of %s. VPC endpoint subnets should be in different "+
					"availability zones supported by the VPC endpoint service.", sn.ID)
		}
	}
	return sn, checkFamily(sn, e.IPAddressType, c)
}

// checkRemoteZone refuses a zone from which AWS does not reach services of other
// regions.
func checkRemoteZone(r cloud.Reader, sn vpc.Subnet) error {
	excluded := []string{"use1-az3", "usw1-az2", "apne1-az3", "apne2-az2", "apne2-az4"}
	if !slices.Contains(excluded, sn.ZoneID) {
		return nil
	}
	var others []string
	for _, z := range cloud.ZonesOf(r, sn.Scope) {
		if !slices.Contains(excluded, z.ID) {
			others = append(others, z.ID)
		}
	}
	slices.Sort(others)
	return invalid(subjectEndpoint, "Only the following availability zones are supported for remote access: %s", strings.Join(others, ", "))
}

// checkFamily says whether a subnet has the addresses that an endpoint's
// address type needs.
func checkFamily(sn vpc.Subnet, ipType string, c SubnetConfig) error {
	v4, v6 := !sn.IPv6Native, len(sn.IPv6CIDRs) > 0
	fits := map[string]bool{"ipv4": v4, "dualstack": v4 && v6, "ipv6": !v4 && v6}[ipType]
	if !fits {
		return invalid(subjectEndpoint, "The IP address type '%s' is not supported by the subnet %s.", ipType, sn.ID)
	}
	if c.IPv4.IsValid() && ipType == "ipv6" || c.IPv6.IsValid() && ipType == "ipv4" {
		return invalid(subjectEndpoint, "The address chosen for the subnet %s is not of the IP address type '%s'.", sn.ID, ipType)
	}
	return nil
}

// addInterface makes the endpoint's interface in a subnet.
func (e *Endpoint) addInterface(tx *cloud.Tx, s Service, c SubnetConfig) error {
	sn, err := checkSubnet(tx, s, e, c)
	if err != nil {
		return err
	}
	p := vpc.InterfaceParams{SubnetID: sn.ID, Type: vpc.TypeVPCEndpoint, Description: "VPC Endpoint Interface " + e.ID,
		GroupIDs: e.GroupIDs, RequesterID: "amazon-aws", IPv6Count: -1, SourceDestCheck: true,
		Attachment: &vpc.Attachment{ID: "ela-attach-" + tx.IDs.Hex(17), InstanceOwnerID: "amazon-aws", DeviceIndex: 1,
			Status: "attached", AttachedAt: tx.Now}}
	if c.IPv4.IsValid() {
		p.PrivateIPs = []netip.Addr{c.IPv4}
	}
	if e.IPAddressType != "ipv4" {
		p.IPv6Count = 1
		if c.IPv6.IsValid() {
			p.IPv6s, p.IPv6Count = []netip.Addr{c.IPv6}, -1
		}
	}
	eni, err := vpc.NewInterface(tx, p)
	if err != nil {
		return err
	}
	i := EndpointInterface{InterfaceID: eni.ID, SubnetID: sn.ID, Zone: sn.Zone, ZoneID: sn.ZoneID,
		LoadBalancerARN: e.pin(tx, s, sn.ZoneID)}
	if len(eni.PrivateIPs) > 0 {
		i.Address = eni.PrivateIPs[0]
	}
	if len(eni.IPv6s) > 0 {
		i.IPv6 = eni.IPv6s[0]
	}
	e.Interfaces = append(e.Interfaces, i)
	e.SubnetIDs = append(e.SubnetIDs, sn.ID)
	return nil
}

// removeInterface takes the endpoint's interface in a subnet away.
func (e *Endpoint) removeInterface(tx *cloud.Tx, subnetID string) {
	var kept []EndpointInterface
	for _, i := range e.Interfaces {
		if i.SubnetID == subnetID {
			vpc.RemoveInterface(tx, i.InterfaceID)
			continue
		}
		kept = append(kept, i)
	}
	e.Interfaces = kept
	e.SubnetIDs = without(e.SubnetIDs, subnetID)
}

// candidates are the service's load balancers that have a node in a zone; in any
// zone, if it is empty.
func candidates(r cloud.Reader, s Service, zoneID string) []string {
	var in []string
	for _, arn := range s.LoadBalancerARNs {
		l, _ := elb.LoadBalancers.Get(r, arn)
		if slices.ContainsFunc(l.Nodes, func(n elb.Node) bool { return zoneID == "" || n.ZoneID == zoneID }) {
			in = append(in, arn)
		}
	}
	return in
}

// servedBy are the load balancers that an interface in a zone can be pinned to:
// those in its own zone, or for a service of another region any.
func (e *Endpoint) servedBy(r cloud.Reader, s Service, zoneID string) []string {
	if e.CrossRegion() {
		zoneID = ""
	}
	return candidates(r, s, zoneID)
}

// pin draws one of the service's load balancers: all connections of an interface
// use it.
func (e *Endpoint) pin(tx *cloud.Tx, s Service, zoneID string) string {
	in := e.servedBy(tx, s, zoneID)
	if len(in) == 0 {
		return ""
	}
	if len(in) == 1 {
		return in[0]
	}
	n, err := strconv.ParseUint(tx.IDs.Hex(4), 16, 32)
	if err != nil {
		panic("privatelink: identifier source: " + err.Error())
	}
	return in[int(n)%len(in)]
}

// repin draws anew for interfaces whose load balancer left the service or the
// zone while the connection was rejected.
func (e *Endpoint) repin(tx *cloud.Tx, s Service) {
	e.Interfaces = slices.Clone(e.Interfaces)
	for n := range e.Interfaces {
		if i := &e.Interfaces[n]; !slices.Contains(e.servedBy(tx, s, i.ZoneID), i.LoadBalancerARN) {
			i.LoadBalancerARN = e.pin(tx, s, i.ZoneID)
		}
	}
}
