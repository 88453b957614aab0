package kernel

import (
	"context"
	"fmt"
	"net/netip"
	"testing"

	"github.com/musubi-net/musubi/internal/spec"
	"github.com/musubi-net/musubi/test/lab"
)

// BenchmarkChangeOfOneTarget is what a health change costs, by what exists.
func BenchmarkChangeOfOneTarget(b *testing.B) {
	for _, size := range []int{1, 30} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			dir := lab.Dir(b)
			w, err := Open(b.Context(), Options{Dir: dir})
			if err != nil {
				b.Fatal(err)
			}
			v := probeVPC()
			v.ID, v.Number, v.Interfaces = "vpc-1", 1, nil
			for i := range size {
				a := netip.AddrFrom4([4]byte{10, 0, 1, byte(10 + i)})
				v.Interfaces = append(v.Interfaces, spec.Interface{
					Name: fmt.Sprintf("e%x", i), ID: fmt.Sprint(i), InstanceID: "i-1", GuestName: fmt.Sprintf("ens%d", 5+i), GroupIDs: []string{"sg"},
					MAC: fmt.Sprintf("02:00:00:00:00:%02x", i), Addresses: []netip.Prefix{netip.PrefixFrom(a, 24)},
				})
				name := fmt.Sprint("tg", i)
				v.Listeners = append(v.Listeners, spec.Listener{Address: a, Protocol: 6, Port: 80, Targets: name})
				v.TargetSets = append(v.TargetSets, spec.TargetSet{Name: name, Targets: []netip.AddrPort{netip.AddrPortFrom(a, 80)}})
			}
			if err := w.ApplyVPC(b.Context(), v); err != nil {
				b.Fatal(err)
			}
			n := 0
			for b.Loop() {
				n++
				v.TargetSets[1].Targets = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 2, byte(n)}), 80)}
				if err := w.ApplyVPC(b.Context(), v); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			ctx := context.Background()
			_, _ = w.RemoveVPC(ctx, "vpc-1"), w.RemoveGuest(ctx, "i-1")
			_ = w.Close()
		})
	}
}

// BenchmarkClient is what finding a client's address costs.
func BenchmarkClient(b *testing.B) {
	w, err := Open(b.Context(), Options{Dir: lab.Dir(b)})
	if err != nil {
		b.Fatal(err)
	}
	v := probeVPC()
	v.ID, v.Number, v.Interfaces = "vpc-1", 1, nil
	v.Local, v.Visitor = v.Resolver, netip.Addr{}
	if err := w.ApplyVPC(b.Context(), v); err != nil {
		b.Fatal(err)
	}
	a := netip.MustParseAddrPort("10.0.0.1:5000")
	l, err := w.ListenTCP(b.Context(), v.ID, a)
	if err != nil {
		b.Fatal(err)
	}
	c, err := w.DialTCP(b.Context(), v.ID, netip.Addr{}, a)
	if err != nil {
		b.Fatal(err)
	}
	from, _ := netip.ParseAddrPort(c.LocalAddr().String())
	for b.Loop() {
		if got, err := w.Client(b.Context(), v.ID, from, a); err != nil || got != from {
			b.Fatal(got, err)
		}
	}
	b.StopTimer()
	_, _ = c.Close(), l.Close()
	_ = w.RemoveVPC(context.Background(), v.ID)
	_ = w.Close()
}
