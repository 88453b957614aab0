package iam

import (
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Access is what a policy is asked about that stands beside those of the caller:
// an endpoint's.
type Access struct {
	Caller cloud.Caller
	// Action is ec2:DescribeVpcs.
	Action string
	// Resources are the ARNs that it is about; none means all ("*").
	Resources []string
	// Context has the values of condition keys, in lower case.
	Context map[string]string
}

// PrincipalOf is the principal of a caller as conditions see it: of a session the
// role behind it.
func PrincipalOf(c cloud.Caller) string { return roleOfSession(c.PrincipalARN) }

// Verdict is what a policy says.
type Verdict int

// The verdicts.
const (
	NotAllowed Verdict = iota // no statement allows
	Allowed
	Denied // a statement denies
)

// CheckAccessPolicy checks a policy document that names principals, actions and
// resources.
func CheckAccessPolicy(text string) error {
	d, err := parseDocument(text)
	if err != nil {
		return err
	}
	for _, s := range d.Statement {
		switch {
		case s.Principal == nil && s.NotPrincipal == nil:
			return malformed("Missing required field Principal")
		case s.Resource == nil && s.NotResource == nil:
			return malformed("Policy statement must contain resources.")
		}
	}
	return nil
}

// Evaluate asks a policy. What can not be judged (a condition of a kind that is
// not known) does not allow, and does deny.
func (a Access) Evaluate(text string) Verdict {
	d, err := parseDocument(text)
	if err != nil {
		return NotAllowed
	}
	resources := a.Resources
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	out := Allowed
	for _, r := range resources {
		switch a.evaluate(d, r) {
		case Denied:
			return Denied
		case NotAllowed:
			out = NotAllowed
		}
	}
	return out
}

func (a Access) evaluate(d Document, resource string) Verdict {
	q, out := request{caller: a.Caller}, NotAllowed
	for _, s := range d.Statement {
		if !among(s.Action, s.NotAction, func(p string) bool { return like(strings.ToLower(p), strings.ToLower(a.Action)) }) ||
			!among(s.Resource, s.NotResource, func(p string) bool { return like(p, resource) }) || !q.matchesPrincipal(s) {
			continue
		}
		holds, known := a.conditions(s.Condition)
		switch {
		case s.Effect == "Deny" && (holds || !known):
			return Denied
		case s.Effect == "Allow" && holds && known:
			out = Allowed
		}
	}
	return out
}

// among reports whether a statement's list has something that matches, or its
// list of exceptions has nothing.
func among(list, except oneOrMore, match func(string) bool) bool {
	if except != nil {
		return !slices.ContainsFunc(except, match)
	}
	return slices.ContainsFunc(list, match)
}

// conditions reports whether all conditions hold, and whether all can be judged.
func (a Access) conditions(all map[string]map[string]oneOrMore) (holds, known bool) {
	holds = true
	for operator, keys := range all {
		base, ifExists := strings.CutSuffix(operator, "IfExists")
		match, negated, ok := operatorOf(base)
		if !ok {
			return false, false
		}
		for key, wanted := range keys {
			value, ok := a.Context[strings.ToLower(key)]
			switch {
			case !ok && ifExists:
				continue
			case !ok:
				return false, false
			}
			if slices.ContainsFunc(wanted, func(w string) bool { return match(w, value) }) == negated {
				holds = false
			}
		}
	}
	return holds, true
}
