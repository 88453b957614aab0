package kernel_test

import (
	"bufio"
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// as dials with a client's address, and returns what the target says and the
// socket's own address.
func (w *world) as(within time.Duration, node, client, to string) (string, string, error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), within)
	defer cancel()
	c, err := w.DialTCPAs(ctx, "vpc-one", addr(node), netip.MustParseAddrPort(client), netip.MustParseAddrPort(to))
	if err != nil {
		return "", "", err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	line, err := bufio.NewReader(c).ReadString('\n')
	if err == nil {
		err = w.echo(c)
	}
	return strings.TrimSpace(line), c.LocalAddr().String(), err
}

// TestProxiedConnections are what user space opens with clients' addresses.
func TestProxiedConnections(t *testing.T) {
	t.Parallel()
	w, ifs := newWorld(t), &interfaces{}
	v := vpc("one", 1, "10.0.0.0/16", "2001:db8:1::/56")
	v.Transparent = true
	v.Internet = &spec.InternetGateway{}
	v.RouteTables = []spec.RouteTable{{Number: 1, Routes: []spec.Route{{Destination: prefix("0.0.0.0/0"), Kind: spec.RouteInternet}}}}
	ifs.guest(v, "client", open(), "10.0.1.10/24", "2001:db8:1:1::10/64")
	ifs.guest(v, "target", []string{"sg-target"}, "10.0.2.10/24", "2001:db8:1:2::10/64").RouteTable = 1
	g := group("sg-target", rules("6 8080 8080 10.0.1.0/24", "6 8080 8080 2001:db8:1:1::/64", "6 8080 8080 192.0.2.0/24", "6 8081 8081 10.0.2.100/32"), nil)
	g.Balanced = rules("6 8081 8081 10.0.2.100/32", "6 8081 8081 2001:db8:1:2::100/128")
	v.Groups = append(v.Groups, g, group("sg-nlb", nil, rules("6 8081 8081 10.0.2.0/24")))
	for _, node := range []string{"10.0.2.100", "10.0.3.100", "2001:db8:1:2::100"} {
		v.NodeSources = append(v.NodeSources, spec.NodeSource{Address: addr(node), Node: addr(node)})
		v.Local = append(v.Local, addr(node))
	}
	w.apply(v)
	for _, at := range []string{"10.0.2.10:8080", "10.0.2.10:8081", "[2001:db8:1:2::10]:8080", "[2001:db8:1:2::10]:8081"} {
		w.serve("i-target", at)
	}
	reaches := func(node, client, to, want string) {
		t.Helper()
		got, own, err := w.as(patience, node, client, to)
		if err != nil || got != want || own != client {
			t.Errorf("%s as %s: %q from %s, %v", to, client, got, own, err)
		}
	}
	blocked := func(node, client, to string) {
		t.Helper()
		if _, _, err := w.as(silence, node, client, to); err == nil {
			t.Errorf("%s as %s got through", to, client)
		}
	}
	reaches("10.0.2.100", "10.0.1.10:4000", "10.0.2.10:8080", "i-target 10.0.1.10")
	reaches("2001:db8:1:2::100", "[2001:db8:1:1::10]:4000", "[2001:db8:1:2::10]:8080", "i-target 2001:db8:1:1::10")
	reaches("10.0.2.100", "192.0.2.1:4000", "10.0.2.10:8080", "i-target 192.0.2.1")
	blocked("10.0.2.100", "10.0.4.10:4000", "10.0.2.10:8080") // the target's group
	// The target allows the group of one node.
	reaches("10.0.2.100", "10.0.1.10:4001", "10.0.2.10:8081", "i-target 10.0.1.10")
	reaches("2001:db8:1:2::100", "[2001:db8:1:1::10]:4001", "[2001:db8:1:2::10]:8081", "i-target 2001:db8:1:1::10")
	blocked("10.0.3.100", "10.0.1.10:4002", "10.0.2.10:8081")
	w.blocked("i-client", "10.0.2.10:8081")
	w.reaches("i-client", "10.0.2.10:8080", "i-target 10.0.1.10")
	// A port that is taken is no obstacle.
	l, err := w.DialTCPAs(t.Context(), v.ID, addr("10.0.2.100"), netip.MustParseAddrPort("10.0.1.10:4005"), netip.MustParseAddrPort("10.0.2.10:8080"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if got, _, err := w.as(patience, "10.0.2.100", "10.0.1.10:4005", "10.0.2.10:8080"); err != nil || got != "i-target 10.0.1.10" {
		t.Errorf("a taken port: %q %v", got, err)
	}
	if _, err := w.DialTCPAs(t.Context(), v.ID, addr("10.0.2.100"), netip.MustParseAddrPort("10.0.1.10:1"), netip.MustParseAddrPort("[2001:db8:1:2::10]:8080")); err == nil {
		t.Error("the families differ")
	}
	t.Run("egress of the load balancer", func(t *testing.T) {
		v := clone(v)
		v.Guards = []spec.Guard{{Address: addr("10.0.2.100"), GroupIDs: []string{"sg-nlb"}}}
		w.apply(v)
		blocked("10.0.2.100", "10.0.1.10:4010", "10.0.2.10:8080")
		reaches("10.0.2.100", "10.0.1.10:4011", "10.0.2.10:8081", "i-target 10.0.1.10")
		reaches("10.0.3.100", "10.0.1.10:4012", "10.0.2.10:8080", "i-target 10.0.1.10")
	})
	t.Run("reopened", func(t *testing.T) {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		w.open()
		w.apply(v)
		reaches("10.0.2.100", "10.0.1.10:4020", "10.0.2.10:8080", "i-target 10.0.1.10")
		off := clone(v)
		off.Transparent = false
		w.apply(off)
		blocked("10.0.2.100", "10.0.1.10:4021", "10.0.2.10:8080")
		w.reaches("i-client", "10.0.2.10:8080", "i-target 10.0.1.10")
	})
}
