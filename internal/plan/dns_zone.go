package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/spec"
)

// compileZone compiles the records of a hosted zone with their health.
func compileZone(r cloud.Reader, z dns.Zone) spec.DNSZone {
	out := spec.DNSZone{Name: z.Name}
	if !z.Private {
		out.Created = z.CreatedAt.UnixNano()
		for _, s := range z.NameServers {
			out.NameServers = append(out.NameServers, absolute(s))
		}
	}
	sets := slices.Collect(dns.RecordSets.By(r, dns.ByZone, z.ID))
	h := newZoneHealth(r, z, sets)
	for i, s := range sets {
		out.Records = append(out.Records, compileRecord(s, !h.healthy(i)))
	}
	slices.SortFunc(out.Records, func(a, b spec.DNSRecord) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Set, b.Set))
	})
	return out
}

func compileRecord(s dns.RecordSet, unhealthy bool) spec.DNSRecord {
	out := spec.DNSRecord{Name: s.Name, Type: s.Type, TTL: uint32(s.TTL), Values: s.Values, Weight: -1, Set: s.SetIdentifier,
		Failover: s.Failover, Region: s.Region, Unhealthy: unhealthy}
	if s.Alias != nil {
		out.Alias = strings.TrimPrefix(absolute(s.Alias.Name), "dualstack.")
	}
	if s.Weight != nil {
		out.Weight = *s.Weight
	}
	if s.Geo != nil {
		out.Geo = &spec.DNSLocation{Continent: s.Geo.Continent, Country: s.Geo.Country, Subdivision: s.Geo.Subdivision}
	}
	return out
}

// zoneHealth finds the health of a zone's record sets.
type zoneHealth struct {
	r    cloud.Reader
	zone dns.Zone
	sets []dns.RecordSet
	at   map[string][]int // by name and type
	seen map[int]bool     // what is known, and true for what is being looked at
}

func newZoneHealth(r cloud.Reader, z dns.Zone, sets []dns.RecordSet) *zoneHealth {
	h := &zoneHealth{r: r, zone: z, sets: sets, at: map[string][]int{}, seen: map[int]bool{}}
	for i, s := range sets {
		h.at[s.Name+" "+s.Type] = append(h.at[s.Name+" "+s.Type], i)
	}
	return h
}

// healthy reports whether a record set answers: its health check, if it has one,
// and what its alias leads to, if that is asked for.
func (h *zoneHealth) healthy(i int) bool {
	if known, ok := h.seen[i]; ok {
		return known
	}
	h.seen[i] = true // a circle of aliases ends
	s := h.sets[i]
	out := s.HealthCheckID == "" || dns.CheckHealthy(h.r, s.HealthCheckID)
	if s.Alias != nil && s.Alias.EvaluateTargetHealth {
		out = out && h.target(s)
	}
	h.seen[i] = out
	return out
}

// target reports whether what an alias leads to is healthy: records of the zone if
// one of them is.
func (h *zoneHealth) target(s dns.RecordSet) bool {
	if s.Alias.ZoneID != h.zone.ID {
		return targetHealthy(h.r, s.Alias.Name)
	}
	for name := s.Alias.Name; ; {
		if group := h.at[name+" "+s.Type]; len(group) > 0 {
			return slices.ContainsFunc(group, h.healthy)
		}
		_, parent, ok := strings.Cut(strings.TrimPrefix(name, "*."), ".")
		if !ok || len(parent) < len(h.zone.Name) {
			return false
		}
		name = "*." + parent
	}
}

// targetHealthy reports whether the AWS resource of a name is healthy: an endpoint
// that is available, or a load balancer of which every target group in use has a
// healthy target (in the zone, for a zonal name).
func targetHealthy(r cloud.Reader, name string) bool {
	for _, t := range dns.AliasTargets(name) {
		if e, ok := privatelink.Endpoints.Get(r, t); ok {
			return e.State == privatelink.Available
		}
		lb, ok := elb.LoadBalancers.First(r, "dns", t)
		if !ok {
			continue
		}
		for _, n := range lb.Nodes {
			if absolute(lb.ZonalName(n.Zone)) == absolute(name) {
				return healthyZones(r, lb)[n.Zone]
			}
		}
		return balancerHealthy(r, lb)
	}
	return false
}

func balancerHealthy(r cloud.Reader, lb elb.LoadBalancer) bool {
	for _, groups := range forwardsOf(r, lb) {
		for _, g := range poolOf(r, lb, groups).groups {
			if len(healthy(g.members)) == 0 {
				return false
			}
		}
	}
	return true
}
