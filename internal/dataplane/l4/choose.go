package l4

import (
	"net/netip"

	"github.com/musubi-net/musubi/internal/spec"
)

// choice is where a connection goes.
type choice struct {
	group  *spec.BalancerGroup
	target spec.BalancerTarget
}

// choose picks a group by weight and a target of it. Both follow from the
// client's address and port, or from the address alone where clients stick.
func (c *config) choose(client netip.AddrPort) (choice, bool) {
	type candidate struct {
		weight int
		group  *spec.BalancerGroup
		list   []spec.BalancerTarget
	}
	var candidates []candidate
	sum := 0
	for _, w := range c.forward.Groups {
		g := c.groups[w.Group]
		weight := w.Weight
		if len(c.forward.Groups) == 1 {
			weight = 1
		}
		if g == nil || weight == 0 {
			continue
		}
		if list := serving(g, c.address); len(list) > 0 {
			candidates = append(candidates, candidate{weight, g, list})
			sum += weight
		}
	}
	if sum == 0 {
		return choice{}, false
	}
	at := int(hash(client, c.forward.StickySeconds > 0, "") % uint64(sum))
	for _, k := range candidates {
		if at -= k.weight; at < 0 {
			return choice{k.group, highest(k.list, client, k.group.Stickiness != nil)}, true
		}
	}
	return choice{}, false
}

// serving are the targets of a group that get new connections from a node: the
// healthy ones, or all where too few are.
func serving(g *spec.BalancerGroup, a spec.BalancerAddress) []spec.BalancerTarget {
	var healthy, all []spec.BalancerTarget
	for _, t := range g.Targets {
		if !serves(g, t, a.Zone) || t.Draining {
			continue
		}
		all = append(all, t)
		if t.Health == "healthy" {
			healthy = append(healthy, t)
		}
	}
	if !enough(g, len(healthy), len(all)) {
		healthy = all
	}
	var out []spec.BalancerTarget
	for _, t := range healthy {
		if sourceFor(a, t.Address.Addr()).IsValid() {
			out = append(out, t)
		}
	}
	return out
}

// serves reports whether a target counts for a zone's node.
func serves(g *spec.BalancerGroup, t spec.BalancerTarget, zone string) bool {
	return g.CrossZone || t.Zone == zone || t.Zone == "all"
}

// enough reports whether so many healthy targets of all keep a zone from failing
// open.
func enough(g *spec.BalancerGroup, healthy, all int) bool {
	return healthy >= max(1, g.MinimumHealthy) && (g.MinimumHealthyPercent == 0 || healthy*100 >= g.MinimumHealthyPercent*all)
}

// failsOpen reports whether a zone's node uses all targets of a group.
func failsOpen(g *spec.BalancerGroup, zone string) bool {
	healthy, all := 0, 0
	for _, t := range g.Targets {
		if !serves(g, t, zone) || t.Draining {
			continue
		}
		if all++; t.Health == "healthy" {
			healthy++
		}
	}
	return !enough(g, healthy, all)
}

// highest picks the target whose hash with the client is highest, so that the
// clients of other targets stay where they are when one comes or goes.
func highest(list []spec.BalancerTarget, client netip.AddrPort, sticky bool) spec.BalancerTarget {
	best, most := list[0], uint64(0)
	for _, t := range list {
		if h := hash(client, sticky, t.Key+t.Address.String()); h >= most {
			best, most = t, h
		}
	}
	return best
}

// hash mixes a client's address, and its port unless it sticks, with a text.
func hash(client netip.AddrPort, sticky bool, text string) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	add := func(b byte) { h = (h ^ uint64(b)) * 1099511628211 }
	for _, b := range client.Addr().As16() {
		add(b)
	}
	if !sticky {
		add(byte(client.Port() >> 8))
		add(byte(client.Port()))
	}
	for i := range len(text) {
		add(text[i])
	}
	// FNV leaves the high bits alike for short differences at the end.
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// sourceFor is the node's address from which it reaches a target.
func sourceFor(a spec.BalancerAddress, target netip.Addr) netip.Addr {
	for _, s := range a.Sources {
		if s.Is4() == target.Is4() {
			return s
		}
	}
	return netip.Addr{}
}
