package kernel_test

import (
	"net/netip"
	"testing"

	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/spec"
)

// TestGuardedBalancer is a load balancer with security groups, inside and to the
// internet.
func TestGuardedBalancer(t *testing.T) {
	t.Parallel()
	w, ifs := newWorld(t), &interfaces{}
	v := vpc("one", 1, "10.0.0.0/16", "2001:db8:1::/56")
	v.RouteTables = []spec.RouteTable{{Number: 1, Routes: []spec.Route{{Destination: prefix("0.0.0.0/0"), Kind: spec.RouteInternet}}}}
	ifs.guest(v, "allowed", open(), "10.0.1.10/24", "2001:db8:1:1::10/64").RouteTable = 1
	ifs.guest(v, "other", open(), "10.0.1.11/24", "2001:db8:1:1::11/64")
	ifs.guest(v, "target", open(), "10.0.2.10/24", "2001:db8:1:2::10/64")
	v.Internet = &spec.InternetGateway{Public: []spec.PublicAddress{
		{Public: addr("198.18.0.5"), Private: addr("10.0.1.10")}, {Public: addr("198.18.0.6"), Private: addr("10.0.2.100")},
	}}
	targets(v, "tg", "10.0.2.10:8080", "[2001:db8:1:2::10]:8080")
	node, node6, public := addr("10.0.2.100"), addr("2001:db8:1:2::100"), addr("198.18.0.6")
	for _, port := range []uint16{80, 81} {
		listen(v, node, node, 6, port, "tg", false)
		listen(v, node6, node6, 6, port, "tg", true)
		listen(v, public, node, 6, port, "tg", true)
	}
	in := rules("6 80 80 10.0.1.10/32", "6 80 80 2001:db8:1:1::10/128", "6 80 80 192.0.2.0/24")
	v.Groups = append(v.Groups, group("sg-nlb", in, rules("6 8080 8080 10.0.2.0/24", "6 8080 8080 2001:db8:1:2::/64")))
	for _, a := range []netip.Addr{node, node6, public} {
		v.Guards = append(v.Guards, spec.Guard{Address: a, GroupIDs: []string{"sg-nlb"}})
	}
	w.apply(v)
	if err := w.ApplyInternet(t.Context(), &spec.Internet{Routes: []spec.InternetRoute{
		{Address: addr("198.18.0.5"), VPCID: v.ID}, {Address: public, VPCID: v.ID}}}); err != nil {
		t.Fatal(err)
	}
	w.serve("i-target", "10.0.2.10:8080")
	w.serve("i-target", "[2001:db8:1:2::10]:8080")
	w.serve("i-target", "10.0.2.10:9090")
	w.reaches("i-allowed", "10.0.2.100:80", "i-target 10.0.2.100")
	w.reaches("i-allowed", "[2001:db8:1:2::100]:80", "i-target 2001:db8:1:1::10")
	w.reaches(kernel.InternetNS, "198.18.0.6:80", "i-target 192.0.2.1")
	w.blocked("i-allowed", "10.0.2.100:81")
	w.blocked("i-allowed", "[2001:db8:1:2::100]:81")
	w.blocked(kernel.InternetNS, "198.18.0.6:81")
	w.blocked("i-other", "10.0.2.100:80")
	w.blocked("i-other", "[2001:db8:1:2::100]:80")
	// From inside to the public address: the client's public one counts.
	w.blocked("i-allowed", "198.18.0.6:80")
	// The guard is the load balancer's, not the target's.
	w.reaches("i-other", "10.0.2.10:8080", "i-target 10.0.1.11")
	// Health checks skip the ingress rules and obey the egress rules.
	if c, _, err := w.dialFrom(patience, v.ID, node, "10.0.2.10:8080"); err != nil {
		t.Errorf("health check: %v", err)
	} else {
		_ = c.Close()
	}
	if _, _, err := w.dialFrom(silence, v.ID, node, "10.0.2.10:9090"); err == nil {
		t.Error("a health check passed the egress rules")
	}
	t.Run("no way out", func(t *testing.T) {
		v := clone(v)
		v.Groups[1] = group("sg-nlb", in, rules("6 9090 9090 10.0.2.0/24"))
		w.apply(v)
		w.blocked("i-allowed", "10.0.2.100:80")
		w.blocked("i-allowed", "[2001:db8:1:2::100]:80")
		w.blocked(kernel.InternetNS, "198.18.0.6:80")
	})
	t.Run("without a guard", func(t *testing.T) {
		v := clone(v)
		v.Guards = nil
		w.apply(v)
		w.reaches("i-other", "10.0.2.100:81", "i-target 10.0.2.100")
		w.reaches("i-allowed", "198.18.0.6:80", "i-target 198.18.0.5")
	})
}

