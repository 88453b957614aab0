package engine

import (
	"sync"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Watcher collects the changes since it was last asked. It never blocks a
// writer: changes pile up until Take is called.
type Watcher struct {
	e       *Engine
	mu      sync.Mutex
	pending []cloud.Change
	ready   chan struct{}
}

// Watch starts to collect changes, and returns the snapshot from which on.
func (e *Engine) Watch() (*Watcher, *cloud.Snapshot) {
	e.mu.Lock()
	defer e.mu.Unlock()
	w := &Watcher{e: e, ready: make(chan struct{}, 1)}
	e.watchMu.Lock()
	e.watchers[w] = struct{}{}
	e.watchMu.Unlock()
	return w, e.db.Snapshot()
}

// Ready has a value when there may be something to take.
func (w *Watcher) Ready() <-chan struct{} { return w.ready }

// Take returns the changes since the last call, oldest first.
func (w *Watcher) Take() []cloud.Change {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.pending
	w.pending = nil
	return c
}

// Close stops the collection.
func (w *Watcher) Close() {
	w.e.watchMu.Lock()
	defer w.e.watchMu.Unlock()
	delete(w.e.watchers, w)
}

func (e *Engine) notify(changes []cloud.Change) {
	e.watchMu.Lock()
	defer e.watchMu.Unlock()
	for w := range e.watchers {
		w.mu.Lock()
		w.pending = append(w.pending, changes...)
		w.mu.Unlock()
		select {
		case w.ready <- struct{}{}:
		default:
		}
	}
}
