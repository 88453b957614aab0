package l4

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/musubi-net/musubi/internal/spec"
)

func TestHeaderBehindEndpoint(t *testing.T) {
	source, vip := spec.EndpointSource(7), spec.EndpointVIP(7)
	c := &config{listener: spec.BalancerListener{Port: 443}, address: spec.BalancerAddress{Address: netip.MustParseAddr("10.0.2.9")},
		entrances: map[netip.Addr]spec.BalancerEntrance{source: {Source: source, VIP: vip, Endpoint: "vpce-0123456789abcdef0", Consumer: "vpc-c"}}}
	peer := netip.AddrPortFrom(source, 40000)
	real := netip.MustParseAddrPort("10.0.1.10:51000")
	var fail error
	b := &balancer{log: slog.New(slog.DiscardHandler), s: &Server{o: Options{Client: func(_ context.Context, vpc string, from, to netip.AddrPort) (netip.AddrPort, error) {
		if vpc != "vpc-c" || from != peer || to != netip.AddrPortFrom(vip, 443) {
			t.Errorf("asked %s for %s to %s", vpc, from, to)
		}
		return real, fail
	}}}}
	got := b.header(t.Context(), c, peer)
	want := []byte{10, 0, 1, 10, 10, 0, 2, 9, 0xc7, 0x38, 1, 0xbb}
	if !bytes.Equal(got[16:28], want) {
		t.Errorf("addresses %v, want %v", got[16:28], want)
	}
	tlv := append([]byte{0xEA, 0, 23, 1}, "vpce-0123456789abcdef0"...)
	if !bytes.HasSuffix(got, tlv) || int(binary.BigEndian.Uint16(got[14:])) != len(got)-16 {
		t.Errorf("header %q", got)
	}
	fail = errors.New("unknown")
	if got := b.header(t.Context(), c, peer); !bytes.Equal(got[16:20], source.AsSlice()) || !bytes.HasSuffix(got, tlv) {
		t.Errorf("without a client: %v", got)
	}
}

func TestHeader6(t *testing.T) {
	got := proxyHeader(netip.MustParseAddrPort("[2001:db8::1]:1000"), netip.MustParseAddrPort("[2001:db8::2]:80"), "")
	if got[13] != 0x21 || len(got) != 16+36+7 || got[31] != 1 || got[47] != 2 {
		t.Errorf("header %v", got)
	}
}

func TestWeights(t *testing.T) {
	target := func(key, address string) []spec.BalancerTarget {
		return []spec.BalancerTarget{{Key: key, Zone: "a", Health: "healthy", Address: netip.MustParseAddrPort(address)}}
	}
	c := &config{address: spec.BalancerAddress{Zone: "a", Sources: []netip.Addr{netip.MustParseAddr("10.0.0.1")}},
		forward: &spec.ForwardAction{Groups: []spec.ForwardGroup{{Group: "x", Weight: 3}, {Group: "y", Weight: 1}, {Group: "z", Weight: 0}, {Group: "six", Weight: 9}}},
		groups: map[string]*spec.BalancerGroup{"x": {ARN: "x", Targets: target("x", "10.0.0.2:1")}, "y": {ARN: "y", Targets: target("y", "10.0.0.3:1")},
			"z": {ARN: "z", Targets: target("z", "10.0.0.4:1")}, "six": {ARN: "six", Targets: target("six", "[::1]:1")}}}
	n := map[string]int{}
	for port := range 4000 {
		to, ok := c.choose(netip.AddrPortFrom(netip.MustParseAddr("10.9.9.9"), uint16(port+1)))
		if !ok {
			t.Fatal("no target")
		}
		n[to.group.ARN]++
	}
	if n["x"] < 2800 || n["x"] > 3200 || n["x"]+n["y"] != 4000 {
		t.Errorf("shares %v", n)
	}
	c.forward.StickySeconds = 60
	first, _ := c.choose(netip.MustParseAddrPort("10.9.9.9:1"))
	for port := range 50 {
		if to, _ := c.choose(netip.AddrPortFrom(netip.MustParseAddr("10.9.9.9"), uint16(port+1))); to.group != first.group {
			t.Fatal("another group for the same client")
		}
	}
}
