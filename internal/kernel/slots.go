package kernel

import (
	"encoding/binary"
	"hash/fnv"
	"net/netip"
	"slices"
)

// slotCount is the size of a slot map: a power of two, and several times the
// number of targets, so that each gets nearly the same share.
func slotCount(targets int) uint32 {
	if targets > 64 {
		return 4096
	}
	return 256
}

// slots gives each slot a target. Shares differ by one at most, and few slots
// change hands when a target comes or goes (Maglev's way: each target has its
// own order of preference and takes its next free slot in turn).
func slots(targets []netip.AddrPort, count uint32) []netip.AddrPort {
	if len(targets) == 0 {
		return nil
	}
	type walker struct {
		target       netip.AddrPort
		offset, skip uint32
		step         uint32
	}
	targets = slices.Clone(targets)
	slices.SortFunc(targets, netip.AddrPort.Compare)
	walkers := make([]walker, len(targets))
	for i, t := range targets {
		copies := 0
		for j := i - 1; j >= 0 && targets[j] == t; j-- {
			copies++
		}
		h := slotHash(t, copies)
		// An odd step visits all slots, because their number is a power of two.
		walkers[i] = walker{target: t, offset: uint32(h) % count, skip: uint32(h>>32)%(count/2)*2 + 1}
	}
	out := make([]netip.AddrPort, count)
	for taken := uint32(0); ; {
		for i := range walkers {
			w := &walkers[i]
			at := (w.offset + w.step*w.skip) % count
			for out[at].IsValid() {
				w.step++
				at = (w.offset + w.step*w.skip) % count
			}
			out[at] = w.target
			w.step++
			if taken++; taken == count {
				return out
			}
		}
	}
}

func slotHash(t netip.AddrPort, copies int) uint64 {
	h := fnv.New64a()
	b, _ := t.MarshalBinary()
	_, _ = h.Write(binary.BigEndian.AppendUint32(b, uint32(copies)))
	// FNV leaves the high bits of similar keys alike; this finish (murmur's)
	// spreads them.
	v := h.Sum64()
	v = (v ^ v>>33) * 0xff51afd7ed558ccd
	v = (v ^ v>>33) * 0xc4ceb9fe1a85ec53
	return v ^ v>>33
}
