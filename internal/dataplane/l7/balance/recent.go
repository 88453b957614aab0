package balance

import (
	"sync/atomic"
	"time"
)

// window is how long outcomes count in full; they are forgotten after two.
const window = 10 * time.Second

// recent counts outcomes in two windows that take turns. A count that falls on
// the change of windows may be lost, which statistics bear.
type recent struct {
	epoch  atomic.Int64
	counts [2]struct{ all, bad atomic.Uint32 }
}

func (r *recent) count(now time.Time, bad bool) {
	slot := &r.counts[r.roll(now)&1]
	slot.all.Add(1)
	if bad {
		slot.bad.Add(1)
	}
}

// roll enters the window of a time and clears what it is to hold.
func (r *recent) roll(now time.Time) int64 {
	epoch := now.UnixNano() / int64(window)
	was := r.epoch.Load()
	if was < epoch && r.epoch.CompareAndSwap(was, epoch) {
		r.clear(epoch)
		if epoch-was > 1 {
			r.clear(epoch - 1)
		}
	}
	return epoch
}

func (r *recent) clear(epoch int64) {
	r.counts[epoch&1].all.Store(0)
	r.counts[epoch&1].bad.Store(0)
}

// sums are the counts of this window and the one before.
func (r *recent) sums(now time.Time) (all, bad uint32) {
	r.roll(now)
	for i := range r.counts {
		all += r.counts[i].all.Load()
		bad += r.counts[i].bad.Load()
	}
	return all, bad
}
