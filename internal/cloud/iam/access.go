package iam

import (
	"maps"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Access is what policies are asked about: an endpoint's, and those of the caller.
type Access struct {
	Caller cloud.Caller
	// Action is ec2:DescribeVpcs.
	Action string
	// Resources are the ARNs that it is about; none means all ("*").
	Resources []string
	// Context has the values of condition keys, in lower case.
	Context map[string]string
	// Settled tells of a condition key that Context does not have whether the
	// request has no such value for sure, rather than that nobody knows. Nil
	// settles none.
	Settled func(key string) bool
	// Tags are those of a resource, if it is known which it has. Nil knows none.
	Tags func(resource string) (tags cloud.Tags, known bool)
}

// about is the access with the condition keys of one of its resources, as far as
// its tags are known: aws:ResourceTag/… and the service's own.
func (a Access) about(resource string) Access {
	if a.Tags == nil {
		return a
	}
	tags, known := a.Tags(resource)
	if !known {
		return a
	}
	service, _, _ := strings.Cut(strings.ToLower(a.Action), ":")
	prefixes := []string{"aws:resourcetag/", service + ":resourcetag/"}
	values := maps.Clone(a.Context)
	if values == nil {
		values = map[string]string{}
	}
	for key, value := range tags {
		for _, p := range prefixes {
			values[p+strings.ToLower(key)] = value
		}
	}
	others := a.Settled
	a.Context = values
	a.Settled = func(key string) bool {
		return strings.HasPrefix(key, prefixes[0]) || strings.HasPrefix(key, prefixes[1]) || others != nil && others(key)
	}
	return a
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
	out := Allowed
	for _, r := range a.resources() {
		switch a.evaluate(d, r) {
		case Denied:
			return Denied
		case NotAllowed:
			out = NotAllowed
		}
	}
	return out
}

func (a Access) resources() []string {
	if len(a.Resources) == 0 {
		return []string{"*"}
	}
	return a.Resources
}

// evaluate asks about one resource. Policies of identities name no principal.
func (a Access) evaluate(d Document, resource string) Verdict {
	q, out := request{caller: a.Caller}, NotAllowed
	for _, s := range d.Statement {
		if !among(s.Action, s.NotAction, func(p string) bool { return like(strings.ToLower(p), strings.ToLower(a.Action)) }) ||
			!among(s.Resource, s.NotResource, func(p string) bool { return a.like(p, resource) }) ||
			(s.Principal != nil || s.NotPrincipal != nil) && !q.matchesPrincipal(s) {
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
