package balance

import (
	"sync"
	"sync/atomic"

	"github.com/musubi-net/musubi/internal/spec"
)

// Groups are a load balancer's target groups by ARN.
type Groups struct {
	o  Options
	mu sync.Mutex // held by Update only
	m  atomic.Pointer[map[string]*Group]
}

// NewGroups makes an empty registry.
func NewGroups(o Options) *Groups {
	g := &Groups{o: o.withDefaults()}
	g.m.Store(&map[string]*Group{})
	return g
}

// Update replaces the groups. Those that stay keep their targets' counters; the
// targets of those that go are ended (Lease.Ended).
func (g *Groups) Update(in []spec.BalancerGroup) {
	g.mu.Lock()
	defer g.mu.Unlock()
	old, next := *g.m.Load(), make(map[string]*Group, len(in))
	for _, s := range in {
		if have, ok := old[s.ARN]; ok {
			have.Update(s)
			next[s.ARN] = have
			continue
		}
		next[s.ARN] = NewGroup(s, g.o)
	}
	g.m.Store(&next)
	for arn, have := range old {
		if _, stays := next[arn]; !stays {
			s := *have.Spec()
			s.Targets = nil
			have.Update(s)
		}
	}
}

// Get is a group by its ARN.
func (g *Groups) Get(arn string) (*Group, bool) {
	have, ok := (*g.m.Load())[arn]
	return have, ok
}

// ChooseGroup draws a group by weight. As in AWS the health of its targets does
// not matter: a group without any is chosen too, and answers 503. A group with
// weight 0 is never chosen; if all have 0, nothing is.
func (g *Groups) ChooseGroup(f *spec.ForwardAction) (*Group, bool) {
	total := 0
	for i := range f.Groups {
		total += max(f.Groups[i].Weight, 0)
	}
	if total == 0 {
		return nil, false
	}
	n := 0
	if len(f.Groups) > 1 {
		n = int(g.o.Rand() % uint64(total))
	}
	for i := range f.Groups {
		if n -= max(f.Groups[i].Weight, 0); n < 0 {
			return g.Get(f.Groups[i].Group)
		}
	}
	return nil, false
}
