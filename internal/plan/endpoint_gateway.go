package plan

import (
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/spec"
)

// gatewayPaths is the way of a gateway endpoint: from the route tables that lead to
// its prefix list to an address on the fabric, where AWS's services answer.
func gatewayPaths(r cloud.Reader, e privatelink.Endpoint) []Path {
	v, ok := vpc.VPCs.Get(r, e.VPCID)
	list, ok2 := e.PrefixList()
	if !ok || !ok2 || e.Number == 0 {
		return nil
	}
	vip, source := spec.EndpointVIP(e.Number), spec.EndpointSource(e.Number)
	p := Path{Consumer: e.VPCID, Local: true, Entry: spec.Endpoint{ID: e.ID, VIP: vip, Source: source, Open: true},
		Routes: []spec.FabricRoute{{Address: source, VPC: v.Number}}}
	for t := range vpc.TablesTo(r, e.ID) {
		for _, prefix := range list.Prefixes {
			p.Gateways = append(p.Gateways, spec.Gateway{ID: e.ID, RouteTable: t.Number, Address: prefix.Addr(), VIP: vip, Source: source})
		}
	}
	return []Path{p}
}
