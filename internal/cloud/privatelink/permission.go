package privatelink

import (
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// ModifyPermissions adds and removes principals that may connect to a service.
// It returns the entries of those that were to be added.
type ModifyPermissions struct {
	ServiceID   string
	Add, Remove []string
}

// Apply implements cloud.Command.
func (c ModifyPermissions) Apply(tx *cloud.Tx) ([]AllowedPrincipal, error) {
	s, err := FindService(tx, tx.Caller.Scope, c.ServiceID)
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(slices.Clone(s.AllowedPrincipals), func(p AllowedPrincipal) bool {
		return slices.Contains(c.Remove, p.ARN)
	})
	var added []AllowedPrincipal
	for _, arn := range c.Add {
		if i := slices.IndexFunc(list, func(p AllowedPrincipal) bool { return p.ARN == arn }); i >= 0 {
			added = append(added, list[i])
			continue
		}
		kind := principalType(arn)
		if kind == "" {
			return nil, cloud.Errorf(cloud.KindInvalid, subjectService, "InvalidPrincipal", "Invalid Principal: '%s'", arn)
		}
		p := AllowedPrincipal{ARN: arn, PermissionID: "vpce-svc-perm-" + tx.IDs.Hex(17), Type: kind}
		list, added = append(list, p), append(added, p)
	}
	s.AllowedPrincipals = list
	Services.Put(tx, s)
	return added, nil
}

// principalType is AWS's name for the kind of a principal; empty if it is none.
func principalType(arn string) string {
	if arn == "*" {
		return "All"
	}
	if strings.HasSuffix(arn, ".amazonaws.com") && !strings.Contains(arn, ":") {
		return "Service"
	}
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return ""
	}
	resource := parts[5]
	switch {
	case parts[2] == "organizations" && strings.HasPrefix(resource, "ou/"):
		return "OrganizationUnit"
	case parts[2] != "iam" || !isAccount(parts[4]):
		return ""
	case resource == "root":
		return "Account"
	case named(resource, "user/"):
		return "User"
	case named(resource, "role/"):
		return "Role"
	}
	return ""
}

// named reports whether a resource is of a kind and has a name without a path:
// AWS takes no others.
func named(resource, kind string) bool {
	name, ok := strings.CutPrefix(resource, kind)
	return ok && name != "" && !strings.Contains(name, "/")
}

func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// Allows reports whether a caller may see the service and connect to it: its
// own account needs no permission.
func (s *Service) Allows(c cloud.Caller) bool {
	if c.Account == s.Account || s.Amazon != "" {
		return true
	}
	for _, p := range s.AllowedPrincipals {
		switch p.ARN {
		case "*", "arn:aws:iam::" + c.Account + ":root", c.PrincipalARN, roleOf(c.PrincipalARN):
			return true
		}
	}
	return false
}

// roleOf is the role behind an assumed-role session.
func roleOf(arn string) string {
	rest, ok := strings.CutPrefix(arn, "arn:aws:sts::")
	account, session, ok2 := strings.Cut(rest, ":assumed-role/")
	if !ok || !ok2 {
		return arn
	}
	role, _, _ := strings.Cut(session, "/")
	return "arn:aws:iam::" + account + ":role/" + role
}

// Visible lists the services of some regions (without any, of the caller's) that
// the caller may use from the caller's region.
func Visible(r cloud.Reader, c cloud.Caller, regions ...string) []Service {
	if len(regions) == 0 {
		regions = []string{c.Region}
	}
	var out []Service
	for s := range Services.All(r) {
		if slices.Contains(regions, s.Region) && s.ReachableFrom(c.Region) && s.Allows(c) {
			out = append(out, s)
		}
	}
	return out
}

// Offered are the visible services and those of AWS itself, which are reached in
// their own region only.
func Offered(r cloud.Reader, c cloud.Caller, regions ...string) []Service {
	out := Visible(r, c, regions...)
	if len(regions) == 0 || slices.Contains(regions, c.Region) {
		out = append(out, AmazonServices(r, c.Region)...)
	}
	return out
}
