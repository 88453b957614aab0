package health

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// eager is the interval at which a new target is probed before its first
// success.
const eager = 2 * time.Second

// prober is one target's check. Its goroutine owns it.
type prober struct {
	o        Options
	check    spec.HealthCheck
	state    string
	reported Result // what was told last
	// good and bad count rounds in a row.
	good, bad int
	lastBad   time.Time
}

// run probes until the context ends.
func (p *prober) run(ctx context.Context) {
	for {
		began := time.Now()
		errs := p.round(ctx)
		if ctx.Err() != nil {
			return
		}
		p.count(began, errs == nil)
		p.tell(ctx, errs)
		wait := p.interval()
		if p.state == initial {
			wait = min(wait, eager)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(began.Add(wait))):
		}
	}
}

func (p *prober) interval() time.Duration {
	return time.Duration(max(1, p.check.IntervalSeconds)) * time.Second
}

// round probes every address from every source at once; nil if one succeeds.
func (p *prober) round(ctx context.Context) []error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(max(1, p.check.TimeoutSeconds))*time.Second)
	defer cancel()
	addresses := append([]netip.AddrPort{p.check.Address}, p.check.Others...)
	errs := make([]error, len(p.check.Sources)*len(addresses))
	var group sync.WaitGroup
	for i, source := range p.check.Sources {
		for j, remote := range addresses {
			group.Go(func() { errs[i*len(addresses)+j] = p.probe(ctx, source, remote) })
		}
	}
	group.Wait()
	if slices.Contains(errs, nil) {
		return nil
	}
	return errs
}

// count changes the state when a threshold is reached. Failures of a new target
// count once per interval, though it is probed more often.
func (p *prober) count(at time.Time, ok bool) {
	if ok {
		p.good, p.bad = p.good+1, 0
		if p.state == initial || p.good >= p.check.HealthyThreshold {
			p.state = healthy
		}
		return
	}
	p.good = 0
	if !p.lastBad.IsZero() && at.Sub(p.lastBad) < p.interval()-time.Second/2 && p.bad > 0 {
		return
	}
	p.bad, p.lastBad = p.bad+1, at
	if p.bad >= max(1, p.check.UnhealthyThreshold) {
		p.state = unhealthy
	}
}

// tell reports what was not reported yet: a state, or why it is unhealthy now.
func (p *prober) tell(ctx context.Context, causes []error) {
	r := Result{Key: p.check.Key, Health: p.state}
	if p.state == unhealthy {
		r.Reason, r.Detail = ReasonFailed, ""
		if p.check.Application {
			r.Reason, r.Detail = reasonOf(causes)
		}
		if causes == nil { // not healthy again yet
			r.Reason, r.Detail = p.reported.Reason, p.reported.Detail
		}
	}
	if r == p.reported {
		return
	}
	p.o.Log.Info("health of target changed", "target", p.check.Address, "health", p.state, "reason", r.Reason, "cause", errors.Join(causes...))
	if err := p.o.Report(ctx, r); err != nil {
		p.o.Log.Warn("health not reported", "target", p.check.Key, "error", err)
		return
	}
	p.reported = r
}

// probe makes one attempt from one source at one address.
func (p *prober) probe(ctx context.Context, source netip.Addr, remote netip.AddrPort) error {
	conn, err := p.o.Dial(ctx, p.check.VPC, source, remote)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if p.check.Protocol == "HTTP" || p.check.Protocol == "HTTPS" {
		err = p.request(ctx, conn, source, remote)
	}
	if closeErr := conn.Close(); err == nil {
		// A TLS connection may complain about its farewell: the target answered.
		_ = closeErr
	}
	return err
}
