package kernel

import (
	"github.com/musubi-net/musubi/internal/kernel/nft"
	"github.com/musubi-net/musubi/internal/spec"
)

// guards enforces the security groups of load balancers. The chains are of the
// nat type, which is asked about the first packet of a connection only.
func (c *rules) guards() {
	for _, e := range c.vpc.Endpoints {
		if e.Open && len(e.GuardIDs) > 0 {
			v6 := e.Address.Is6()
			c.verdicts("guards"+suffix(v6), nft.IP(v6)).Add(nft.Element{Key: e.Address.AsSlice(), Verdict: c.all("in", e.GuardIDs)})
		}
	}
	for _, g := range c.vpc.Guards {
		v6 := g.Address.Is6()
		address, in, out := g.Address.AsSlice(), c.all("in", g.GroupIDs), c.all("out", g.GroupIDs)
		c.verdicts("leaving"+suffix(v6), nft.IP(v6)).Add(nft.Element{Key: address, Verdict: out})
		switch {
		case g.Checked:
		case c.inside(g.Address):
			c.verdicts("guards"+suffix(v6), nft.IP(v6)).Add(nft.Element{Key: address, Verdict: in})
			c.verdicts("probes"+suffix(v6), nft.IP(v6)).Add(nft.Element{Key: address, Verdict: out})
		default:
			c.verdicts("public_guards"+suffix(v6), nft.IP(v6)).Add(nft.Element{Key: address, Verdict: in})
		}
	}
	// Before it is known where a packet goes: it was sent to the load balancer.
	c.ask("guard", nft.Hook{Type: "nat", Point: nft.Prerouting, Priority: -105}, "public_guards", nft.DAddr, nft.From(spec.InternetLink))
	c.ask("guard", nft.Hook{Type: "nat", Point: nft.Prerouting, Priority: -105}, "guards", nft.DAddr)
	// Health checks begin here; the router sends nothing else from a node.
	c.ask("probe", nft.Hook{Type: "nat", Point: nft.Output, Priority: -105}, "probes", nft.SAddr)
	c.ask("leave", nft.Hook{Type: "nat", Point: nft.Postrouting, Priority: 95}, "leaving", nft.OriginalDAddr, nft.Marked(markNode|markKept))
	if len(c.vpc.Sockets) > 0 {
		c.ask("leave_local", nft.Hook{Type: "nat", Point: nft.Input, Priority: 95}, "leaving", nft.OriginalDAddr, nft.Marked(markNode|markKept))
	}
}

// ask follows the verdicts of the maps of both families, if they exist.
func (c *rules) ask(chain string, h nft.Hook, set string, f func(v6 bool) nft.Field, only ...nft.Part) {
	for _, v6 := range []bool{false, true} {
		if name := set + suffix(v6); c.Has(name) {
			c.Base(chain, h)
			c.Chain(chain, nft.R(append([]nft.Part{nft.Family(v6)}, append(only, nft.VMap(name, f(v6)))...)...))
		}
	}
}
