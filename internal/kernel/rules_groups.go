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
	known := map[string]bool{}
	for _, g := range c.vpc.Groups {
		known[g.ID] = true
		c.group("in", g.ID, g.Ingress, nft.SAddr, nft.Accept)
		c.group("out", g.ID, g.Egress, nft.DAddr, nft.Goto("allowed"))
	}
	ingress := c.verdicts("ingress", nft.IfName)
	egress := c.verdicts("egress", nft.IfName)
	for _, i := range c.vpc.Interfaces {
		ids := slices.DeleteFunc(slices.Clone(i.GroupIDs), func(id string) bool { return !known[id] })
		ingress.Add(nft.Element{Key: nft.Name(i.Name), Verdict: nft.Goto(c.all("in", ids))})
		egress.Add(nft.Element{Key: nft.Name(i.Name), Verdict: nft.Goto(c.all("out", ids))})
	}
	for _, e := range c.vpc.Endpoints {
		ids := slices.DeleteFunc(slices.Clone(e.GroupIDs), func(id string) bool { return !known[id] })
		v6 := e.Address.Is6()
		verdict := nft.Drop
		if e.Open {
			verdict = nft.Goto(c.all("in", ids))
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

// all returns the chain that asks several groups and drops what none allows.
func (c *rules) all(direction string, ids []string) string {
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
	return name
}

func groupChain(direction, id string) string { return "group_" + direction + "_" + identifier(id) }

// groupRules is what was made of one direction of a group.
type groupRules struct {
	rules []spec.Rule
	*nft.Table
}

// group adds the chain of one direction of a group.
func (c *rules) group(direction, id string, list []spec.Rule, peer func(v6 bool) nft.Field, then nft.Verdict) {
	chain := groupChain(direction, id)
	g, ok := c.old.groups[chain]
	if !ok || !slices.Equal(g.rules, list) {
		g = groupRules{slices.Clone(list), nft.New(tableName)}
		g.compile(chain, peer, then)
	}
	c.cache.groups[chain] = g
	maps.Copy(c.Chains, g.Chains)
	maps.Copy(c.Sets, g.Sets)
}

// compile makes the chain: a look-up of the peer, then of protocol, port and
// peer. What matches gets the verdict.
func (c *groupRules) compile(chain string, peer func(v6 bool) nft.Field, then nft.Verdict) {
	c.Chain(chain)
	for _, v6 := range []bool{false, true} {
		family := slices.DeleteFunc(slices.Clone(c.rules), func(r spec.Rule) bool { return r.Peer.Addr().Is6() != v6 })
		open, boxes := disjoint(family)
		anySet, set := chain+"_any"+suffix(v6), chain+"_"+suffix(v6)
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
			c.Chain(chain, nft.R(nft.Family(v6), nft.In(anySet, nft.L4(), peer(v6)), nft.Do(then)))
		}
		// What stands for the port of an ICMP message is elsewhere in the packet.
		if ports {
			c.Chain(chain, nft.R(nft.Family(v6), nft.Not(nft.L4(), []byte{icmp}, "icmp"), nft.In(set, nft.L4(), nft.DPort(), peer(v6)), nft.Do(then)))
		}
		if messages {
			c.Chain(chain, nft.R(nft.Family(v6), nft.Protocol(icmp), nft.In(set, nft.L4(), nft.ICMPKey(), peer(v6)), nft.Do(then)))
		}
	}
}
