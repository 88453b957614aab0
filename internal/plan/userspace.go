package plan

import (
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
)

// userAddresses are the nodes' private addresses at which user space answers for
// a listener, with their zones: all of them for an application load balancer, a
// TLS listener and groups that get proxy protocol headers; otherwise those of an
// address family that none of the listener's groups has, which only user space
// can translate (TCP only).
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
		if l.Protocol == "TCP" && g.Attributes["proxy_protocol_v2.enabled"] == "true" {
			return true, nil
		}
		families = append(families, g.IPAddressType)
	}
	return false, families
}

// family is the address type of target groups for an address.
func family(a netip.Addr) string {
	if a.Is6() {
		return "ipv6"
	}
	return "ipv4"
}