// TestGuardedEndpoint is a load balancer whose groups filter PrivateLink traffic.
func TestGuardedEndpoint(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.guest(p.consumer, "other", open(), "10.0.1.11/24")
	p.serve("i-target", "10.0.1.10:8080")
	p.serve("i-target", "[2001:db8:1:1::10]:8080")
	v := clone(p.consumer)
	v.Groups = append(v.Groups, group("sg-nlb", rules("6 443 443 10.0.1.10/32", "6 443 443 2001:db8:1:1::/64"), nil))
	for i := range v.Endpoints {
		v.Endpoints[i].GuardIDs = []string{"sg-nlb"}
	}
	p.apply(v)
	p.reaches("i-client", "10.0.1.50:443", "i-target 10.0.1.100")
	p.reaches("i-client", "[2001:db8:1:1::50]:443", "i-target 2001:db8:1:1::100")
	p.blocked("i-other", "10.0.1.50:443")
	narrow := clone(v)
	narrow.Endpoints[0].GroupIDs = []string{"sg-narrow"} // both must allow
	narrow.Groups = append(narrow.Groups, group("sg-narrow", rules("6 443 443 10.0.1.11/32"), nil))
	p.apply(narrow)
	p.blocked("i-client", "10.0.1.50:443")
	p.blocked("i-other", "10.0.1.50:443")
	p.apply(p.consumer)
	p.reaches("i-other", "10.0.1.50:443", "i-target 10.0.1.100")
	t.Run("no way out at the provider", func(t *testing.T) {
		v := clone(p.provider)
		v.Groups = append(v.Groups, group("sg-nlb", nil, rules("6 9090 9090 0.0.0.0/0")))
		v.Guards = []spec.Guard{{Address: p.vip, GroupIDs: []string{"sg-nlb"}, Checked: true}}
		p.apply(v)
		p.blocked("i-client", "10.0.1.50:443")
		v = clone(v)
		v.Groups[1] = group("sg-nlb", nil, rules("6 8080 8080 0.0.0.0/0"))
		p.apply(v)
		p.reaches("i-client", "10.0.1.50:443", "i-target 10.0.1.100")
	})
}

// TestTargetKnowsItsBalancer has targets that allow a load balancer's group, and
// clients whose addresses they see.
func TestTargetKnowsItsBalancer(t *testing.T) {
	t.Parallel()
	w, ifs := newWorld(t), &interfaces{}
	v := vpc("one", 1, "10.0.0.0/16", "2001:db8:1::/56")
	ifs.guest(v, "client", open(), "10.0.1.10/24", "2001:db8:1:1::10/64")
	ifs.guest(v, "target", []string{"sg-target"}, "10.0.2.10/24", "2001:db8:1:2::10/64")
	g := group("sg-target", rules("6 8080 8080 10.0.2.100/32", "-1 0 65535 2001:db8:1:2::100/128", "6 8081 8081 10.0.2.0/24"), nil)
	g.Balanced = rules("6 8080 8080 10.0.2.100/32", "-1 0 65535 2001:db8:1:2::100/128")
	v.Groups = append(v.Groups, g)
	node, node6 := addr("10.0.2.100"), addr("2001:db8:1:2::100")
	targets(v, "tg", "10.0.2.10:8080", "[2001:db8:1:2::10]:8080")
	targets(v, "more", "10.0.2.10:8081")
	listen(v, node, node, 6, 80, "tg", true)
	listen(v, node6, node6, 6, 80, "tg", true)
	listen(v, node, node, 6, 81, "more", true)
	listen(v, addr("10.0.3.100"), addr("10.0.3.100"), 6, 80, "tg", true)
	w.apply(v)
	for _, at := range []string{"10.0.2.10:8080", "10.0.2.10:8081", "[2001:db8:1:2::10]:8080"} {
		w.serve("i-target", at)
	}
	w.reaches("i-client", "10.0.2.100:80", "i-target 10.0.1.10")
	w.reaches("i-client", "[2001:db8:1:2::100]:80", "i-target 2001:db8:1:1::10")
	w.blocked("i-client", "10.0.2.10:8080")
	w.blocked("i-client", "[2001:db8:1:2::10]:8080")
	w.blocked("i-client", "10.0.3.100:80") // another load balancer
	w.blocked("i-client", "10.0.2.100:81") // a range of addresses means the client's
}
