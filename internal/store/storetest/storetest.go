// Package storetest is the conformance suite that every store passes.
//
// It may import internal/store.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/musubi-net/musubi/internal/store"
)

// Run checks a store. open opens the one store that belongs to t: opening it
// again after Close finds what was committed. Run closes what it opens.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, func(*testing.T) store.Store){
		"EmptyAtRevisionZero":    testEmpty,
		"CommitIsLoaded":         testCommit,
		"DeleteRemoves":          testDelete,
		"ConflictWritesNothing":  testConflict,
		"SurvivesReopen":         testReopen,
		"LoadStopsAtError":       testLoadError,
		"LoadedDataIsTheCallers": testLoadedDataIsACopy,
		"ManyRecordsInOneCommit": testMany,
		"EndedContext":           testContext,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

func testEmpty(t *testing.T, open func(*testing.T) store.Store) {
	s := opened(t, open)
	want(t, s, 0, nil)
}

func testCommit(t *testing.T, open func(*testing.T) store.Store) {
	s := opened(t, open)
	commit(t, s, 0, record("vpc", "a", "1"), record("subnet", "a", "2"))
	want(t, s, 1, map[string]string{"vpc/a": "1", "subnet/a": "2"})
	commit(t, s, 1, record("vpc", "a", "3"), record("vpc", "b", ""))
	want(t, s, 2, map[string]string{"vpc/a": "3", "vpc/b": "", "subnet/a": "2"})
}

func testDelete(t *testing.T, open func(*testing.T) store.Store) {
	s := opened(t, open)
	commit(t, s, 0, record("vpc", "a", "1"), record("vpc", "b", "2"))
	commit(t, s, 1, store.Record{Table: "vpc", Key: "a"}, store.Record{Table: "never", Key: "was"})
	want(t, s, 2, map[string]string{"vpc/b": "2"})
}

func testConflict(t *testing.T, open func(*testing.T) store.Store) {
	s := opened(t, open)
	commit(t, s, 0, record("vpc", "a", "1"))
	for _, base := range []uint64{0, 2} {
		if _, err := s.Commit(t.Context(), base, []store.Record{record("vpc", "a", "2")}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Commit at %d: %v, want ErrConflict", base, err)
		}
	}
	want(t, s, 1, map[string]string{"vpc/a": "1"})
}

func testReopen(t *testing.T, open func(*testing.T) store.Store) {
	s := open(t)
	commit(t, s, 0, record("vpc", "a", "1"))
	commit(t, s, 1, record("vpc", "b", "2"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = opened(t, open)
	want(t, s, 2, map[string]string{"vpc/a": "1", "vpc/b": "2"})
	commit(t, s, 2, record("vpc", "c", "3"))
}

func testLoadError(t *testing.T, open func(*testing.T) store.Store) {
	s := opened(t, open)
	commit(t, s, 0, record("vpc", "a", "1"), record("vpc", "b", "2"))
	stop, calls := errors.New("stop"), 0
	_, err := s.Load(t.Context(), func(store.Record) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("Load: %v after %d records, want the callback's error after 1", err, calls)
	}
}

func testLoadedDataIsACopy(t *testing.T, open func(*testing.T) store.Store) {
	s := opened(t, open)
	commit(t, s, 0, record("vpc", "a", "1"))
	var kept []byte
	if _, err := s.Load(t.Context(), func(r store.Record) error { kept = r.Data; return nil }); err != nil {
		t.Fatal(err)
	}
	kept[0] = 'x'
	want(t, s, 1, map[string]string{"vpc/a": "1"})
}

func testMany(t *testing.T, open func(*testing.T) store.Store) {
	s := opened(t, open)
	all := map[string]string{}
	var records []store.Record
	for i := range 3000 {
		r := record("subnet", fmt.Sprintf("subnet-%05d", i), fmt.Sprint(i))
		records = append(records, r)
		all[r.Table+"/"+r.Key] = string(r.Data)
	}
	commit(t, s, 0, records...)
	want(t, s, 1, all)
}

func testContext(t *testing.T, open func(*testing.T) store.Store) {
	s := opened(t, open)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Commit(ctx, 0, []store.Record{record("vpc", "a", "1")}); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit: %v, want context.Canceled", err)
	}
	want(t, s, 0, nil)
}

func opened(t *testing.T, open func(*testing.T) store.Store) store.Store {
	t.Helper()
	s := open(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func record(table, key, data string) store.Record {
	return store.Record{Table: table, Key: key, Data: []byte(data)}
}

func commit(t *testing.T, s store.Store, base uint64, records ...store.Record) {
	t.Helper()
	rev, err := s.Commit(t.Context(), base, records)
	if err != nil {
		t.Fatalf("Commit at %d: %v", base, err)
	}
	if rev != base+1 {
		t.Fatalf("Commit at %d returned revision %d", base, rev)
	}
}

func want(t *testing.T, s store.Store, revision uint64, records map[string]string) {
	t.Helper()
	got := map[string]string{}
	rev, err := s.Load(t.Context(), func(r store.Record) error {
		got[r.Table+"/"+r.Key] = string(r.Data)
		return nil
	})
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	if rev != revision {
		t.Errorf("revision %d, want %d", rev, revision)
	}
	if !maps.Equal(got, records) {
		t.Errorf("%d records %v, want %d", len(got), slices.Sorted(maps.Keys(got)), len(records))
	}
}
