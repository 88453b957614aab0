package kernel_test

import (
	"net/netip"
	"testing"

	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/spec"
)

// TestGatewayEndpoint leads the subnets of one route table to an endpoint, by a
// public address that the others reach by the internet or not at all.
func TestGatewayEndpoint(t *testing.T) {
	t.Parallel()
	w, ifs := newWorld(t), &interfaces{}
	v := vpc("one", 1, "10.0.0.0/16")
	s3, vip, source := addr("198.18.0.131"), spec.EndpointVIP(90), spec.EndpointSource(90)
	all := prefix("0.0.0.0/0")
	v.RouteTables = []spec.RouteTable{
		{Number: 1}, {Number: 2}, {Number: 3, Routes: []spec.Route{{Destination: all, Kind: spec.RouteInternet}}},
		{Number: 4, Routes: []spec.Route{{Destination: all, Kind: spec.RouteInternet}}},
	}
	v.Groups = append(v.Groups, group("sg-s3", nil, rules("6 443 443 198.18.0.131/32")), group("sg-mute", nil, nil))
	ifs.guest(v, "led", []string{"sg-s3"}, "10.0.1.10/24").RouteTable = 1
	ifs.guest(v, "isolated", open(), "10.0.2.10/24").RouteTable = 2
	ifs.guest(v, "public", open(), "10.0.3.10/24").RouteTable = 3
	ifs.guest(v, "both", open(), "10.0.4.10/24").RouteTable = 4
	ifs.guest(v, "mute", []string{"sg-mute"}, "10.0.5.10/24").RouteTable = 1
	v.Internet = &spec.InternetGateway{Public: []spec.PublicAddress{
		{Public: addr("198.18.1.5"), Private: addr("10.0.3.10")}, {Public: addr("198.18.1.6"), Private: addr("10.0.4.10")}}}
	for _, table := range []uint32{1, 4} {
		v.Gateways = append(v.Gateways, spec.Gateway{ID: "vpce-1", RouteTable: table, Address: s3, VIP: vip, Source: source})
	}
	w.apply(v)
	fabric := &spec.Fabric{Local: []netip.Addr{vip}, Routes: []spec.FabricRoute{{Address: source, VPC: v.Number}}}
	if err := w.ApplyFabric(t.Context(), fabric); err != nil {
		t.Fatal(err)
	}
	w.facing(v, "198.18.1.5", "198.18.1.6")
	w.serve(kernel.InternetNS, "198.18.0.131:443")
	w.serve(kernel.InternetNS, "203.0.113.9:443")
	w.serve(kernel.FabricNS, vip.String()+":443")

	w.reaches("i-led", "198.18.0.131:443", "fabric "+source.String())
	w.blocked("i-led", "203.0.113.9:443")
	w.blocked("i-led", vip.String()+":443")
	w.blocked("i-mute", "198.18.0.131:443")
	w.blocked("i-isolated", "198.18.0.131:443")
	w.reaches("i-public", "198.18.0.131:443", "internet 198.18.1.5")
	w.reaches("i-both", "198.18.0.131:443", "fabric "+source.String())
	w.reaches("i-both", "203.0.113.9:443", "internet 198.18.1.6")

	t.Run("removed", func(t *testing.T) {
		v := clone(v)
		v.Gateways = nil
		w.apply(v)
		w.blocked("i-led", "198.18.0.131:443")
		w.reaches("i-both", "198.18.0.131:443", "internet 198.18.1.6")
	})
}
