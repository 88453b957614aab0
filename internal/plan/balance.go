package plan

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/spec"
)

// listenerProtocols are the IP protocols that a listener of the kernel receives.
// The others are carried by user space.
var listenerProtocols = map[string][]int{"TCP": {6}, "UDP": {17}, "TCP_UDP": {6, 17}}

// entrance is an address of a load balancer node at which clients arrive.
type entrance struct {
	address, node netip.Addr
	zone          string
	// link is true for what comes over the fabric, where the client's address is
	// never kept.
	link bool
}

// compileBalancers adds the load balancers of the VPC: their nodes' addresses,
// what arrives at them, and where it goes.
func compileBalancers(r cloud.Reader, out *spec.VPC, used map[string]bool) {
	for lb := range elb.LoadBalancers.By(r, elb.ByVPC, out.ID) {
		entrances := entrancesOf(r, lb)
		for _, n := range lb.Nodes {
			out.Local = append(out.Local, valid(n.PrivateIP, n.IPv6)...)
		}
		for _, e := range entrances {
			if lb.Type == "network" {
				out.NodeSources = append(out.NodeSources, spec.NodeSource{Address: e.address, Node: e.node})
			}
			if len(lb.GroupIDs) > 0 {
				out.Guards = append(out.Guards, spec.Guard{Address: e.address, GroupIDs: slices.Sorted(slices.Values(lb.GroupIDs)), Checked: e.link})
			}
		}
		for _, g := range lb.GroupIDs {
			used[g] = true
		}
		for l := range elb.Listeners.By(r, elb.ByLB, lb.ARN) {
			compileListener(r, out, lb, l, entrances)
		}
	}
	slices.SortFunc(out.Sockets, func(a, b spec.Socket) int {
		return cmp.Or(a.Address.Compare(b.Address), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Port, b.Port))
	})
	slices.SortFunc(out.NodeSources, func(a, b spec.NodeSource) int { return a.Address.Compare(b.Address) })
	slices.SortFunc(out.Guards, func(a, b spec.Guard) int { return a.Address.Compare(b.Address) })
	slices.SortFunc(out.Listeners, func(a, b spec.Listener) int {
		return cmp.Or(a.Address.Compare(b.Address), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Port, b.Port))
	})
	slices.SortFunc(out.TargetSets, func(a, b spec.TargetSet) int { return cmp.Compare(a.Name, b.Name) })
}

// entrancesOf lists the addresses of a load balancer: its nodes', their public
// ones, and the endpoints that are pinned to it.
func entrancesOf(r cloud.Reader, lb elb.LoadBalancer) []entrance {
	var out []entrance
	for _, n := range lb.Nodes {
		for _, a := range valid(n.PrivateIP, n.IPv6) {
			out = append(out, entrance{address: a, node: a, zone: n.Zone})
		}
		if lb.Scheme == "internet-facing" && n.PublicIP.IsValid() && n.PrivateIP.IsValid() {
			out = append(out, entrance{address: n.PublicIP, node: n.PrivateIP, zone: n.Zone})
		}
	}
	for _, p := range pathsTo(r, lb.ARN) {
		out = append(out, entrance{address: p.Exit.Address, node: p.Exit.Node, zone: p.Zone, link: true})
	}
	return out
}

// compileListener adds a listener: at the nodes' addresses that user space
// carries sockets, and ways to them from outside; at the others what the kernel
// balances over.
func compileListener(r cloud.Reader, out *spec.VPC, lb elb.LoadBalancer, l elb.Listener, entrances []entrance) {
	carried := userAddresses(r, lb, l)
	compileSockets(r, out, lb, l, carried)
	pool := newPool(r, lb, l)
	sets := map[string]bool{}
	for _, e := range entrances {
		if _, ok := carried[e.node]; ok {
			compileEntrance(out, l, e, sets)
			continue
		}
		protocols := listenerProtocols[l.Protocol]
		if len(protocols) == 0 {
			continue
		}
		name := setName(l, e.zone, e.address.Is6())
		for _, p := range protocols {
			out.Listeners = append(out.Listeners, spec.Listener{
				Address: e.address, Protocol: p, Port: uint16(l.Port), Targets: name,
				KeepClient: !e.link && pool.keepClient(), IdleSeconds: idleSeconds(l, p), Sticky: pool.sticky(),
			})
		}
		if !sets[name] {
			sets[name] = true
			out.TargetSets = append(out.TargetSets, spec.TargetSet{Name: name, Targets: pool.balanced(e.zone, e.address.Is6())})
		}
	}
}

// compileSockets adds the sockets of user space.
func compileSockets(r cloud.Reader, out *spec.VPC, lb elb.LoadBalancer, l elb.Listener, carried map[netip.Addr]string) {
	for a := range carried {
		out.Sockets = append(out.Sockets, spec.Socket{Address: a, Protocol: 6, Port: uint16(l.Port)})
	}
	if all, _ := carriedWhole(r, lb, l); !all || lb.Type != "network" {
		return
	}
	for _, w := range l.Targets {
		if g, ok := elb.TargetGroups.Get(r, w.TargetGroupARN); ok && elb.PreservesClient(g) {
			out.Transparent = true
		}
	}
}

// compileEntrance leads a public address or an endpoint to the node's socket; the
// node's own address needs nothing.
func compileEntrance(out *spec.VPC, l elb.Listener, e entrance, sets map[string]bool) {
	if e.address == e.node {
		return
	}
	name := setName(l, e.zone, e.address.Is6()) + "-own"
	out.Listeners = append(out.Listeners, spec.Listener{Address: e.address, Protocol: 6, Port: uint16(l.Port), Targets: name, Local: true})
	if !sets[name] {
		sets[name] = true
		out.TargetSets = append(out.TargetSets, spec.TargetSet{Name: name, Targets: []netip.AddrPort{netip.AddrPortFrom(e.node, uint16(l.Port))}})
	}
}

// sticky is true if all groups keep a client at its target.
func (p pool) sticky() bool {
	for _, g := range p.groups {
		if g.group.Attributes["stickiness.enabled"] != "true" {
			return false
		}
	}
	return len(p.groups) > 0
}

// SetsOf is how the names of a listener's target sets begin.
func SetsOf(listenerARN string) string {
	return "t" + listenerARN[strings.LastIndexByte(listenerARN, '/')+1:] + "-"
}

// setName names the targets of a listener in a zone.
func setName(l elb.Listener, zone string, six bool) string {
	name := SetsOf(l.ARN) + zone
	if six {
		name += "-6"
	}
	return name
}

func valid(addresses ...netip.Addr) []netip.Addr {
	return slices.DeleteFunc(addresses, func(a netip.Addr) bool { return !a.IsValid() })
}

// idleSeconds is how long idle flows of a listener live. UDP has a figure of its
// own, in a TCP_UDP listener too.
func idleSeconds(l elb.Listener, protocol int) int {
	if protocol == 17 {
		l.Protocol = "UDP"
	}
	return int(elb.IdleTimeout(l).Seconds())
}
