package main

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want spread
	}{
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{4, 1}, spread{2.5, 1, 4}},
		{[]float64{9, 1, 2}, spread{2, 1, 9}},
		{[]float64{9, 1, 2, 4}, spread{3, 1, 9}},
	} {
		in := slices.Clone(c.in)
		if got := spreadOf(in); got != c.want {
			t.Errorf("%v: %v, want %v", c.in, got, c.want)
		}
		if !slices.Equal(in, c.in) {
			t.Errorf("%v became %v", c.in, in)
		}
	}
	if s := spreadOf(nil); !math.IsNaN(s.Median) {
		t.Errorf("of nothing: %v", s)
	}
}

func TestGoodness(t *testing.T) {
	if got := goodness([]float64{50, 30}, []float64{100, 20}, false); !slices.Equal(got, []float64{.5, 1.5}) {
		t.Errorf("more is better: %v", got)
	}
	if got := goodness([]float64{50, 30}, []float64{100, 15}, true); !slices.Equal(got, []float64{2, .5}) {
		t.Errorf("less is better: %v", got)
	}
}

func TestPercentile(t *testing.T) {
	var times []time.Duration
	for i := range 200 {
		times = append(times, time.Duration(i+1)*time.Microsecond)
	}
	for share, want := range map[float64]float64{0: 1, .5: 100, .99: 198, 1: 200} {
		if got := percentile(times, share); got != want {
			t.Errorf("%g: %g, want %g", share, got, want)
		}
	}
	if got := percentile(nil, .5); got != 0 {
		t.Errorf("of nothing: %g", got)
	}
}

func TestParseCPU(t *testing.T) {
	busy, idle, err := parseCPU("cpu  100 200 300 4000 500 10 20 999 50 0\ncpu0 1 2 3\n")
	if err != nil || math.Abs(busy-6.3) > 1e-9 || idle != 45 {
		t.Errorf("busy %g, idle %g, %v", busy, idle, err)
	}
	for _, bad := range []string{"", "cpu 1 2", "intr 1 2 3 4 5 6 7 8", "cpu a b c d e f g h"} {
		if _, _, err := parseCPU(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
