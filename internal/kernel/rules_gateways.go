package kernel

import (
	"github.com/musubi-net/musubi/internal/kernel/nft"
	"github.com/musubi-net/musubi/internal/spec"
)

// gatewayFields are what gateway endpoints are known by: the mark of the subnet's
// route table, and the address that was sent to.
func gatewayFields(to nft.Field) []nft.Field { return []nft.Field{nft.PacketMark(), to} }

func (c *rules) gatewayMap(name string) *nft.Set {
	return c.Set(name, nft.Set{Key: []nft.Datatype{nft.Mark, nft.IPv4}, Data: []nft.Datatype{nft.IPv4}})
}

// gateways sends what a route table leads to a gateway endpoint to the endpoint's
// address on the fabric.
func (c *rules) gateways() {
	for _, g := range c.vpc.Gateways {
		key := nft.Key(nft.U32(g.RouteTable), g.Address.AsSlice())
		c.gatewayMap("gateway_vips").Add(nft.Element{Key: key, Data: g.VIP.AsSlice()})
		c.gatewayMap("gateway_sources").Add(nft.Element{Key: key, Data: g.Source.AsSlice()})
	}
	if c.Has("gateway_vips") {
		c.Chain("translate", nft.R(nft.Family(false), nft.DNAT(false, "gateway_vips", gatewayFields(nft.DAddr(false))...)))
	}
}

// gatewaySources gives it the endpoint's source.
func (c *rules) gatewaySources() {
	if c.Has("gateway_sources") {
		c.Chain("source", nft.R(nft.Family(false), nft.To(spec.FabricLink),
			nft.SNAT(false, "gateway_sources", gatewayFields(nft.OriginalDAddr(false))...)))
	}
}
