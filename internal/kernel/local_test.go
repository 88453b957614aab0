package kernel_test

import (
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"testing"

	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/spec"
)

// socket adds a socket of user space at a node's address.
func socket(v *spec.VPC, at string) netip.AddrPort {
	a := netip.MustParseAddrPort(at)
	v.Sockets = append(v.Sockets, spec.Socket{Address: a.Addr(), Protocol: 6, Port: a.Port()})
	v.Local = append(v.Local, a.Addr())
	return a
}

// listenLocal leads what arrives at an address and the socket's port to it.
func listenLocal(v *spec.VPC, address netip.Addr, to string) {
	targets(v, "local-"+to, to)
	v.Listeners = append(v.Listeners, spec.Listener{
		Address: address, Protocol: 6, Port: netip.MustParseAddrPort(to).Port(), Targets: "local-" + to, Local: true,
	})
}

// facing leads public addresses to a VPC.
func (w *world) facing(v *spec.VPC, public ...string) {
	w.t.Helper()
	in := &spec.Internet{}
	for _, a := range public {
		in.Routes = append(in.Routes, spec.InternetRoute{Address: addr(a), VPCID: v.ID})
	}
	if err := w.ApplyInternet(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
}

// TestLocalSockets is a load balancer in user space, with security groups, inside
// and to the internet.
func TestLocalSockets(t *testing.T) {
	t.Parallel()
	w, ifs := newWorld(t), &interfaces{}
	v := vpc("one", 1, "10.0.0.0/16", "2001:db8:1::/56")
	v.RouteTables = []spec.RouteTable{{Number: 1, Routes: []spec.Route{{Destination: prefix("0.0.0.0/0"), Kind: spec.RouteInternet}}}}
	ifs.guest(v, "allowed", open(), "10.0.1.10/24", "2001:db8:1:1::10/64").RouteTable = 1
	ifs.guest(v, "other", open(), "10.0.1.11/24")
	ifs.guest(v, "mute", []string{"sg-mute"}, "10.0.1.12/24")
	v.Internet = &spec.InternetGateway{Public: []spec.PublicAddress{
		{Public: addr("198.18.0.5"), Private: addr("10.0.1.10")}, {Public: addr("198.18.0.6"), Private: addr("10.0.2.100")},
	}}
	node, node6, public := "10.0.2.100:80", "[2001:db8:1:2::100]:80", addr("198.18.0.6")
	for _, at := range []string{node, node6, "10.0.2.100:81"} {
		socket(v, at)
	}
	listenLocal(v, public, node)
	listenLocal(v, public, "10.0.2.100:81")
	in := rules("6 80 80 10.0.1.10/32", "6 80 80 2001:db8:1:1::10/128", "6 80 80 192.0.2.0/24", "6 80 80 10.0.1.12/32", "6 80 82 198.18.0.5/32")
	v.Groups = append(v.Groups, group("sg-alb", in, nil), group("sg-mute", in, rules("6 443 443 0.0.0.0/0")))
	for _, a := range []netip.Addr{addr("10.0.2.100"), addr("2001:db8:1:2::100"), public} {
		v.Guards = append(v.Guards, spec.Guard{Address: a, GroupIDs: []string{"sg-alb"}})
	}
	w.apply(v)
	w.facing(v, "198.18.0.5", "198.18.0.6")
	for _, at := range []string{node, node6, "10.0.2.100:81", "10.0.2.100:82"} {
		w.serve(v.ID, at)
	}
	w.reaches("i-allowed", node, "vpc-one 10.0.1.10")
	w.reaches("i-allowed", node6, "vpc-one 2001:db8:1:1::10")
	w.reaches(kernel.InternetNS, "198.18.0.6:80", "vpc-one 192.0.2.1")
	w.reaches("i-allowed", "198.18.0.6:80", "vpc-one 198.18.0.5")
	w.download(kernel.InternetNS, "198.18.0.6:80", 4<<20)
	w.download("i-allowed", node, 4<<20)
	w.blocked("i-mute", node)                           // its own group
	w.blocked("i-other", node)                          // the load balancer's
	w.blocked("i-allowed", "10.0.2.100:81")             // another port
	w.blocked(kernel.InternetNS, "198.18.0.6:81")       // the same
	w.blocked(kernel.InternetNS, "198.18.0.6:82")       // no listener
	w.blocked(kernel.InternetNS, "10.0.2.100:80")       // not translated
	w.blocked("i-allowed", "10.0.2.100:82")             // no socket of the load balancer
	w.blocked("i-allowed", v.Local[0].String()+":2000") // the router
	t.Run("no groups", func(t *testing.T) {
		v := clone(v)
		v.Guards = nil
		w.apply(v)
		w.reaches("i-other", node, "vpc-one 10.0.1.11")
		w.blocked("i-other", "10.0.2.100:82")
		w.reaches(kernel.InternetNS, "198.18.0.6:81", "vpc-one 192.0.2.1")
		v.Listeners, v.Sockets = nil, nil
		w.apply(v)
		w.blocked("i-other", node)
		w.blocked(kernel.InternetNS, "198.18.0.6:80")
	})
}

// TestLocalSocketOverPrivateLink has an endpoint lead to a socket of the
// provider's, which can tell the endpoint and find the client.
func TestLocalSocketOverPrivateLink(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	v := clone(p.provider)
	v.Listeners = nil
	socket(v, "10.0.1.100:443")
	socket(v, "[2001:db8:1:1::100]:443")
	listenLocal(v, p.vip, "10.0.1.100:443")
	listenLocal(v, p.consumer.Endpoints[1].VIP, "[2001:db8:1:1::100]:443")
	p.apply(v)
	p.serve(v.ID, "10.0.1.100:443")
	p.serve(v.ID, "[2001:db8:1:1::100]:443")
	p.serve(v.ID, "10.0.1.100:444")
	for i, to := range []string{"10.0.1.50:443", "[2001:db8:1:1::50]:443"} {
		e := p.consumer.Endpoints[i]
		p.reaches("i-client", to, v.ID+" "+e.Source.String())
		p.download("i-client", to, 4<<20)
	}
	p.blocked("i-client", "10.0.1.50:444")
	p.blocked("i-client", p.vip.String()+":443")
	t.Run("client", func(t *testing.T) { p.findsClient(t, v) })
}

// findsClient asks for the addresses of clients.
func (p *pair) findsClient(t *testing.T, v *spec.VPC) {
	const again = "10.0.1.100:445"
	socket(v, again)
	listenLocal(v, p.vip, again)
	six := "[2001:db8:1:1::100]:445"
	socket(v, six)
	listenLocal(v, p.consumer.Endpoints[1].VIP, six)
	p.apply(v)
	for i, x := range [][2]string{{again, "10.0.1.50:445"}, {six, "[2001:db8:1:1::50]:445"}} {
		l, err := p.ListenTCP(t.Context(), v.ID, netip.MustParseAddrPort(x[0]))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		c, err := p.DialTCP(t.Context(), "i-client", netip.Addr{}, netip.MustParseAddrPort(x[1]))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		source := s.RemoteAddr().(*net.TCPAddr).AddrPort()
		vip := netip.AddrPortFrom(p.consumer.Endpoints[i].VIP, 445)
		got, err := p.Client(t.Context(), p.consumer.ID, source, vip)
		if want := c.LocalAddr().(*net.TCPAddr).AddrPort(); err != nil || got != want {
			t.Errorf("client %v %v, want %v", got, err, want)
		}
		if _, err := p.Client(t.Context(), p.consumer.ID, netip.AddrPortFrom(source.Addr(), 1), vip); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a client that is not: %v", err)
		}
	}
	if _, err := p.Client(t.Context(), "vpc-none", netip.AddrPort{}, netip.AddrPort{}); err == nil {
		t.Error("a client of a VPC that is not")
	}
}

