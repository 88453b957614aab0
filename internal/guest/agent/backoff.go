package agent

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff waits longer from one failure to the next.
type backoff struct {
	least, most time.Duration
	next        time.Duration
}

func (b *backoff) reset() { b.next = 0 }

// wait is false when ctx has ended.
func (b *backoff) wait(ctx context.Context) bool {
	b.next = min(max(b.next*2, b.least), b.most)
	// Many agents that lost the same service do not come back at once.
	return pause(ctx, b.next-rand.N(b.next/4+1))
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
