package balance

import (
	"math"
	"slices"
	"time"
)

// Pick chooses a target for a node in a zone by the group's algorithm, but none
// whose key is to be avoided. It fails if there is none left.
func (g *Group) Pick(zone string, avoid ...string) (*Lease, bool) {
	s := g.cur.Load()
	e := s.eligible(zone)
	var t *Target
	switch {
	case len(e.targets) == 0:
	case s.spec.Algorithm == "least_outstanding_requests":
		t = g.leastOutstanding(e, avoid)
	case s.spec.Algorithm == "weighted_random":
		t = g.weightedRandom(s, e, avoid)
	default:
		t = g.roundRobin(s, e, avoid)
	}
	if t == nil {
		return nil, false
	}
	return g.lease(t), true
}

// PickBy chooses the same target for the same key, as long as it is eligible; a
// target that comes or goes moves only the keys that are its own (rendezvous
// hashing).
func (g *Group) PickBy(zone string, key uint64) (*Lease, bool) {
	var best *Target
	most := -1.0
	key = mix(key)
	for _, t := range g.cur.Load().eligible(zone).targets {
		if score := t.score(key); score > most {
			best, most = t, score
		}
	}
	if best == nil {
		return nil, false
	}
	return g.lease(best), true
}

// Find gives a sticky session its target. As AWS documents it, a target that is
// draining, unhealthy or no longer registered gets no new requests from sticky
// sessions either: then it fails and the session is to be given a new target.
// With fail open, unhealthy targets are found.
func (g *Group) Find(zone, key string) (*Lease, bool) {
	s := g.cur.Load()
	if !s.eligible(zone).members[key] {
		return nil, false
	}
	return g.lease(s.targets[key]), true
}

// roundRobin takes targets in turn. One in slow start lets its turn pass as often
// as its share says.
func (g *Group) roundRobin(s *snapshot, e *eligible, avoid []string) *Target {
	slow, now := g.slowStart(s, e)
	n := uint64(len(e.targets))
	var second *Target
	for range n {
		t := e.targets[g.turn.Add(1)%n]
		if avoided(t, avoid) {
			continue
		}
		if !slow || g.chance(s.share(t, now)) {
			return t
		}
		second = t
	}
	return second
}

// leastOutstanding takes the target with the fewest leases; among equals, in
// turn. Slow start does not go with it.
func (g *Group) leastOutstanding(e *eligible, avoid []string) *Target {
	n := uint64(len(e.targets))
	start, least := g.turn.Add(1), int64(math.MaxInt64)
	var best *Target
	for i := range n {
		t := e.targets[(start+i)%n]
		if out := t.outstanding.Load(); out < least && !avoided(t, avoid) {
			best, least = t, out
			if out == 0 {
				break
			}
		}
	}
	return best
}

// weightedRandom draws a target; without anomalies and slow start all have the
// same chance.
func (g *Group) weightedRandom(s *snapshot, e *eligible, avoid []string) *Target {
	slow, now := g.slowStart(s, e)
	if s.spec.Anomaly {
		g.judge(e)
	} else if !slow && len(avoid) == 0 {
		return e.targets[g.rand()%uint64(len(e.targets))]
	}
	weight := func(t *Target) float64 {
		if avoided(t, avoid) {
			return 0
		}
		w := float64(t.weight.Load())
		if slow {
			w *= s.share(t, now)
		}
		return w
	}
	total := 0.0
	for _, t := range e.targets {
		total += weight(t)
	}
	left := g.uniform() * total
	var last *Target
	for _, t := range e.targets {
		w := weight(t)
		if w == 0 {
			continue
		}
		last = t
		if left -= w; left < 0 {
			break
		}
	}
	return last
}

// slowStart reports whether any share is to be asked for. As in AWS nothing
// starts slowly unless there is a target that is past it.
func (g *Group) slowStart(s *snapshot, e *eligible) (bool, time.Time) {
	if e.slowUntil.IsZero() {
		return false, time.Time{}
	}
	now := g.now()
	if !now.Before(e.slowUntil) {
		return false, now
	}
	warm := func(t *Target) bool { return !now.Before(s.slowUntil(t)) }
	return slices.ContainsFunc(e.targets, warm), now
}

// share is what a target in slow start gets of a full share: it grows linearly.
func (s *snapshot) share(t *Target, now time.Time) float64 {
	left := s.slowUntil(t).Sub(now)
	if left <= 0 {
		return 1
	}
	const least = 0.01 // so that a target is never wholly without
	return max(least, 1-left.Seconds()/float64(s.spec.SlowStartSeconds))
}

func avoided(t *Target, avoid []string) bool { return slices.Contains(avoid, t.Key) }

// uniform is in [0, 1).
func (g *Group) uniform() float64 { return float64(g.rand()>>11) / math.Exp2(53) }

func (g *Group) chance(p float64) bool { return p >= 1 || g.uniform() < p }
