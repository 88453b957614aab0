package kernel

import (
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/kernel/link"
	"github.com/musubi-net/musubi/internal/spec"
)

const (
	// tableBase keeps route tables' numbers clear of the kernel's own.
	tableBase = 1 << 16
	// replyTable leads answers back to the internet.
	replyTable = tableBase - 1
	// localTable leads answers to clients' addresses to the router's sockets.
	localTable = tableBase - 2
	// lastMetric makes a route the last resort.
	lastMetric = 1 << 20
)

// Priorities of policy rules: after the main table, which has the local routes;
// IPv4's last resort comes after them, in a table that the kernel asks last.
const (
	localPriority = 32765 // before the guests' own routes
	rulePriority  = 32766
	ruleEnd6      = 32768
)

// vpcState is what a VPC's namespace has beside its links.
func vpcState(v *spec.VPC) link.State {
	s := link.NewState()
	for _, a := range v.Local {
		if !a.IsLinkLocalUnicast() || a.Is4() {
			s.Addresses[link.Address{Link: "lo", Prefix: host(a)}] = struct{}{}
		}
	}
	for _, p := range v.CIDRs {
		s.Routes[link.RouteKey{Prefix: p.Masked()}] = link.Hop{}
	}
	for _, i := range v.Interfaces {
		for _, a := range i.Addresses {
			s.Routes[link.RouteKey{Prefix: host(a.Addr())}] = link.Hop{Link: i.Name}
			s.Neighbours[link.Neighbour{Link: i.Name, Addr: a.Addr()}] = i.MAC
		}
	}
	fabricLink(s, v.Number)
	tables(s, v)
	ownSockets(s, v)
	return s
}

// fabricLink is the VPC's side of its link to the fabric.
func fabricLink(s link.State, number uint32) {
	for _, x := range []struct {
		own, router netip.Addr
		all         netip.Prefix
	}{
		{spec.RouterAddress(number), spec.FabricRouter(), spec.FabricPrefix},
		{spec.RouterAddress6(number), fabricRouter6(), spec.FabricPrefix6},
	} {
		s.Addresses[link.Address{Link: "lo", Prefix: host(x.own)}] = struct{}{}
		s.Routes[link.RouteKey{Prefix: x.all.Masked()}] = link.Hop{Link: spec.FabricLink, Via: x.router}
		s.Neighbours[link.Neighbour{Link: spec.FabricLink, Addr: x.router}] = fabricMAC
	}
}

// tables are the subnets' route tables. Whatever has no route vanishes without
// a word, as in AWS.
func tables(s link.State, v *spec.VPC) {
	s.Routes[link.RouteKey{Table: unix.RT_TABLE_DEFAULT, Prefix: netip.PrefixFrom(netip.IPv4Unspecified(), 0)}] = link.Hop{}
	if v.Internet != nil {
		s.Neighbours[link.Neighbour{Link: spec.InternetLink, Addr: InternetAddress()}] = internetMAC
		s.Routes[link.RouteKey{Table: replyTable, Prefix: netip.PrefixFrom(netip.IPv4Unspecified(), 0)}] =
			link.Hop{Link: spec.InternetLink, Via: InternetAddress()}
		s.Rules[link.Rule{Priority: rulePriority, Mark: replyMark, Table: replyTable}] = struct{}{}
	}
	v6 := false
	for _, t := range v.RouteTables {
		table := tableBase + int(t.Number)
		for _, r := range t.Routes {
			s.Routes[link.RouteKey{Table: table, Prefix: r.Destination.Masked()}] = hop(s, v, r)
			rule := link.Rule{Priority: rulePriority, V6: r.Destination.Addr().Is6(), Mark: t.Number, Table: table}
			s.Rules[rule] = struct{}{}
			v6 = v6 || rule.V6
		}
	}
	if v6 {
		s.Rules[link.Rule{Priority: ruleEnd6, V6: true}] = struct{}{}
	} else {
		s.Routes[link.RouteKey{Prefix: netip.PrefixFrom(netip.IPv6Unspecified(), 0), Metric: lastMetric}] = link.Hop{}
	}
}

// ownSockets are the routes of what the router itself sends and gets.
func ownSockets(s link.State, v *spec.VPC) {
	if v.Visitor.IsValid() {
		// Guests' packets to an endpoint are rewritten before they are routed, the
		// router's own only after.
		for _, e := range v.Endpoints {
			if e.Address.Is4() && v.Visitor.Is4() {
				s.Routes[link.RouteKey{Prefix: host(e.Address)}] = link.Hop{Link: spec.FabricLink, Via: spec.FabricRouter()}
			}
		}
	}
	if !v.Transparent {
		return
	}
	for _, all := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		s.Routes[link.RouteKey{Table: localTable, Prefix: netip.PrefixFrom(all, 0)}] = link.Hop{Link: "lo", Local: true}
		s.Rules[link.Rule{Priority: localPriority, V6: all.Is6(), Mark: localMark, Table: localTable}] = struct{}{}
	}
}

// hop is where a route leads; nowhere, if what it leads to is not there.
func hop(s link.State, v *spec.VPC, r spec.Route) link.Hop {
	v4 := r.Destination.Addr().Is4()
	switch r.Kind {
	case spec.RouteInternet:
		if v.Internet != nil && v4 {
			return link.Hop{Link: spec.InternetLink, Via: InternetAddress()}
		}
	case spec.RouteNAT:
		if v.Internet != nil && v4 && r.Source.IsValid() {
			// The gateway's own address is the next hop: that tells several apart.
			s.Neighbours[link.Neighbour{Link: spec.InternetLink, Addr: r.Source}] = internetMAC
			return link.Hop{Link: spec.InternetLink, Via: r.Source}
		}
	case spec.RouteInterface:
		for _, i := range v.Interfaces {
			if i.Name == r.Interface {
				return link.Hop{Link: r.Interface, Via: r.Via}
			}
		}
	case spec.RouteBlackhole:
	}
	return link.Hop{}
}

// guestState is what a guest has for one of its interfaces: its addresses, and
// routes that lead everything to the router.
func guestState(i spec.Interface) link.State {
	s := link.NewState()
	number, _ := strconv.Atoi(strings.TrimLeft(i.GuestName, "abcdefghijklmnopqrstuvwxyz"))
	seen := map[bool]bool{}
	for _, a := range i.Addresses {
		// Only the first has the subnet's length: it is the source of what the
		// guest sends, and none goes with another.
		if seen[a.Addr().Is6()] {
			a = host(a.Addr())
		}
		seen[a.Addr().Is6()] = true
		s.Addresses[link.Address{Link: i.GuestName, Prefix: a}] = struct{}{}
	}
	for _, g := range i.Gateways {
		all := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if g.Is6() {
			all = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		via := link.Hop{Link: i.GuestName, Via: g}
		s.Neighbours[link.Neighbour{Link: i.GuestName, Addr: g}] = routerMAC
		s.Routes[link.RouteKey{Prefix: all, Metric: 512 + number}] = via
		// With several interfaces, answers leave by the one that was asked.
		s.Routes[link.RouteKey{Table: tableBase + number, Prefix: all}] = via
	}
	for _, a := range i.Addresses {
		s.Rules[link.Rule{Priority: 10000 + number, V6: a.Addr().Is6(), Source: host(a.Addr()), Table: tableBase + number}] = struct{}{}
	}
	return s
}
