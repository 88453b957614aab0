package broker

import (
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
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
