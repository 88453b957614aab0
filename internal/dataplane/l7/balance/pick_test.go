package balance

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

var start = time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)

// clock is a time that tests set.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func options(c *clock) Options {
	r := rand.New(rand.NewPCG(1, 2))
	return Options{Rand: r.Uint64, Now: c.now}
}

func target(key, zone, health string) spec.BalancerTarget {
	return spec.BalancerTarget{Key: key, Zone: zone, Health: health, Address: netip.MustParseAddrPort("10.0.0.1:80"),
		HealthySince: start.Add(-time.Hour)}
}

func group(edit func(*spec.BalancerGroup), targets ...spec.BalancerTarget) spec.BalancerGroup {
	g := spec.BalancerGroup{ARN: "tg", Algorithm: "round_robin", CrossZone: true, MinimumHealthy: 1, Targets: targets}
	if edit != nil {
		edit(&g)
	}
	return g
}

// draw picks n times, gives back at once, and counts.
func draw(t *testing.T, g *Group, zone string, n int) map[string]int {
	t.Helper()
	out := map[string]int{}
	for range n {
		l, ok := g.Pick(zone)
		if !ok {
			return out
		}
		out[l.Key]++
		l.Done(Outcome{Status: 200})
	}
	return out
}

func keys(m map[string]int) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func TestEligible(t *testing.T) {
	draining := func(b spec.BalancerTarget) spec.BalancerTarget { b.Draining = true; return b }
	a, b, any := target("a", "z1", "healthy"), target("b", "z2", "healthy"), target("any", "all", "healthy")
	sick := func(b spec.BalancerTarget) spec.BalancerTarget { b.Health = "unhealthy"; return b }
	zonal := func(g *spec.BalancerGroup) { g.CrossZone = false }
	for _, c := range []struct {
		name    string
		edit    func(*spec.BalancerGroup)
		targets []spec.BalancerTarget
		want    []string
	}{
		{"across zones", nil, []spec.BalancerTarget{a, b, any}, []string{"a", "any", "b"}},
		{"own zone and all", zonal, []spec.BalancerTarget{a, b, any}, []string{"a", "any"}},
		{"nothing in the zone", zonal, []spec.BalancerTarget{b}, nil},
		{"healthy only", nil, []spec.BalancerTarget{a, sick(b)}, []string{"a"}},
		{"none healthy", nil, []spec.BalancerTarget{sick(a), sick(b)}, []string{"a", "b"}},
		{"none healthy in the zone", zonal, []spec.BalancerTarget{sick(a), b}, []string{"a"}},
		{"initial is not healthy", nil, []spec.BalancerTarget{a, target("new", "z1", "initial")}, []string{"a"}},
		{"too few", func(g *spec.BalancerGroup) { g.MinimumHealthy = 2 }, []spec.BalancerTarget{a, sick(b)}, []string{"a", "b"}},
		{"too small a share", func(g *spec.BalancerGroup) { g.MinimumHealthyPercent = 51 }, []spec.BalancerTarget{a, sick(b)}, []string{"a", "b"}},
		{"enough of a share", func(g *spec.BalancerGroup) { g.MinimumHealthyPercent = 50 }, []spec.BalancerTarget{a, sick(b)}, []string{"a"}},
		{"draining never", nil, []spec.BalancerTarget{draining(a), sick(b)}, []string{"b"}},
		{"only draining", nil, []spec.BalancerTarget{draining(a)}, nil},
		{"empty", nil, nil, nil},
	} {
		for _, algorithm := range []string{"round_robin", "least_outstanding_requests", "weighted_random"} {
			t.Run(c.name+"/"+algorithm, func(t *testing.T) {
				s := group(c.edit, c.targets...)
				s.Algorithm = algorithm
				g := NewGroup(s, options(&clock{start}))
				if got := keys(draw(t, g, "z1", 100)); !slices.Equal(got, c.want) {
					t.Errorf("got %v, want %v", got, c.want)
				}
			})
		}
	}
}

func three() []spec.BalancerTarget {
	return []spec.BalancerTarget{target("a", "z1", "healthy"), target("b", "z1", "healthy"), target("c", "z1", "healthy")}
}

func TestRoundRobinIsEven(t *testing.T) {
	g := NewGroup(group(nil, three()...), options(&clock{start}))
	for key, n := range draw(t, g, "z1", 300) {
		if n != 100 {
			t.Errorf("%s got %d of 300", key, n)
		}
	}
}

