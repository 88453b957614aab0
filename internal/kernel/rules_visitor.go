package kernel

import "github.com/musubi-net/musubi/internal/kernel/nft"

// visitor treats what the router sends from the visitor's address as a guest's:
// the groups of endpoints and load balancers are asked, and destinations are
// rewritten. The chains are asked about the first packet of a connection only.
func (c *rules) visitor() {
	a := c.vpc.Visitor
	if !a.IsValid() {
		return
	}
	v6 := a.Is6()
	from := nft.Is(nft.SAddr(v6), a.AsSlice(), a.String())
	step := func(chain string, priority int32, set string, do nft.Part) {
		if set += suffix(v6); c.Has(set) {
			c.Base(chain, nft.Hook{Type: "nat", Point: nft.Output, Priority: priority})
			c.Chain(chain, nft.R(nft.Family(v6), from, do))
		}
	}
	socket := []nft.Field{nft.DAddr(v6), nft.L4(), nft.DPort()}
	step("visit_admit", -110, "endpoints", nft.VMap("endpoints"+suffix(v6), nft.DAddr(v6)))
	step("visit_guard", -106, "guards", nft.VMap("guards"+suffix(v6), nft.DAddr(v6)))
	step("visit", -100, "listeners", nft.VMap("listeners"+suffix(v6), socket...))
	step("visit", -100, "endpoint_vips", nft.DNAT(v6, "endpoint_vips"+suffix(v6), nft.DAddr(v6)))
}
