package kernel

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/kernel/nft"
	"github.com/musubi-net/musubi/internal/spec"
)

// hashSeed makes all worlds balance alike.
const hashSeed = 0x5eed

// translate rewrites destinations: of listeners, endpoints and public addresses.
func (c *rules) translate() {
	for _, l := range c.vpc.Listeners {
		c.listener(l)
	}
	for _, e := range c.vpc.Endpoints {
		if e.Open && e.VIP.IsValid() {
			v6 := e.Address.Is6()
			c.addrMap("endpoint_vips", v6).Add(nft.Element{Key: e.Address.AsSlice(), Data: e.VIP.AsSlice()})
			c.addrMap("endpoint_sources", v6).Add(nft.Element{Key: e.Address.AsSlice(), Data: e.Source.AsSlice()})
		}
	}
	c.Base("translate", nft.Hook{Type: "nat", Point: nft.Prerouting, Priority: -100})
	c.fromInternet()
	for _, v6 := range []bool{false, true} {
		c.listeners("listeners", v6)
	}
	c.Chain("translate", nft.R(nft.From(spec.FabricLink), nft.Do(nft.Accept)))
	c.gateways()
	for _, v6 := range []bool{false, true} {
		if set := "endpoint_vips" + suffix(v6); c.Has(set) {
			c.Chain("translate", nft.R(nft.Family(v6), nft.DNAT(v6, set, nft.DAddr(v6))))
		}
	}
}

func (c *rules) addrMap(name string, v6 bool) *nft.Set {
	return c.Set(name+suffix(v6), nft.Set{Key: []nft.Datatype{nft.IP(v6)}, Data: []nft.Datatype{nft.IP(v6)}})
}

// listeners looks for a listener, if there are any.
func (c *rules) listeners(name string, v6 bool, only ...nft.Part) {
	if set := name + suffix(v6); c.Has(set) {
		c.Chain("translate", nft.R(append(only, nft.Family(v6), nft.VMap(set, nft.DAddr(v6), nft.L4(), nft.DPort()))...))
	}
}

func (c *rules) fromInternet() {
	if c.vpc.Internet == nil {
		return
	}
	inet := nft.From(spec.InternetLink)
	c.Chain("translate", nft.R(inet, nft.MarkConnection(markInternet)))
	c.listeners("public_listeners", false, inet)
	sources := c.Set("public_sources", nft.Set{Key: []nft.Datatype{nft.IPv4}, Data: []nft.Datatype{nft.IPv4}})
	for _, p := range c.vpc.Internet.Public {
		if p.Private.Is4() && p.Public.Is4() {
			c.Set("public", nft.Set{Key: []nft.Datatype{nft.IPv4}, Data: []nft.Datatype{nft.IPv4}}).
				Add(nft.Element{Key: p.Public.AsSlice(), Data: p.Private.AsSlice()})
			sources.Add(nft.Element{Key: p.Private.AsSlice(), Data: p.Public.AsSlice()})
		}
	}
	if c.Has("public") {
		c.Chain("translate", nft.R(inet, nft.Family(false), nft.DNAT(false, "public", nft.DAddr(false))))
	}
	c.Chain("translate", nft.R(inet, nft.Do(nft.Accept)))
}

// listener maps the listener's socket to the chain of its targets.
func (c *rules) listener(l spec.Listener) {
	v6 := l.Address.Is6()
	fabric := spec.FabricPrefix.Contains(l.Address) || spec.FabricPrefix6.Contains(l.Address)
	name := "listeners"
	if !fabric && !c.inside(l.Address) {
		// A public address is one for those who come from the internet: clients
		// inside go out and come back.
		name = "public_listeners"
	}
	// What comes over PrivateLink has a source that means nothing to a target.
	w := way{mark: markNode, sticky: l.Sticky}
	switch {
	case l.Local:
		w = way{}
	case l.KeepClient && !fabric:
		w.mark = markKept
	}
	chain := c.targets(l.Targets, v6, w)
	c.verdicts(name+suffix(v6), nft.IP(v6), nft.Proto, nft.Service).Add(nft.Element{
		Key:     nft.Key(l.Address.AsSlice(), []byte{byte(l.Protocol)}, nft.U16(l.Port)),
		Verdict: nft.Goto(chain),
	})
}

