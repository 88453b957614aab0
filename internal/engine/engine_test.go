package engine_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/engine"
	"github.com/musubi-net/musubi/internal/store"
	"github.com/musubi-net/musubi/internal/store/bolt"
)

// thing is a record for these tests.
type thing struct {
	ID    string
	Group string
	Size  int
}

var things = cloud.NewTable("thing", func(t *thing) string { return t.ID },
	cloud.Index[thing]{Name: "group", Keys: func(t *thing) []string { return []string{t.Group} }})

type put struct{ thing thing }

func (c put) Apply(tx *cloud.Tx) (uint32, error) {
	things.Put(tx, c.thing)
	return tx.NextNumber("thing"), nil
}

type remove struct{ id string }

func (c remove) Apply(tx *cloud.Tx) (cloud.None, error) {
	things.Delete(tx, c.id)
	return cloud.None{}, nil
}

func TestAcknowledgedCommandsSurvive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s := openBolt(t, path)
	e := openEngine(t, s)
	do(t, e, put{thing{ID: "a", Group: "g", Size: 1}})
	do(t, e, put{thing{ID: "b", Group: "g", Size: 2}})
	do(t, e, put{thing{ID: "a", Group: "h", Size: 3}})
	if _, err := engine.Do(t.Context(), e, cloud.Caller{}, remove{"b"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	e = openEngine(t, openBolt(t, path))
	if got := all(e.Snapshot()); !slices.Equal(got, []thing{{"a", "h", 3}}) {
		t.Errorf("after reopening: %v", got)
	}
	if _, ok := things.First(e.Snapshot(), "group", "g"); ok {
		t.Error("the old group is still indexed")
	}
	if n := do(t, e, put{thing{ID: "c"}}); n != 4 {
		t.Errorf("counter went on at %d, want 4", n)
	}
}

func TestFailingApplyChangesNothing(t *testing.T) {
	e := openEngine(t, openBolt(t, filepath.Join(t.TempDir(), "state")))
	do(t, e, put{thing{ID: "a", Size: 1}})
	w, _ := e.Watch()
	defer w.Close()
	refused := cloud.Errorf(cloud.KindInvalid, "thing", "", "no")
	err := e.Run(t.Context(), cloud.Caller{}, func(tx *cloud.Tx) error {
		things.Put(tx, thing{ID: "b"})
		things.Delete(tx, "a")
		return refused
	})
	if !errors.Is(err, refused) {
		t.Errorf("Run: %v, want the refusal itself", err)
	}
	if got := all(e.Snapshot()); !slices.Equal(got, []thing{{"a", "", 1}}) {
		t.Errorf("state: %v", got)
	}
	if c := w.Take(); len(c) != 0 {
		t.Errorf("watcher saw %v", c)
	}
	do(t, e, put{thing{ID: "c"}})
}

func TestPanickingApplyLeavesTheEngineUsable(t *testing.T) {
	e := openEngine(t, openBolt(t, filepath.Join(t.TempDir(), "state")))
	func() {
		defer func() { _ = recover() }()
		_ = e.Run(t.Context(), cloud.Caller{}, func(tx *cloud.Tx) error {
			things.Put(tx, thing{ID: "a"})
			panic("bug")
		})
	}()
	do(t, e, put{thing{ID: "b"}})
	if got := all(e.Snapshot()); !slices.Equal(got, []thing{{ID: "b"}}) {
		t.Errorf("state: %v", got)
	}
}

// brokenStore fails every commit after the first few.
type brokenStore struct {
	store.Store
	left int
}

var errDisk = errors.New("disk full")

func (s *brokenStore) Commit(ctx context.Context, base uint64, r []store.Record) (uint64, error) {
	if s.left--; s.left < 0 {
		return 0, errDisk
	}
	return s.Store.Commit(ctx, base, r)
}

func TestFailingCommitStopsWritesAndPublishesNothing(t *testing.T) {
	s := &brokenStore{Store: openBolt(t, filepath.Join(t.TempDir(), "state")), left: 1}
	e := openEngine(t, s)
	do(t, e, put{thing{ID: "a"}})
	w, _ := e.Watch()
	defer w.Close()
	for range 2 {
		if _, err := engine.Do(t.Context(), e, cloud.Caller{}, put{thing{ID: "b"}}); !errors.Is(err, errDisk) {
			t.Errorf("Do: %v, want the store's error", err)
		}
		s.left = 9 // the disk is back, but what is on it is not known
	}
	if got := all(e.Snapshot()); !slices.Equal(got, []thing{{ID: "a"}}) {
		t.Errorf("state: %v", got)
	}
	if c := w.Take(); len(c) != 0 {
		t.Errorf("watcher saw %v", c)
	}
}

func TestReadingCommandCommitsNothing(t *testing.T) {
	s := &brokenStore{Store: openBolt(t, filepath.Join(t.TempDir(), "state"))}
	e := openEngine(t, s)
	if err := e.Run(t.Context(), cloud.Caller{}, func(tx *cloud.Tx) error {
		things.Put(tx, thing{ID: "a"})
		things.Delete(tx, "a")
		return nil
	}); err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestEndedRequestIsNotBegun(t *testing.T) {
	e := openEngine(t, openBolt(t, filepath.Join(t.TempDir(), "state")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := engine.Do(ctx, e, cloud.Caller{}, put{thing{ID: "a"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("Do: %v", err)
	}
	if got := all(e.Snapshot()); len(got) != 0 {
		t.Errorf("state: %v", got)
	}
}

func TestWatchersGetEveryChangeInOrder(t *testing.T) {
	e := openEngine(t, openBolt(t, filepath.Join(t.TempDir(), "state")))
	do(t, e, put{thing{ID: "before"}})
	w, from := e.Watch()
	if got := all(from); len(got) != 1 {
		t.Fatalf("snapshot to watch from: %v", got)
	}
	const writers, each = 4, 10
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for j := range each {
				do(t, e, put{thing{ID: fmt.Sprintf("w%d", i), Size: j}})
			}
		})
	}
	last := map[string]int{}
	deadline, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for n := 0; n < writers*each; {
		select {
		case <-w.Ready():
		case <-deadline.Done():
			t.Fatalf("%d changes of %d", n, writers*each)
		}
		for _, c := range w.Take() {
			if c.Table != "thing" {
				continue
			}
			after := c.After.(*thing)
			want, seen := last[c.Key]
			if seen != (c.Before != nil) || seen && after.Size != want+1 {
				t.Errorf("%s: %d after %d (before: %v)", c.Key, after.Size, want, c.Before)
			}
			last[c.Key] = after.Size
			n++
		}
	}
	wg.Wait()
	w.Close()
	do(t, e, put{thing{ID: "after"}})
	if c := w.Take(); len(c) != 0 {
		t.Errorf("closed watcher got %v", c)
	}
}

func TestOpenRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, c := range []struct {
		name   string
		record store.Record
		want   error
	}{
		{"unknown table", store.Record{Table: "spaceship", Key: "a", Data: []byte("{}")}, store.ErrNewer},
		{"not a record", store.Record{Table: "thing", Key: "a", Data: []byte("{")}, store.ErrDamaged},
		{"without a key", store.Record{Table: "thing", Key: "a", Data: []byte("{}")}, store.ErrDamaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openBolt(t, filepath.Join(t.TempDir(), "state"))
			if _, err := s.Commit(t.Context(), 0, []store.Record{c.record}); err != nil {
				t.Fatal(err)
			}
			if _, err := engine.Open(t.Context(), options(s)); !errors.Is(err, c.want) {
				t.Errorf("Open: %v, want %v", err, c.want)
			}
		})
	}
}

func options(s store.Store) engine.Options {
	return engine.Options{
		Schema: cloud.NewSchema(things),
		Store:  s,
		Now:    func() time.Time { return time.Unix(1_800_000_000, 0) },
		IDs:    func() cloud.IDSource { return nil },
	}
}

func openEngine(t *testing.T, s store.Store) *engine.Engine {
	t.Helper()
	e, err := engine.Open(t.Context(), options(s))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func openBolt(t *testing.T, path string) store.Store {
	t.Helper()
	s, err := bolt.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func do[R any](t *testing.T, e *engine.Engine, c cloud.Command[R]) R {
	t.Helper()
	r, err := engine.Do(t.Context(), e, cloud.Caller{}, c)
	if err != nil {
		t.Error(err)
	}
	return r
}

func all(r cloud.Reader) []thing { return slices.Collect(things.All(r)) }
