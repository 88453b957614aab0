package plan

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/spec"
)

// BalancerARNs lists the load balancers that may have a part in user space.
func BalancerARNs(r cloud.Reader) []string {
	var out []string
	for lb := range elb.LoadBalancers.All(r) {
		out = append(out, lb.ARN)
	}
	slices.Sort(out)
	return out
}

// CompileBalancer compiles the part of a load balancer that works in user space;
// nil if there is none.
func CompileBalancer(r cloud.Reader, arn string) *spec.Balancer {
	lb, ok := elb.LoadBalancers.Get(r, arn)
	if !ok {
		return nil
	}
	out := &spec.Balancer{ARN: arn, ID: balancerID(arn), Type: lb.Type, Account: lb.Account, Region: lb.Region, VPC: lb.VPCID,
		HTTP: httpSettings(lb)}
	groups := set{}
	for l := range elb.Listeners.By(r, elb.ByLB, arn) {
		addresses := userAddresses(r, lb, l)
		if len(addresses) == 0 {
			continue
		}
		x := spec.BalancerListener{ARN: l.ARN, Protocol: l.Protocol, Port: uint16(l.Port), Addresses: nodeAddresses(lb, addresses),
			TLS: tlsSettings(r, l), Rules: rulesOf(r, lb, l), Attributes: l.Attributes}
		if lb.Type == "network" {
			x.IdleSeconds = idleSeconds(l, 6)
		}
		for _, rule := range x.Rules {
			if rule.Forward != nil {
				for _, g := range rule.Forward.Groups {
					groups.add(g.Group)
				}
			}
		}
		out.Listeners = append(out.Listeners, x)
	}
	if len(out.Listeners) == 0 {
		return nil
	}
	for g := range groups {
		if group, ok := elb.TargetGroups.Get(r, g); ok {
			out.Groups = append(out.Groups, balancerGroup(r, lb, group))
		}
	}
	for _, p := range pathsTo(r, arn) {
		out.Entrances = append(out.Entrances, spec.BalancerEntrance{Source: p.Entry.Source, VIP: p.Entry.VIP, Endpoint: p.Entry.ID, Consumer: p.Consumer})
	}
	slices.SortFunc(out.Listeners, func(a, b spec.BalancerListener) int { return strings.Compare(a.ARN, b.ARN) })
	slices.SortFunc(out.Groups, func(a, b spec.BalancerGroup) int { return strings.Compare(a.ARN, b.ARN) })
	slices.SortFunc(out.Entrances, func(a, b spec.BalancerEntrance) int { return a.VIP.Compare(b.VIP) })
	return out
}

// balancerID is the end of a load balancer's ARN: app/<name>/<hex>.
func balancerID(arn string) string {
	_, id, _ := strings.Cut(arn, ":loadbalancer/")
	return id
}

// nodeAddresses are the addresses that user space listens on, each with those
// from which its node connects.
func nodeAddresses(lb elb.LoadBalancer, carried map[netip.Addr]string) []spec.BalancerAddress {
	var out []spec.BalancerAddress
	for _, n := range lb.Nodes {
		sources := valid(n.PrivateIP, n.IPv6)
		for _, a := range sources {
			if zone, ok := carried[a]; ok {
				out = append(out, spec.BalancerAddress{Address: a, Zone: zone, Sources: sources})
			}
		}
	}
	slices.SortFunc(out, func(a, b spec.BalancerAddress) int { return a.Address.Compare(b.Address) })
	return out
}

func httpSettings(lb elb.LoadBalancer) spec.HTTPSettings {
	if lb.Type != "application" {
		return spec.HTTPSettings{}
	}
	a := lb.Attributes
	h := spec.HTTPSettings{
		IdleSeconds:      numberOr(a["idle_timeout.timeout_seconds"], 60),
		KeepAliveSeconds: numberOr(a["client_keep_alive.seconds"], 3600),
		HTTP2:            a["routing.http2.enabled"] != "false",
		DropInvalid:      a["routing.http.drop_invalid_header_fields.enabled"] == "true",
		Desync:           textOr(a["routing.http.desync_mitigation_mode"], "defensive"),
		PreserveHost:     a["routing.http.preserve_host_header.enabled"] == "true",
		TLSHeaders:       a["routing.http.x_amzn_tls_version_and_cipher_suite.enabled"] == "true",
		ForwardedPort:    a["routing.http.xff_client_port.enabled"] == "true",
		Forwarded:        textOr(a["routing.http.xff_header_processing.mode"], "append"),
	}
	if a["access_logs.s3.enabled"] == "true" {
		h.LogBucket, h.LogPrefix = a["access_logs.s3.bucket"], a["access_logs.s3.prefix"]
	}
	if a["connection_logs.s3.enabled"] == "true" {
		h.ConnectionLogBucket, h.ConnectionLogPrefix = a["connection_logs.s3.bucket"], a["connection_logs.s3.prefix"]
	}
	return h
}

// balancerGroup is a target group as user space needs it.
func balancerGroup(r cloud.Reader, lb elb.LoadBalancer, g elb.TargetGroup) spec.BalancerGroup {
	a := g.Attributes
	routing := elb.RoutingHealth(g)
	out := spec.BalancerGroup{ARN: g.ARN, Name: g.Name, Protocol: g.Protocol, Version: g.ProtocolVersion,
		CrossZone: elb.CrossZone(lb, g), DrainSeconds: int(elb.DeregistrationDelay(g).Seconds()),
		MinimumHealthy: routing.Count, MinimumHealthyPercent: routing.Percent, Stickiness: stickiness(a)}
	if lb.Type == "application" {
		out.Algorithm = textOr(a["load_balancing.algorithm.type"], "round_robin")
		out.Anomaly = out.Algorithm == "weighted_random" && a["load_balancing.algorithm.anomaly_mitigation"] == "on"
		out.SlowStartSeconds = numberOr(a["slow_start.duration_seconds"], 0)
	} else {
		out.KeepClient, out.ProxyProtocol = elb.PreservesClient(g), a["proxy_protocol_v2.enabled"] == "true"
		out.EndOnDeregister, out.EndOnUnhealthy = elb.EndsOnDeregister(g), elb.EndsOnUnhealthy(g)
	}
	for _, m := range registered(r, lb, g) {
		out.Targets = append(out.Targets, spec.BalancerTarget{Key: m.key, ID: m.id, Address: m.address, Zone: m.zone,
			Health: string(m.health), HealthySince: m.since, Draining: m.draining})
	}
	return out
}

// stickiness is nil if it is off.
func stickiness(a map[string]string) *spec.Stickiness {
	if a["stickiness.enabled"] != "true" {
		return nil
	}
	s := &spec.Stickiness{Type: a["stickiness.type"]}
	switch s.Type {
	case "app_cookie":
		s.Cookie = a["stickiness.app_cookie.cookie_name"]
		s.Seconds = numberOr(a["stickiness.app_cookie.duration_seconds"], 86400)
	case "lb_cookie":
		s.Seconds = numberOr(a["stickiness.lb_cookie.duration_seconds"], 86400)
	}
	return s
}

func numberOr(v string, d int) int {
	if n, err := strconv.Atoi(v); err == nil {
		return n
	}
	return d
}

func textOr(v, d string) string {
	if v == "" {
		return d
	}
	return v
}
