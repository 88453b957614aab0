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
func (b *backoff) wait(ctx context.Context) bool { return pause(ctx, b.time()) }

// time is how long to wait after one more failure.
func (b *backoff) time() time.Duration {
	b.next = min(max(b.next*2, b.least), b.most)
	// Many agents that lost the same service do not come back at once.
	return b.next - rand.N(b.next/4+1)
}

func pause(ctx context.Context, d time.Duration) bool { return pauseUntil(ctx, d, nil) }

// pauseUntil pauses for a time or until there is news.
func pauseUntil(ctx context.Context, d time.Duration, news <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-news:
		return true
	case <-ctx.Done():
		return false
	}
}
