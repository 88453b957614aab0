package plan

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/spec"
)

// Path is one way of an endpoint: one of its interfaces in one address family.
type Path struct {
	// Consumer and Provider are VPC ids; Provider is empty without a load
	// balancer node in the interface's zone.
	Consumer, Provider string
	// Entry is the consumer's side. Entry.Open says whether traffic passes.
	Entry spec.Endpoint
	// Exit is the provider's side and Routes the fabric's, if open. Local is set
	// instead of Exit for AWS's own services, which answer in the fabric.
	Exit   spec.NodeSource
	Local  bool
	Routes []spec.FabricRoute
	// Gateways are the consumer's side of a gateway endpoint, instead of Entry's.
	Gateways []spec.Gateway
	// Balancer and Zone say which listeners receive.
	Balancer, Zone string
}

// Paths are the ways of an endpoint that has interfaces in its VPC; none once it
// is being deleted.
func Paths(r cloud.Reader, e privatelink.Endpoint) []Path {
	if e.State == privatelink.Deleting || e.State == privatelink.Deleted {
		return nil
	}
	if e.Type == privatelink.TypeGateway {
		return gatewayPaths(r, e)
	}
	var out []Path
	for _, i := range e.Interfaces {
		n, ok := vpc.NetworkInterfaces.Get(r, i.InterfaceID)
		if !ok {
			continue
		}
		if i.Address.IsValid() {
			out = append(out, pathOf(r, e, i, n.Number, i.Address, spec.EndpointVIP(n.Number), spec.EndpointSource(n.Number)))
		}
		if i.IPv6.IsValid() {
			out = append(out, pathOf(r, e, i, n.Number, i.IPv6, spec.EndpointVIP6(n.Number), spec.EndpointSource6(n.Number)))
		}
	}
	return out
}

func pathOf(r cloud.Reader, e privatelink.Endpoint, i privatelink.EndpointInterface, number uint32, address, vip, source netip.Addr) Path {
	p := Path{Consumer: e.VPCID, Balancer: i.LoadBalancerARN, Entry: spec.Endpoint{
		ID: e.ID, InterfaceID: i.InterfaceID, Address: address, VIP: vip, Source: source,
		GroupIDs: slices.Sorted(slices.Values(e.GroupIDs)),
	}}
	consumer, ok1 := vpc.VPCs.Get(r, e.VPCID)
	if e.Amazon != "" {
		if ok1 && e.Accepted() {
			p.Local, p.Entry.Open = true, true
			p.Routes = []spec.FabricRoute{{Address: source, VPC: consumer.Number}}
		}
		return p
	}
	lb, ok := elb.LoadBalancers.Get(r, i.LoadBalancerARN)
	if !ok || !e.Accepted() {
		return p
	}
	provider, ok2 := vpc.VPCs.Get(r, lb.VPCID)
	if !ok1 || !ok2 {
		return p
	}
	// The provider never sees the client's address: its rules apply here.
	if lb.EnforcePrivateLink != "off" {
		p.Entry.GuardIDs = slices.Sorted(slices.Values(lb.GroupIDs))
	}
	node, ok := nodeFor(r, lb, e, i, number)
	to := node.PrivateIP
	if address.Is6() {
		to = node.IPv6
	}
	if !ok || !to.IsValid() {
		return p
	}
	p.Provider, p.Zone, p.Entry.Open = lb.VPCID, node.Zone, true
	p.Exit = spec.NodeSource{Address: vip, Node: to}
	p.Routes = []spec.FabricRoute{{Address: vip, VPC: provider.Number}, {Address: source, VPC: consumer.Number}}
	return p
}

// nodeFor is the load balancer's node that serves an endpoint's interface: the
// one in the same place, whatever its zone is called in the provider's account.
// From another region any node serves, one of a healthy zone if there is one.
func nodeFor(r cloud.Reader, lb elb.LoadBalancer, e privatelink.Endpoint, i privatelink.EndpointInterface, number uint32) (elb.Node, bool) {
	nodes := slices.Clone(lb.Nodes)
	if !e.CrossRegion() {
		nodes = slices.DeleteFunc(nodes, func(n elb.Node) bool { return n.ZoneID != i.ZoneID })
	} else if good := healthyZones(r, lb); slices.ContainsFunc(nodes, func(n elb.Node) bool { return good[n.Zone] }) {
		nodes = slices.DeleteFunc(nodes, func(n elb.Node) bool { return !good[n.Zone] })
	}
	if len(nodes) == 0 {
		return elb.Node{}, false
	}
	return nodes[int(number)%len(nodes)], true
}

// compileEndpoints adds the consumer's side of the VPC's endpoints.
func compileEndpoints(r cloud.Reader, out *spec.VPC, used map[string]bool) {
	for e := range privatelink.Endpoints.By(r, privatelink.ByVPC, out.ID) {
		for _, p := range Paths(r, e) {
			if e.Type == privatelink.TypeGateway {
				out.Gateways = append(out.Gateways, p.Gateways...)
				continue
			}
			out.Endpoints = append(out.Endpoints, p.Entry)
			for _, g := range slices.Concat(p.Entry.GroupIDs, p.Entry.GuardIDs) {
				used[g] = true
			}
		}
	}
	slices.SortFunc(out.Gateways, func(a, b spec.Gateway) int {
		return cmp.Or(cmp.Compare(a.RouteTable, b.RouteTable), a.Address.Compare(b.Address))
	})
	slices.SortFunc(out.Endpoints, func(a, b spec.Endpoint) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), a.Address.Compare(b.Address))
	})
}

// pathsTo are the open ways that end at a load balancer.
func pathsTo(r cloud.Reader, lbARN string) []Path {
	var out []Path
	for e := range privatelink.Endpoints.By(r, privatelink.ByLB, lbARN) {
		for _, p := range Paths(r, e) {
			if p.Entry.Open && p.Balancer == lbARN {
				out = append(out, p)
			}
		}
	}
	return out
}

// CompileFabric compiles the fabric: both directions of every open path.
func CompileFabric(r cloud.Reader) *spec.Fabric {
	out := &spec.Fabric{}
	for e := range privatelink.Endpoints.All(r) {
		for _, p := range Paths(r, e) {
			out.Routes = append(out.Routes, p.Routes...)
			if p.Local {
				out.Local = append(out.Local, p.Entry.VIP)
			}
		}
	}
	slices.SortFunc(out.Local, netip.Addr.Compare)
	slices.SortFunc(out.Routes, func(a, b spec.FabricRoute) int { return a.Address.Compare(b.Address) })
	return out
}