// inside tells whether an address is of one of the VPC's blocks.
func (c *rules) inside(a netip.Addr) bool {
	for _, p := range c.vpc.CIDRs {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// slotMap is what was made of a set's targets of one family.
type slotMap struct {
	targets []netip.AddrPort
	count   uint32
	set     *nft.Set
}

// way is how connections go on to their target: the mark that they get, and
// whether a client keeps its target. Without a mark they go to the one socket
// that is meant, and keep their source.
type way struct {
	mark   uint32
	sticky bool
}

func (w way) suffix() string {
	name := map[uint32]string{0: "_local", markKept: "_keep"}[w.mark]
	if w.sticky {
		name += "_sticky"
	}
	return name
}

// targets returns the chain that sends a connection to one of a set's targets.
func (c *rules) targets(name string, v6 bool, w way) string {
	set := "slots" + suffix(v6) + "_" + identifier(name)
	chain := "targets" + suffix(v6) + "_" + identifier(name) + w.suffix()
	if c.Chains[chain] != nil {
		return chain
	}
	c.Chain(chain)
	if w.mark == 0 {
		if list := c.addresses(name, v6); len(list) > 0 {
			c.Chain(chain, nft.R(nft.DNATTo(list[0])))
		}
	} else if m := c.slotsOf(name, v6); m.count > 0 {
		c.Sets[set] = m.set
		c.Chain(chain, nft.R(nft.MarkConnection(w.mark)))
		c.Chain(chain, nft.R(nft.Balance(v6, set, m.count, hashSeed, w.sticky)))
	}
	c.Chain(chain, nft.R(nft.Do(nft.Drop)))
	return chain
}

// addresses are a set's targets of one family.
func (c *rules) addresses(name string, v6 bool) []netip.AddrPort {
	for _, t := range c.vpc.TargetSets {
		if t.Name == name {
			return slices.DeleteFunc(slices.Clone(t.Targets), func(a netip.AddrPort) bool { return a.Addr().Is6() != v6 })
		}
	}
	return nil
}

func (c *rules) slotsOf(name string, v6 bool) slotMap {
	key := name + suffix(v6)
	if m, ok := c.cache.slots[key]; ok {
		return m
	}
	targets := c.addresses(name, v6)
	m, ok := c.old.slots[key]
	if ok && slices.Equal(m.targets, targets) {
		c.cache.slots[key] = m
		return m
	}
	m = slotMap{targets: targets, set: nft.NewSet(nft.Set{Key: []nft.Datatype{nft.Integer}, Data: []nft.Datatype{nft.IP(v6), nft.Service}})}
	if len(targets) > 0 {
		m.count = slotCount(len(targets))
	}
	for i, t := range slots(targets, m.count) {
		m.set.Add(nft.Element{Key: nft.U32(uint32(i)), Data: nft.Key(t.Addr().AsSlice(), nft.U16(t.Port()))})
	}
	c.cache.slots[key] = m
	return m
}

// source rewrites sources, once the destination is known.
func (c *rules) source() {
	for _, n := range c.vpc.NodeSources {
		if v6 := n.Address.Is6(); n.Node.Is6() == v6 {
			c.addrMap("node_sources", v6).Add(nft.Element{Key: n.Address.AsSlice(), Data: n.Node.AsSlice()})
		}
	}
	c.Base("source", nft.Hook{Type: "nat", Point: nft.Postrouting, Priority: 100})
	for _, v6 := range []bool{false, true} {
		set := "node_sources" + suffix(v6)
		if !c.Has(set) {
			continue
		}
		node := nft.R(nft.Family(v6), nft.Marked(markNode), nft.SNAT(v6, set, nft.OriginalDAddr(v6)))
		c.Chain("source", node)
		if len(c.vpc.Sockets) > 0 {
			// What goes to a socket of the router does not pass postrouting.
			c.Base("source_local", nft.Hook{Type: "nat", Point: nft.Input, Priority: 100})
			c.Chain("source_local", node)
		}
	}
	for _, v6 := range []bool{false, true} {
		if set := "endpoint_sources" + suffix(v6); c.Has(set) {
			c.Chain("source", nft.R(nft.Family(v6), nft.To(spec.FabricLink), nft.SNAT(v6, set, nft.OriginalDAddr(v6))))
		}
	}
	c.gatewaySources()
	if c.vpc.Internet == nil {
		return
	}
	// A NAT gateway is known by the gateway of the route that chose it. A packet for
	// which it has no port left is dropped when its connection is to be remembered.
	gateways := c.Set("nat_gateways", nft.Set{Key: []nft.Datatype{nft.IPv4}, Data: []nft.Datatype{nft.IPv4, nft.Service, nft.Service}})
	for _, t := range c.vpc.RouteTables {
		for _, r := range t.Routes {
			if r.Kind == spec.RouteNAT && r.Source.Is4() {
				last := spec.NATFirstPort + uint16(cmp.Or(r.Ports, spec.NATPorts)) - 1
				gateways.Add(nft.Element{Key: r.Source.AsSlice(), Data: nft.Key(r.Source.AsSlice(), nft.U16(spec.NATFirstPort), nft.U16(last))})
			}
		}
	}
	c.Chain("source",
		nft.R(nft.To(spec.InternetLink), nft.Family(false), nft.SNATPorts("nat_gateways", nft.NextHop())),
		nft.R(nft.To(spec.InternetLink), nft.Family(false), nft.SNAT(false, "public_sources", nft.SAddr(false))),
	)
}
