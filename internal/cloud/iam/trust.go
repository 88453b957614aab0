package iam

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

var (
	accountPattern = regexp.MustCompile(`^\d{12}$`)
	arnPattern     = regexp.MustCompile(`^arn:aws[a-z-]*:(iam|sts)::(\d{12}):(root|user/.+|role/.+|assumed-role/.+|federated-user/.+)$`)
	servicePattern = regexp.MustCompile(`^[a-z0-9.-]+\.(amazonaws\.com(\.cn)?|amazon\.com)$`)
	stsActions     = []string{"sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity", "sts:tagsession", "sts:setsourceidentity", "sts:setcontext"}
)

// checkTrustPolicy checks who may assume a role.
func checkTrustPolicy(r cloud.Reader, text string) error {
	d, err := parseDocument(text)
	if err != nil {
		return err
	}
	for _, s := range d.Statement {
		if s.Resource != nil || s.NotResource != nil {
			return malformed("Has prohibited field Resource")
		}
		if s.Principal == nil && s.NotPrincipal == nil {
			return malformed("Missing required field Principal")
		}
		if s.NotPrincipal != nil && s.Effect == "Allow" {
			return malformed("AssumeRole policy may not use Allow with NotPrincipal.")
		}
		for _, a := range s.Action {
			if l := strings.ToLower(a); a != "*" && l != "sts:*" && !slices.Contains(stsActions, l) {
				return malformed("AssumeRole policy may only specify STS AssumeRole actions.")
			}
		}
		for _, p := range []*principals{s.Principal, s.NotPrincipal} {
			if err := checkPrincipals(r, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkPrincipals(r cloud.Reader, p *principals) error {
	if p == nil {
		return nil
	}
	if len(*p) == 0 {
		return malformed("Invalid principal in policy: com.amazon.balsa.error.InvalidPolicyException: The passed in policy has a statement with no principals!")
	}
	for kind, names := range *p {
		if len(names) == 0 {
			return malformed("Invalid principal in policy: com.amazon.balsa.error.InvalidPolicyException: The passed in policy has a statement with no principals!")
		}
		for _, name := range names {
			if !validPrincipal(r, kind, name) {
				return malformed(`Invalid principal in policy: "%s":"%s"`, strings.ToUpper(kind), name)
			}
		}
	}
	return nil
}

// validPrincipal reports whether a principal can exist. A role has to exist if
// its account has any role here; of other accounts nothing is known.
func validPrincipal(r cloud.Reader, kind, name string) bool {
	switch kind {
	case "Service":
		return servicePattern.MatchString(name)
	case "Federated":
		return name != ""
	case "CanonicalUser":
		return false
	case "AWS":
		if name == "*" || accountPattern.MatchString(name) || strings.HasPrefix(name, "AROA") || strings.HasPrefix(name, "AIDA") {
			return true
		}
		m := arnPattern.FindStringSubmatch(name)
		if m == nil {
			return false
		}
		account, kind := m[2], m[3]
		if !strings.HasPrefix(kind, "role/") {
			return true
		}
		if _, known := Roles.First(r, ByAccount, account); !known {
			return true
		}
		role, ok := Roles.Get(r, account+"/"+path.Base(kind))
		return ok && role.ARN() == name
	}
	return false
}

// request is what a trust policy is asked about.
type request struct {
	caller      cloud.Caller
	role        Role
	externalID  string
	sessionName string
}

// trusts reports whether the role's trust policy lets the caller assume it: one
// statement allows and none denies.
func (q request) trusts() bool {
	d, err := parseDocument(q.role.AssumeRolePolicy)
	if err != nil {
		return false
	}
	allowed := false
	for _, s := range d.Statement {
		if !q.matchesAction(s) || !q.matchesPrincipal(s) {
			continue
		}
		holds, known := q.conditions(s.Condition)
		switch {
		case s.Effect == "Deny" && (holds || !known):
			return false // what can not be judged is denied
		case s.Effect == "Allow" && holds && known:
			allowed = true
		}
	}
	return allowed
}

func (q request) matchesAction(s Statement) bool {
	match := func(pattern string) bool { return like(strings.ToLower(pattern), "sts:assumerole") }
	if s.NotAction != nil {
		return !slices.ContainsFunc(s.NotAction, match)
	}
	return slices.ContainsFunc(s.Action, match)
}

func (q request) matchesPrincipal(s Statement) bool {
	if s.NotPrincipal != nil {
		return !q.among(*s.NotPrincipal)
	}
	return s.Principal != nil && q.among(*s.Principal)
}

// among reports whether the caller is one of the principals: everybody, the
// caller's account (as a number or its root), or the caller itself by the ARN
// of the session or of the role behind it.
func (q request) among(p principals) bool {
	c := q.caller
	for _, name := range p["AWS"] {
		if name == "*" || name == c.Account || name == rootARN(c.Account) || name == c.PrincipalARN || name == roleOfSession(c.PrincipalARN) {
			return true
		}
		if id, _, _ := strings.Cut(c.UserID, ":"); id != "" && name == id {
			return true
		}
		// A role's ARN in a trust policy has its path, a session's has not.
		if m := arnPattern.FindStringSubmatch(name); m != nil && strings.HasPrefix(m[3], "role/") &&
			"arn:aws:iam::"+m[2]+":role/"+path.Base(m[3]) == roleOfSession(c.PrincipalARN) {
			return true
		}
	}
	return false
}

// conditions reports whether all conditions hold, and whether all of them are
// of a kind that Musubi can judge.
func (q request) conditions(all map[string]map[string]oneOrMore) (holds, known bool) {
	values := map[string]string{
		"sts:externalid":       q.externalID,
		"sts:rolesessionname":  q.sessionName,
		"aws:principalarn":     roleOfSession(q.caller.PrincipalARN),
		"aws:principalaccount": q.caller.Account,
		"aws:sourceaccount":    "",
		"aws:userid":           q.caller.UserID,
	}
	for operator, keys := range all {
		match, negated, ok := operatorOf(operator)
		if !ok {
			return false, false
		}
		for key, wanted := range keys {
			value, ok := values[strings.ToLower(key)]
			if !ok {
				return false, false
			}
			found := slices.ContainsFunc(wanted, func(w string) bool { return match(w, value) })
			if found == negated {
				return false, true
			}
		}
	}
	return true, true
}

// like matches with * and ?.
func like(pattern, value string) bool {
	quoted := regexp.QuoteMeta(pattern)
	quoted = strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(quoted)
	ok, err := regexp.MatchString("^(?s:"+quoted+")$", value)
	return err == nil && ok
}

func rootARN(account string) string { return "arn:aws:iam::" + account + ":root" }

// roleOfSession turns the ARN of an assumed role's session into the role's,
// without its path; other ARNs stay.
func roleOfSession(arn string) string {
	rest, ok := strings.CutPrefix(arn, "arn:aws:sts::")
	if !ok {
		return arn
	}
	account, session, ok := strings.Cut(rest, ":assumed-role/")
	if !ok {
		return arn
	}
	role, _, _ := strings.Cut(session, "/")
	return "arn:aws:iam::" + account + ":role/" + role
}
