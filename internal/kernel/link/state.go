package link

import (
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// protocol marks routes and rules as ours, so that those that the kernel makes
// by itself are left alone.
const protocol = 99

// State is what a namespace has beside its links, or should have.
type State struct {
	Addresses  map[Address]struct{}
	Routes     map[RouteKey]Hop
	Neighbours map[Neighbour]string // to the MAC
	Rules      map[Rule]struct{}
}

// NewState returns an empty state.
func NewState() State {
	return State{
		Addresses:  map[Address]struct{}{},
		Routes:     map[RouteKey]Hop{},
		Neighbours: map[Neighbour]string{},
		Rules:      map[Rule]struct{}{},
	}
}

// Address is an address of a link. It makes no route.
type Address struct {
	Link   string
	Prefix netip.Prefix
}

// RouteKey is what a route is known by. Table 0 is the main one.
type RouteKey struct {
	Table  int
	Prefix netip.Prefix
	Metric int
}

// Hop is where a route leads: nowhere (packets vanish without a word) without a
// Link; otherwise to the link, by Via if that is set, or to the sockets of the
// namespace itself, which the link then stands for.
type Hop struct {
	Link  string
	Via   netip.Addr
	Local bool
}

// Neighbour is a permanent neighbour.
type Neighbour struct {
	Link string
	Addr netip.Addr
}

// Rule chooses a table by mark or source; with Table 0 packets vanish.
type Rule struct {
	Priority int
	V6       bool
	Mark     uint32
	Source   netip.Prefix
	Table    int
}

// Forget drops what went with a link that was deleted.
func (s State) Forget(link string) {
	for a := range s.Addresses {
		if a.Link == link {
			delete(s.Addresses, a)
		}
	}
	for k, h := range s.Routes {
		if h.Link == link {
			delete(s.Routes, k)
		}
	}
	for n := range s.Neighbours {
		if n.Link == link {
			delete(s.Neighbours, n)
		}
	}
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func prefix(n *net.IPNet, family int) netip.Prefix {
	if n == nil {
		if family == unix.AF_INET6 {
			return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	a, _ := netip.AddrFromSlice(n.IP)
	bits, size := n.Mask.Size()
	if size == 32 {
		a = a.Unmap()
	}
	return netip.PrefixFrom(a, bits)
}

func addrOf(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

func familyOf(v6 bool) int {
	if v6 {
		return netlink.FAMILY_V6
	}
	return netlink.FAMILY_V4
}

// Only leaves of an observed state what belongs to one link: its addresses,
// routes and neighbours, and the rules of the tables that want names.
func (s State) Only(link string, want State) {
	for a := range s.Addresses {
		if a.Link != link {
			delete(s.Addresses, a)
		}
	}
	for k, h := range s.Routes {
		if h.Link != link {
			delete(s.Routes, k)
		}
	}
	for n := range s.Neighbours {
		if n.Link != link {
			delete(s.Neighbours, n)
		}
	}
	tables := map[int]bool{}
	for r := range want.Rules {
		tables[r.Table] = true
	}
	for r := range s.Rules {
		if !tables[r.Table] {
			delete(s.Rules, r)
		}
	}
}
