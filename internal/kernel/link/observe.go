package link

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Observe reads the namespace's state. Addresses that the kernel gives by itself
// (127.0.0.1, link-local ones), and routes and rules that are not ours, are left
// out.
func (c *Conn) Observe() (State, error) {
	s := NewState()
	if _, err := c.Links(); err != nil {
		return s, err
	}
	err := errors.Join(c.observeAddresses(s), c.observeRoutes(s), c.observeNeighbours(s), c.observeRules(s))
	if err != nil {
		return s, fmt.Errorf("observe %s: %w", c.ns.Name(), err)
	}
	return s, nil
}

func (c *Conn) observeAddresses(s State) error {
	var list []netlink.Addr
	err := dump(func() (err error) { list, err = c.h.AddrList(nil, netlink.FAMILY_ALL); return err })
	names := c.names()
	for _, a := range list {
		p := prefix(a.IPNet, 0)
		if p.Addr().IsLoopback() || (p.Addr().IsLinkLocalUnicast() && p.Addr().Is6()) {
			continue
		}
		s.Addresses[Address{names[a.LinkIndex], p}] = struct{}{}
	}
	return err
}

func (c *Conn) observeRoutes(s State) error {
	names := c.names()
	filter := &netlink.Route{Protocol: protocol, Table: unix.RT_TABLE_UNSPEC}
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		var list []netlink.Route
		err := dump(func() (err error) {
			list, err = c.h.RouteListFiltered(family, filter, netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE)
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range list {
			k := RouteKey{Table: r.Table, Prefix: prefix(r.Dst, family), Metric: r.Priority}
			if k.Table == unix.RT_TABLE_MAIN {
				k.Table = 0
			}
			if family == netlink.FAMILY_V6 && k.Metric == defaultMetric6 {
				k.Metric = 0
			}
			h := Hop{}
			if r.Type != unix.RTN_BLACKHOLE {
				h = Hop{Link: names[r.LinkIndex], Via: addrOf(r.Gw), Local: r.Type == unix.RTN_LOCAL}
			}
			s.Routes[k] = h
		}
	}
	return nil
}

// defaultMetric6 is the metric that an IPv6 route gets for none.
const defaultMetric6 = 1024

func (c *Conn) observeNeighbours(s State) error {
	names := c.names()
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		var list []netlink.Neigh
		err := dump(func() (err error) { list, err = c.h.NeighList(0, family); return err })
		if err != nil {
			return err
		}
		for _, n := range list {
			if n.State&netlink.NUD_PERMANENT != 0 {
				s.Neighbours[Neighbour{names[n.LinkIndex], addrOf(n.IP)}] = n.HardwareAddr.String()
			}
		}
	}
	return nil
}

func (c *Conn) observeRules(s State) error {
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		var list []netlink.Rule
		err := dump(func() (err error) { list, err = c.h.RuleList(family); return err })
		if err != nil {
			return err
		}
		for _, r := range list {
			if r.Protocol != protocol {
				continue
			}
			rule := Rule{Priority: r.Priority, V6: family == netlink.FAMILY_V6, Mark: r.Mark, Table: max(r.Table, 0)}
			if r.Src != nil {
				rule.Source = prefix(r.Src, family)
			}
			s.Rules[rule] = struct{}{}
		}
	}
	return nil
}
