package iam

import (
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Decision is what the policies of an identity say of a request.
type Decision struct {
	Verdict Verdict
	// Resource is the one that is refused, "*" if the request names none.
	Resource string
	// Why is AWS's reason: "because no identity-based policy allows the
	// ec2:DescribeVpcs action".
	Why string
}

// SessionOf is the role whose session a caller is; false if it is none.
func SessionOf(r cloud.Reader, c cloud.Caller) (role Role, session, ok bool) {
	rest, session := strings.CutPrefix(c.PrincipalARN, "arn:aws:sts::"+c.Account+":assumed-role/")
	if !session {
		return Role{}, false, false
	}
	name, _, _ := strings.Cut(rest, "/")
	role, ok = Roles.Get(r, c.Account+"/"+name)
	return role, true, ok
}

// Authorize asks the policies of the role whose session the caller is: its own
// and the attached ones, within its permissions boundary. Callers that are no
// role's session are the owners of their account, who may do everything.
func Authorize(r cloud.Reader, a Access) Decision {
	role, session, ok := SessionOf(r, a.Caller)
	switch {
	case !session, strings.EqualFold(a.Action, "sts:GetCallerIdentity"):
		return Decision{Verdict: Allowed}
	case !ok:
		return a.refuse(NotAllowed, "*", "identity-based policy")
	}
	own := identityPolicies(r, role)
	boundary, bounded := boundaryOf(r, role)
	for _, resource := range a.resources() {
		a := a.about(resource)
		mine := a.any(own, resource)
		switch {
		case mine == Denied:
			return a.refuse(Denied, resource, "identity-based policy")
		case bounded && a.any(boundary, resource) == Denied:
			return a.refuse(Denied, resource, "permissions boundary")
		case mine == NotAllowed && !a.trusted(r, role, resource):
			return a.refuse(NotAllowed, resource, "identity-based policy")
		case mine == Allowed && bounded && a.any(boundary, resource) == NotAllowed:
			return a.refuse(NotAllowed, resource, "permissions boundary")
		}
	}
	return Decision{Verdict: Allowed}
}

func (a Access) refuse(v Verdict, resource, kind string) Decision {
	d := Decision{Verdict: v, Resource: resource, Why: "because no " + kind + " allows the " + a.Action + " action"}
	if v == Denied {
		article := "a "
		if strings.HasPrefix(kind, "i") {
			article = "an "
		}
		d.Why = "with an explicit deny in " + article + kind
	}
	return d
}

// any asks several policies, of which one must allow and none deny.
func (a Access) any(documents []Document, resource string) Verdict {
	out := NotAllowed
	for _, d := range documents {
		switch a.evaluate(d, resource) {
		case Denied:
			return Denied
		case Allowed:
			out = Allowed
		}
	}
	return out
}

// trusted tells whether a role of the account names the caller in its trust
// policy: then the caller needs no policy of its own to assume it.
func (a Access) trusted(r cloud.Reader, role Role, resource string) bool {
	if !strings.EqualFold(a.Action, "sts:AssumeRole") {
		return false
	}
	path, ok := strings.CutPrefix(resource, "arn:aws:iam::"+role.Account+":role/")
	if !ok {
		return false
	}
	other, ok := Roles.Get(r, role.Account+"/"+path[strings.LastIndexByte(path, '/')+1:])
	if !ok {
		return false
	}
	d, err := parseDocument(other.AssumeRolePolicy)
	return err == nil && slices.ContainsFunc(d.Statement, func(s Statement) bool {
		if s.Effect != "Allow" || s.Principal == nil {
			return false
		}
		names := (*s.Principal)["AWS"]
		return slices.Contains(names, role.ARN()) || slices.Contains(names, a.Caller.PrincipalARN) || slices.Contains(names, role.ID)
	})
}

// identityPolicies are the policies of a role that can be read. One that is gone
// allows nothing.
func identityPolicies(r cloud.Reader, role Role) []Document {
	var out []Document
	for _, text := range role.Inline {
		out = appendDocument(out, text)
	}
	for _, arn := range role.AttachedARNs {
		if p, err := FindPolicy(r, role.Account, arn); err == nil {
			out = appendDocument(out, p.Default().Document)
		}
	}
	return out
}

func boundaryOf(r cloud.Reader, role Role) (boundary []Document, bounded bool) {
	if role.PermissionsBoundary == "" {
		return nil, false
	}
	if p, err := FindPolicy(r, role.Account, role.PermissionsBoundary); err == nil {
		boundary = appendDocument(boundary, p.Default().Document)
	}
	return boundary, true
}

func appendDocument(to []Document, text string) []Document {
	if d, err := parseDocument(text); err == nil {
		to = append(to, d)
	}
	return to
}
