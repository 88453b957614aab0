package kernel

import (
	"fmt"
	"net/netip"
	"testing"
)

func TestSlots(t *testing.T) {
	var targets []netip.AddrPort
	for i := range 100 {
		targets = append(targets, netip.MustParseAddrPort(fmt.Sprintf("10.0.%d.%d:80", i%3, i)))
	}
	for _, n := range []int{1, 2, 3, 7, 64, 100} {
		count := slotCount(n)
		now, share := slots(targets[:n], count), map[netip.AddrPort]int{}
		for _, s := range now {
			share[s]++
		}
		low, high := int(count)/n, (int(count)+n-1)/n
		for _, target := range targets[:n] {
			if share[target] < low || share[target] > high {
				t.Errorf("%d targets: %s has %d slots, not %d to %d", n, target, share[target], low, high)
			}
		}
		if n < 2 || slotCount(n-1) != count {
			continue
		}
		moved := 0
		for i, s := range slots(targets[:n-1], count) {
			if s != now[i] && now[i] != targets[n-1] {
				moved++
			}
		}
		if moved > int(count)/4 {
			t.Errorf("%d targets: %d of %d slots changed hands when one left", n, moved, count)
		}
	}
	if slots(nil, 256) != nil {
		t.Error("slots without targets")
	}
	twice := slots([]netip.AddrPort{targets[0], targets[1], targets[0]}, 256)
	n := 0
	for _, s := range twice {
		if s == targets[0] {
			n++
		}
	}
	if n < 170 || n > 172 {
		t.Errorf("a target that stands twice has %d of 256", n)
	}
}
