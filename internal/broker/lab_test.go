package broker

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/musubi-net/musubi/internal/kernel/netns"
	"github.com/musubi-net/musubi/test/lab"
)

// loopback gives the host that the tests are on some addresses: an interface's own
// one, and one that a route makes local.
func loopback() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return err
	}
	own, err := netlink.ParseAddr("1.2.3.4/32")
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(lo, own); err != nil {
		return err
	}
	p := netip.MustParsePrefix("1.2.5.0/24")
	return netlink.RouteAdd(&netlink.Route{LinkIndex: lo.Attrs().Index, Type: 2, Scope: netlink.SCOPE_HOST, Table: 255,
		Dst: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}})
}

// internet joins another network to the host's, in which an address answers.
func internet(t *testing.T, address string) {
	t.Helper()
	dir, err := netns.OpenDir(lab.Dir(t))
	if err != nil {
		t.Fatal(err)
	}
	ns, err := dir.Create("web")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(ns.Close(), dir.Remove("web")) })
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "host0"}, PeerName: "web0", PeerNamespace: netlink.NsFd(ns.FD())}
	if err := netlink.LinkAdd(veth); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = netlink.LinkDel(veth) })
	if err := addressed("host0", "203.0.114.2/24"); err != nil {
		t.Fatal(err)
	}
	err = ns.Do(func() error {
		if err := errors.Join(addressed("web0", "203.0.114.1/24"), addressed("lo", address+"/32")); err != nil {
			return err
		}
		greet(t, address+":80")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all := &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)}
	if err := netlink.RouteAdd(&netlink.Route{Dst: all, Gw: net.IPv4(203, 0, 114, 1)}); err != nil {
		t.Fatal(err)
	}
}

func addressed(name, address string) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	a, err := netlink.ParseAddr(address)
	if err != nil {
		return err
	}
	return errors.Join(netlink.AddrAdd(l, a), netlink.LinkSetUp(l))
}
