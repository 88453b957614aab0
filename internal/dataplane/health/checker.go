package health

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"reflect"
	"sync"

	"github.com/musubi-net/musubi/internal/spec"
)

// States of a target, as AWS spells them.
const (
	initial   = "initial"
	healthy   = "healthy"
	unhealthy = "unhealthy"
)

// Result is a change of a target's health.
type Result struct {
	Key    string // spec.HealthCheck.Key
	Health string // healthy, unhealthy
	Reason string // empty if healthy
	Detail string // of ReasonMismatch: the codes
}

// Options are what a checker is made of.
type Options struct {
	// Dial opens a connection inside a VPC.
	Dial func(ctx context.Context, vpc string, local netip.Addr, remote netip.AddrPort) (net.Conn, error)
	// Report is told of changes; after an error it is told again.
	Report func(ctx context.Context, r Result) error
	Log    *slog.Logger
}

// Checker probes targets until it is closed. Its methods are called by one
// owner.
type Checker struct {
	o      Options
	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup
	vpcs   map[string]map[string]*running // by VPC and key
}

// running is a check's goroutine.
type running struct {
	check  spec.HealthCheck
	cancel context.CancelFunc
}

// New makes a checker without checks.
func New(o Options) *Checker {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Checker{o: o, ctx: ctx, cancel: cancel, vpcs: map[string]map[string]*running{}}
}

// Set replaces the checks of a VPC. A check that stays as it was keeps its
// counts; one whose target is new again (its health went back to initial) starts
// over.
func (c *Checker) Set(vpcID string, checks []spec.HealthCheck) {
	now := c.vpcs[vpcID]
	next := make(map[string]*running, len(checks))
	for _, k := range checks {
		if r := now[k.Key]; r != nil && same(r.check, k) {
			r.check.Health = k.Health
			next[k.Key] = r
			delete(now, k.Key)
			continue
		}
		next[k.Key] = c.start(k)
	}
	for _, r := range now {
		r.cancel()
	}
	if len(next) == 0 {
		delete(c.vpcs, vpcID)
		return
	}
	c.vpcs[vpcID] = next
}

// same reports whether the running check is the wanted one.
func same(have, want spec.HealthCheck) bool {
	if want.Health == initial && have.Health != initial {
		return false
	}
	have.Health = want.Health
	return reflect.DeepEqual(have, want)
}

func (c *Checker) start(k spec.HealthCheck) *running {
	ctx, cancel := context.WithCancel(c.ctx)
	p := &prober{o: c.o, check: k, state: k.Health}
	if p.state == "" {
		p.state = initial
	}
	p.reported = Result{Key: k.Key, Health: p.state}
	c.done.Go(func() { p.run(ctx) })
	return &running{check: k, cancel: cancel}
}

// Close ends all checks and waits for them.
func (c *Checker) Close() {
	c.cancel()
	c.done.Wait()
}
