package kernel

import (
	"hash/fnv"
	"net/netip"

	"github.com/musubi-net/musubi/internal/kernel/nft"
)

// proxyMark is the mark of connections that user space opens for a load
// balancer's node with a client's address as the source. Nothing else in their
// packets tells the node.
func proxyMark(node netip.Addr) uint32 {
	h := fnv.New32a()
	_, _ = h.Write(node.AsSlice())
	return 1<<31 | h.Sum32()&(1<<27-1)<<4 | markProxied
}

// proxied recognises such connections and asks the node's egress rules. Targets
// that allow a load balancer's group find the node in proxied4 and proxied6.
func (c *rules) proxied() {
	if !c.vpc.Transparent {
		return
	}
	for _, n := range c.vpc.NodeSources {
		c.markMap("proxied", n.Node.Is6()).Add(nft.Element{Key: nft.U32(proxyMark(n.Node)), Data: n.Node.AsSlice()})
	}
	for _, g := range c.vpc.Guards {
		if !g.Checked && c.inside(g.Address) {
			c.verdicts("proxy_probes", nft.Mark).Add(nft.Element{Key: nft.U32(proxyMark(g.Address)), Verdict: c.all("out", g.GroupIDs)})
		}
	}
	for _, v6 := range []bool{false, true} {
		if set := "proxied" + suffix(v6); c.Has(set) {
			c.Base("proxy", nft.Hook{Type: "nat", Point: nft.Output, Priority: -110})
			c.Chain("proxy", nft.R(nft.InMap(set, nft.PacketMark()), nft.KeepMark()))
		}
	}
	if c.Has("proxy_probes") {
		c.Base("proxy_probe", nft.Hook{Type: "nat", Point: nft.Output, Priority: -105})
		c.Chain("proxy_probe", nft.R(nft.VMap("proxy_probes", nft.PacketMark())))
	}
}

func (c *rules) markMap(name string, v6 bool) *nft.Set {
	return c.Set(name+suffix(v6), nft.Set{Key: []nft.Datatype{nft.Mark}, Data: []nft.Datatype{nft.IP(v6)}})
}
