package main

import (
	"math"
	"slices"
	"time"
)

// spread is what several rounds gave.
type spread struct {
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

func spreadOf(v []float64) spread {
	if len(v) == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN()}
	}
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	return spread{(s[(n-1)/2] + s[n/2]) / 2, s[0], s[n-1]}
}

// goodness divides so that more is better: 1 is as good as the base.
func goodness(v, base []float64, less bool) []float64 {
	out := make([]float64, min(len(v), len(base)))
	for i := range out {
		if less {
			out[i] = base[i] / v[i]
		} else {
			out[i] = v[i] / base[i]
		}
	}
	return out
}

// percentile returns the value, in microseconds, that the share of the sorted
// times does not exceed.
func percentile(sorted []time.Duration, share float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	i := int(math.Ceil(share*float64(len(sorted)))) - 1
	return float64(sorted[min(max(i, 0), len(sorted)-1)]) / float64(time.Microsecond)
}
