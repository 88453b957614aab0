package plan

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/spec"
)

// CompileHealth compiles the health checks that the load balancers of a VPC
// make: every target in use of every group that a listener forwards to, probed
// from every node.
func CompileHealth(r cloud.Reader, vpcID string) []spec.HealthCheck {
	var out []spec.HealthCheck
	for lb := range elb.LoadBalancers.By(r, elb.ByVPC, vpcID) {
		if lb.Type != "network" {
			continue
		}
		seen := map[string]bool{}
		for l := range elb.Listeners.By(r, elb.ByLB, lb.ARN) {
			for _, w := range l.Targets {
				g, ok := elb.TargetGroups.Get(r, w.TargetGroupARN)
				if !ok || seen[g.ARN] {
					continue
				}
				seen[g.ARN] = true
				for _, m := range members(r, lb, g) {
					if c, ok := checkOf(vpcID, lb, l, g, m); ok {
						out = append(out, c)
					}
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b spec.HealthCheck) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

func checkOf(vpcID string, lb elb.LoadBalancer, l elb.Listener, g elb.TargetGroup, m member) (spec.HealthCheck, bool) {
	h := g.HealthCheck
	c := spec.HealthCheck{
		Key: m.key, VPC: vpcID, Address: m.address, Protocol: h.Protocol, Path: h.Path, ListenerPort: l.Port, Matcher: h.Matcher,
		IntervalSeconds: h.IntervalSeconds, TimeoutSeconds: h.TimeoutSeconds,
		HealthyThreshold: h.HealthyThreshold, UnhealthyThreshold: h.UnhealthyThreshold, Health: string(m.health),
	}
	if port, err := strconv.ParseUint(h.Port, 10, 16); err == nil {
		c.Address = netip.AddrPortFrom(m.address.Addr(), uint16(port))
	}
	for _, n := range lb.Nodes {
		source := n.PrivateIP
		if m.address.Addr().Is6() {
			source = n.IPv6
		}
		if source.IsValid() {
			c.Sources = append(c.Sources, source)
		}
	}
	slices.SortFunc(c.Sources, netip.Addr.Compare)
	return c, len(c.Sources) > 0
}
