package elb

import (
	"github.com/musubi-net/musubi/internal/cloud"
)

// AWS's limits of target groups, by action and by load balancer.
const (
	maxGroupsPerAction   = 5
	maxGroupsPerBalancer = 100
)

// checkForward says whether a listener or one of its rules may forward so.
func checkForward(r cloud.Reader, l LoadBalancer, x Listener, path string, f Forward) error {
	if f.Sticky && !l.IsApplication() {
		return notServed(subjectListener, "Target group stickiness of a forward action of a network load balancer")
	}
	if f.Sticky && f.StickySeconds == 0 {
		return invalid(subjectListener, "A duration must be specified when target group stickiness is enabled")
	}
	if f.StickySeconds != 0 {
		if err := checkRange(subjectListener, path+".forwardConfig.targetGroupStickinessConfig.durationSeconds",
			f.StickySeconds, 1, 604800); err != nil {
			return err
		}
	}
	if len(f.Groups) == 0 {
		return invalid(subjectListener, "A target group ARN must be specified")
	}
	if len(f.Groups) > maxGroupsPerAction {
		return cloud.Errorf(cloud.KindLimit, subjectListener, "TooManyTargetGroups",
			"You've reached the limit on the number of target groups per action")
	}
	seen := map[string]bool{}
	for _, w := range f.Groups {
		if seen[w.TargetGroupARN] {
			return cloud.Errorf(cloud.KindConflict, subjectListener, "TargetGroupAssociationLimit",
				"Target group '%s' is specified more than once in a forward action", w.TargetGroupARN)
		}
		seen[w.TargetGroupARN] = true
		if w.Weight < 0 || w.Weight > 999 {
			return invalid(subjectListener, "The weight '%d' of target group '%s' must be between 0 and 999", w.Weight, w.TargetGroupARN)
		}
		g, err := FindTargetGroup(r, l.Scope, w.TargetGroupARN)
		if err != nil {
			return err
		}
		if err := checkGroup(r, l, x, g); err != nil {
			return err
		}
		if l.IsApplication() && len(f.Groups) > 1 && !f.Sticky && g.Attributes["stickiness.enabled"] == "true" {
			return badAction("You must enable group stickiness on a rule if you enabled target stickiness on one of its target groups")
		}
	}
	return nil
}

// checkGroup says whether a listener may forward to a target group.
func checkGroup(r cloud.Reader, l LoadBalancer, x Listener, g TargetGroup) error {
	switch {
	case !compatible(x.Protocol, g.Protocol):
		return cloud.Errorf(cloud.KindConflict, subjectListener, "IncompatibleProtocols",
			"Listener protocol '%s' and target group protocol '%s' are incompatible: '%s'", x.Protocol, g.Protocol, g.ARN)
	case g.TargetType == "alb" && x.Protocol != "TCP":
		return badConfiguration(subjectListener, "Listener protocol '%s' is not supported with a target group with the target type 'alb'", x.Protocol)
	case x.Protocol == "HTTP" && (g.ProtocolVersion == "GRPC" || g.ProtocolVersion == "HTTP2"):
		return badConfiguration(subjectListener, "Listener protocol 'HTTP' is not supported with a target group with the protocol-version '%s'",
			g.ProtocolVersion)
	case g.VPCID != l.VPCID:
		return badConfiguration(subjectListener, "The following target groups are not in the VPC '%s' of the load balancer: '%s'", l.VPCID, g.ARN)
	case g.IPAddressType == "ipv6" && l.IPAddressType != "dualstack":
		return badConfiguration(subjectListener, "Target groups with IP address type 'ipv6' can only be used with load balancers "+
			"with IP address type 'dualstack': '%s'", g.ARN)
	}
	for other := range Listeners.By(r, ByGroup, g.ARN) {
		if other.LoadBalancerARN != l.ARN {
			return associationLimit(g.ARN)
		}
	}
	for other := range Rules.By(r, ByGroup, g.ARN) {
		if other.LoadBalancerARN != l.ARN {
			return associationLimit(g.ARN)
		}
	}
	return nil
}

func associationLimit(groupARN string) error {
	return cloud.Errorf(cloud.KindConflict, subjectListener, "TargetGroupAssociationLimit",
		"Target group '%s' cannot be associated with more than one load balancer", groupARN)
}

// checkUniqueGroups counts the groups of an application load balancer, with
// those of new actions in the place of what arn (a listener or rule) had.
func checkUniqueGroups(r cloud.Reader, l LoadBalancer, arn string, actions []Action) error {
	if !l.IsApplication() {
		return nil
	}
	groups := map[string]bool{}
	add := func(list []Action) {
		for _, g := range groupsOfActions(list) {
			groups[g] = true
		}
	}
	add(actions)
	for x := range Listeners.By(r, ByLB, l.ARN) {
		if x.ARN != arn {
			add(x.Actions)
		}
	}
	for x := range Rules.By(r, ByLB, l.ARN) {
		if x.ARN != arn {
			add(x.Actions)
		}
	}
	if len(groups) > maxGroupsPerBalancer {
		return cloud.Errorf(cloud.KindLimit, subjectListener, "TooManyUniqueTargetGroupsPerLoadBalancer",
			"You've reached the limit on the number of unique target groups per load balancer")
	}
	return nil
}
