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

// rulesOf are a listener's rules in order of evaluation, the default last.
func rulesOf(r cloud.Reader, lb elb.LoadBalancer, l elb.Listener) []spec.BalancerRule {
	if lb.Type == "network" {
		return []spec.BalancerRule{{ARN: l.ARN, Forward: forwardTo(elb.Forward{Groups: l.Targets})}}
	}
	var out []spec.BalancerRule
	for x := range elb.Rules.By(r, elb.ByListener, l.ARN) {
		rule := ruleOf(x.ARN, x.Actions)
		rule.Priority = x.Priority
		for _, c := range x.Conditions {
			rule.Conditions = append(rule.Conditions, conditionOf(c))
		}
		out = append(out, rule)
	}
	slices.SortFunc(out, func(a, b spec.BalancerRule) int { return a.Priority - b.Priority })
	return append(out, ruleOf(l.ARN, l.Actions))
}

// ruleOf takes the last of the actions: it is the one that answers.
func ruleOf(arn string, actions []elb.Action) spec.BalancerRule {
	out := spec.BalancerRule{ARN: arn}
	for _, a := range actions {
		switch {
		case a.Forward != nil:
			out.Forward = forwardTo(*a.Forward)
		case a.Redirect != nil:
			status := 301
			if a.Redirect.StatusCode == "HTTP_302" {
				status = 302
			}
			out.Redirect = &spec.RedirectAction{Status: status, Protocol: textOr(a.Redirect.Protocol, "#{protocol}"), Host: textOr(a.Redirect.Host, "#{host}"),
				Port: textOr(a.Redirect.Port, "#{port}"), Path: textOr(a.Redirect.Path, "/#{path}"), Query: a.Redirect.Query}
		case a.Fixed != nil:
			status, _ := strconv.Atoi(a.Fixed.StatusCode)
			out.Fixed = &spec.FixedResponse{Status: status, ContentType: a.Fixed.ContentType, Body: a.Fixed.Body}
		}
	}
	return out
}

func forwardTo(f elb.Forward) *spec.ForwardAction {
	out := &spec.ForwardAction{}
	for _, w := range f.Groups {
		out.Groups = append(out.Groups, spec.ForwardGroup{Group: w.TargetGroupARN, Weight: weightOf(f.Groups, w)})
	}
	if f.Sticky {
		out.StickySeconds = f.StickySeconds
	}
	return out
}

func conditionOf(c elb.Condition) spec.Condition {
	out := spec.Condition{Field: c.Field, Header: c.Header, Values: c.Values}
	for _, p := range c.Pairs {
		out.Pairs = append(out.Pairs, spec.QueryPair{Key: p.Key, Value: p.Value})
	}
	if c.Field == "source-ip" {
		out.Values = nil
		for _, v := range c.Values {
			if p, err := netip.ParsePrefix(strings.TrimSpace(v)); err == nil {
				out.Prefixes = append(out.Prefixes, p.Masked())
			}
		}
	}
	return out
}

// forwardsOf are what the listeners and rules of a load balancer forward to.
func forwardsOf(r cloud.Reader, lb elb.LoadBalancer) [][]elb.WeightedGroup {
	var out [][]elb.WeightedGroup
	add := func(actions []elb.Action) {
		for _, a := range actions {
			if a.Forward != nil {
				out = append(out, a.Forward.Groups)
			}
		}
	}
	for l := range elb.Listeners.By(r, elb.ByLB, lb.ARN) {
		if len(l.Targets) > 0 {
			out = append(out, l.Targets)
		}
		add(l.Actions)
	}
	for x := range elb.Rules.By(r, elb.ByLB, lb.ARN) {
		add(x.Actions)
	}
	return out
}
