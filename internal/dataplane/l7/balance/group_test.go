package balance

import (
	"net/netip"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestUpdateKeepsCounters(t *testing.T) {
	g := NewGroup(group(nil, target("a", "z1", "healthy")), options(&clock{start}))
	l, _ := g.Pick("z1")
	g.Update(group(nil, target("a", "z2", "unhealthy"), target("b", "z1", "healthy")))
	if _, ok := g.Find("z1", "a"); ok {
		t.Fatal("an unhealthy target was found")
	}
	if l.Outstanding() != 1 || !closed(l.Unhealthy()) || closed(l.Ended()) || l.Spec().Zone != "z2" {
		t.Errorf("the target did not stay: %d outstanding", l.Outstanding())
	}
	g.Update(group(nil, target("a", "z1", "healthy")))
	if again, ok := g.Find("z1", "a"); !ok || again.Outstanding() != 2 || closed(again.Unhealthy()) {
		t.Error("the target is not the same when it is healthy again")
	}
	elsewhere := target("a", "z1", "healthy")
	elsewhere.Address = netip.MustParseAddrPort("10.0.0.2:80")
	g.Update(group(nil, elsewhere))
	if !closed(l.Ended()) {
		t.Error("a target that moved did not end at its old address")
	}
	if n, _ := g.Pick("z1"); n.Outstanding() != 1 {
		t.Error("a target at another address has the counters of the old one")
	}
}

func TestDrainingThenGone(t *testing.T) {
	g := NewGroup(group(nil, target("a", "z1", "healthy")), options(&clock{start}))
	l, _ := g.Pick("z1")
	leaving := target("a", "z1", "healthy")
	leaving.Draining = true
	g.Update(group(nil, leaving))
	if !closed(l.Draining()) || closed(l.Ended()) || g.Registered() != 0 {
		t.Error("a draining target keeps what it has and is not registered any more")
	}
	g.Update(group(nil, target("a", "z1", "healthy")))
	if n, ok := g.Pick("z1"); !ok || closed(n.Draining()) || n.Outstanding() != 1 {
		t.Error("a target that is registered again begins anew")
	}
	if !closed(l.Ended()) {
		t.Error("the old registration did not end")
	}
}

func TestChooseGroup(t *testing.T) {
	gs := NewGroups(options(&clock{start}))
	gs.Update([]spec.BalancerGroup{{ARN: "x"}, {ARN: "y"}, {ARN: "z"}})
	count := func(f spec.ForwardAction) map[string]int {
		out := map[string]int{}
		for range 1000 {
			if g, ok := gs.ChooseGroup(&f); ok {
				out[g.Spec().ARN]++
			}
		}
		return out
	}
	got := count(spec.ForwardAction{Groups: []spec.ForwardGroup{{Group: "x", Weight: 90}, {Group: "y", Weight: 0}, {Group: "z", Weight: 10}}})
	if got["x"] < 850 || got["x"] > 950 || got["y"] != 0 || got["x"]+got["z"] != 1000 {
		t.Errorf("90:0:10 is %v", got)
	}
	if got := count(spec.ForwardAction{Groups: []spec.ForwardGroup{{Group: "x", Weight: 1}}}); got["x"] != 1000 {
		t.Errorf("one group is %v", got)
	}
	if got := count(spec.ForwardAction{Groups: []spec.ForwardGroup{{Group: "x"}, {Group: "y"}}}); len(got) != 0 {
		t.Errorf("all weights 0 is %v", got)
	}
}

func TestGroupsEndWhatGoes(t *testing.T) {
	gs := NewGroups(options(&clock{start}))
	gs.Update([]spec.BalancerGroup{group(nil, target("a", "z1", "healthy"))})
	g, _ := gs.Get("tg")
	l, _ := g.Pick("z1")
	gs.Update(nil)
	if _, ok := gs.Get("tg"); ok || !closed(l.Ended()) {
		t.Error("a group that went goes on")
	}
}

func TestAnomaly(t *testing.T) {
	c := &clock{start}
	s := group(func(g *spec.BalancerGroup) { g.Algorithm, g.Anomaly = "weighted_random", true }, three()...)
	g := NewGroup(s, options(c))
	run := func(bad string, seconds int) (share float64) {
		all, to := 0, 0
		for range seconds {
			c.Time = c.Add(time.Second)
			for range 100 {
				l, _ := g.Pick("z1")
				all++
				status := 200
				if l.Key == "b" {
					to++
				}
				if l.Key == bad {
					status = 500
				}
				l.Done(Outcome{Status: status})
			}
		}
		return float64(to) / float64(all)
	}
	if s := run("", 5); s < .25 || len(g.Anomalous()) != 0 {
		t.Errorf("without errors it has %.2f", s)
	}
	run("b", 10)
	if s := run("b", 10); s > .08 || s == 0 || len(g.Anomalous()) != 1 {
		t.Errorf("with errors it has %.2f; anomalous: %v", s, g.Anomalous())
	}
	run("", 40)
	if s := run("", 10); s < .25 || len(g.Anomalous()) != 0 {
		t.Errorf("well again it has %.2f; anomalous: %v", s, g.Anomalous())
	}
}

func TestAnomalyNeedsThree(t *testing.T) {
	c := &clock{start}
	s := group(func(g *spec.BalancerGroup) { g.Algorithm, g.Anomaly = "weighted_random", true }, three()[:2]...)
	g := NewGroup(s, options(c))
	for range 1000 {
		c.Time = c.Add(20 * time.Millisecond)
		l, _ := g.Pick("z1")
		l.Done(Outcome{Error: l.Key == "a"})
	}
	if got := g.Anomalous(); len(got) != 0 {
		t.Errorf("two targets are too few, but %v", got)
	}
}
