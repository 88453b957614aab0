package kernel

import "github.com/musubi-net/musubi/internal/kernel/nft"

// begun treats what the router itself begins as a guest's packets: the groups of
// endpoints and load balancers are asked, and destinations are rewritten. So do
// people on the host see the VPC, and load balancers in user space reach
// endpoints and other load balancers. The chains are asked about the first packet
// of a connection only.
func (c *rules) begun() {
	for _, v6 := range []bool{false, true} {
		step := func(chain string, priority int32, set string, do nft.Part) {
			if set += suffix(v6); c.Has(set) {
				c.Base(chain, nft.Hook{Type: "nat", Point: nft.Output, Priority: priority})
				c.Chain(chain, nft.R(nft.Family(v6), do))
			}
		}
		socket := []nft.Field{nft.DAddr(v6), nft.L4(), nft.DPort()}
		step("begun_admit", -110, "endpoints", nft.VMap("endpoints"+suffix(v6), nft.DAddr(v6)))
		step("begun_guard", -106, "guards", nft.VMap("guards"+suffix(v6), nft.DAddr(v6)))
		step("begun", -100, "listeners", nft.VMap("listeners"+suffix(v6), socket...))
		step("begun", -100, "endpoint_vips", nft.DNAT(v6, "endpoint_vips"+suffix(v6), nft.DAddr(v6)))
	}
}
