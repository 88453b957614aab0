package elb

import (
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
)

// LoadBalancersOf lists the ARNs of the load balancers that use a target group,
// by a listener or by a rule.
func LoadBalancersOf(r cloud.Reader, groupARN string) []string {
	var out []string
	add := func(arn string) {
		if !slices.Contains(out, arn) {
			out = append(out, arn)
		}
	}
	for x := range Listeners.By(r, ByGroup, groupARN) {
		add(x.LoadBalancerARN)
	}
	for x := range Rules.By(r, ByGroup, groupARN) {
		add(x.LoadBalancerARN)
	}
	return out
}

// GroupsInUse lists the ARNs of the target groups that a load balancer's
// listeners and rules forward to.
func GroupsInUse(r cloud.Reader, balancerARN string) []string {
	var out []string
	add := func(arns ...string) {
		for _, arn := range arns {
			if !slices.Contains(out, arn) {
				out = append(out, arn)
			}
		}
	}
	for x := range Listeners.By(r, ByLB, balancerARN) {
		for _, w := range x.Targets {
			add(w.TargetGroupARN)
		}
		add(groupsOfActions(x.Actions)...)
	}
	for x := range Rules.By(r, ByLB, balancerARN) {
		add(groupsOfActions(x.Actions)...)
	}
	return out
}

// inUse reports whether a listener or a rule forwards to a group.
func inUse(r cloud.Reader, groupARN string) bool {
	if _, ok := Listeners.First(r, ByGroup, groupARN); ok {
		return true
	}
	_, ok := Rules.First(r, ByGroup, groupARN)
	return ok
}

// balancerOf finds the one load balancer that uses a target group.
func balancerOf(r cloud.Reader, groupARN string) (LoadBalancer, bool) {
	if x, ok := Listeners.First(r, ByGroup, groupARN); ok {
		return LoadBalancers.Get(r, x.LoadBalancerARN)
	}
	if x, ok := Rules.First(r, ByGroup, groupARN); ok {
		return LoadBalancers.Get(r, x.LoadBalancerARN)
	}
	return LoadBalancer{}, false
}

// startChecksOf puts the targets of groups that come into use back to initial:
// an older result is of another time. It is called before the listener or rule
// that forwards to the groups is written.
func startChecksOf(tx *cloud.Tx, groupARNs []string) {
	for _, arn := range groupARNs {
		if inUse(tx, arn) {
			continue
		}
		for _, t := range slices.Collect(Targets.By(tx, ByGroup, arn)) {
			t.Health, t.Reason, t.Detail = Initial, "", ""
			Targets.Put(tx, t)
		}
	}
}