// TestBalancerBehindBalancer is a network load balancer in front of a socket of
// user space in the same VPC, with security groups on both.
func TestBalancerBehindBalancer(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	v := clone(p.provider)
	v.Guards = []spec.Guard{}
	v.Internet = &spec.InternetGateway{Public: []spec.PublicAddress{{Public: addr("198.18.0.6"), Private: addr("10.0.1.101")}}}
	p.guest(v, "client2", open(), "10.0.3.10/24")
	p.guest(v, "other2", open(), "10.0.3.11/24")
	socket(v, "10.0.2.200:80") // the ALB's
	v.Listeners, v.NodeSources = nil, nil
	targets(v, "alb", "10.0.2.200:80")
	keep, node := addr("10.0.1.101"), addr("10.0.1.102")
	listen(v, keep, keep, 6, 80, "alb", true)
	listen(v, addr("198.18.0.6"), keep, 6, 80, "alb", true)
	listen(v, addr("198.18.0.6"), keep, 6, 81, "alb", false)
	listen(v, node, node, 6, 80, "alb", false)
	listen(v, p.vip, keep, 6, 443, "alb", true)
	p.apply(v)
	p.facing(v, "198.18.0.6")
	p.serve(v.ID, "10.0.2.200:80")

	free := func() {
		t.Helper()
		p.reaches("i-client2", "10.0.1.101:80", v.ID+" 10.0.3.10")
		p.reaches("i-client2", "10.0.1.102:80", v.ID+" 10.0.1.102")
		p.reaches(kernel.InternetNS, "198.18.0.6:80", v.ID+" 192.0.2.1")
		p.reaches(kernel.InternetNS, "198.18.0.6:81", v.ID+" 10.0.1.101")
		p.reaches("i-client", "10.0.1.50:443", v.ID+" 10.0.1.101")
		p.probes(v.ID, node, "10.0.2.200:80", true)
	}
	free()
	for _, x := range [][2]string{{"i-client2", "10.0.1.101:80"}, {"i-client2", "10.0.1.102:80"}, {kernel.InternetNS, "198.18.0.6:81"}, {"i-client", "10.0.1.50:443"}} {
		p.download(x[0], x[1], 4<<20)
	}
	// All that the groups allow, by what the ALB sees.
	allow := func(in ...string) {
		w := clone(v)
		w.Groups = append(w.Groups, group("sg-alb", rules(in...), nil), group("sg-nlb", rules("-1 0 65535 0.0.0.0/0"), rules("6 80 80 10.0.2.200/32")))
		w.Guards = []spec.Guard{{Address: addr("10.0.2.200"), GroupIDs: []string{"sg-alb"}}}
		for _, a := range []netip.Addr{keep, node, addr("198.18.0.6")} {
			w.Guards = append(w.Guards, spec.Guard{Address: a, GroupIDs: []string{"sg-nlb"}})
		}
		w.Guards = append(w.Guards, spec.Guard{Address: p.vip, GroupIDs: []string{"sg-nlb"}, Checked: true})
		p.apply(w)
	}
	allow("6 80 80 10.0.3.10/32", "6 80 80 10.0.1.0/24", "6 80 80 192.0.2.1/32")
	free()
	p.blocked("i-other2", "10.0.1.101:80")
	p.reaches("i-other2", "10.0.1.102:80", v.ID+" 10.0.1.102")
	p.reaches("i-client2", "10.0.2.200:80", v.ID+" 10.0.3.10")
	p.blocked("i-other2", "10.0.2.200:80")
	allow("6 80 80 10.0.3.11/32")
	p.blocked("i-client2", "10.0.1.101:80")
	p.blocked("i-client2", "10.0.1.102:80")
	p.blocked(kernel.InternetNS, "198.18.0.6:80")
	p.blocked(kernel.InternetNS, "198.18.0.6:81")
	p.blocked("i-client", "10.0.1.50:443")
	p.probes(v.ID, node, "10.0.2.200:80", false)
	p.reaches("i-other2", "10.0.1.101:80", v.ID+" 10.0.3.11")
	t.Run("the front's egress", func(t *testing.T) {
		w := clone(v)
		w.Groups = append(w.Groups, group("sg-nlb", rules("-1 0 65535 0.0.0.0/0"), rules("6 80 80 10.0.2.201/32")))
		for _, a := range []netip.Addr{keep, node, p.vip} {
			w.Guards = append(w.Guards, spec.Guard{Address: a, GroupIDs: []string{"sg-nlb"}, Checked: a == p.vip})
		}
		p.apply(w)
		p.blocked("i-client2", "10.0.1.101:80")
		p.blocked("i-client2", "10.0.1.102:80")
		p.blocked("i-client", "10.0.1.50:443")
		p.probes(v.ID, node, "10.0.2.200:80", false)
	})
	t.Run("a group that names the front's", func(t *testing.T) {
		w := clone(v)
		g := group("sg-alb", rules("6 80 80 10.0.1.101/32"), nil)
		g.Balanced = rules("6 80 80 10.0.1.101/32")
		w.Groups = append(w.Groups, g)
		w.Guards = []spec.Guard{{Address: addr("10.0.2.200"), GroupIDs: []string{"sg-alb"}}}
		p.apply(w)
		p.reaches("i-client2", "10.0.1.101:80", v.ID+" 10.0.3.10")
		p.blocked("i-client2", "10.0.1.102:80")
		p.blocked("i-client2", "10.0.2.200:80")
	})
}

// probes dials from a node's address, as health checks and proxies do.
func (w *world) probes(ns string, from netip.Addr, to string, want bool) {
	w.t.Helper()
	within := silence
	if want {
		within = patience
	}
	c, _, err := w.dialFrom(within, ns, from, to)
	if err == nil {
		_ = c.Close()
	}
	if (err == nil) != want {
		w.t.Errorf("%s -> %s: %v, want %t", from, to, err, want)
	}
}
