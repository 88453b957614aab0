package elb

import (
	"strconv"
	"time"
)

// Prefixes of the keys of a target group's health.
const (
	attrFailover = "target_group_health.dns_failover.minimum_healthy_targets"
	attrRouting  = "target_group_health.unhealthy_state_routing.minimum_healthy_targets"
)

func defaultGroupAttributes(g TargetGroup) map[string]string {
	m := map[string]string{
		attrDelay:                   "300",
		attrEndOnDeregister:         strconv.FormatBool(g.Protocol != "TCP"),
		attrPreserveClient:          strconv.FormatBool(g.TargetType == "instance" || locksClient(g)),
		attrCrossZone:               "use_load_balancer_configuration",
		attrEndOnUnhealthy:          "true",
		attrStickinessType:          "source_ip",
		"stickiness.enabled":        "false",
		"proxy_protocol_v2.enabled": "false",
		"target_health_state.unhealthy.draining_interval_seconds":                        "0",
		"target_group_health.dns_failover.minimum_healthy_targets.count":                 "1",
		"target_group_health.dns_failover.minimum_healthy_targets.percentage":            "off",
		"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count":      "1",
		"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
	}
	return m
}

// locksClient reports whether client addresses are preserved for good.
func locksClient(g TargetGroup) bool { return g.TargetType == "ip" && g.Protocol != "TCP" }

func groupAttributes() map[string]attribute {
	healthy := either(integer(1, 1000), choice("off"))
	percentage := either(integer(1, 100), choice("off"))
	return map[string]attribute{
		attrDelay:                   integer(0, 3600),
		attrEndOnDeregister:         boolean(),
		attrPreserveClient:          boolean(),
		attrCrossZone:               choice("true", "false", "use_load_balancer_configuration"),
		attrEndOnUnhealthy:          boolean(),
		attrStickinessType:          choice("source_ip"),
		"stickiness.enabled":        boolean().only("false"),
		"proxy_protocol_v2.enabled": boolean().only("false"),
		"target_health_state.unhealthy.draining_interval_seconds":                        integer(0, 360000).only("0"),
		"target_group_health.dns_failover.minimum_healthy_targets.count":                 healthy.only("1"),
		"target_group_health.dns_failover.minimum_healthy_targets.percentage":            percentage.only("off"),
		"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count":      integer(1, 1000).only("1"),
		"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": percentage.only("off"),
	}
}

// CrossZone reports whether a group's targets of all zones serve each node of
// the load balancer. The group's own setting wins.
func CrossZone(l LoadBalancer, g TargetGroup) bool {
	switch g.Attributes[attrCrossZone] {
	case "true":
		return true
	case "false":
		return false
	}
	return l.Attributes[attrCrossZone] == "true"
}

// PreservesClient reports whether targets see the client's own address, where
// the path allows it (never through PrivateLink).
func PreservesClient(g TargetGroup) bool { return g.Attributes[attrPreserveClient] == "true" }

// udpIdleTimeout is AWS's fixed figure.
const udpIdleTimeout = 120 * time.Second

// IdleTimeout is how long a listener's idle flows live.
func IdleTimeout(x Listener) time.Duration {
	if x.Protocol == "UDP" {
		return udpIdleTimeout
	}
	if s, err := strconv.Atoi(x.Attributes[attrIdleTimeout]); err == nil {
		return time.Duration(s) * time.Second
	}
	return 350 * time.Second
}

// DeregistrationDelay is how long a deregistered target drains.
func DeregistrationDelay(g TargetGroup) time.Duration {
	s, err := strconv.Atoi(g.Attributes[attrDelay])
	if err != nil {
		return 300 * time.Second
	}
	return time.Duration(s) * time.Second
}

// EndsOnDeregister reports whether connections are cut when the delay is over.
func EndsOnDeregister(g TargetGroup) bool { return g.Attributes[attrEndOnDeregister] == "true" }

// EndsOnUnhealthy reports whether connections are cut when a target turns
// unhealthy.
func EndsOnUnhealthy(g TargetGroup) bool { return g.Attributes[attrEndOnUnhealthy] == "true" }
