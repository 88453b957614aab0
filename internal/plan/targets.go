package plan

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/elb"
)

// everyZone is the zone of targets outside the VPC: they count for all.
const everyZone = "all"

// member is a registered target in use, or one node of an application load
// balancer that is a target.
type member struct {
	key, id string
	address netip.AddrPort
	zone    string
	health  elb.HealthState
	// since is when it was last found healthy.
	since    time.Time
	draining bool
}

// members are a group's targets behind a load balancer that may receive. What
// DescribeTargetHealth calls draining or unused (a zone without node, an instance
// that does not run) is not among them.
func members(r cloud.Reader, lb elb.LoadBalancer, g elb.TargetGroup) []member {
	return slices.DeleteFunc(registered(r, lb, g), func(m member) bool { return m.draining })
}

// registered are members and the targets that drain.
func registered(r cloud.Reader, lb elb.LoadBalancer, g elb.TargetGroup) []member {
	var out []member
	for t := range elb.Targets.By(r, elb.ByGroup, g.ARN) {
		for _, p := range placesOf(r, g, t) {
			if p.zone != everyZone && !hasZone(lb, p.zone) {
				continue
			}
			out = append(out, member{key: elb.TargetKey(t.TargetGroupARN, t.ID, t.Port), id: t.ID, address: p.address, zone: p.zone,
				health: t.Health, since: t.HealthyAt, draining: !t.DrainingSince.IsZero()})
		}
	}
	slices.SortFunc(out, func(a, b member) int { return cmp.Or(a.address.Compare(b.address), cmp.Compare(a.key, b.key)) })
	return out
}

// place is where a target receives.
type place struct {
	address netip.AddrPort
	zone    string
}

// placesOf are the places of a target in use: one, but of an application load
// balancer each node's IPv4 address.
func placesOf(r cloud.Reader, g elb.TargetGroup, t elb.Target) []place {
	if g.TargetType != "alb" {
		a, ok := targetAddress(r, g, t)
		if !ok {
			return nil
		}
		return []place{{a, t.Zone}}
	}
	var out []place
	alb, _ := elb.LoadBalancers.Get(r, t.ID)
	for _, n := range alb.Nodes {
		if n.PrivateIP.IsValid() {
			out = append(out, place{netip.AddrPortFrom(n.PrivateIP, uint16(t.Port)), n.Zone})
		}
	}
	return out
}

// TargetAddresses is where a target receives: TargetAddress, or every node of an
// application load balancer.
func TargetAddresses(r cloud.Reader, t elb.Target) []netip.AddrPort {
	g, _ := elb.TargetGroups.Get(r, t.TargetGroupARN)
	if g.TargetType == "alb" {
		var out []netip.AddrPort
		for _, p := range placesOf(r, g, t) {
			out = append(out, p.address)
		}
		return out
	}
	if a, ok := TargetAddress(r, t); ok {
		return []netip.AddrPort{a}
	}
	return nil
}

// TargetAddress is where a target receives: an address, or the primary address
// of an instance, whether that runs or not.
func TargetAddress(r cloud.Reader, t elb.Target) (netip.AddrPort, bool) {
	if a, err := netip.ParseAddr(t.ID); err == nil {
		return netip.AddrPortFrom(a, uint16(t.Port)), true
	}
	n, ok := compute.PrimaryInterface(r, t.ID)
	if !ok || len(n.PrivateIPs) == 0 {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(n.PrivateIPs[0], uint16(t.Port)), true
}

// targetAddress is TargetAddress of a target in use.
func targetAddress(r cloud.Reader, g elb.TargetGroup, t elb.Target) (netip.AddrPort, bool) {
	if g.TargetType == "instance" {
		if i, ok := compute.Instances.Get(r, t.ID); !ok || i.State != compute.Running {
			return netip.AddrPort{}, false
		}
		if g.IPAddressType == "ipv6" {
			n, ok := compute.PrimaryInterface(r, t.ID)
			if !ok || len(n.IPv6s) == 0 {
				return netip.AddrPort{}, false
			}
			return netip.AddrPortFrom(n.IPv6s[0], uint16(t.Port)), true
		}
	}
	return TargetAddress(r, t)
}

func hasZone(lb elb.LoadBalancer, zone string) bool {
	return slices.ContainsFunc(lb.Nodes, func(n elb.Node) bool { return n.Zone == zone })
}
