package plan

import (
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
)

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
	return poolOf(r, lb, l.Targets)
}

func poolOf(r cloud.Reader, lb elb.LoadBalancer, groups []elb.WeightedGroup) pool {
	p := pool{lb: lb}
	for _, w := range groups {
		g, ok := elb.TargetGroups.Get(r, w.TargetGroupARN)
		if !ok {
			continue
		}
		if weight := weightOf(groups, w); weight > 0 {
			p.groups = append(p.groups, poolGroup{group: g, weight: weight, members: members(r, lb, g)})
		}
	}
	return p
}

// weightOf is a group's weight; that of the only one does not matter.
func weightOf(all []elb.WeightedGroup, w elb.WeightedGroup) int {
	if len(all) == 1 {
		return 1
	}
	return w.Weight
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
// where fewer are than the group asks for (without a setting: none), all of them
// (fail open). AWS takes a zone without a healthy target out of the names first;
// a client that still comes to that zone is served by what the zone has, never by
// another zone's.
func (p pool) serving(g poolGroup, zone string) []member {
	own := p.own(g, zone)
	h := healthy(own)
	if elb.RoutingHealth(g.group).Met(len(h), len(own)) {
		return h
	}
	return own
}

// zoneHealthy is whether DNS keeps the zone: every group has as many healthy
// targets for it as it asks for.
func (p pool) zoneHealthy(zone string) bool {
	for _, g := range p.groups {
		own := p.own(g, zone)
		if !elb.FailoverHealth(g.group).Met(len(healthy(own)), len(own)) {
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