func TestLeastOutstanding(t *testing.T) {
	s := group(nil, three()...)
	s.Algorithm = "least_outstanding_requests"
	g := NewGroup(s, options(&clock{start}))
	held := map[string]*Lease{}
	for range 3 {
		l, _ := g.Pick("z1")
		held[l.Key] = l
	}
	if len(held) != 3 {
		t.Fatalf("three requests went to %d targets", len(held))
	}
	held["b"].Done(Outcome{})
	held["b"].Done(Outcome{}) // a second time counts for nothing
	if l, _ := g.Pick("z1"); l.Key != "b" || l.Outstanding() != 1 {
		t.Errorf("got %s with %d outstanding, want b with 1", l.Key, l.Outstanding())
	}
}

func TestAvoid(t *testing.T) {
	for _, algorithm := range []string{"round_robin", "least_outstanding_requests", "weighted_random"} {
		s := group(nil, three()...)
		s.Algorithm = algorithm
		g := NewGroup(s, options(&clock{start}))
		for range 20 {
			if l, ok := g.Pick("z1", "a", "c"); !ok || l.Key != "b" {
				t.Fatalf("%s: got %v", algorithm, l)
			}
		}
		if l, ok := g.Pick("z1", "a", "b", "c"); ok {
			t.Errorf("%s: got %s, which is avoided", algorithm, l.Key)
		}
	}
}

func TestSlowStart(t *testing.T) {
	for _, algorithm := range []string{"round_robin", "weighted_random"} {
		t.Run(algorithm, func(t *testing.T) {
			c := &clock{start}
			fresh := target("c", "z1", "healthy")
			fresh.HealthySince = start
			s := group(func(g *spec.BalancerGroup) { g.SlowStartSeconds, g.Algorithm = 100, algorithm },
				target("a", "z1", "healthy"), target("b", "z1", "healthy"), fresh)
			g := NewGroup(s, options(c))
			for _, step := range []struct {
				after     time.Duration
				least, to int
			}{{0, 0, 60}, {50 * time.Second, 450, 750}, {100 * time.Second, 900, 1100}} {
				c.Time = start.Add(step.after)
				if n := draw(t, g, "z1", 3000)["c"]; n < step.least || n > step.to {
					t.Errorf("after %v it got %d of 3000, want %d to %d", step.after, n, step.least, step.to)
				}
			}
		})
	}
}

func TestNoSlowStartWithoutOthers(t *testing.T) {
	a, b := target("a", "z1", "healthy"), target("b", "z1", "healthy")
	a.HealthySince, b.HealthySince = start, start.Add(-50*time.Second)
	g := NewGroup(group(func(g *spec.BalancerGroup) { g.SlowStartSeconds = 100 }, a, b), options(&clock{start}))
	if n := draw(t, g, "z1", 100)["a"]; n != 50 {
		t.Errorf("got %d of 100, want half", n)
	}
}

func TestPickBy(t *testing.T) {
	g := NewGroup(group(nil, three()...), options(&clock{start}))
	before, share := map[uint64]string{}, map[string]int{}
	for key := range uint64(3000) {
		l, _ := g.PickBy("z1", key)
		before[key] = l.Key
		share[l.Key]++
		if again, _ := g.PickBy("z1", key); again.Key != l.Key {
			t.Fatalf("key %d went to %s and then to %s", key, l.Key, again.Key)
		}
	}
	for key, n := range share {
		if n < 850 || n > 1150 {
			t.Errorf("%s has %d of 3000 keys", key, n)
		}
	}
	g.Update(group(nil, three()[:2]...))
	for key, was := range before {
		if l, _ := g.PickBy("z1", key); was != "c" && l.Key != was {
			t.Fatalf("key %d moved from %s to %s, though only c went", key, was, l.Key)
		}
	}
}

func TestFind(t *testing.T) {
	b, c, d := target("b", "z1", "unhealthy"), target("c", "z1", "healthy"), target("d", "z2", "healthy")
	c.Draining = true
	g := NewGroup(group(nil, target("a", "z1", "healthy"), b, c, d), options(&clock{start}))
	for key, want := range map[string]bool{"a": true, "b": false, "c": false, "d": true, "e": false} {
		l, ok := g.Find("z1", key)
		if ok != want || ok && l.Key != key {
			t.Errorf("%s: found %v, want %v", key, ok, want)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	for _, algorithm := range []string{"round_robin", "least_outstanding_requests", "weighted_random"} {
		for _, n := range []int{3, 100} {
			b.Run(fmt.Sprintf("%s/%d", algorithm, n), func(b *testing.B) {
				var in []spec.BalancerTarget
				for i := range n {
					in = append(in, target(fmt.Sprint(i), "z1", "healthy"))
				}
				s := group(nil, in...)
				s.Algorithm = algorithm
				g := NewGroup(s, Options{})
				b.ReportAllocs()
				b.RunParallel(func(p *testing.PB) {
					for p.Next() {
						l, _ := g.Pick("z1")
						l.Done(Outcome{Status: 200})
					}
				})
			})
		}
	}
}
