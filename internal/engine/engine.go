// Package engine is the single writer of the cloud: it applies a command to the
// newest state, commits the changes to the store, publishes the new snapshot
// and tells those who watch.
//
// It may import internal/cloud and internal/store.
package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/store"
)

// Engine owns the cloud's state. Use Do to change it and Snapshot to read it.
type Engine struct {
	db     *cloud.DB
	store  store.Store
	now    func() time.Time
	ids    func() cloud.IDSource
	schema *cloud.Schema

	mu       sync.Mutex // one command at a time
	revision uint64
	failed   error // set when a commit's outcome is unknown: no more writes

	watchMu  sync.Mutex
	watchers map[*Watcher]struct{}
}

// Options are what an engine is made of.
type Options struct {
	Schema *cloud.Schema
	Store  store.Store
	Now    func() time.Time
	// IDs returns a freshly seeded source for one command.
	IDs func() cloud.IDSource
}

// Open loads the store into memory.
func Open(ctx context.Context, o Options) (*Engine, error) {
	db, err := cloud.NewDB(o.Schema)
	if err != nil {
		return nil, err
	}
	e := &Engine{db: db, store: o.Store, now: o.Now, ids: o.IDs, schema: o.Schema, watchers: map[*Watcher]struct{}{}}
	tx := db.Begin(cloud.Env{})
	defer tx.Abort()
	e.revision, err = o.Store.Load(ctx, func(r store.Record) error {
		t := o.Schema.Table(r.Table)
		if t == nil {
			return fmt.Errorf("%w: unknown record kind %q", store.ErrNewer, r.Table)
		}
		v, err := t.Decode(r.Data)
		if err != nil {
			return fmt.Errorf("%w: %w", store.ErrDamaged, err)
		}
		if err := tx.Restore(r.Table, v); err != nil {
			return fmt.Errorf("%w: %s %s: %w", store.ErrDamaged, r.Table, r.Key, err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load state: %w", err)
	}
	tx.Publish()
	return e, nil
}

// Snapshot returns the newest committed state.
func (e *Engine) Snapshot() *cloud.Snapshot { return e.db.Snapshot() }

// Runner is what the adapters of awsapi and the reconciler need of an engine.
type Runner interface {
	Snapshot() *cloud.Snapshot
	// Run applies one function in a transaction; see Do for commands.
	Run(ctx context.Context, caller cloud.Caller, apply func(*cloud.Tx) error) error
}

// Do runs a command and returns its result once it is committed.
func Do[R any](ctx context.Context, e Runner, caller cloud.Caller, c cloud.Command[R]) (R, error) {
	var r R
	err := e.Run(ctx, caller, func(tx *cloud.Tx) (err error) {
		r, err = c.Apply(tx)
		return err
	})
	return r, err
}

// Run applies one function in a transaction, commits what it changed, publishes
// it and notifies the watchers. An error of apply leaves everything as it was.
func (e *Engine) Run(ctx context.Context, caller cloud.Caller, apply func(*cloud.Tx) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failed != nil {
		return e.failed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	tx := e.db.Begin(cloud.Env{Now: e.now().UTC(), Caller: caller, IDs: e.ids()})
	defer tx.Abort()
	if err := apply(tx); err != nil {
		return err
	}
	changes := tx.Changes()
	if len(changes) == 0 {
		return nil
	}
	records := make([]store.Record, len(changes))
	for i, c := range changes {
		data, err := c.Data()
		if err != nil {
			return fmt.Errorf("encode %s %s: %w", c.Table, c.Key, err)
		}
		records[i] = store.Record{Table: c.Table, Key: c.Key, Data: data}
	}
	// Once begun, a commit is not abandoned with the request that asked for it.
	rev, err := e.store.Commit(context.WithoutCancel(ctx), e.revision, records)
	if err != nil {
		e.failed = fmt.Errorf("state can not be saved, restart needed: %w", err)
		return e.failed
	}
	e.revision = rev
	tx.Publish()
	e.notify(changes)
	return nil
}
