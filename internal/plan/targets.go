package plan

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/elb"
)

// everyZone is the zone of targets outside the VPC: they count for all.
const everyZone = "all"

// member is a target that may receive: registered, not draining, in use.
type member struct {
	key     string
	address netip.AddrPort
	zone    string
	health  elb.HealthState
}

// members are a group's targets behind a load balancer. What DescribeTargetHealth
// calls draining or unused (a zone without node, an instance that does not run)
// is not among them.
func members(r cloud.Reader, lb elb.LoadBalancer, g elb.TargetGroup) []member {
	var out []member
	for t := range elb.Targets.By(r, elb.ByGroup, g.ARN) {
		if !t.DrainingSince.IsZero() || t.Zone != everyZone && !hasZone(lb, t.Zone) {
			continue
		}
		if a, ok := targetAddress(r, g, t); ok {
			out = append(out, member{key: elb.TargetKey(t.TargetGroupARN, t.ID, t.Port), address: a, zone: t.Zone, health: t.Health})
		}
	}
	slices.SortFunc(out, func(a, b member) int { return cmp.Or(a.address.Compare(b.address), cmp.Compare(a.key, b.key)) })
	return out
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

// pool is what a listener balances over.
type pool struct {
	lb     elb.LoadBalancer
	groups []poolGroup
}

type poolGroup struct {
	group   elb.TargetGroup
	weight  int
	members []member
}

func newPool(r cloud.Reader, lb elb.LoadBalancer, l elb.Listener) pool {
	p := pool{lb: lb}
	for _, w := range l.Targets {
		g, ok := elb.TargetGroups.Get(r, w.TargetGroupARN)
		if !ok {
			continue
		}
		weight := w.Weight
		if len(l.Targets) == 1 {
			weight = 1
		}
		if weight > 0 {
			p.groups = append(p.groups, poolGroup{group: g, weight: weight, members: members(r, lb, g)})
		}
	}
	return p
}

// keepClient is true if all groups keep the client's address: a listener has one
// way for all of its targets.
func (p pool) keepClient() bool {
	for _, g := range p.groups {
		if !elb.PreservesClient(g.group) {
			return false
		}
	}
	return len(p.groups) > 0
}

// own are the group's members that serve a zone.
func (p pool) own(g poolGroup, zone string) []member {
	if elb.CrossZone(p.lb, g.group) {
		return g.members
	}
	return slices.DeleteFunc(slices.Clone(g.members), func(m member) bool { return m.zone != zone && m.zone != everyZone })
}

func healthy(in []member) []member {
	return slices.DeleteFunc(slices.Clone(in), func(m member) bool { return m.health != elb.Healthy })
}

// serving are the members that get connections in a zone: the healthy ones, or,
// where none is, all of them (fail open). AWS takes a zone without a healthy
// target out of the names first; a client that still comes to that zone is
// served by what the zone has, never by another zone's.
func (p pool) serving(g poolGroup, zone string) []member {
	own := p.own(g, zone)
	if h := healthy(own); len(h) > 0 {
		return h
	}
	return own
}

// zoneHealthy is whether DNS keeps the zone: every group has a healthy target
// for it.
func (p pool) zoneHealthy(zone string) bool {
	for _, g := range p.groups {
		if len(healthy(p.own(g, zone))) == 0 {
			return false
		}
	}
	return true
}

// balanced are the target addresses of a zone in an address family, each as often
// as its weight asks.
func (p pool) balanced(zone string, six bool) []netip.AddrPort {
	var weights []int
	var lists [][]netip.AddrPort
	for _, g := range p.groups {
		var list []netip.AddrPort
		for _, m := range p.serving(g, zone) {
			if m.address.Addr().Is6() == six {
				list = append(list, m.address)
			}
		}
		if len(list) > 0 {
			weights, lists = append(weights, g.weight), append(lists, list)
		}
	}
	var out []netip.AddrPort
	for i, times := range repetitions(weights, lists) {
		for _, a := range lists[i] {
			for range times {
				out = append(out, a)
			}
		}
	}
	slices.SortFunc(out, netip.AddrPort.Compare)
	return out
}
