package dns

import (
	"slices"
	"strings"
)

// The values of RecordSet.Failover.
const (
	Primary   = "PRIMARY"
	Secondary = "SECONDARY"
)

// policies are the fields of a record set that say how it is routed.
func policies(s RecordSet) []string {
	var out []string
	for _, p := range []struct {
		name string
		used bool
	}{
		{"weight", s.Weight != nil}, {"region", s.Region != ""}, {"failover", s.Failover != ""}, {"geolocation", s.Geo != nil}, {"multivalue", s.MultiValue},
	} {
		if p.used {
			out = append(out, p.name)
		}
	}
	return out
}

// policy is how a record set is routed; of one set without a policy, "simple".
func policy(s RecordSet) string {
	if p := policies(s); len(p) > 0 {
		return p[0]
	}
	return "simple"
}

// samePolicy reports whether two sets are routed by the same rule.
func samePolicy(a, b RecordSet) bool {
	return (a.SetIdentifier == "") == (b.SetIdentifier == "") && policy(a) == policy(b)
}

// sameChoice reports whether no asker would be led to one of two sets of a
// policy rather than to the other.
func sameChoice(a, b RecordSet) bool { return choice(a) != "" && choice(a) == choice(b) }

// choice is what only one set of a policy may have.
func choice(s RecordSet) string {
	switch {
	case s.Failover != "":
		return "failover=" + s.Failover
	case s.Region != "":
		return "region name=" + s.Region
	case s.Geo != nil:
		return "geolocation=" + s.Geo.Continent + "/" + s.Geo.Country + "/" + s.Geo.Subdivision
	}
	return ""
}

// checkPolicy refuses a record set whose routing fields do not go together.
func checkPolicy(s RecordSet, where string) error {
	const one = "Invalid request: Expected exactly one of [Weight, Region, Failover, GeoLocation, MultiValueAnswer, GeoProximityLocation, or CidrRoutingConfig], but found "
	used := policies(s)
	switch {
	case len(used) > 1:
		return badInput("%smore than one %s", one, where)
	case s.SetIdentifier != "" && len(used) == 0:
		return badInput("%snone %s", one, where)
	case s.SetIdentifier == "" && len(used) > 0:
		return badInput("Invalid request: Missing field 'SetIdentifier' %s", where)
	case s.MultiValue && s.Alias != nil:
		return badInput("Invalid request: An alias record can not have the multivalue answer routing policy %s", where)
	case len(used) > 0 && (s.Type == "NS" || s.Type == "SOA"):
		return badInput("Invalid request: A resource record set of type %s can only have the simple routing policy %s", s.Type, where)
	case s.MultiValue && s.Type == "CNAME":
		return badInput("Invalid request: A CNAME record can not have the multivalue answer routing policy %s", where)
	case s.Geo != nil:
		return s.Geo.check(where)
	}
	return nil
}

// check refuses a location that is none.
func (l Location) check(where string) error {
	switch {
	case l.Continent != "" && (l.Country != "" || l.Subdivision != ""):
		return badInput("Invalid request: Expected exactly one of [ContinentCode, CountryCode], but found more than one %s", where)
	case l.Continent != "" && !slices.Contains([]string{"AF", "AN", "AS", "EU", "NA", "OC", "SA"}, l.Continent):
		return badInput("Invalid request: The continent code %s is not valid %s", l.Continent, where)
	case l.Continent != "":
		return nil
	case l.Country == "":
		return badInput("Invalid request: Expected exactly one of [ContinentCode, CountryCode], but found none %s", where)
	case l.Country != "*" && (len(l.Country) != 2 || strings.ToUpper(l.Country) != l.Country):
		return badInput("Invalid request: The country code %s is not valid %s", l.Country, where)
	case l.Subdivision != "" && l.Country != "US" && l.Country != "UA":
		return badInput("Invalid request: The subdivision code %s is not valid for the country %s %s", l.Subdivision, l.Country, where)
	}
	return nil
}
