package link

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Apply brings the namespace from have to want and keeps have up to date. It
// carries on past a failure.
func (c *Conn) Apply(have, want State) error {
	var errs []error
	var fresh []netip.Addr
	try := func(what any, err error, done func()) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %+v: %w", c.ns.Name(), what, err))
			return
		}
		done()
	}
	// What is added may need what was added before it: a gateway a neighbour, a
	// rule its table. Removal goes the other way.
	for r := range have.Rules {
		if _, ok := want.Rules[r]; !ok {
			try(r, ignore(c.h.RuleDel(c.rule(r)), unix.ENOENT), func() { delete(have.Rules, r) })
		}
	}
	for k, h := range have.Routes {
		if _, ok := want.Routes[k]; !ok {
			try(k, ignore(c.route(k, h, c.h.RouteDel), unix.ESRCH), func() { delete(have.Routes, k) })
		}
	}
	for n := range have.Neighbours {
		if _, ok := want.Neighbours[n]; !ok {
			try(n, ignore(c.neighbour(n, "", c.h.NeighDel), unix.ENOENT), func() { delete(have.Neighbours, n) })
		}
	}
	for a := range have.Addresses {
		if _, ok := want.Addresses[a]; !ok {
			try(a, ignore(c.address(a, c.h.AddrDel), unix.EADDRNOTAVAIL), func() { delete(have.Addresses, a) })
		}
	}
	for a := range want.Addresses {
		if _, ok := have.Addresses[a]; !ok {
			try(a, c.address(a, c.h.AddrReplace), func() { have.Addresses[a] = struct{}{} })
			fresh = append(fresh, a.Prefix.Addr())
		}
	}
	for n, mac := range want.Neighbours {
		if have.Neighbours[n] != mac {
			try(n, c.neighbour(n, mac, c.h.NeighSet), func() { have.Neighbours[n] = mac })
		}
	}
	for k, h := range want.Routes {
		if old, ok := have.Routes[k]; !ok || old != h {
			try(k, c.route(k, h, c.h.RouteReplace), func() { have.Routes[k] = h })
		}
	}
	for r := range want.Rules {
		if _, ok := have.Rules[r]; !ok {
			try(r, ignore(c.h.RuleAdd(c.rule(r)), unix.EEXIST), func() { have.Rules[r] = struct{}{} })
		}
	}
	for _, a := range fresh {
		try(a, c.settle(a), func() {})
	}
	return errors.Join(errs...)
}

// settle waits for an IPv6 address: the kernel receives for it only some time
// after it was added.
func (c *Conn) settle(a netip.Addr) error {
	const rounds, pause = 1000, time.Millisecond
	for range rounds {
		if a.Is4() {
			return nil
		}
		routes, err := c.h.RouteGet(a.AsSlice())
		if err == nil && len(routes) > 0 && routes[0].Type == unix.RTN_LOCAL {
			return nil
		}
		time.Sleep(pause)
	}
	return errors.New("the address does not come up")
}

func ignore(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}

func (c *Conn) address(a Address, do func(netlink.Link, *netlink.Addr) error) error {
	i, err := c.indexOf(a.Link)
	if err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Index, attrs.Name = i, a.Link
	flags := unix.IFA_F_NOPREFIXROUTE
	if a.Prefix.Addr().Is6() {
		flags |= unix.IFA_F_NODAD
	}
	return do(&netlink.Dummy{LinkAttrs: attrs}, &netlink.Addr{IPNet: ipNet(a.Prefix), Flags: flags})
}

func (c *Conn) route(k RouteKey, h Hop, do func(*netlink.Route) error) error {
	r := &netlink.Route{
		Table: k.Table, Dst: ipNet(k.Prefix), Priority: k.Metric, Protocol: protocol,
		Family: familyOf(k.Prefix.Addr().Is6()), Type: unix.RTN_BLACKHOLE,
	}
	if k.Table == 0 {
		r.Table = unix.RT_TABLE_MAIN
	}
	if h.Link != "" {
		i, err := c.indexOf(h.Link)
		if err != nil {
			return err
		}
		r.LinkIndex, r.Type = i, unix.RTN_UNICAST
		switch {
		case h.Local:
			r.Type, r.Scope = unix.RTN_LOCAL, netlink.SCOPE_HOST
		case h.Via.IsValid():
			r.Gw, r.Flags = net.IP(h.Via.AsSlice()), int(netlink.FLAG_ONLINK)
		default:
			r.Scope = netlink.SCOPE_LINK
		}
	}
	return do(r)
}

func (c *Conn) neighbour(n Neighbour, mac string, do func(*netlink.Neigh) error) error {
	i, err := c.indexOf(n.Link)
	if err != nil {
		return err
	}
	m := &netlink.Neigh{LinkIndex: i, Family: familyOf(n.Addr.Is6()), State: netlink.NUD_PERMANENT, IP: n.Addr.AsSlice()}
	if mac != "" {
		if m.HardwareAddr, err = net.ParseMAC(mac); err != nil {
			return err
		}
	}
	return do(m)
}

func (c *Conn) rule(r Rule) *netlink.Rule {
	n := netlink.NewRule()
	n.Priority, n.Family, n.Mark, n.Protocol = r.Priority, familyOf(r.V6), r.Mark, protocol
	if r.Source.IsValid() {
		n.Src = ipNet(r.Source)
	}
	if r.Table != 0 {
		n.Table = r.Table
	} else {
		n.Type = unix.FR_ACT_BLACKHOLE
	}
	return n
}
