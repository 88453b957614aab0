package kernel

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/kernel/nft"
	"github.com/musubi-net/musubi/internal/spec"
)

// tableName is the nftables table of a VPC's namespace, idleName the one of its
// idle timeouts.
const (
	tableName = "musubi"
	idleName  = "musubi_idle"
)

// Bits of a connection's mark.
const (
	markNode     = 1 // the source becomes the load balancer node's
	markInternet = 2 // it came from the internet and answers go back there
	markKept     = 4 // a load balancer passed it on with the client's address
	markProxied  = 8 // user space did so; the mark names the node (proxyMark)
)

// Packets' marks beside the numbers of route tables: replyMark chooses the table
// of answers to the internet, localMark the one of answers to sockets that have
// borrowed a client's address.
const (
	replyMark = 0xffffffff
	localMark = 0xfffffffe
)

// rules compiles a VPC to its nftables.
type rules struct {
	*nft.Table
	vpc *spec.VPC
	// known are the groups that exist.
	known map[string]bool
	// old is what the last compilation kept, cache what this one does.
	old, cache *ruleCache
}

// ruleCache keeps the large parts of a table from one compilation to the next:
// what did not change is the same object, which also spares comparing it.
type ruleCache struct {
	slots  map[string]slotMap
	groups map[string]groupRules
}

func newRuleCache() *ruleCache {
	return &ruleCache{slots: map[string]slotMap{}, groups: map[string]groupRules{}}
}

// compileRules makes the table of a VPC. The cache is of the same VPC.
func compileRules(v *spec.VPC, cache *ruleCache) *nft.Table {
	old := *cache
	*cache = *newRuleCache()
	c := &rules{Table: nft.New(tableName), vpc: v, known: map[string]bool{}, old: &old, cache: cache}
	c.groups()
	c.guards()
	c.mark()
	c.admit()
	c.translate()
	c.forward()
	c.input()
	c.source()
	c.deliver()
	c.begun()
	c.proxied()
	return c.Table
}

// mark gives packets the number of their subnet's route table.
func (c *rules) mark() {
	marks := false
	routed := map[uint32]bool{}
	for _, t := range c.vpc.RouteTables {
		routed[t.Number] = len(t.Routes) > 0
	}
	for _, g := range c.vpc.Gateways {
		routed[g.RouteTable] = true
	}
	for _, i := range c.vpc.Interfaces {
		if routed[i.RouteTable] {
			marks = true
			c.ifMap("route_marks", nft.Mark).Add(nft.Element{Key: nft.Name(i.Name), Data: nft.U32(i.RouteTable)})
		}
	}
	if !marks && c.vpc.Internet == nil && !c.vpc.Transparent {
		return
	}
	c.Base("mark", nft.Hook{Type: "filter", Point: nft.Prerouting, Priority: -150})
	if c.vpc.Transparent {
		// What answers to a client's address is for the socket that borrowed it.
		c.Chain("mark", nft.R(nft.Reply(), nft.Marked(markProxied), nft.MarkPacket(localMark), nft.Do(nft.Accept)))
	}
	if c.vpc.Internet != nil {
		// A target in a private subnet answers clients on the internet all the same.
		c.Chain("mark", nft.R(nft.Reply(), nft.Marked(markInternet), nft.MarkPacket(replyMark), nft.Do(nft.Accept)))
	}
	if marks {
		c.Chain("mark", nft.R(nft.SetMark("route_marks", nft.IIF())))
	}
}

func (c *rules) ifMap(name string, data ...nft.Datatype) *nft.Set {
	return c.Set(name, nft.Set{Key: []nft.Datatype{nft.IfName}, Data: data})
}

// admit decides on what comes in, before anything is rewritten.
func (c *rules) admit() {
	c.Base("admit", nft.Hook{Type: "filter", Point: nft.Prerouting, Priority: -110, Drop: true})
	if c.hasV6() {
		c.sourceCheck6()
		c.Chain("admit", nft.R(nft.Family(true), nft.Do(nft.Jump("source6"))))
	}
	fabric := func(v6 bool) netip.Prefix {
		if v6 {
			return spec.FabricPrefix6
		}
		return spec.FabricPrefix
	}
	c.Chain("admit",
		nft.R(nft.Established(), nft.Do(nft.Accept)),
		// A connection that was ended, or forgotten, ends for both sides at once.
		nft.R(nft.Invalid(), nft.Protocol(unix.IPPROTO_TCP), nft.Reset()),
		nft.R(nft.Invalid(), nft.Do(nft.Drop)),
	)
	for _, v6 := range []bool{false, true} {
		c.Chain("admit", nft.R(nft.From(spec.FabricLink), nft.Family(v6), nft.Within(nft.DAddr(v6), fabric(v6)), nft.Do(nft.Accept)))
	}
	c.Chain("admit",
		nft.R(nft.From(spec.FabricLink), nft.Do(nft.Drop)),
		nft.R(nft.From("lo"), nft.Do(nft.Accept)),
	)
	for _, v6 := range []bool{false, true} {
		c.Chain("admit",
			nft.R(nft.Family(v6), nft.Within(nft.DAddr(v6), fabric(v6)), nft.Do(nft.Drop)),
			nft.R(nft.Family(v6), nft.Within(nft.SAddr(v6), fabric(v6)), nft.Do(nft.Drop)),
		)
	}
	if c.vpc.Internet != nil {
		c.Chain("admit", nft.R(nft.From(spec.InternetLink), nft.Do(nft.Accept)))
	}
	c.Chain("admit", nft.R(nft.NeighbourDiscovery(), nft.Do(nft.Accept)))
	for _, v6 := range []bool{false, true} {
		if set := c.services(v6); set != "" {
			c.Chain("admit", nft.R(nft.Family(v6), nft.In(set, nft.DAddr(v6), nft.L4(), nft.DPort()), nft.Do(nft.Accept)))
		}
	}
	c.Chain("admit", nft.R(nft.VMap("egress", nft.IIF())))
}

