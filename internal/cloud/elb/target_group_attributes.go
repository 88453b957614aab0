package elb

import (
	"strconv"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Keys of target groups' attributes.
const (
	attrStickiness      = "stickiness.enabled"
	attrCookieName      = "stickiness.app_cookie.cookie_name"
	attrAlgorithm       = "load_balancing.algorithm.type"
	attrAnomaly         = "load_balancing.algorithm.anomaly_mitigation"
	attrSlowStart       = "slow_start.duration_seconds"
	attrProxyProtocol   = "proxy_protocol_v2.enabled"
	attrDrainUnhealthy  = "target_health_state.unhealthy.draining_interval_seconds"
	attrFailover        = "target_group_health.dns_failover.minimum_healthy_targets"
	attrRouting         = "target_group_health.unhealthy_state_routing.minimum_healthy_targets"
	attrAppCookieTime   = "stickiness.app_cookie.duration_seconds"
	attrBalancerCookies = "stickiness.lb_cookie.duration_seconds"
)

// defaultGroupAttributes are those that a new group of that protocol and type
// has; there are no others.
func defaultGroupAttributes(g TargetGroup) map[string]string {
	m := map[string]string{
		attrDelay:                    "300",
		attrCrossZone:                "use_load_balancer_configuration",
		attrStickiness:               "false",
		attrFailover + ".count":      "1",
		attrFailover + ".percentage": "off",
		attrRouting + ".count":       "1",
		attrRouting + ".percentage":  "off",
	}
	if isHTTP(g.Protocol) {
		m[attrStickinessType] = "lb_cookie"
		m[attrBalancerCookies] = "86400"
		m[attrCookieName] = ""
		m[attrAppCookieTime] = "86400"
		m[attrAlgorithm] = "round_robin"
		m[attrAnomaly] = "off"
		m[attrSlowStart] = "0"
		return m
	}
	m[attrStickinessType] = "source_ip"
	m[attrEndOnDeregister] = strconv.FormatBool(datagrams(g))
	m[attrPreserveClient] = strconv.FormatBool(g.TargetType != "ip" || datagrams(g))
	m[attrEndOnUnhealthy] = strconv.FormatBool(g.Protocol != "UDP")
	m[attrDrainUnhealthy] = "0"
	m[attrProxyProtocol] = "false"
	return m
}

// datagrams reports whether a group gets UDP: then client addresses are preserved
// for good.
func datagrams(g TargetGroup) bool { return g.Protocol == "UDP" || g.Protocol == "TCP_UDP" }

// groupAttributes are the keys of a group with their values. Values that nothing
// carries out are refused by name.
func groupAttributes(g TargetGroup) map[string]attribute {
	m := map[string]attribute{
		attrDelay:                    integer(0, 3600),
		attrCrossZone:                choice("true", "false", "use_load_balancer_configuration"),
		attrStickiness:               boolean(),
		attrStickinessType:           choice("lb_cookie", "app_cookie", "source_ip", "source_ip_dest_ip", "source_ip_dest_ip_proto"),
		attrFailover + ".count":      either(integer(1, maxTargets), choice("off")),
		attrFailover + ".percentage": either(integer(1, 100), choice("off")),
		attrRouting + ".count":       integer(1, maxTargets),
		attrRouting + ".percentage":  either(integer(1, 100), choice("off")),
	}
	if isHTTP(g.Protocol) {
		m[attrBalancerCookies] = integer(1, 604800)
		m[attrAppCookieTime] = integer(1, 604800)
		m[attrCookieName] = text()
		m[attrAlgorithm] = choice("round_robin", "least_outstanding_requests", "weighted_random")
		m[attrAnomaly] = choice("on", "off")
		m[attrSlowStart] = either(choice("0"), integer(30, 900))
		return m
	}
	m[attrEndOnDeregister] = boolean()
	m[attrPreserveClient] = boolean()
	m[attrEndOnUnhealthy] = boolean()
	m[attrDrainUnhealthy] = integer(0, 360000).only("0")
	m[attrProxyProtocol] = boolean()
	if datagrams(g) {
		m[attrProxyProtocol] = boolean().only("false")
	}
	return m
}

// ModifyTargetGroupAttributes sets some attributes of a target group.
type ModifyTargetGroupAttributes struct {
	ARN string
	Set []KeyValue
}

// Apply implements cloud.Command.
func (c ModifyTargetGroupAttributes) Apply(tx *cloud.Tx) (TargetGroup, error) {
	g, err := FindTargetGroup(tx, tx.Caller.Scope, c.ARN)
	if err != nil {
		return g, err
	}
	m, err := setAttributes(subjectGroup, "Target group", groupAttributes(g), g.Attributes, c.Set)
	if err != nil {
		return g, err
	}
	if g.TargetType == "alb" {
		for _, kv := range c.Set {
			if g.Attributes[kv.Key] != kv.Value {
				return g, badConfiguration(subjectGroup, "Target group attribute '%s' cannot be modified for target groups with target type 'alb'", kv.Key)
			}
		}
		return g, nil
	}
	given := map[string]bool{}
	for _, kv := range c.Set {
		given[kv.Key] = true
	}
	g.Attributes = m
	if err := checkGroupAttributes(g, given); err != nil {
		return g, err
	}
	TargetGroups.Put(tx, g)
	return g, nil
}

// checkGroupAttributes checks what attributes ask of each other, where a request
// gives one of them.
func checkGroupAttributes(g TargetGroup, given map[string]bool) error {
	if err := checkStickiness(g, given); err != nil {
		return err
	}
	a := g.Attributes
	if !isHTTP(g.Protocol) {
		if a[attrPreserveClient] == "false" && datagrams(g) {
			return badConfiguration(subjectGroup, "Client IP preservation cannot be disabled for target groups with the %s protocol", g.Protocol)
		}
		if a[attrEndOnUnhealthy] == "true" && g.Protocol == "UDP" {
			return badConfiguration(subjectGroup, "Connection termination of unhealthy targets cannot be enabled for target groups with the UDP protocol")
		}
		return nil
	}
	if a[attrSlowStart] != "0" && a[attrAlgorithm] != "round_robin" {
		return badConfiguration(subjectGroup, "Slow start cannot be enabled for target groups with the load balancing algorithm '%s'", a[attrAlgorithm])
	}
	if a[attrAnomaly] == "on" && a[attrAlgorithm] != "weighted_random" {
		return badConfiguration(subjectGroup, "Anomaly mitigation can only be enabled for target groups with the load balancing algorithm 'weighted_random'")
	}
	return nil
}

func checkStickiness(g TargetGroup, given map[string]bool) error {
	a := g.Attributes
	on := a[attrStickiness] == "true"
	kind := a[attrStickinessType]
	if cookie := strings.HasSuffix(kind, "_cookie"); (given[attrStickinessType] || on) &&
		(cookie != isHTTP(g.Protocol) || !cookie && kind != "source_ip") {
		return badConfiguration(subjectGroup, "Stickiness type '%s' is not supported for target groups with the %s protocol", kind, g.Protocol)
	}
	if given[attrCookieName] && a[attrCookieName] != "" {
		if err := checkCookieName(a[attrCookieName]); err != nil {
			return err
		}
	}
	switch {
	case !on:
		return nil
	case g.Protocol == "TLS":
		return badConfiguration(subjectGroup, "You cannot enable stickiness on target groups with the TLS protocol")
	case isHTTP(g.Protocol) && a[attrCrossZone] == "false":
		return badConfiguration(subjectGroup, "You cannot enable stickiness on target groups with cross-zone load balancing disabled")
	case kind == "app_cookie" && a[attrCookieName] == "":
		return badConfiguration(subjectGroup, "You must specify an application cookie name for target groups with the stickiness type 'app_cookie'")
	}
	return nil
}

// checkCookieName refuses the load balancer's own names and what is no cookie's
// name.
func checkCookieName(name string) error {
	for _, own := range []string{"AWSALB", "AWSALBAPP", "AWSALBTG"} {
		if strings.HasPrefix(name, own) {
			return invalid(subjectGroup, "The application cookie name '%s' is not valid: the prefixes AWSALB, AWSALBAPP and AWSALBTG are reserved", name)
		}
	}
	if len(name) > 256 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) }) {
		return invalid(subjectGroup, "The application cookie name '%s' is not valid", name)
	}
	return nil
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
