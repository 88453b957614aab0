package balance

import (
	"sync/atomic"
	"time"
)

// Lease is a target that is used for one request or one connection. Done must be
// called once.
type Lease struct {
	*Target
	group *Group
	done  atomic.Bool
}

// Outcome is how a request went, for anomaly mitigation.
type Outcome struct {
	// Error is a failure to get a response: refused, reset, timed out.
	Error bool
	// Status is the target's response's; 0 if there was none.
	Status int
	// Latency is the time to the response's head. It is for callers' own use: AWS
	// finds anomalies by failures alone.
	Latency time.Duration
}

// Done gives the target back. A second call has no effect.
func (l *Lease) Done(o Outcome) {
	if l.done.Swap(true) {
		return
	}
	l.outstanding.Add(-1)
	if l.group.cur.Load().spec.Anomaly {
		l.recent.count(l.group.now(), o.Error || o.Status >= 500)
	}
}

// Group is the group that the lease is from.
func (l *Lease) Group() *Group { return l.group }

func (g *Group) lease(t *Target) *Lease {
	t.outstanding.Add(1)
	return &Lease{Target: t, group: g}
}