func (c *rules) hasV6() bool {
	for _, p := range c.vpc.CIDRs {
		if p.Addr().Is6() {
			return true
		}
	}
	return false
}

// sourceCheck6 does for IPv6 what the kernel's reverse path filter does for
// IPv4. Like that, it must see every packet.
func (c *rules) sourceCheck6() {
	own := c.Set("sources6", nft.Set{Key: []nft.Datatype{nft.IfName, nft.IPv6}})
	c.Chain("source6",
		nft.R(nft.From(spec.FabricLink), nft.Do(nft.Return)),
		nft.R(nft.From("lo"), nft.Do(nft.Return)),
		nft.R(nft.In("sources6", nft.IIF(), nft.SAddr(true)), nft.Do(nft.Return)),
		nft.R(nft.NeighbourDiscovery(), nft.Do(nft.Return)),
	)
	unchecked := c.Set("unchecked", nft.Set{Key: []nft.Datatype{nft.IfName}})
	c.Chain("source6", nft.R(nft.In("unchecked", nft.IIF()), nft.Do(nft.Return)), nft.R(nft.Do(nft.Drop)))
	for _, i := range c.vpc.Interfaces {
		if !i.CheckSource {
			unchecked.Add(nft.Element{Key: nft.Name(i.Name)})
			continue
		}
		for _, a := range i.Addresses {
			if a.Addr().Is6() {
				own.Add(nft.Element{Key: nft.Key(nft.Name(i.Name), a.Addr().AsSlice())})
			}
		}
	}
}

// services makes the set of the resolver's and the metadata service's sockets,
// which no security group filters, and returns its name; none if it is empty.
func (c *rules) services(v6 bool) string {
	name := "services" + suffix(v6)
	add := func(a netip.Addr, proto byte, port uint16) {
		if a.Is6() == v6 {
			c.Set(name, nft.Set{Key: []nft.Datatype{nft.IP(v6), nft.Proto, nft.Service}}).
				Add(nft.Element{Key: nft.Key(a.AsSlice(), []byte{proto}, nft.U16(port))})
		}
	}
	for _, a := range c.vpc.Resolver {
		add(a, unix.IPPROTO_UDP, 53)
		add(a, unix.IPPROTO_TCP, 53)
	}
	for _, a := range c.vpc.Metadata {
		add(a, unix.IPPROTO_TCP, 80)
	}
	if !c.Has(name) {
		return ""
	}
	return name
}

// forward says what may go between which links.
func (c *rules) forward() {
	c.Base("forward", nft.Hook{Type: "filter", Point: nft.Forward, Priority: 0, Drop: true})
	c.Chain("forward",
		// Nearly all packets end here, and none that clamp is for.
		nft.R(nft.Assured(), nft.Do(nft.Accept)),
		nft.R(nft.TCPFlag(nft.SYN, "syn"), nft.Do(nft.Jump("clamp"))),
		nft.R(nft.Established(), nft.Do(nft.Accept)),
		// An address on the fabric without a listener would come back for ever.
		nft.R(nft.From(spec.FabricLink), nft.To(spec.FabricLink), nft.Do(nft.Drop)),
		nft.R(nft.From(spec.FabricLink), nft.Translated(), nft.Do(nft.Accept)),
		nft.R(nft.From(spec.FabricLink), nft.Do(nft.Drop)),
		nft.R(nft.To(spec.FabricLink), nft.Translated(), nft.Do(nft.Accept)),
		nft.R(nft.To(spec.FabricLink), nft.Do(nft.Drop)),
	)
	c.Chain("clamp", nft.R(nft.To(spec.FabricLink), nft.ClampMSS()))
	if c.vpc.Internet != nil {
		c.Chain("clamp", nft.R(nft.To(spec.InternetLink), nft.ClampMSS()))
		c.Chain("forward",
			nft.R(nft.From(spec.InternetLink), nft.Translated(), nft.Do(nft.Accept)),
			nft.R(nft.From(spec.InternetLink), nft.Do(nft.Drop)),
			nft.R(nft.To(spec.InternetLink), nft.Family(false), nft.InMap("nat_gateways", nft.NextHop()), nft.Do(nft.Accept)),
			nft.R(nft.To(spec.InternetLink), nft.Family(false), nft.InMap("public_sources", nft.SAddr(false)), nft.Do(nft.Accept)),
			nft.R(nft.To(spec.InternetLink), nft.Do(nft.Drop)),
		)
	}
	c.Chain("forward", nft.R(nft.Do(nft.Accept)))
}

// deliver decides on what a guest gets, after everything is rewritten.
func (c *rules) deliver() {
	c.Base("deliver", nft.Hook{Type: "filter", Point: nft.Postrouting, Priority: 110, Drop: true})
	c.Chain("deliver",
		nft.R(nft.Established(), nft.Do(nft.Accept)),
		nft.R(nft.To(spec.FabricLink), nft.Do(nft.Accept)),
		nft.R(nft.To(spec.InternetLink), nft.Do(nft.Accept)),
		nft.R(nft.To("lo"), nft.Do(nft.Accept)),
		nft.R(nft.NeighbourDiscovery(), nft.Do(nft.Accept)),
		// Only the router's own resets are invalid here; forwarded ones ended above.
		nft.R(nft.Invalid(), nft.TCPFlag(nft.RST, "rst"), nft.Do(nft.Accept)),
		nft.R(nft.VMap("ingress", nft.OIF())),
	)
}

func suffix(v6 bool) string {
	if v6 {
		return "6"
	}
	return "4"
}
