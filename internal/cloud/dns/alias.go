package dns

import (
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
)

// checkAlias refuses an alias whose target zone does not have the target. A
// target of AWS's zones need not exist: other accounts' names are not known.
func (b *batch) checkAlias(s RecordSet) {
	target := s.Alias.Name
	if s.Alias.ZoneID == b.zone.ID {
		if !within(target, b.zone.Name) {
			b.outsideZone(s)
			b.noTarget(s)
			return
		}
		if target == s.Name || !b.hasTarget(target, s.Type) {
			b.noTarget(s)
		}
		return
	}
	region, suffix := awsZone(s.Alias.ZoneID)
	switch {
	case region == "" || !strings.HasSuffix(target, suffix):
		b.outsideZone(s)
		b.noTarget(s)
	case s.Type != "A" && s.Type != "AAAA":
		b.noTarget(s)
	}
}

// hasTarget reports whether the zone has a record of that type at a name, or a
// wildcard that covers it.
func (b *batch) hasTarget(name, typ string) bool {
	for {
		for r := range RecordSets.By(b.tx, ByName, b.zone.ID+"|"+name) {
			if r.Type == typ {
				return true
			}
		}
		_, parent, ok := strings.Cut(strings.TrimPrefix(name, "*."), ".")
		if !ok || !within(parent, b.zone.Name) {
			return false
		}
		name = "*." + parent
	}
}

func (b *batch) outsideZone(s RecordSet) {
	b.refuse("Tried to create an alias that targets %s, type %s in zone %s, but the alias target name does not lie within the target zone", EscapedName(s.Alias.Name), s.Type, s.Alias.ZoneID)
}

func (b *batch) noTarget(s RecordSet) {
	b.refuse("Tried to create an alias that targets %s, type %s in zone %s, but that target was not found", EscapedName(s.Alias.Name), s.Type, s.Alias.ZoneID)
}

// awsZone finds the region and the names of one of AWS's own zones: that of a
// region's network or application load balancers or endpoints.
func awsZone(id string) (region, suffix string) {
	regions := cloud.Regions()
	if i := slices.IndexFunc(regions, func(r string) bool { return elb.HostedZoneID(r) == id }); i >= 0 {
		return regions[i], ".elb." + regions[i] + ".amazonaws.com."
	}
	if i := slices.IndexFunc(regions, func(r string) bool { return elb.ApplicationHostedZoneID(r) == id }); i >= 0 {
		return regions[i], "." + regions[i] + ".elb.amazonaws.com."
	}
	if i := slices.IndexFunc(regions, func(r string) bool { return privatelink.HostedZoneID(r) == id }); i >= 0 {
		return regions[i], "." + regions[i] + ".vpce.amazonaws.com."
	}
	return "", ""
}
