package plan

import (
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// userAddresses are the nodes' private addresses at which user space answers for
// a listener, with their zones: all of them for an application load balancer, a
// TLS listener, groups that get proxy protocol headers, and targets that are
// themselves translated; otherwise those of an address family that none of the
// listener's groups has, which only user space can translate (TCP only).
func userAddresses(r cloud.Reader, lb elb.LoadBalancer, l elb.Listener) map[netip.Addr]string {
	out := map[netip.Addr]string{}
	all, families := carriedWhole(r, lb, l)
	for _, n := range lb.Nodes {
		for _, a := range valid(n.PrivateIP, n.IPv6) {
			if all || l.Protocol == "TCP" && len(families) > 0 && !slices.Contains(families, family(a)) {
				out[a] = n.Zone
			}
		}
	}
	return out
}

// carriedWhole reports whether user space carries everything that a listener
// gets, and the address families of its groups.
func carriedWhole(r cloud.Reader, lb elb.LoadBalancer, l elb.Listener) (all bool, families []string) {
	if lb.Type == "application" || l.Protocol == "TLS" {
		return true, nil
	}
	for _, w := range l.Targets {
		g, ok := elb.TargetGroups.Get(r, w.TargetGroupARN)
		if !ok {
			continue
		}
		if l.Protocol == "TCP" && (g.Attributes["proxy_protocol_v2.enabled"] == "true" || translatedTargets(r, g)) {
			return true, nil
		}
		families = append(families, g.IPAddressType)
	}
	return false, families
}

// translatedTargets reports whether a group has the address of an endpoint or of
// a network load balancer as a target: the kernel translates the destination of a
// connection once, so the second time must be another connection's.
func translatedTargets(r cloud.Reader, g elb.TargetGroup) bool {
	if g.TargetType != "ip" {
		return false
	}
	for t := range elb.Targets.By(r, elb.ByGroup, g.ARN) {
		a, err := netip.ParseAddr(t.ID)
		if err != nil {
			continue
		}
		n, ok := vpc.NetworkInterfaces.First(r, "address", vpc.AddressKey(g.VPCID, a))
		if ok && (n.Type == vpc.TypeVPCEndpoint || n.Type == vpc.TypeNLB) {
			return true
		}
	}
	return false
}

// family is the address type of target groups for an address.
func family(a netip.Addr) string {
	if a.Is6() {
		return "ipv6"
	}
	return "ipv4"
}
