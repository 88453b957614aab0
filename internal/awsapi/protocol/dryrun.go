package protocol

import (
	"context"
	"errors"

	"github.com/musubi-net/musubi/internal/cloud"
)

// ErrDryRun ends the transaction of a dry run that would have succeeded.
var ErrDryRun = errors.New("dry run: nothing was changed")

type dryRunKey struct{}

// DryRun reports whether the request that ctx belongs to must change nothing.
func DryRun(ctx context.Context) bool { return ctx.Value(dryRunKey{}) != nil }

func withDryRun(ctx context.Context) context.Context {
	return context.WithValue(ctx, dryRunKey{}, true)
}

// Runner is the part of an engine that a dry run must be kept from: the same
// methods as engine.Runner, which this package may not import.
type Runner interface {
	Snapshot() *cloud.Snapshot
	Run(ctx context.Context, caller cloud.Caller, apply func(*cloud.Tx) error) error
}

// DryRunner wraps the runner that is given to the adapters. The commands of a
// dry run do all their checks, then their transaction is abandoned with
// ErrDryRun, which the handler answers as DryRunOperation.
func DryRunner(r Runner) Runner { return dryRunner{r} }

type dryRunner struct{ Runner }

func (d dryRunner) Run(ctx context.Context, caller cloud.Caller, apply func(*cloud.Tx) error) error {
	if !DryRun(ctx) {
		return d.Runner.Run(ctx, caller, apply)
	}
	return d.Runner.Run(ctx, caller, func(tx *cloud.Tx) error {
		if err := apply(tx); err != nil {
			return err
		}
		return ErrDryRun
	})
}
