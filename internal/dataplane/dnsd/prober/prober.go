// Package prober makes the health checks of Route 53: from several places of the
// internet, to addresses or names there.
//
// It may import internal/spec.
package prober

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"reflect"
	"sync"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// Options are what a prober is made of.
type Options struct {
	// Dial opens a connection in the internet.
	Dial func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error)
	// Resolve finds the addresses of a name in the internet.
	Resolve func(ctx context.Context, name string) ([]netip.Addr, error)
	// Report is told what was found, when it changes and now and then; after an
	// error it is told again.
	Report func(ctx context.Context, r Result) error
	Now    func() time.Time
	Log    *slog.Logger
}

// Result is what the checkers of a health check found.
type Result struct {
	ID           string
	Version      int64
	Healthy      bool
	Observations []Observation
}

// Observation is what one checker found.
type Observation struct {
	Region        string
	Source        netip.Addr
	Healthy       bool
	Status        string
	At            time.Time
	LastFailure   string
	LastFailureAt time.Time
}

// Prober makes health checks until it is closed.
type Prober struct {
	o      Options
	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu     sync.Mutex
	checks map[string]running
}

// running is a check's goroutine.
type running struct {
	check  spec.EndpointCheck
	cancel context.CancelFunc
}

// New makes a prober without checks.
func New(o Options) *Prober {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Prober{o: o, ctx: ctx, cancel: cancel, checks: map[string]running{}}
}

// Set makes a health check, in the place of the one of that id; nil ends it. One
// that stays as it was keeps its counts.
func (p *Prober) Set(id string, want *spec.EndpointCheck) {
	p.mu.Lock()
	defer p.mu.Unlock()
	have, ok := p.checks[id]
	if ok && want != nil && same(have.check, *want) {
		return
	}
	if ok {
		have.cancel()
		delete(p.checks, id)
	}
	if want == nil || p.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithCancel(p.ctx)
	p.checks[id] = running{*want, cancel}
	c := newCheck(p.o, *want)
	p.done.Go(func() { c.run(ctx) })
}

// same reports whether the running check is the wanted one, whatever was found.
func same(have, want spec.EndpointCheck) bool {
	have.Healthy = want.Healthy
	return reflect.DeepEqual(have, want)
}

// Close ends all checks and waits for them.
func (p *Prober) Close() {
	p.cancel()
	p.done.Wait()
}
