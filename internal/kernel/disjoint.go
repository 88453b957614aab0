package kernel

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/spec"
)

// box is a protocol, a range of ports and a peer.
type box struct {
	protocol uint8
	span
	peer netip.Prefix
}

// span is a range of ports, both ends included.
type span struct{ from, to uint16 }

const anyProtocol = -1

// disjoint rewrites rules of one address family so that no two overlap, as
// interval sets demand, and as few as possible remain: peers that any protocol
// is open to, and boxes. Prefixes are nested or disjoint, so that only a
// prefix's ancestors matter.
func disjoint(rules []spec.Rule) (open []netip.Prefix, boxes []box) {
	all := map[netip.Prefix]bool{}
	for _, r := range rules {
		if r.Protocol == anyProtocol {
			all[r.Peer.Masked()] = true
		}
	}
	for p := range all {
		if !covered(p, all) {
			open = append(open, p)
		}
	}
	byProtocol := map[uint8]map[netip.Prefix][]span{}
	for _, r := range rules {
		p := r.Peer.Masked()
		if r.Protocol < 0 || r.Protocol > 255 || r.From > r.To || all[p] || covered(p, all) {
			continue
		}
		proto := uint8(r.Protocol)
		if byProtocol[proto] == nil {
			byProtocol[proto] = map[netip.Prefix][]span{}
		}
		byProtocol[proto][p] = append(byProtocol[proto][p], span{r.From, r.To})
	}
	for proto, peers := range byProtocol {
		for p, own := range peers {
			var wider []span
			ancestors(p, func(a netip.Prefix) bool {
				wider = append(wider, peers[a]...)
				return true
			})
			for _, s := range subtract(merge(own), merge(wider)) {
				boxes = append(boxes, box{proto, s, p})
			}
		}
	}
	slices.SortFunc(open, netip.Prefix.Compare)
	slices.SortFunc(boxes, func(a, b box) int {
		return cmp.Or(cmp.Compare(a.protocol, b.protocol), a.peer.Compare(b.peer), cmp.Compare(a.from, b.from))
	})
	return open, boxes
}

// covered tells whether an ancestor of the prefix is in the set.
func covered(p netip.Prefix, in map[netip.Prefix]bool) bool {
	found := false
	ancestors(p, func(a netip.Prefix) bool {
		found = in[a]
		return !found
	})
	return found
}

// ancestors calls f with each wider prefix that holds p, until it says no.
func ancestors(p netip.Prefix, f func(netip.Prefix) bool) {
	for bits := p.Bits() - 1; bits >= 0; bits-- {
		if !f(netip.PrefixFrom(p.Addr(), bits).Masked()) {
			return
		}
	}
}

// merge sorts spans and joins those that overlap or touch.
func merge(in []span) (out []span) {
	in = slices.Clone(in)
	slices.SortFunc(in, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for _, s := range in {
		if n := len(out); n > 0 && int(s.from) <= int(out[n-1].to)+1 {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

// subtract takes merged spans out of merged spans.
func subtract(from, what []span) (out []span) {
	for _, s := range from {
		low, high := int(s.from), int(s.to)
		for _, w := range what {
			if int(w.to) < low || int(w.from) > high {
				continue
			}
			if int(w.from) > low {
				out = append(out, span{uint16(low), w.from - 1})
			}
			low = int(w.to) + 1
		}
		if low <= high {
			out = append(out, span{uint16(low), uint16(high)})
		}
	}
	return out
}
