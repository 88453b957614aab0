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
// make: every target in use of every group that a listener or a rule forwards
// to, probed from every node.
func CompileHealth(r cloud.Reader, vpcID string) []spec.HealthCheck {
	var out []spec.HealthCheck
	for lb := range elb.LoadBalancers.By(r, elb.ByVPC, vpcID) {
		ports := listenerPorts(r, lb)
		for _, arn := range elb.GroupsInUse(r, lb.ARN) {
			if g, ok := elb.TargetGroups.Get(r, arn); ok {
				out = append(out, checksOf(r, lb, g, ports[arn])...)
			}
		}
	}
	slices.SortFunc(out, func(a, b spec.HealthCheck) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

// listenerPorts are the ports of a network load balancer's listeners by target
// group, the lowest where there are several.
func listenerPorts(r cloud.Reader, lb elb.LoadBalancer) map[string]int {
	out := map[string]int{}
	for l := range elb.Listeners.By(r, elb.ByLB, lb.ARN) {
		for _, w := range l.Targets {
			if p, ok := out[w.TargetGroupARN]; !ok || l.Port < p {
				out[w.TargetGroupARN] = l.Port
			}
		}
	}
	return out
}

// checksOf are a check for each target of a group; members of one target are one
// check.
func checksOf(r cloud.Reader, lb elb.LoadBalancer, g elb.TargetGroup, port int) []spec.HealthCheck {
	var out []spec.HealthCheck
	at := map[string]int{}
	for _, m := range members(r, lb, g) {
		address := checkAddress(g.HealthCheck, m)
		if i, ok := at[m.key]; ok {
			out[i].Others = append(out[i].Others, address)
			continue
		}
		sources := probers(lb, address.Addr().Is6())
		if len(sources) == 0 {
			continue
		}
		at[m.key] = len(out)
		h := g.HealthCheck
		out = append(out, spec.HealthCheck{
			Key: m.key, VPC: lb.VPCID, Sources: sources, Address: address, Protocol: h.Protocol, Version: g.ProtocolVersion, Path: h.Path,
			Application: lb.Type == "application", ListenerPort: port, Matcher: h.Matcher,
			IntervalSeconds: h.IntervalSeconds, TimeoutSeconds: h.TimeoutSeconds,
			HealthyThreshold: h.HealthyThreshold, UnhealthyThreshold: h.UnhealthyThreshold, Health: string(m.health),
		})
	}
	return out
}

// checkAddress is where a member is probed.
func checkAddress(h elb.HealthCheck, m member) netip.AddrPort {
	if port, err := strconv.ParseUint(h.Port, 10, 16); err == nil {
		return netip.AddrPortFrom(m.address.Addr(), uint16(port))
	}
	return m.address
}

// probers are the node addresses of a family.
func probers(lb elb.LoadBalancer, six bool) []netip.Addr {
	var out []netip.Addr
	for _, n := range lb.Nodes {
		source := n.PrivateIP
		if six {
			source = n.IPv6
		}
		if source.IsValid() {
			out = append(out, source)
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}
