package dnsd

import (
	"cmp"
	"slices"

	"github.com/musubi-net/musubi/internal/spec"
)

// choose takes the record set that answers, by the routing policy that the sets
// have. Where every set is unhealthy, AWS takes all of them for healthy; so does
// this. False if none is for this asker.
func (r *resolver) choose(sets []recordSet) (recordSet, bool) {
	first := sets[0]
	switch {
	case first.failover != "":
		return failover(sets), true
	case first.region != "":
		return r.nearest(sets), true
	case first.geo != nil:
		return r.located(sets)
	case first.weight >= 0:
		return r.weighted(sets), true
	case len(sets) == 1:
		return first, true
	}
	return r.joined(healthyOf(sets)), true
}

// healthyOf are the healthy sets, or all of them if there is none.
func healthyOf(sets []recordSet) []recordSet {
	if up := only(sets, func(s recordSet) bool { return !s.unhealthy }); len(up) > 0 {
		return up
	}
	return sets
}

func only(sets []recordSet, keep func(recordSet) bool) []recordSet {
	return slices.DeleteFunc(slices.Clone(sets), func(s recordSet) bool { return !keep(s) })
}

// failover is the primary set, or the secondary one if only that is healthy.
func failover(sets []recordSet) recordSet {
	sets = slices.Clone(sets)
	slices.SortStableFunc(sets, func(a, b recordSet) int { return cmp.Compare(a.failover, b.failover) })
	return healthyOf(sets)[0]
}

// weighted takes a healthy set in proportion to the weights. Sets of weight zero
// are for when no other is healthy, and are all the same among themselves.
func (r *resolver) weighted(sets []recordSet) recordSet {
	if heavy := only(sets, func(s recordSet) bool { return s.weight > 0 }); len(heavy) > 0 {
		up := only(heavy, func(s recordSet) bool { return !s.unhealthy })
		rest := only(sets, func(s recordSet) bool { return s.weight == 0 && !s.unhealthy })
		switch {
		case len(up) > 0:
			sets = up
		case len(rest) > 0:
			sets = rest
		default:
			sets = heavy
		}
	} else {
		sets = healthyOf(sets)
	}
	var sum int64
	for _, s := range sets {
		sum += s.weight
	}
	if sum == 0 {
		return sets[r.pick(len(sets))]
	}
	at := int64(r.pick(int(sum)))
	for _, s := range sets {
		if at -= s.weight; at < 0 {
			return s
		}
	}
	return sets[len(sets)-1]
}

// nearest is the healthy set whose region is nearest to the asker's. An asker
// without a region, one on the internet, is taken to be in us-east-1.
func (r *resolver) nearest(sets []recordSet) recordSet {
	from := cmp.Or(r.view.region, elsewhere)
	return slices.MinFunc(healthyOf(sets), func(a, b recordSet) int {
		return cmp.Or(cmp.Compare(distance(from, a.region), distance(from, b.region)), cmp.Compare(a.region, b.region))
	})
}

// located is the set for where the asker is: the most particular one that is
// healthy. An asker without a region, one on the internet, is nowhere: the default
// set is for it.
func (r *resolver) located(sets []recordSet) (recordSet, bool) {
	where := place(r.view.region).DNSLocation
	fits := only(sets, func(s recordSet) bool { return s.geo != nil && precision(*s.geo, where) > 0 })
	if len(fits) == 0 {
		return recordSet{}, false
	}
	return slices.MaxFunc(healthyOf(fits), func(a, b recordSet) int {
		return cmp.Compare(precision(*a.geo, where), precision(*b.geo, where))
	}), true
}

// precision is how closely a location describes a place: from 1, the default, to
// 4, a part of a country; 0 if the place is not there.
func precision(l, where spec.DNSLocation) int {
	switch {
	case l.Country == "*":
		return 1
	case l.Country == "" && l.Continent == where.Continent:
		return 2
	case l.Country == "" || l.Country != where.Country:
		return 0
	case l.Subdivision == "":
		return 3
	case l.Subdivision == where.Subdivision:
		return 4
	}
	return 0
}

// joined is an answer of several values, of at most eight sets.
func (r *resolver) joined(sets []recordSet) recordSet {
	out := recordSet{weight: -1, limit: maxMultivalue}
	start := r.pick(len(sets))
	for i := range sets {
		s := sets[(start+i)%len(sets)]
		out.values = append(out.values, s.values...)
		if s.alias != "" {
			out.alias = s.alias
		}
	}
	return out
}
