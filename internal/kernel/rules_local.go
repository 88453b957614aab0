package kernel

import (
	"github.com/musubi-net/musubi/internal/kernel/nft"
	"github.com/musubi-net/musubi/internal/spec"
)

// sockets makes the set of the sockets of load balancers in user space, and
// returns its name; none if it is empty.
func (c *rules) sockets(v6 bool) string {
	name := "sockets" + suffix(v6)
	for _, s := range c.vpc.Sockets {
		if s.Address.Is6() == v6 {
			c.Set(name, nft.Set{Key: []nft.Datatype{nft.IP(v6), nft.Proto, nft.Service}}).
				Add(nft.Element{Key: nft.Key(s.Address.AsSlice(), []byte{byte(s.Protocol)}, nft.U16(s.Port))})
		}
	}
	if !c.Has(name) {
		return ""
	}
	return name
}

// socket matches what is for a socket in the set.
func socket(set string, v6 bool) nft.Part {
	return nft.In(set, nft.DAddr(v6), nft.L4(), nft.DPort())
}

// input says what the router itself answers. It comes after all translation, so
// that the groups of a load balancer behind another see the source that it sees.
func (c *rules) input() {
	c.Base("input", nft.Hook{Type: "filter", Point: nft.Input, Priority: 110, Drop: true})
	c.Chain("input", nft.R(nft.Established(), nft.Do(nft.Accept)))
	if c.vpc.Internet != nil && len(c.vpc.Sockets) > 0 {
		// The socket that accepts the connection takes the mark over, and with it
		// the way of the answers (net.ipv4.tcp_fwmark_accept).
		c.Chain("input", nft.R(nft.From(spec.InternetLink), nft.MarkPacket(replyMark)))
	}
	for _, v6 := range []bool{false, true} {
		set, guards := c.sockets(v6), "guards"+suffix(v6)
		if set == "" || !c.Has(guards) {
			continue
		}
		// What came directly, or is translated by a listener of its own, was asked
		// about when it arrived.
		for _, by := range []nft.Part{nft.From("lo"), nft.Marked(markNode | markKept)} {
			c.Chain("input", nft.R(by, nft.Family(v6), socket(set, v6), nft.VMap(guards, nft.DAddr(v6))))
		}
	}
	c.Chain("input", nft.R(nft.From("lo"), nft.Do(nft.Accept)))
	for _, link := range []string{spec.FabricLink, spec.InternetLink} {
		for _, v6 := range []bool{false, true} {
			if set := c.sockets(v6); set != "" {
				c.Chain("input", nft.R(nft.From(link), nft.Translated(), nft.Family(v6), socket(set, v6), nft.Do(nft.Accept)))
			}
		}
		c.Chain("input", nft.R(nft.From(link), nft.Do(nft.Drop)))
	}
	c.Chain("input", nft.R(nft.NeighbourDiscovery(), nft.Do(nft.Accept)))
	for _, v6 := range []bool{false, true} {
		for _, set := range []string{c.services(v6), c.sockets(v6)} {
			if set != "" {
				c.Chain("input", nft.R(nft.Family(v6), socket(set, v6), nft.Do(nft.Accept)))
			}
		}
	}
}
