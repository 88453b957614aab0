// Package store is where the cloud's records live when the process does not.
//
// A store holds records as bytes under (table, key) and a revision that grows
// by one with each commit. It may import internal/cloud.
package store

import (
	"context"
	"errors"
)

// Record is one stored record. Data nil in a commit deletes it.
type Record struct {
	Table, Key string
	Data       []byte
}

// Errors that every store returns, wrapped.
var (
	// ErrConflict: the base revision is not the store's; nothing was written.
	ErrConflict = errors.New("store: revision conflict")
	// ErrLocked: another process has the store open.
	ErrLocked = errors.New("store: in use by another process")
	// ErrDamaged: the file is not a store, or its contents can not be read.
	ErrDamaged = errors.New("store: damaged")
	// ErrNewer: the file was written by a newer version.
	ErrNewer = errors.New("store: written by a newer version")
)

// Store is what the engine needs. Implementations pass storetest.Run.
type Store interface {
	// Load calls f with every record and returns the revision.
	Load(ctx context.Context, f func(Record) error) (revision uint64, err error)
	// Commit writes all records or none, durably, if the store is at base, and
	// returns the new revision.
	Commit(ctx context.Context, base uint64, records []Record) (uint64, error)
	Close() error
}
