package elb

import "strconv"

// MinimumHealth is how many targets of a group must be healthy in a zone; zero
// means that there is no such minimum.
type MinimumHealth struct{ Count, Percent int }

// Met reports whether so many healthy targets of all are enough.
func (m MinimumHealth) Met(healthy, all int) bool {
	if healthy < m.Count {
		return false
	}
	return m.Percent == 0 || all > 0 && healthy*100 >= m.Percent*all
}

// FailoverHealth is what keeps a zone in DNS.
func FailoverHealth(g TargetGroup) MinimumHealth { return minimumHealth(g, attrFailover) }

// RoutingHealth is what keeps traffic at the healthy targets; below it all
// targets of the zone get some.
func RoutingHealth(g TargetGroup) MinimumHealth { return minimumHealth(g, attrRouting) }

func minimumHealth(g TargetGroup, prefix string) MinimumHealth {
	m := MinimumHealth{Count: 1}
	if v, ok := g.Attributes[prefix+".count"]; ok {
		m.Count, _ = strconv.Atoi(v) // off is 0
	}
	m.Percent, _ = strconv.Atoi(g.Attributes[prefix+".percentage"])
	return m
}
