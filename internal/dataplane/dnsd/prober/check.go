package prober

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// refresh is how often is told what does not change.
const refresh = time.Minute

// share of the checkers, in percent, has to find an endpoint healthy; less is not
// enough. It is AWS's.
const share = 18

// check is one health check. Its goroutine owns it.
type check struct {
	o        Options
	spec     spec.EndpointCheck
	checkers []checker
	reported Result
	at       time.Time // of the report
}

// checker is what one place found, and how often in a row it found otherwise.
type checker struct {
	seen  Observation
	other int
}

func newCheck(o Options, s spec.EndpointCheck) *check {
	c := &check{o: o, spec: s}
	for _, k := range s.Checkers {
		c.checkers = append(c.checkers, checker{seen: Observation{Region: k.Region, Source: k.Source, Healthy: s.Healthy}})
	}
	return c
}

// run checks until the context ends.
func (c *check) run(ctx context.Context) {
	for {
		began := time.Now()
		c.round(ctx)
		if ctx.Err() != nil {
			return
		}
		c.tell(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(began.Add(time.Duration(max(1, c.spec.IntervalSeconds)) * time.Second))):
		}
	}
}

// round has all checkers check once.
func (c *check) round(ctx context.Context) {
	var group sync.WaitGroup
	for i := range c.checkers {
		group.Go(func() {
			k := &c.checkers[i]
			status, err := c.probe(ctx, k.seen.Source)
			k.count(status, err == nil, c.spec.Threshold, c.o.Now())
		})
	}
	group.Wait()
}

// count changes what a checker says once it found the same often enough.
func (k *checker) count(status string, ok bool, threshold int, now time.Time) {
	k.seen.Status, k.seen.At = status, now
	if !ok {
		k.seen.LastFailure, k.seen.LastFailureAt = status, now
	}
	if ok == k.seen.Healthy {
		k.other = 0
		return
	}
	if k.other++; k.other >= threshold {
		k.seen.Healthy, k.other = ok, 0
	}
}

// healthy reports whether enough checkers find the endpoint healthy.
func (c *check) healthy() bool {
	up := 0
	for _, k := range c.checkers {
		if k.seen.Healthy {
			up++
		}
	}
	return up*100 > share*len(c.checkers)
}

// tell reports what changed, and now and then what did not.
func (c *check) tell(ctx context.Context) {
	r := Result{ID: c.spec.ID, Version: c.spec.Version, Healthy: c.healthy()}
	for _, k := range c.checkers {
		r.Observations = append(r.Observations, k.seen)
	}
	now := c.o.Now()
	if alike(r, c.reported) && now.Sub(c.at) < refresh {
		return
	}
	if r.Healthy != c.reported.Healthy || c.at.IsZero() {
		c.o.Log.Info("health check", "id", r.ID, "healthy", r.Healthy, "status", r.Observations[0].Status)
	}
	if err := c.o.Report(ctx, r); err != nil {
		if ctx.Err() == nil {
			c.o.Log.Warn("health check not reported", "id", r.ID, "error", err)
		}
		return
	}
	c.reported, c.at = r, now
}

// alike reports whether two results differ in their times only.
func alike(a, b Result) bool {
	plain := func(in []Observation) []Observation {
		in = slices.Clone(in)
		for i := range in {
			in[i].At, in[i].LastFailureAt = time.Time{}, time.Time{}
		}
		return in
	}
	return a.Healthy == b.Healthy && reflect.DeepEqual(plain(a.Observations), plain(b.Observations))
}
