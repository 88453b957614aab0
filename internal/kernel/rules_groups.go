package kernel

import (
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/kernel/nft"
	"github.com/musubi-net/musubi/internal/spec"
)

// groups makes the chains of the security groups, and maps each interface and
// endpoint to a chain that asks all of its groups. Those with the same groups
// share it.
func (c *rules) groups() {
	for _, g := range c.vpc.Groups {
		c.known[g.ID] = true
		c.group(groupChain("in", g.ID), g.Ingress, g.Balanced, nft.SAddr, nft.Accept)
		c.group(groupChain("out", g.ID), g.Egress, nil, nft.DAddr, nft.Goto("allowed"))
	}
	ingress := c.verdicts("ingress", nft.IfName)
	egress := c.verdicts("egress", nft.IfName)
	for _, i := range c.vpc.Interfaces {
		ingress.Add(nft.Element{Key: nft.Name(i.Name), Verdict: c.all("in", i.GroupIDs)})
		egress.Add(nft.Element{Key: nft.Name(i.Name), Verdict: c.all("out", i.GroupIDs)})
	}
	for _, e := range c.vpc.Endpoints {
		v6 := e.Address.Is6()
		verdict := nft.Drop
		if e.Open {
			verdict = c.all("in", e.GroupIDs)
		}
		c.verdicts("endpoints"+suffix(v6), nft.IP(v6)).Add(nft.Element{Key: e.Address.AsSlice(), Verdict: verdict})
	}
	for _, v6 := range []bool{false, true} {
		if set := "endpoints" + suffix(v6); c.Has(set) {
			c.Chain("allowed", nft.R(nft.Family(v6), nft.VMap(set, nft.DAddr(v6))))
		}
	}
	c.Chain("allowed", nft.R(nft.Do(nft.Accept)))
}

func (c *rules) verdicts(name string, key ...nft.Datatype) *nft.Set {
	return c.Set(name, nft.Set{Key: key, Verdicts: true})
}

// all goes to the chain that asks several groups and drops what none allows.
// Groups that do not exist allow nothing.
func (c *rules) all(direction string, ids []string) nft.Verdict {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !c.known[id] })
	name := direction + "_" + identifier(strings.Join(ids, "."))
	if len(ids) == 0 {
		name = direction + "_none"
	}
	if c.Chains[name] == nil {
		for _, id := range ids {
			c.Chain(name, nft.R(nft.Do(nft.Jump(groupChain(direction, id)))))
		}
		c.Chain(name, nft.R(nft.Do(nft.Drop)))
	}
	return nft.Goto(name)
}

func groupChain(direction, id string) string { return "group_" + direction + "_" + identifier(id) }

// groupRules is what was made of one direction of a group.
type groupRules struct {
	rules, balanced []spec.Rule
	*nft.Table
}

// group adds the chain of one direction of a group.
func (c *rules) group(chain string, list, balanced []spec.Rule, peer func(v6 bool) nft.Field, then nft.Verdict) {
	g, ok := c.old.groups[chain]
	if !ok || !slices.Equal(g.rules, list) || !slices.Equal(g.balanced, balanced) {
		g = groupRules{slices.Clone(list), slices.Clone(balanced), nft.New(tableName)}
		g.compile(chain, peer, then)
	}
	c.cache.groups[chain] = g
	maps.Copy(c.Chains, g.Chains)
	maps.Copy(c.Sets, g.Sets)
	if len(balanced) > 0 {
		c.addrMap("node_sources", false)
		c.addrMap("node_sources", true)
		c.markMap("proxied", false)
		c.markMap("proxied", true)
	}
}

// compile makes the chain: a look-up of the peer, then of protocol, port and
// peer. What matches gets the verdict.
func (c *groupRules) compile(chain string, peer func(v6 bool) nft.Field, then nft.Verdict) {
	c.Chain(chain)
	for _, v6 := range []bool{false, true} {
		c.lookUp(chain, chain, c.rules, v6, peer(v6), then)
		// The peer of a connection that a load balancer passed on is its node too.
		node := nft.Mapped(nft.OriginalDAddr(v6), "node_sources"+suffix(v6))
		c.lookUp(chain, chain+"_balanced", c.balanced, v6, node, then, nft.Marked(markKept))
		node = nft.MappedTo(nft.ConnectionMark(), "proxied"+suffix(v6), nft.SAddr(v6))
		c.lookUp(chain, chain+"_balanced", c.balanced, v6, node, then, nft.Marked(markProxied))
	}
}

// lookUp adds the sets of rules of one family, and their look-up.
func (c *groupRules) lookUp(chain, name string, list []spec.Rule, v6 bool, peer nft.Field, then nft.Verdict, only ...nft.Part) {
	open, boxes := disjoint(slices.DeleteFunc(slices.Clone(list), func(r spec.Rule) bool { return r.Peer.Addr().Is6() != v6 }))
	anySet, set := name+"_any"+suffix(v6), name+"_"+suffix(v6)
	only = append([]nft.Part{nft.Family(v6)}, only...)
	rule := func(parts ...nft.Part) {
		c.Chain(chain, nft.R(append(append(slices.Clone(only), parts...), nft.Do(then))...))
	}
	for _, p := range open {
		c.Set(anySet, nft.Set{Key: []nft.Datatype{nft.Proto, nft.IP(v6)}, Interval: true}).Add(nft.Element{
			Key: nft.Key([]byte{0}, p.Addr().AsSlice()),
			End: nft.Key([]byte{255}, nft.Last(p)),
		})
	}
	icmp := byte(unix.IPPROTO_ICMP)
	if v6 {
		icmp = unix.IPPROTO_ICMPV6
	}
	messages, ports := false, false
	for _, b := range boxes {
		messages = messages || b.protocol == icmp
		ports = ports || b.protocol != icmp
		c.Set(set, nft.Set{Key: []nft.Datatype{nft.Proto, nft.Service, nft.IP(v6)}, Interval: true}).Add(nft.Element{
			Key: nft.Key([]byte{b.protocol}, nft.U16(b.from), b.peer.Addr().AsSlice()),
			End: nft.Key([]byte{b.protocol}, nft.U16(b.to), nft.Last(b.peer)),
		})
	}
	if len(open) > 0 {
		rule(nft.In(anySet, nft.L4(), peer))
	}
	// What stands for the port of an ICMP message is elsewhere in the packet.
	if ports {
		rule(nft.Not(nft.L4(), []byte{icmp}, "icmp"), nft.In(set, nft.L4(), nft.DPort(), peer))
	}
	if messages {
		rule(nft.Protocol(icmp), nft.In(set, nft.L4(), nft.ICMPKey(), peer))
	}
}
