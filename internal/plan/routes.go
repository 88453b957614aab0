package plan

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/spec"
)

// tableOf is a subnet's route table: its own or the VPC's main one.
func tableOf(r cloud.Reader, s vpc.Subnet) (vpc.RouteTable, bool) {
	if t, ok := vpc.RouteTables.First(r, vpc.BySubnet, s.ID); ok {
		return t, true
	}
	v, ok := vpc.VPCs.Get(r, s.VPCID)
	if !ok {
		return vpc.RouteTable{}, false
	}
	return vpc.RouteTables.Get(r, v.MainRouteTableID)
}

// compileRoutes adds the route tables that interfaces use.
func compileRoutes(r cloud.Reader, out *spec.VPC) {
	used := map[uint32]bool{}
	for _, i := range out.Interfaces {
		used[i.RouteTable] = true
	}
	for t := range vpc.RouteTables.By(r, vpc.ByVPC, out.ID) {
		if !used[t.Number] {
			continue
		}
		table := spec.RouteTable{Number: t.Number}
		for _, route := range t.Routes {
			if !route.Local && route.PrefixListID == "" {
				table.Routes = append(table.Routes, compileRoute(r, out.ID, route))
			}
		}
		slices.SortFunc(table.Routes, func(a, b spec.Route) int { return comparePrefix(a.Destination, b.Destination) })
		out.RouteTables = append(out.RouteTables, table)
	}
	slices.SortFunc(out.RouteTables, func(a, b spec.RouteTable) int { return cmp.Compare(a.Number, b.Number) })
}

// compileRoute is one route; a target that can not carry is a blackhole, as on
// AWS.
func compileRoute(r cloud.Reader, vpcID string, in vpc.Route) spec.Route {
	out := spec.Route{Destination: in.Destination, Kind: spec.RouteBlackhole}
	switch {
	case in.GatewayID != "":
		if g, ok := vpc.InternetGateways.Get(r, in.GatewayID); ok && g.VPCID == vpcID {
			out.Kind = spec.RouteInternet
		}
	case in.NATGatewayID != "":
		if source, ok := natSource(r, in); ok {
			out.Kind, out.Source = spec.RouteNAT, source
		}
	case in.InterfaceID != "":
		n, ok := vpc.NetworkInterfaces.Get(r, in.InterfaceID)
		if !ok || n.VPCID != vpcID {
			break
		}
		if i, ok := interfaceOf(r, n); ok {
			if via, ok := addressOf(i, in.Destination.Addr().Is4()); ok {
				out.Kind, out.Interface, out.Via = spec.RouteInterface, i.Name, via
			}
		}
	}
	return out
}

// natSource is the public address that a route by a NAT gateway gets. The
// gateway's own subnet must lead to the internet, as on AWS; a private gateway
// leads nowhere, because there is no other network to reach by it.
func natSource(r cloud.Reader, route vpc.Route) (netip.Addr, bool) {
	g, ok := vpc.NATGateways.Get(r, route.NATGatewayID)
	if !ok || !carriesNAT(g) || !g.PublicIP.IsValid() {
		return netip.Addr{}, false
	}
	s, ok := vpc.Subnets.Get(r, g.SubnetID)
	if !ok {
		return netip.Addr{}, false
	}
	t, ok := tableOf(r, s)
	if !ok {
		return netip.Addr{}, false
	}
	var best vpc.Route
	for _, x := range t.Routes {
		if x.Destination.Bits() <= route.Destination.Bits() && x.Destination.Contains(route.Destination.Addr()) &&
			(!best.Destination.IsValid() || x.Destination.Bits() > best.Destination.Bits()) {
			best = x
		}
	}
	if best.GatewayID == "" {
		return netip.Addr{}, false
	}
	up := compileRoute(r, g.VPCID, best)
	return g.PublicIP, up.Kind == spec.RouteInternet
}

// carriesNAT reports whether a NAT gateway has a path: it is built while
// pending, so that available is true when it is said.
func carriesNAT(g vpc.NATGateway) bool {
	return g.ConnectivityType != "private" && (g.State == "pending" || g.State == "available")
}

// addressOf is an interface's first address of a family.
func addressOf(i spec.Interface, is4 bool) (netip.Addr, bool) {
	for _, p := range i.Addresses {
		if p.Addr().Is4() == is4 {
			return p.Addr(), true
		}
	}
	return netip.Addr{}, false
}
