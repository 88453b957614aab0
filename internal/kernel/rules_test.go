package kernel

import (
	"bytes"
	"flag"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/nftables"

	"github.com/musubi-net/musubi/internal/kernel/netns"
	"github.com/musubi-net/musubi/internal/kernel/nft"
	"github.com/musubi-net/musubi/internal/spec"
	"github.com/musubi-net/musubi/test/lab"
)

var update = flag.Bool("update", false, "rewrite the expected dumps")

// TestRulesDump compares a whole table with its expected text.
func TestRulesDump(t *testing.T) {
	ip, p := netip.MustParseAddr, netip.MustParsePrefix
	v := probeVPC()
	v.CIDRs = []netip.Prefix{p("10.0.0.0/16"), p("2001:db8::/56")}
	v.Metadata = []netip.Addr{ip("169.254.169.254")}
	v.Interfaces = []spec.Interface{
		{Name: "e1", GroupIDs: []string{"sg", "sg-web"}, RouteTable: 1, CheckSource: true, Addresses: []netip.Prefix{p("10.0.1.10/24"), p("2001:db8::10/64")}},
		{Name: "e2", GroupIDs: []string{"sg-web", "sg-unknown"}},
	}
	v.Groups = append(v.Groups, spec.Group{
		ID:      "sg-web",
		Ingress: []spec.Rule{{Protocol: 6, From: 80, To: 80, Peer: p("::/0")}, {Protocol: 58, From: 0, To: 65535, Peer: p("::/0")}},
		Egress:  []spec.Rule{{Protocol: anyProtocol, To: 65535, Peer: p("0.0.0.0/0")}},
	})
	v.Endpoints = append(v.Endpoints, spec.Endpoint{Address: ip("2001:db8::50"), GroupIDs: []string{"sg-web"}})
	v.Endpoints[0].GuardIDs = []string{"sg-web"}
	v.Groups[0].Balanced = []spec.Rule{{Protocol: 6, From: 1, To: 2, Peer: p("10.0.0.1/32")}}
	v.Guards = []spec.Guard{
		{Address: ip("10.0.0.1"), GroupIDs: []string{"sg-web"}}, {Address: ip("198.18.0.9"), GroupIDs: []string{"sg-web"}},
		{Address: spec.EndpointVIP(7), GroupIDs: []string{"sg-web"}, Checked: true},
	}
	v.Listeners[0].IdleSeconds = 60
	v.Listeners = append(v.Listeners,
		spec.Listener{Address: spec.EndpointVIP(7), Protocol: 17, Port: 53, Targets: "tg", KeepClient: true, IdleSeconds: 120},
		spec.Listener{Address: ip("198.18.0.9"), Protocol: 6, Port: 80, Targets: "arn:aws:none", KeepClient: true})
	v.Listeners = append(v.Listeners,
		spec.Listener{Address: spec.EndpointVIP(7), Protocol: 6, Port: 443, Targets: "own", Local: true},
		spec.Listener{Address: ip("10.0.0.1"), Protocol: 6, Port: 81, Targets: "tg", Sticky: true})
	v.TargetSets[0].Targets = []netip.AddrPort{netip.MustParseAddrPort("10.0.1.10:80")}
	v.TargetSets = append(v.TargetSets, spec.TargetSet{Name: "own", Targets: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:443")}})
	got := compileRules(v, newRuleCache()).Dump() + idleRules(v).Dump()
	// A slot map has too many lines to read.
	got = regexp.MustCompile(`(?m)^  \d{2,} : .*\n`).ReplaceAllString(got, "")
	const file = "testdata/rules.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the rules differ from %s (run with -update if that is meant):\n%s", file, got)
	}
}

// tableNS is a namespace with nothing but a table.
func tableNS(t *testing.T) (*netns.NS, *nft.Conn) {
	t.Helper()
	dir, err := netns.OpenDir(lab.Dir(t))
	if err != nil {
		t.Fatal(err)
	}
	ns, err := dir.Create("table")
	if err != nil {
		t.Fatal(err)
	}
	c, err := nft.Open(ns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		_ = ns.Close()
		if err := dir.Remove("table"); err != nil {
			t.Error(err)
		}
	})
	return ns, c
}

