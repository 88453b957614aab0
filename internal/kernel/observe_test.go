package kernel

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"testing"

	"github.com/musubi-net/musubi/internal/kernel/link"
	"github.com/musubi-net/musubi/internal/kernel/netns"
	"github.com/musubi-net/musubi/internal/spec"
	"github.com/musubi-net/musubi/test/lab"
)

func observed() *spec.VPC {
	ip, p := netip.MustParseAddr, netip.MustParsePrefix
	all := p("0.0.0.0/0")
	return &spec.VPC{
		ID: "vpc-1", Number: 10, CIDRs: []netip.Prefix{p("10.0.0.0/16"), p("2001:db8::/56")},
		Local: []netip.Addr{ip("10.0.1.1"), ip("169.254.169.254"), ip("fd00:ec2::254"), ip("fe80::1")},
		Interfaces: []spec.Interface{
			{
				ID: "eni-1", Name: "e1", InstanceID: "i-1", GuestName: "ens5", MAC: "02:00:00:00:00:01",
				Addresses: []netip.Prefix{p("10.0.1.10/24"), p("10.0.1.11/24"), p("2001:db8::10/64")},
				Gateways:  []netip.Addr{ip("10.0.1.1"), ip("fe80::1")}, RouteTable: 1, CheckSource: true,
			},
			{
				ID: "eni-2", Name: "e2", InstanceID: "i-1", GuestName: "ens6", MAC: "02:00:00:00:00:02",
				Addresses: []netip.Prefix{p("10.0.2.10/24")}, Gateways: []netip.Addr{ip("10.0.1.1")}, RouteTable: 2,
			},
		},
		RouteTables: []spec.RouteTable{
			{Number: 1, Routes: []spec.Route{
				{Destination: all, Kind: spec.RouteInternet}, {Destination: p("::/0"), Kind: spec.RouteBlackhole},
				{Destination: p("192.168.0.0/16"), Kind: spec.RouteInterface, Interface: "e2", Via: ip("10.0.2.10")},
			}},
			{Number: 2, Routes: []spec.Route{{Destination: all, Kind: spec.RouteNAT, Source: ip("198.18.0.1")}}},
		},
		Internet: &spec.InternetGateway{Public: []spec.PublicAddress{{Public: ip("198.18.0.1")}}},
	}
}

// end removes everything.
func end(t *testing.T, w *World) {
	ctx := context.Background()
	err := w.RemoveVPC(ctx, "vpc-1")
	for _, id := range []string{"i-1", "i-2"} {
		err = errors.Join(err, w.RemoveGuest(ctx, id))
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Error(err)
	}
}

// look observes a namespace from outside the world.
func look(t *testing.T, dir, name string) (link.State, map[string]link.Link) {
	t.Helper()
	d, err := netns.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	ns, err := d.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ns.Close() }()
	c, err := link.Open(ns)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := c.Observe()
	if err != nil {
		t.Fatal(err)
	}
	links, err := c.Links()
	if err != nil {
		t.Fatal(err)
	}
	return s, links
}

