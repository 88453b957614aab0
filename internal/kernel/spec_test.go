package kernel_test

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/spec"
)

// interfaces counts interfaces of a test's world.
type interfaces struct{ n uint32 }

func (i *interfaces) next() uint32 { i.n++; return i.n }

// vpc begins a VPC; its gateway is x.x.1.1 (and …:1::1).
func vpc(name string, number uint32, cidrs ...string) *spec.VPC {
	v := &spec.VPC{ID: "vpc-" + name, Number: number}
	for _, c := range cidrs {
		v.CIDRs = append(v.CIDRs, netip.MustParsePrefix(c))
	}
	v.Groups = []spec.Group{group("sg-open", rules("-1 0 65535 0.0.0.0/0", "-1 0 65535 ::/0"), rules("-1 0 65535 0.0.0.0/0", "-1 0 65535 ::/0"))}
	gateway := v.CIDRs[0].Addr().As4()
	gateway[2], gateway[3] = 1, 1
	v.Local = []netip.Addr{netip.AddrFrom4(gateway)}
	return v
}

// guest adds an interface of an instance.
func (i *interfaces) guest(v *spec.VPC, instance string, groups []string, addrs ...string) *spec.Interface {
	n := i.next()
	e := spec.Interface{
		ID: fmt.Sprintf("eni-%d", n), Name: fmt.Sprintf("e%x", n), InstanceID: "i-" + instance, GuestName: "ens5",
		MAC: fmt.Sprintf("02:00:00:00:00:%02x", n), Gateways: v.Local[:1:1], GroupIDs: groups, CheckSource: true,
	}
	for _, a := range addrs {
		p := netip.MustParsePrefix(a)
		if p.Addr().Is6() {
			e.Gateways = append(e.Gateways, netip.MustParseAddr("fe80::1"))
		}
		e.Addresses = append(e.Addresses, p)
	}
	v.Interfaces = append(v.Interfaces, e)
	return &v.Interfaces[len(v.Interfaces)-1]
}

// endpoint adds an endpoint of the consumer, and returns its address on the
// fabric.
func (i *interfaces) endpoint(v *spec.VPC, addr string, groups ...string) netip.Addr {
	n := i.next()
	e := spec.Endpoint{
		ID: fmt.Sprintf("vpce-%d", n), InterfaceID: fmt.Sprintf("eni-%d", n), Address: netip.MustParseAddr(addr),
		VIP: spec.EndpointVIP(n), Source: spec.EndpointSource(n), GroupIDs: groups, Open: true,
	}
	if e.Address.Is6() {
		e.VIP, e.Source = spec.EndpointVIP6(n), spec.EndpointSource6(n)
	}
	v.Endpoints = append(v.Endpoints, e)
	return e.VIP
}

// listen adds a listener at an address, whose node is another.
func listen(v *spec.VPC, addr, node netip.Addr, protocol int, port uint16, targets string, keep bool) {
	v.Listeners = append(v.Listeners, spec.Listener{Address: addr, Protocol: protocol, Port: port, Targets: targets, KeepClient: keep})
	v.NodeSources = append(v.NodeSources, spec.NodeSource{Address: addr, Node: node})
	if !slices.Contains(v.Local, node) {
		v.Local = append(v.Local, node)
	}
}

func targets(v *spec.VPC, name string, list ...string) {
	t := spec.TargetSet{Name: name}
	for _, a := range list {
		t.Targets = append(t.Targets, netip.MustParseAddrPort(a))
	}
	for i := range v.TargetSets {
		if v.TargetSets[i].Name == name {
			v.TargetSets[i] = t
			return
		}
	}
	v.TargetSets = append(v.TargetSets, t)
}

func group(id string, in, out []spec.Rule) spec.Group {
	return spec.Group{ID: id, Ingress: in, Egress: out}
}

// rules reads "protocol from to peer".
func rules(list ...string) (out []spec.Rule) {
	for _, s := range list {
		var r spec.Rule
		var peer string
		if _, err := fmt.Sscanf(s, "%d %d %d %s", &r.Protocol, &r.From, &r.To, &peer); err != nil {
			panic(err)
		}
		r.Peer = netip.MustParsePrefix(peer)
		out = append(out, r)
	}
	return out
}

// clone copies a VPC so far that tests may change its lists' elements.
func clone(v *spec.VPC) *spec.VPC {
	c := *v
	c.Interfaces = slices.Clone(v.Interfaces)
	c.Groups = slices.Clone(v.Groups)
	c.Endpoints = slices.Clone(v.Endpoints)
	c.Listeners = slices.Clone(v.Listeners)
	c.TargetSets = slices.Clone(v.TargetSets)
	c.NodeSources = slices.Clone(v.NodeSources)
	c.RouteTables = slices.Clone(v.RouteTables)
	c.Local = slices.Clone(v.Local)
	c.Sockets = slices.Clone(v.Sockets)
	return &c
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
