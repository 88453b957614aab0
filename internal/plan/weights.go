package plan

// maxSlots bounds a weighted target set; beyond it weights are rounded.
const maxSlots = 256

// repetitions says how often each member of a list stands in the set, so that a
// list gets its weight's share of the connections whatever its length.
func repetitions[T any](weights []int, lists [][]T) []int {
	if len(lists) <= 1 {
		return []int{1}[:len(lists)]
	}
	all := 1
	for _, l := range lists {
		if all = lcm(all, len(l)); all > 1<<32 {
			all = 1 << 32 // rounds below
		}
	}
	times := make([]int, len(lists))
	common := 0
	for i, l := range lists {
		times[i] = max(1, weights[i]*(all/len(l)))
		common = gcd(common, times[i])
	}
	sum := 0
	for i, l := range lists {
		times[i] /= common
		sum += times[i] * len(l)
	}
	if sum > maxSlots {
		for i := range times {
			times[i] = max(1, (times[i]*maxSlots+sum/2)/sum)
		}
	}
	return times
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func lcm(a, b int) int { return a / gcd(a, b) * b }
