package messages

import (
	"context"
	"sync"
)

// Limits of what is kept for a side of a session.
const (
	maxBytes  = 1 << 20 // of the stream's frames
	maxFrames = 4096    // of the stream
	maxOther  = 1 << 12 // of acknowledgements and the like
)

// queued is a frame on its way to a side.
type queued struct {
	raw    []byte
	number int64 // in the queue, from 1
	// stream frames have a sequence; others are never refused for want of room.
	stream   bool
	sequence int64
	last     bool // the channel ends after it
}

// queue holds the frames for a side of a session, in order. One goroutine at a
// time takes out.
type queue struct {
	wake, room chan struct{}

	mu     sync.Mutex
	frames []queued
	number int64
	bytes  int
	held   map[int64]bool // sequences of the stream's frames in it
}

func newQueue() *queue {
	return &queue{wake: make(chan struct{}, 1), room: make(chan struct{}, 1), held: map[int64]bool{}}
}

// put adds a frame, false if there is no room. What is in it already is not
// added again.
func (q *queue) put(f queued) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if f.stream {
		switch {
		case q.held[f.sequence]:
			return true
		case len(q.held) >= maxFrames || q.bytes > 0 && q.bytes+len(f.raw) > maxBytes:
			return false
		}
		q.held[f.sequence] = true
		q.bytes += len(f.raw)
	} else if !f.last && len(q.frames)-len(q.held) >= maxOther {
		return false
	}
	q.number++
	f.number = q.number
	q.frames = append(q.frames, f)
	signal(q.wake)
	return true
}

// next waits for the first frame, which stays in the queue until sent.
func (q *queue) next(ctx context.Context) (queued, bool) {
	for {
		q.mu.Lock()
		if len(q.frames) > 0 {
			f := q.frames[0]
			q.mu.Unlock()
			return f, true
		}
		q.mu.Unlock()
		select {
		case <-ctx.Done():
			return queued{}, false
		case <-q.wake:
		}
	}
}

// sent removes the frame that next returned.
func (q *queue) sent(f queued) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.frames) == 0 || q.frames[0].number != f.number {
		return
	}
	q.frames[0] = queued{}
	q.frames = q.frames[1:]
	if f.stream {
		delete(q.held, f.sequence)
		q.bytes -= len(f.raw)
	}
	signal(q.room)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
