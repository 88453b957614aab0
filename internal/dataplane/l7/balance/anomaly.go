package balance

import "time"

// Anomaly mitigation, as far as AWS describes it: targets with a share of errors
// that is far above the others' get less, and get more again as they recover; at
// least three targets are needed. AWS does not say by how much: here the share
// halves each second down to a sixteenth, and doubles when it is well again.
const (
	judgeEvery   = time.Second
	fewest       = 3  // targets to compare
	enough       = 10 // outcomes to judge by
	excess       = .1 // of errors above twice the others'
	leastWeight  = fullWeight / 16
	recoverBelow = excess / 2
)

// judge looks for anomalies among eligible targets, at most once per interval.
func (g *Group) judge(e *eligible) {
	now := g.now()
	last := g.judged.Load()
	if now.UnixNano()-last < int64(judgeEvery) || !g.judged.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	var all, bad float64
	for _, t := range e.targets {
		a, b := t.recent.sums(now)
		all, bad = all+float64(a), bad+float64(b)
	}
	for _, t := range e.targets {
		a, b := t.recent.sums(now)
		t.weigh(len(e.targets), float64(a), float64(b), all, bad)
	}
}

// weigh compares a target's outcomes with all of them.
func (t *Target) weigh(targets int, a, b, all, bad float64) {
	own, others := 0.0, 0.0
	if a > 0 {
		own = b / a
	}
	if all > a {
		others = (bad - b) / (all - a)
	}
	w := t.weight.Load()
	switch {
	case targets < fewest || all-a < enough:
		t.anomalous.Store(false)
		w = fullWeight
	case a >= enough && own > excess+2*others:
		t.anomalous.Store(true)
		w = max(w/2, leastWeight)
	case own <= recoverBelow+2*others:
		t.anomalous.Store(false)
		w = min(w*2, fullWeight)
	}
	t.weight.Store(w)
}

// Anomalous are the keys of the targets that get less because of anomalies.
func (g *Group) Anomalous() []string {
	var out []string
	for key, t := range g.cur.Load().targets {
		if t.anomalous.Load() {
			out = append(out, key)
		}
	}
	return out
}
