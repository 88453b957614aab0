package kernel_test

import (
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/musubi-net/musubi/internal/kernel/netns"
)

// in runs f inside a namespace of the world.
func (w *world) in(name string, f func() error) {
	w.t.Helper()
	dir, err := netns.OpenDir(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	ns, err := dir.Open(name)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = ns.Close() }()
	if err := ns.Do(f); err != nil {
		w.t.Fatal(err)
	}
}

// addAddress does what root in a guest could do.
func (w *world) addAddress(ns, prefix string) {
	w.t.Helper()
	p := netip.MustParsePrefix(prefix)
	w.in(ns, func() error {
		l, err := netlink.LinkByName("ens5")
		if err != nil {
			return err
		}
		a := &netlink.Addr{IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}}
		if p.Addr().Is6() {
			a.Flags = 2 // no duplicate address detection
		}
		return netlink.AddrAdd(l, a)
	})
}

// raw opens a raw ICMP socket.
func (w *world) raw(ns, from string) (c net.PacketConn) {
	w.t.Helper()
	w.in(ns, func() (err error) {
		c, err = net.ListenPacket("ip4:icmp", from)
		return err
	})
	return c
}
