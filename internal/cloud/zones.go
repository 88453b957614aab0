package cloud

import (
	"crypto/sha256"
	"slices"
	"strings"
)

// Setting is a choice that holds for a whole cloud.
type Setting struct{ Name, Value string }

// Settings is the table of settings.
var Settings = NewTable("setting", func(s *Setting) string { return s.Name })

// ShuffleZones is the setting under which the names of zones mean other places
// in each account, as on AWS. Its value is "yes"; without it a name means the
// same place in all accounts.
const ShuffleZones = "shuffle-zones"

// ZonesOf lists the availability zones of a region as an account names them, in
// order of the names.
func ZonesOf(r Reader, s Scope) []Zone {
	zones := Zones(s.Region)
	if on, _ := Settings.Get(r, ShuffleZones); on.Value != "yes" {
		return zones
	}
	ids := make([]string, len(zones))
	for i, z := range zones {
		ids[i] = z.ID
	}
	order := func(id string) string {
		sum := sha256.Sum256([]byte(s.Key() + "/" + id))
		return string(sum[:])
	}
	slices.SortFunc(ids, func(a, b string) int { return strings.Compare(order(a), order(b)) })
	for i := range zones {
		zones[i].ID = ids[i]
	}
	return zones
}

// FindZoneOf returns the account's zone with that name or id.
func FindZoneOf(r Reader, s Scope, nameOrID string) (Zone, bool) {
	for _, z := range ZonesOf(r, s) {
		if z.Name == nameOrID || z.ID == nameOrID {
			return z, true
		}
	}
	return Zone{}, false
}
