package reconcile

import (
	"strings"
	"sync"
	"time"
)

// key names a unit: what kind it is, and which one.
type key struct{ kind, id string }

func (k key) String() string { return strings.TrimSpace(k.kind + " " + k.id) }

// queue holds units that wait for a worker. A unit is in it once at most, and
// with one worker at most: what is added while it is worked on comes again.
type queue struct {
	mu       sync.Mutex
	wake     *sync.Cond
	pending  []key
	dirty    map[key]bool
	busy     map[key]bool
	timers   map[key]*timer
	failures map[key]int
	closed   bool
}

type timer struct {
	at time.Time
	t  *time.Timer
}

// Pauses after failures grow from the first to the last.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 30 * time.Second
)

func newQueue() *queue {
	q := &queue{dirty: map[key]bool{}, busy: map[key]bool{}, timers: map[key]*timer{}, failures: map[key]int{}}
	q.wake = sync.NewCond(&q.mu)
	return q
}

// add makes a unit wait for a worker now.
func (q *queue) add(kind string, ids ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, id := range ids {
		q.addLocked(key{kind, id})
	}
}

func (q *queue) addLocked(k key) {
	if q.closed || q.dirty[k] {
		return
	}
	q.dirty[k] = true
	if !q.busy[k] {
		q.pending = append(q.pending, k)
		q.wake.Signal()
	}
}

// after adds a unit later; the earliest of several times counts.
func (q *queue) after(k key, d time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := time.Now().Add(d)
	if old := q.timers[k]; old != nil {
		if !at.Before(old.at) {
			return
		}
		old.t.Stop()
	}
	if q.closed {
		return
	}
	x := &timer{at: at}
	x.t = time.AfterFunc(d, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.timers[k] == x {
			delete(q.timers, k)
		}
		q.addLocked(k)
	})
	q.timers[k] = x
}

// take waits for a unit; false once the queue is closed.
func (q *queue) take() (key, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.pending) == 0 && !q.closed {
		q.wake.Wait()
	}
	if q.closed {
		return key{}, false
	}
	k := q.pending[0]
	q.pending = q.pending[1:]
	delete(q.dirty, k)
	q.busy[k] = true
	return k, true
}

// done gives a unit back; a failed one comes again after a pause.
func (q *queue) done(k key, failed bool) {
	q.mu.Lock()
	delete(q.busy, k)
	if q.dirty[k] && !q.closed {
		q.pending = append(q.pending, k)
		q.wake.Signal()
	}
	if !failed {
		delete(q.failures, k)
		q.mu.Unlock()
		return
	}
	q.failures[k]++
	pause := min(firstPause<<min(q.failures[k]-1, 16), lastPause)
	q.mu.Unlock()
	q.after(k, pause)
}

// failed is how often in a row a unit failed.
func (q *queue) failed(k key) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.failures[k]
}

// close sends the workers home.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, x := range q.timers {
		x.t.Stop()
	}
	q.wake.Broadcast()
}