// sameElements reads the table back, with another library, and compares.
func sameElements(t *testing.T, ns *netns.NS, want *nft.Table) {
	t.Helper()
	c, err := nftables.New(nftables.WithNetNSFd(ns.FD()))
	if err != nil {
		t.Fatal(err)
	}
	table := &nftables.Table{Name: want.Name, Family: nftables.TableFamilyINet}
	tables, err := c.ListTables()
	if err != nil || len(tables) != 1 {
		t.Fatalf("tables: %v %v", tables, err)
	}
	table.Name = tables[0].Name
	if strings.TrimRight(table.Name, "01") != want.Name {
		t.Errorf("table %s", table.Name)
	}
	sets, err := c.GetSets(table)
	if err != nil {
		t.Fatal(err)
	}
	if len(sets) != len(want.Sets) {
		t.Errorf("%d sets, want %d", len(sets), len(want.Sets))
	}
	for _, s := range sets {
		list, err := c.GetSetElements(s)
		if err != nil {
			t.Fatal(err)
		}
		w := want.Sets[s.Name]
		if w == nil || w.Len() != len(list) {
			t.Errorf("set %s has %d elements, want %v", s.Name, len(list), w)
			continue
		}
		for _, e := range list {
			if !w.Holds(e.Key, e.KeyEnd) {
				t.Errorf("set %s has %x-%x", s.Name, e.Key, e.KeyEnd)
			}
		}
	}
	chains, err := c.ListChainsOfTableFamily(nftables.TableFamilyINet)
	if err != nil {
		t.Fatal(err)
	}
	if len(chains) != len(want.Chains) {
		t.Errorf("%d chains, want %d", len(chains), len(want.Chains))
	}
	for _, ch := range chains {
		rules, err := c.GetRules(table, ch)
		if err != nil {
			continue // an expression that the library cannot read
		}
		w := want.Chains[ch.Name]
		if w == nil {
			t.Errorf("chain %s", ch.Name)
			continue
		}
		n := len(w.Rules)
		if w.Hook != nil && w.Hook.Drop {
			n++ // the drop at the end
		}
		if n != len(rules) {
			t.Errorf("chain %s has %d rules, want %d", ch.Name, len(rules), n)
		}
	}
}

// TestRulesChange takes a table through random states and reads each back.
func TestRulesChange(t *testing.T) {
	ns, c := tableNS(t)
	r := rand.New(rand.NewPCG(3, 4))
	cache := newRuleCache()
	var have *nft.Table
	for round := range 40 {
		v := probeVPC()
		for i := range r.IntN(4) {
			id := string(rune('a' + i))
			v.Groups = append(v.Groups, spec.Group{ID: id, Ingress: randomRules(r, r.IntN(30)), Egress: randomRules(r, r.IntN(3))})
			v.Interfaces = append(v.Interfaces, spec.Interface{Name: "e" + id, GroupIDs: []string{id, "sg"}[:1+r.IntN(2)]})
		}
		v.Endpoints[0].Open = r.IntN(2) == 0
		v.TargetSets[0].Targets = append(v.TargetSets[0].Targets, make([]netip.AddrPort, r.IntN(3))...)
		for i := range v.TargetSets[0].Targets {
			v.TargetSets[0].Targets[i] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(9))}), 80)
		}
		if r.IntN(3) == 0 {
			v.Internet, v.TargetSets[0].Targets = nil, nil
		}
		want := compileRules(v, cache)
		var err error
		if have == nil || r.IntN(10) == 0 {
			err = c.Replace(want)
		} else {
			err = c.Apply(have, want)
		}
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		have = want
		sameElements(t, ns, want)
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
}

// TestManyListeners sends more than a socket takes at once.
func TestManyListeners(t *testing.T) {
	ns, c := tableNS(t)
	v := probeVPC()
	for i := range 60 {
		name := "tg" + string(rune('A'+i))
		a := netip.AddrFrom4([4]byte{10, 0, 2, byte(i)})
		v.Listeners = append(v.Listeners, spec.Listener{Address: a, Protocol: 6, Port: 80, Targets: name})
		v.TargetSets = append(v.TargetSets, spec.TargetSet{Name: name, Targets: []netip.AddrPort{netip.AddrPortFrom(a, 80)}})
	}
	c.Limit(100 << 10)
	want := compileRules(v, newRuleCache())
	if err := c.Replace(want); err != nil {
		t.Fatal(err)
	}
	sameElements(t, ns, want)
	more := *v
	more.TargetSets = slices.Clone(v.TargetSets)
	for i := range more.TargetSets {
		more.TargetSets[i].Targets = []netip.AddrPort{netip.MustParseAddrPort("10.0.3.1:80")}
	}
	changed := compileRules(&more, newRuleCache())
	if err := c.Apply(want, changed); err != nil {
		t.Fatal(err)
	}
	sameElements(t, ns, changed)
	if err := c.Apply(changed, nft.New(want.Name)); err != nil {
		t.Fatal(err)
	}
	sameElements(t, ns, nft.New(want.Name))
}

// TestCompileIsStable compiles twice.
func TestCompileIsStable(t *testing.T) {
	a, b := compileRules(probeVPC(), newRuleCache()), compileRules(probeVPC(), newRuleCache())
	if !bytes.Equal([]byte(a.Dump()), []byte(b.Dump())) {
		t.Error("two compilations differ")
	}
	if names := slices.Sorted(maps.Keys(a.Chains)); len(names) < 10 {
		t.Errorf("chains: %v", names)
	}
}
