package balance

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// Options are what a group gets from outside.
type Options struct {
	// Rand is the source of randomness, safe for concurrent use; without it, the
	// runtime's.
	Rand func() uint64
	// Now is the clock; without it, the machine's.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Rand == nil {
		o.Rand = rand.Uint64
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Group is a target group with the counters of its targets.
type Group struct {
	rand func() uint64
	now  func() time.Time
	mu   sync.Mutex // held by Update only
	cur  atomic.Pointer[snapshot]
	turn atomic.Uint64 // round robin
	// judged is when anomalies were last looked for, in nanoseconds.
	judged atomic.Int64
}

// NewGroup makes a group.
func NewGroup(s spec.BalancerGroup, o Options) *Group {
	o = o.withDefaults()
	g := &Group{rand: o.Rand, now: o.Now}
	// Nodes and groups that start together do not all begin with the same target.
	g.turn.Store(o.Rand() >> 32)
	g.Update(s)
	return g
}

// Spec is the group as last updated, not to be changed.
func (g *Group) Spec() *spec.BalancerGroup { return &g.cur.Load().spec }

// Registered is how many targets are registered and not draining. A group without
// any answers 503.
func (g *Group) Registered() int { return g.cur.Load().registered }

// Update replaces targets and settings. Targets that stay, by key and address,
// keep their counters; those that go are ended.
func (g *Group) Update(s spec.BalancerGroup) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cur.Store(g.compile(g.cur.Load(), s))
}
