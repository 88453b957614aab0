package kernel

import (
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"

	"github.com/musubi-net/musubi/internal/spec"
)

func TestDisjoint(t *testing.T) {
	p := netip.MustParsePrefix
	rule := func(proto int, from, to uint16, peer string) spec.Rule {
		return spec.Rule{Protocol: proto, From: from, To: to, Peer: p(peer)}
	}
	for name, c := range map[string]struct {
		in    []spec.Rule
		open  []netip.Prefix
		boxes []box
	}{
		"empty":            {},
		"any covers":       {in: []spec.Rule{rule(-1, 0, 65535, "10.0.0.0/8"), rule(6, 80, 80, "10.1.0.0/16"), rule(-1, 0, 65535, "10.2.0.0/16")}, open: []netip.Prefix{p("10.0.0.0/8")}},
		"any inside":       {in: []spec.Rule{rule(-1, 0, 65535, "10.1.0.0/16"), rule(6, 80, 80, "10.0.0.0/8")}, open: []netip.Prefix{p("10.1.0.0/16")}, boxes: []box{{6, span{80, 80}, p("10.0.0.0/8")}}},
		"nested":           {in: []spec.Rule{rule(6, 80, 90, "0.0.0.0/0"), rule(6, 70, 100, "10.0.0.1/32")}, boxes: []box{{6, span{80, 90}, p("0.0.0.0/0")}, {6, span{70, 79}, p("10.0.0.1/32")}, {6, span{91, 100}, p("10.0.0.1/32")}}},
		"covered":          {in: []spec.Rule{rule(6, 0, 65535, "0.0.0.0/0"), rule(6, 80, 80, "10.0.0.1/32")}, boxes: []box{{6, span{0, 65535}, p("0.0.0.0/0")}}},
		"touching":         {in: []spec.Rule{rule(6, 80, 80, "10.0.0.0/8"), rule(6, 81, 82, "10.0.0.0/8"), rule(6, 82, 82, "10.9.9.9/8")}, boxes: []box{{6, span{80, 82}, p("10.0.0.0/8")}}},
		"protocols differ": {in: []spec.Rule{rule(6, 80, 80, "10.0.0.0/8"), rule(17, 80, 80, "10.0.0.0/8")}, boxes: []box{{6, span{80, 80}, p("10.0.0.0/8")}, {17, span{80, 80}, p("10.0.0.0/8")}}},
		"top of the range": {in: []spec.Rule{rule(6, 65535, 65535, "0.0.0.0/0"), rule(6, 65530, 65535, "10.0.0.0/8")}, boxes: []box{{6, span{65535, 65535}, p("0.0.0.0/0")}, {6, span{65530, 65534}, p("10.0.0.0/8")}}},
	} {
		open, boxes := disjoint(c.in)
		if !reflect.DeepEqual(open, c.open) || !reflect.DeepEqual(boxes, c.boxes) {
			t.Errorf("%s: %v %v", name, open, boxes)
		}
	}
}

// FuzzDisjoint compares what the rules allow before and after, on points at the
// rules' corners, and that nothing overlaps.
func FuzzDisjoint(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed, uint8(seed%30))
	}
	f.Fuzz(func(t *testing.T, seed uint64, n uint8) {
		rules := randomRules(rand.New(rand.NewPCG(seed, 1)), int(n))
		open, boxes := disjoint(rules)
		for i, a := range boxes {
			for _, b := range boxes[:i] {
				if a.protocol == b.protocol && a.peer.Overlaps(b.peer) && a.from <= b.to && b.from <= a.to {
					t.Fatalf("%v and %v overlap", a, b)
				}
			}
		}
		for i, a := range open {
			for _, b := range open[:i] {
				if a.Overlaps(b) {
					t.Fatalf("%v and %v overlap", a, b)
				}
			}
		}
		for _, x := range rules {
			for _, y := range rules {
				for _, port := range []uint16{x.From, x.To, x.From - 1, x.To + 1} {
					for _, proto := range []int{6, 17, 50} {
						want, got := allowed(rules, proto, port, y.Peer.Addr()), false
						for _, b := range boxes {
							got = got || int(b.protocol) == proto && b.from <= port && port <= b.to && b.peer.Contains(y.Peer.Addr())
						}
						for _, p := range open {
							got = got || p.Contains(y.Peer.Addr())
						}
						if got != want {
							t.Fatalf("protocol %d port %d from %s: %v, want %v", proto, port, y.Peer.Addr(), got, want)
						}
					}
				}
			}
		}
	})
}

func allowed(rules []spec.Rule, proto int, port uint16, from netip.Addr) bool {
	for _, r := range rules {
		if r.Peer.Contains(from) && (r.Protocol == anyProtocol || r.Protocol == proto && r.From <= port && port <= r.To) {
			return true
		}
	}
	return false
}

// randomRules makes rules that are likely to overlap.
func randomRules(r *rand.Rand, n int) (out []spec.Rule) {
	for range n {
		rule := spec.Rule{Protocol: []int{6, 6, 17, anyProtocol}[r.IntN(4)], From: uint16(r.IntN(20)), To: 65535}
		if r.IntN(4) > 0 {
			rule.To = rule.From + uint16(r.IntN(10))
		}
		if rule.Protocol == anyProtocol {
			rule.From, rule.To = 0, 65535
		}
		rule.Peer = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(r.IntN(2)), byte(r.IntN(8))}), []int{0, 16, 24, 30, 31, 32}[r.IntN(6)])
		out = append(out, rule)
	}
	return out
}
