package elb

import (
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// maxNetworksOfTarget is before how many network load balancers, each by a group
// of its own, an application load balancer may stand.
const maxNetworksOfTarget = 2

// isBalancer reports whether a target's id is a load balancer's ARN.
func isBalancer(id string) bool { return strings.HasPrefix(id, "arn:") }

// checkBalancerTarget checks an application load balancer as a group's target.
func checkBalancerTarget(r cloud.Reader, g TargetGroup, ref TargetRef, port int) error {
	if !isBalancer(ref.ID) || !strings.Contains(ref.ID, ":loadbalancer/app/") {
		return invalid(subjectTarget, "Application Load Balancer ARN '%s' is not valid", ref.ID)
	}
	if ref.Zone != "" {
		return invalid(subjectTarget, "You cannot specify an Availability Zone for Application Load Balancer targets: '%s'", ref.ID)
	}
	l, ok := LoadBalancers.Get(r, ref.ID)
	if !ok || l.Scope != g.Scope || l.Type != "application" {
		return invalidTarget(ref.ID, "The following targets do not exist: '"+ref.ID+"'")
	}
	if l.VPCID != g.VPCID {
		return invalidTarget(ref.ID, "The following targets are not in the target group VPC '"+g.VPCID+"': '"+ref.ID+"'")
	}
	if !listensOn(r, l, port) {
		return invalid(subjectTarget, "If the target type is ALB, the target must have at least one listener that matches the "+
			"target group port or any specified port overrides")
	}
	groups := map[string]bool{g.ARN: true}
	for t := range Targets.By(r, "target", ref.ID) {
		if t.DrainingSince.IsZero() {
			groups[t.TargetGroupARN] = true
		}
	}
	if len(groups) > maxNetworksOfTarget {
		return cloud.Errorf(cloud.KindLimit, subjectTarget, "TooManyRegistrationsForTargetId",
			"You've reached the limit on the number of times a target can be registered with a load balancer: '%s'", ref.ID)
	}
	return nil
}

func listensOn(r cloud.Reader, l LoadBalancer, port int) bool {
	for x := range Listeners.By(r, ByLB, l.ARN) {
		if x.Port == port {
			return true
		}
	}
	return false
}

// checkOneBalancer refuses a second target in a group of an application load
// balancer.
func checkOneBalancer(r cloud.Reader, g TargetGroup) error {
	n := 0
	for t := range Targets.By(r, ByGroup, g.ARN) {
		if t.DrainingSince.IsZero() {
			n++
		}
	}
	if n > 1 {
		return cloud.Errorf(cloud.KindLimit, subjectTarget, "TooManyTargets",
			"You've reached the limit on the number of targets: a target group with target type 'alb' can have one target")
	}
	return nil
}

// unusedBalancer says why an application load balancer gets no traffic as a
// target of l, if so.
func unusedBalancer(r cloud.Reader, l LoadBalancer, t Target) (reason, description string) {
	alb, _ := LoadBalancers.Get(r, t.ID)
	for _, n := range alb.Nodes {
		if _, enabled := l.nodeIn(n.Zone); enabled && n.PrivateIP.IsValid() {
			return "", ""
		}
	}
	return "Target.NotInUse", "Target is in an Availability Zone that is not enabled for the load balancer"
}
