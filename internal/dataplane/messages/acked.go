package messages

// maxAcked bounds what is remembered of acknowledgements out of order; a client
// keeps at most as many frames.
const maxAcked = 10000

// acked are the sequences that a side has acknowledged.
type acked struct {
	below   int64 // all that are less
	beyond  map[int64]bool
	highest int64
}

func (a *acked) add(n int64) {
	if n < a.below {
		return
	}
	a.highest = max(a.highest, n)
	if a.beyond == nil {
		a.beyond = map[int64]bool{}
	}
	if len(a.beyond) >= maxAcked {
		a.prune()
	}
	a.beyond[n] = true
	for a.beyond[a.below] {
		delete(a.beyond, a.below)
		a.below++
	}
}

// prune forgets the lower half of what is out of order: it is only so much if
// the beginning was never seen.
func (a *acked) prune() {
	for n := range a.beyond {
		if n < a.highest-maxAcked/2 {
			delete(a.beyond, n)
		}
	}
	if len(a.beyond) >= maxAcked {
		clear(a.beyond)
	}
}

func (a *acked) has(n int64) bool { return n >= 0 && n < a.below || a.beyond[n] }
