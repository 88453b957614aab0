package plan

import (
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/spec"
)

// CompileCheck compiles a health check of Route 53's; nil if it is gone, or checks
// no endpoint.
func CompileCheck(r cloud.Reader, id string) *spec.EndpointCheck {
	h, ok := dns.HealthChecks.Get(r, id)
	c := h.Config
	if !ok || c.Disabled || c.Type == dns.CheckCalculated {
		return nil
	}
	out := &spec.EndpointCheck{ID: id, Version: h.Version, Type: c.Type, Name: c.DomainName, Port: c.Port, Path: c.Path, Search: c.SearchString,
		SNI: c.EnableSNI, IntervalSeconds: c.Interval, Threshold: c.FailureThreshold, Healthy: true}
	if a, err := netip.ParseAddr(c.IPAddress); err == nil {
		out.Address = a
	}
	source := dns.CheckerRange().Addr()
	for _, region := range dns.CheckerRegions() {
		source = source.Next()
		if len(c.Regions) == 0 || slices.Contains(c.Regions, region) {
			out.Checkers = append(out.Checkers, spec.Checker{Region: region, Source: source})
		}
	}
	if known, ok := dns.CheckResults.Get(r, id); ok {
		out.Healthy = known.Healthy
	}
	return out
}

// CheckIDs lists the health checks of Route 53.
func CheckIDs(r cloud.Reader) []string {
	var out []string
	for h := range dns.HealthChecks.All(r) {
		out = append(out, h.ID)
	}
	return out
}