func same(t *testing.T, what string, got, want link.State) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// TestObservedIsDesired is what makes taking over a world change nothing.
func TestObservedIsDesired(t *testing.T) {
	t.Parallel()
	dir := lab.Dir(t)
	w, err := Open(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { end(t, w) }()
	v := observed()
	check := func() {
		t.Helper()
		got, links := look(t, dir, v.ID)
		same(t, "VPC", got, vpcState(v))
		if len(links) != 4 || links["e1"].MTU != spec.MTUVPC || links["fab"].MTU != spec.MTUFabric || !links["e2"].Up {
			t.Errorf("links: %+v", links)
		}
		got, _ = look(t, dir, "i-1")
		want := guestState(v.Interfaces[0])
		merge2(want, guestState(v.Interfaces[1]))
		same(t, "guest", got, want)
		got, _ = look(t, dir, FabricNS)
		same(t, "fabric", got, fabricState(w.fabric))
		got, _ = look(t, dir, InternetNS)
		same(t, "internet", got, internetState(w.internet))
	}
	apply := func() {
		t.Helper()
		if err := w.ApplyVPC(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	fabric := &spec.Fabric{Routes: []spec.FabricRoute{{Address: spec.EndpointVIP(9), VPC: 10}, {Address: spec.EndpointSource6(9), VPC: 10}, {Address: spec.EndpointVIP(8), VPC: 11}}}
	internet := &spec.Internet{Routes: []spec.InternetRoute{{Address: netip.MustParseAddr("198.18.0.1"), VPCID: "vpc-1"}}}
	if err := w.ApplyFabric(t.Context(), fabric); err != nil {
		t.Fatal(err)
	}
	if err := w.ApplyInternet(t.Context(), internet); err != nil {
		t.Fatal(err)
	}
	apply()
	check()
	gen := generation(t, dir)
	apply()
	check()
	if now := generation(t, dir); now != gen {
		t.Errorf("applying the same again committed %d transactions", now-gen)
	}
	t.Run("changed", func(t *testing.T) {
		v.Local = v.Local[1:]
		v.Interfaces[0].Addresses = v.Interfaces[0].Addresses[:1]
		v.RouteTables[0].Routes = v.RouteTables[0].Routes[:1]
		apply()
		check()
	})
	t.Run("damaged and taken over", func(t *testing.T) {
		damage(t, dir)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := Open(t.Context(), Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		w = again
		apply()
		if err := w.ApplyFabric(t.Context(), fabric); err != nil {
			t.Fatal(err)
		}
		if err := w.ApplyInternet(t.Context(), internet); err != nil {
			t.Fatal(err)
		}
		check()
	})
	t.Run("guest removed", func(t *testing.T) {
		if err := w.RemoveGuest(t.Context(), "i-1"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.EnsureGuest(t.Context(), "i-1"); err != nil {
			t.Fatal(err)
		}
		check()
	})
	t.Run("interface moved", func(t *testing.T) {
		v2 := observed()
		v2.Interfaces[1].InstanceID = "i-2"
		if err := w.ApplyVPC(t.Context(), v2); err != nil {
			t.Fatal(err)
		}
		got, links := look(t, dir, "i-2")
		same(t, "other guest", got, guestState(v2.Interfaces[1]))
		if _, ok := links["ens6"]; !ok {
			t.Errorf("links: %+v", links)
		}
	})
	t.Run("VPC removed", func(t *testing.T) {
		if err := w.RemoveVPC(t.Context(), v.ID); err != nil {
			t.Fatal(err)
		}
		for _, ns := range []string{"i-1", "i-2", FabricNS, InternetNS} {
			if _, links := look(t, dir, ns); len(links) != 0 {
				t.Errorf("%s: %+v", ns, links)
			}
		}
		if ids, err := w.VPCs(); err != nil || len(ids) != 0 {
			t.Errorf("%v %v", ids, err)
		}
		if err := w.RemoveVPC(t.Context(), v.ID); err != nil {
			t.Errorf("again: %v", err)
		}
	})
}

// damage does what a bug or a curious person might.
func damage(t *testing.T, dir string) {
	t.Helper()
	d, err := netns.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	ns, err := d.Open("vpc-1")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ns.Close() }()
	c, err := link.Open(ns)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	have, err := c.Observe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Delete("e2"); err != nil {
		t.Fatal(err)
	}
	have.Forget("e2")
	want := link.NewState()
	want.Addresses[link.Address{Link: "lo", Prefix: netip.MustParsePrefix("192.0.2.9/32")}] = struct{}{}
	want.Routes[link.RouteKey{Prefix: netip.MustParsePrefix("192.0.2.0/24")}] = link.Hop{}
	if err := c.Apply(have, want); err != nil {
		t.Fatal(err)
	}
}

func generation(t *testing.T, dir string) (id uint32) {
	t.Helper()
	id, err := readGeneration(dir, "vpc-1")
	if err != nil {
		t.Fatal(fmt.Errorf("generation: %w", err))
	}
	return id
}
