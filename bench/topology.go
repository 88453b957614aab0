package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"

	"github.com/google/nftables"

	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/kernel/netns"
	"github.com/musubi-net/musubi/internal/spec"
)

// Addresses in the VPCs. All VPCs have the same range.
var (
	clientAddr = netip.MustParseAddr("10.0.1.10")
	targetAddr = netip.MustParseAddr("10.0.2.10")
	nodeAddr   = netip.MustParseAddr("10.0.2.100")
)

// place is one end of a path.
type place struct {
	ns      string
	address netip.Addr
}

// path is a way from a client to a server.
type path struct {
	name   string
	client string // its namespace
	dial   netip.Addr
	server place
	// proxy is where a proxy stands, at the path's fabric address.
	proxy place
}

// topology is the world of the bench. Links, addresses and routes are the
// kernel package's everywhere, so that only what is measured differs:
//
//	plain        client -- router without rules -- server
//	PrivateLink  client -- consumer VPC -- fabric -- provider VPC -- server
//	a proxy      client -- consumer VPC -- fabric -- router without rules
//	             with the proxy -- server
type topology struct {
	world    *kernel.World
	dir      string
	vpcs     []*spec.VPC
	consumer *spec.VPC
	fabric   *spec.Fabric
	bare     []string // VPCs without rules
	paths    []*path
	links    uint32
}

// build makes the world for the proxies that there are.
func build(ctx context.Context, proxies []string) (*topology, error) {
	dir, err := os.MkdirTemp("/run", "bench-")
	if err != nil {
		return nil, err
	}
	t := &topology{dir: dir, fabric: &spec.Fabric{}}
	if t.world, err = kernel.Open(ctx, kernel.Options{Dir: dir}); err != nil {
		return nil, err
	}
	t.describe(proxies)
	if err := t.apply(ctx); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *topology) describe(proxies []string) {
	p := t.vpc("plain")
	t.guest(p, "plain-client", clientAddr)
	t.guest(p, "plain-server", targetAddr)
	t.routerOnly(p)
	t.paths = append(t.paths, &path{name: plain, client: "i-plain-client", dial: targetAddr, server: place{"i-plain-server", targetAddr}})
	t.consumer = t.vpc("consumer")
	t.guest(t.consumer, "client", clientAddr)
	t.privateLink()
	for i, name := range proxies {
		t.proxy(name, i)
	}
}

// vpc begins a VPC whose guests may be reached by the load balancer's node and
// the endpoint by the guests, at the servers' ports.
func (t *topology) vpc(name string) *spec.VPC {
	all := netip.MustParsePrefix("0.0.0.0/0")
	ports := func(peer netip.Prefix) []spec.Rule {
		return []spec.Rule{{Protocol: 6, From: echoPort, To: sinkPort, Peer: peer}}
	}
	v := &spec.VPC{
		ID: "vpc-" + name, Number: uint32(len(t.vpcs) + 1),
		CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")},
		Local: []netip.Addr{netip.MustParseAddr("10.0.1.1"), netip.MustParseAddr("10.0.2.1")},
		Groups: []spec.Group{
			{ID: "sg-endpoint", Ingress: ports(netip.MustParsePrefix("10.0.0.0/16"))},
			{ID: "sg-guest", Ingress: ports(netip.PrefixFrom(nodeAddr, 32)), Egress: []spec.Rule{{Protocol: -1, To: 65535, Peer: all}}},
		},
	}
	t.vpcs = append(t.vpcs, v)
	return v
}

func (t *topology) guest(v *spec.VPC, name string, at netip.Addr) {
	t.links++
	gateway := at.As4()
	gateway[3] = 1
	v.Interfaces = append(v.Interfaces, spec.Interface{
		ID: fmt.Sprintf("eni-%d", t.links), Name: fmt.Sprintf("e%x", t.links), InstanceID: "i-" + name, GuestName: "ens5",
		MAC: fmt.Sprintf("02:00:00:00:00:%02x", t.links), Addresses: []netip.Prefix{netip.PrefixFrom(at, 24)},
		Gateways: []netip.Addr{netip.AddrFrom4(gateway)}, GroupIDs: []string{"sg-guest"}, CheckSource: true,
	})
}

// routerOnly makes a VPC forward and nothing else.
func (t *topology) routerOnly(v *spec.VPC) {
	for i := range v.Interfaces {
		v.Interfaces[i].CheckSource = false
	}
	t.bare = append(t.bare, v.ID)
}

