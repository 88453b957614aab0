package elb

import (
	"github.com/musubi-net/musubi/internal/cloud"
)

const maxGroupsPerAction = 5

// checkListener applies every rule that a listener obeys alone: protocol, port,
// groups, and their legal combinations.
func checkListener(r cloud.Reader, l LoadBalancer, x *Listener, a ForwardAction) error {
	if err := CheckListenerProtocol(x.Protocol); err != nil {
		return err
	}
	if x.Port == 0 {
		return invalid(subjectListener, "A listener port must be specified")
	}
	if err := checkRange(subjectListener, "port", x.Port, 1, 65535); err != nil {
		return err
	}
	if a.Sticky {
		return notServed(subjectListener, "Target group stickiness of a forward action")
	}
	if a.StickySeconds != 0 {
		if err := checkRange(subjectListener, "defaultActions.1.member.forwardConfig.targetGroupStickinessConfig.durationSeconds",
			a.StickySeconds, 1, 604800); err != nil {
			return err
		}
	}
	if len(a.Groups) == 0 {
		return invalid(subjectListener, "A target group ARN must be specified")
	}
	if len(a.Groups) > maxGroupsPerAction {
		return cloud.Errorf(cloud.KindLimit, subjectListener, "TooManyTargetGroups",
			"You've reached the limit on the number of target groups per action")
	}
	seen := map[string]bool{}
	for _, w := range a.Groups {
		if seen[w.TargetGroupARN] {
			return cloud.Errorf(cloud.KindConflict, subjectListener, "TargetGroupAssociationLimit",
				"Target group '%s' is specified more than once in a forward action", w.TargetGroupARN)
		}
		seen[w.TargetGroupARN] = true
		if w.Weight < 0 || w.Weight > 999 {
			return invalid(subjectListener, "The weight '%d' of target group '%s' must be between 0 and 999", w.Weight, w.TargetGroupARN)
		}
		if err := checkForward(r, l, *x, w.TargetGroupARN); err != nil {
			return err
		}
	}
	return nil
}

// CheckListenerProtocol refuses protocols that are none, that network load
// balancers do not have, and that are not served.
func CheckListenerProtocol(p string) error {
	switch p {
	case "TCP", "UDP", "TCP_UDP":
		return nil
	case "TLS", "QUIC", "TCP_QUIC":
		return notServed(subjectListener, "A listener with the protocol '%s'", p)
	case "":
		return invalid(subjectListener, "A listener protocol must be specified")
	case "HTTP", "HTTPS", "GENEVE":
		return cloud.Errorf(cloud.KindInvalid, subjectListener, "UnsupportedProtocol",
			"Protocol '%s' is not supported on load balancers with type 'network'", p)
	}
	return checkOneOf(subjectListener, "protocol", p, "HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE", "QUIC", "TCP_QUIC")
}

// checkForward says whether a listener may forward to a target group.
func checkForward(r cloud.Reader, l LoadBalancer, x Listener, groupARN string) error {
	g, err := FindTargetGroup(r, l.Scope, groupARN)
	if err != nil {
		return err
	}
	if !compatible(x.Protocol, g.Protocol) {
		return cloud.Errorf(cloud.KindConflict, subjectListener, "IncompatibleProtocols",
			"Listener protocol '%s' and target group protocol '%s' are incompatible: '%s'", x.Protocol, g.Protocol, g.ARN)
	}
	if g.VPCID != l.VPCID {
		return badConfiguration(subjectListener, "The following target groups are not in the VPC '%s' of the load balancer: '%s'", l.VPCID, g.ARN)
	}
	if g.IPAddressType == "ipv6" && l.IPAddressType != "dualstack" {
		return badConfiguration(subjectListener, "Target groups with IP address type 'ipv6' can only be used with load balancers "+
			"with IP address type 'dualstack': '%s'", g.ARN)
	}
	for other := range Listeners.By(r, ByGroup, g.ARN) {
		if other.LoadBalancerARN != l.ARN {
			return cloud.Errorf(cloud.KindConflict, subjectListener, "TargetGroupAssociationLimit",
				"Target group '%s' cannot be associated with more than one load balancer", g.ARN)
		}
	}
	return nil
}

// compatible is AWS's table of legal combinations.
func compatible(listener, group string) bool {
	switch listener {
	case "TCP":
		return group == "TCP" || group == "TCP_UDP"
	case "UDP":
		return group == "UDP" || group == "TCP_UDP"
	}
	return listener == group
}
