package balance

import (
	"hash/fnv"
	"math"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/musubi-net/musubi/internal/spec"
)

// Target is a registered target with its counters. What it is registered as may
// change (health, zone, draining), its key and its address do not.
type Target struct {
	Key     string
	Address netip.AddrPort

	state       atomic.Pointer[spec.BalancerTarget]
	outstanding atomic.Int64
	recent      recent
	// weight is what anomaly mitigation leaves of it, of fullWeight.
	weight    atomic.Uint32
	anomalous atomic.Bool

	hash     uint64 // of the key, for PickBy
	draining signal
	ended    signal

	mu        sync.Mutex
	unhealthy signal // replaced when it becomes healthy again
}

const fullWeight = 1024

func newTarget(s spec.BalancerTarget) *Target {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.Key)) // never fails
	t := &Target{Key: s.Key, Address: s.Address, hash: mix(h.Sum64()),
		draining: newSignal(), ended: newSignal(), unhealthy: newSignal()}
	t.weight.Store(fullWeight)
	t.set(s)
	return t
}

// set takes over what changed. Signals are raised, in order of severity.
func (t *Target) set(s spec.BalancerTarget) {
	t.state.Store(&s)
	if s.Draining {
		t.draining.raise()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.Health == "unhealthy" {
		t.unhealthy.raise()
	} else if t.unhealthy.raised() {
		t.unhealthy = newSignal()
	}
}

// Spec is the target as last updated, not to be changed.
func (t *Target) Spec() *spec.BalancerTarget { return t.state.Load() }

// Outstanding is how many leases are out.
func (t *Target) Outstanding() int { return int(t.outstanding.Load()) }

// Draining is closed when the target begins to drain.
func (t *Target) Draining() <-chan struct{} { return t.draining.c }

// Ended is closed when the target is no longer registered, its deregistration
// delay over: what is still under way is to be cut.
func (t *Target) Ended() <-chan struct{} { return t.ended.c }

// Unhealthy is closed when the target, as it is now, becomes unhealthy. After it
// is healthy again, there is another channel.
func (t *Target) Unhealthy() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.unhealthy.c
}

// signal is a channel that is closed once.
type signal struct {
	c    chan struct{}
	once *sync.Once
}

func newSignal() signal { return signal{c: make(chan struct{}), once: new(sync.Once)} }

func (s signal) raise() { s.once.Do(func() { close(s.c) }) }

func (s signal) raised() bool {
	select {
	case <-s.c:
		return true
	default:
		return false
	}
}

// mix spreads a number's bits (the finalizer of splitmix64).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// score is how well a key suits the target, in (0, 1].
func (t *Target) score(key uint64) float64 {
	return (float64(mix(t.hash^key)>>11) + 1) / math.Exp2(53)
}
