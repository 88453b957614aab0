package kernel

import (
	"errors"
	"net/netip"
	"strconv"
	"sync"

	"github.com/musubi-net/musubi/internal/kernel/link"
	"github.com/musubi-net/musubi/internal/kernel/netns"
	"github.com/musubi-net/musubi/internal/spec"
)

// hub is a namespace that VPCs have links to: the fabric or the internet. It
// routes by address alone; without a rule, connections are not even tracked.
type hub struct {
	ns      *netns.NS
	conn    *link.Conn
	compile func(h *hub) link.State

	mu     sync.Mutex
	closed bool
	ends   map[string]string // its links, to the ids of their VPCs
	routes []hubRoute
	local  []netip.Addr // addresses at which it answers itself
	// listened are addresses that somebody listens on.
	listened map[netip.Addr]bool
	out      bool        // marked packets go to sockets of the hub, whatever their address
	have     *link.State // nil if unknown
	desired  bool        // routes have been applied
}

// hubRoute leads an address to a VPC, by its link's name or by its id.
type hubRoute struct {
	address netip.Addr
	link    string
	vpc     string
}

func openHub(dir netns.Dir, name string, compile func(h *hub) link.State) (*hub, error) {
	ns, _, err := dir.Ensure(name)
	if err != nil {
		return nil, err
	}
	h := &hub{ns: ns, compile: compile, ends: map[string]string{}, listened: map[netip.Addr]bool{}}
	if h.conn, err = link.Open(ns); err != nil {
		return nil, errors.Join(err, ns.Close())
	}
	links, err := h.conn.Links()
	if err == nil {
		err = errors.Join(ns.Set(routerSettings(false)...), h.conn.Up("lo"))
	}
	if err != nil {
		h.close()
		return nil, err
	}
	for name, l := range links {
		// One that is not up is half made: its VPC makes it anew.
		if l.Up {
			h.ends[name] = l.Alias
		}
	}
	return h, nil
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	h.conn.Close()
	_ = h.ns.Close()
}

// apply sets the routes, and the addresses at which the hub itself answers.
func (h *hub) apply(routes []hubRoute, local ...netip.Addr) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.routes, h.local, h.desired = routes, local, true
	return h.sync()
}

// added says that a VPC has a link now.
func (h *hub) added(name, vpc string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conn.Gone(name)
	h.ends[name] = vpc
	return h.sync()
}

// removed says that a VPC's link is gone, and its routes with it.
func (h *hub) removed(vpc string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, of := range h.ends {
		if of != vpc {
			continue
		}
		h.conn.Gone(name)
		delete(h.ends, name)
		if h.have != nil {
			h.have.Forget(name)
		}
	}
}

// own makes an address one of the hub's.
func (h *hub) own(a netip.Addr) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listened[a] {
		return nil
	}
	h.listened[a] = true
	return h.sync()
}

// lead makes packets that are marked arrive at the hub's own sockets.
func (h *hub) lead() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.out = true
	return h.sync()
}

// sync brings the namespace to what is desired.
func (h *hub) sync() error {
	if h.closed {
		return errClosed
	}
	if h.have == nil {
		s, err := h.conn.Observe()
		if err != nil {
			return err
		}
		h.have = &s
	}
	want := h.compile(h)
	if !h.desired {
		// Until the routes are known, those that are there stay.
		for k, hop := range h.have.Routes {
			if _, ok := want.Routes[k]; !ok {
				want.Routes[k] = hop
			}
		}
		for a := range h.have.Addresses {
			want.Addresses[a] = struct{}{}
		}
	}
	if err := h.conn.Apply(*h.have, want); err != nil {
		h.have = nil
		return err
	}
	return nil
}

// number is the VPC's number in the name of a hub's link.
func number(name string) uint32 {
	n, _ := strconv.ParseUint(name[1:], 16, 32)
	return uint32(n)
}

// blackholes makes packets to nowhere vanish.
func blackholes(s link.State) {
	s.Routes[link.RouteKey{Prefix: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Metric: lastMetric}] = link.Hop{}
	s.Routes[link.RouteKey{Prefix: netip.PrefixFrom(netip.IPv6Unspecified(), 0), Metric: lastMetric}] = link.Hop{}
}

func fabricState(h *hub) link.State {
	s := link.NewState()
	blackholes(s)
	s.Addresses[link.Address{Link: "lo", Prefix: host(spec.FabricRouter())}] = struct{}{}
	for end := range h.ends {
		n := number(end)
		for _, a := range []netip.Addr{spec.RouterAddress(n), spec.RouterAddress6(n)} {
			s.Routes[link.RouteKey{Prefix: host(a)}] = link.Hop{Link: end}
			s.Neighbours[link.Neighbour{Link: end, Addr: a}] = fabVPCMAC
		}
	}
	for _, a := range h.local {
		s.Addresses[link.Address{Link: "lo", Prefix: host(a)}] = struct{}{}
	}
	for _, r := range h.routes {
		if h.ends[r.link] == "" {
			continue
		}
		via := spec.RouterAddress(number(r.link))
		if r.address.Is6() {
			via = spec.RouterAddress6(number(r.link))
		}
		s.Routes[link.RouteKey{Prefix: host(r.address)}] = link.Hop{Link: r.link, Via: via}
	}
	return s
}

func internetState(h *hub) link.State {
	s := link.NewState()
	blackholes(s)
	s.Addresses[link.Address{Link: "lo", Prefix: host(InternetAddress())}] = struct{}{}
	for a := range h.listened {
		s.Addresses[link.Address{Link: "lo", Prefix: host(a)}] = struct{}{}
	}
	if h.out {
		s.Routes[link.RouteKey{Table: localTable, Prefix: netip.PrefixFrom(netip.IPv4Unspecified(), 0)}] = link.Hop{Link: "lo", Local: true}
		s.Rules[link.Rule{Priority: localPriority, Mark: localMark, Table: localTable}] = struct{}{}
	}
	byVPC := map[string]string{}
	for end, vpc := range h.ends {
		byVPC[vpc] = end
		s.Neighbours[link.Neighbour{Link: end, Addr: spec.RouterAddress(number(end))}] = inetVPCMAC
	}
	for _, r := range h.routes {
		if end := byVPC[r.vpc]; end != "" {
			s.Routes[link.RouteKey{Prefix: host(r.address)}] = link.Hop{Link: end, Via: spec.RouterAddress(number(end))}
		}
	}
	return s
}
