package elb

import (
	"iter"
	"slices"
)

func orDefault(v, d string) string {
	if v == "" {
		return d
	}
	return v
}

func count[T any](s iter.Seq[T]) int {
	n := 0
	for range s {
		n++
	}
	return n
}

// sameSet compares two lists without regard to order.
func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func cloneMap(m map[string]string) map[string]string {
	c := make(map[string]string, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}
