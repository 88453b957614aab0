package supervisor

import (
	"slices"
	"sync"
)

// ring keeps the last bytes that were written and lets readers follow. The
// offset of a byte counts all that were ever written.
type ring struct {
	mu      sync.Mutex
	limit   int
	data    []byte
	end     int64
	closed  bool
	changed chan struct{}
}

func newRing(limit int) *ring { return &ring{limit: limit, changed: make(chan struct{})} }

// Write never fails and never blocks.
func (r *ring) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.data = append(r.data, p...)
	if over := len(r.data) - r.limit; over > 0 {
		r.data = slices.Delete(r.data, 0, over)
	}
	r.end += int64(len(p))
	r.wake()
	return len(p), nil
}

// close ends followers.
func (r *ring) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.wake()
}

func (r *ring) wake() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// from returns what was written since an offset, as far as it is kept, the next
// offset, and a channel that closes when there is more; nil when there never
// will be.
func (r *ring) from(offset int64) ([]byte, int64, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	skip := max(0, int64(len(r.data))-(r.end-offset))
	changed := r.changed
	if r.closed {
		changed = nil
	}
	return slices.Clone(r.data[min(skip, int64(len(r.data))):]), r.end, changed
}