// endpoint gives the consumer an endpoint of the provider's and returns the
// address to dial and the one on the fabric.
func (t *topology) endpoint(provider *spec.VPC) (dial, vip netip.Addr) {
	t.links++
	dial = netip.AddrFrom4([4]byte{10, 0, 1, byte(50 + t.links)})
	e := spec.Endpoint{
		ID: fmt.Sprintf("vpce-%d", t.links), InterfaceID: fmt.Sprintf("eni-%d", t.links), Address: dial,
		VIP: spec.EndpointVIP(t.links), Source: spec.EndpointSource(t.links), GroupIDs: []string{"sg-endpoint"}, Open: true,
	}
	t.consumer.Endpoints = append(t.consumer.Endpoints, e)
	t.fabric.Routes = append(t.fabric.Routes, spec.FabricRoute{Address: e.VIP, VPC: provider.Number}, spec.FabricRoute{Address: e.Source, VPC: t.consumer.Number})
	return dial, e.VIP
}

func (t *topology) privateLink() {
	v := t.vpc("provider")
	t.guest(v, "target", targetAddr)
	dial, vip := t.endpoint(v)
	v.Local = append(v.Local, nodeAddr)
	v.NodeSources = []spec.NodeSource{{Address: vip, Node: nodeAddr}}
	for _, port := range []uint16{echoPort, sinkPort} {
		name := fmt.Sprintf("port-%d", port)
		v.Listeners = append(v.Listeners, spec.Listener{Address: vip, Protocol: 6, Port: port, Targets: name})
		v.TargetSets = append(v.TargetSets, spec.TargetSet{Name: name, Targets: []netip.AddrPort{netip.AddrPortFrom(targetAddr, port)}})
	}
	t.paths = append(t.paths, &path{name: privateLink, client: "i-client", dial: dial, server: place{"i-target", targetAddr}})
}

func (t *topology) proxy(name string, i int) {
	v := t.vpc(fmt.Sprintf("proxy%d", i))
	guest := fmt.Sprintf("proxy%d-server", i)
	t.guest(v, guest, targetAddr)
	t.routerOnly(v)
	dial, vip := t.endpoint(v)
	v.Local = append(v.Local, nodeAddr, vip)
	t.paths = append(t.paths, &path{name: name, client: "i-client", dial: dial, server: place{"i-" + guest, targetAddr}, proxy: place{v.ID, vip}})
}

func (t *topology) apply(ctx context.Context) error {
	if err := t.world.ApplyFabric(ctx, t.fabric); err != nil {
		return err
	}
	for _, v := range t.vpcs {
		if err := t.world.ApplyVPC(ctx, v); err != nil {
			return err
		}
	}
	for _, name := range t.bare {
		if err := t.in(name, flush); err != nil {
			return fmt.Errorf("%s: rules: %w", name, err)
		}
	}
	for _, p := range t.paths {
		for _, ns := range []string{p.client, p.server.ns, p.proxy.ns} {
			if ns == "" {
				continue
			}
			if err := t.tune(ns, p.client); err != nil {
				return err
			}
		}
	}
	return nil
}

// in calls f with a namespace.
func (t *topology) in(name string, f func(*netns.NS) error) error {
	d, err := netns.OpenDir(t.dir)
	if err != nil {
		return err
	}
	ns, err := d.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = ns.Close() }()
	return f(ns)
}

// flush removes all rules, and with them connection tracking.
func flush(ns *netns.NS) error {
	c, err := nftables.New(nftables.WithNetNSFd(ns.FD()))
	if err != nil {
		return err
	}
	c.FlushRuleset()
	return c.Flush()
}

// tune gives every namespace with sockets the same settings: ports enough for
// the new connections, and the congestion control that guests have.
func (t *topology) tune(name, guest string) error {
	const control = "net/ipv4/tcp_congestion_control"
	want := ""
	err := t.in(guest, func(ns *netns.NS) (err error) {
		want, err = ns.Get(control)
		return err
	})
	if err != nil {
		return err
	}
	return t.in(name, func(ns *netns.NS) error {
		settings := []netns.Setting{
			{Path: "net/ipv4/ip_local_port_range", Value: "1024 65535"},
			{Path: "net/ipv4/tcp_tw_reuse", Value: "1"},
		}
		// Not everybody may choose every one, so it is left if it is right.
		if have, err := ns.Get(control); err != nil || have != want {
			settings = append(settings, netns.Setting{Path: control, Value: want})
		}
		return ns.Set(settings...)
	})
}

// close removes the world.
func (t *topology) close(ctx context.Context) error {
	for _, v := range t.vpcs {
		if err := t.world.RemoveVPC(ctx, v.ID); err != nil {
			return err
		}
		for _, i := range v.Interfaces {
			if err := t.world.RemoveGuest(ctx, i.InstanceID); err != nil {
				return err
			}
		}
	}
	return t.world.Close()
}
