package sns

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// DefaultPolicy is the policy of a topic that was given none.
func DefaultPolicy(arn, account string) string {
	return `{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{"Sid":"__default_statement_ID","Effect":"Allow",` +
		`"Principal":{"AWS":"*"},"Action":["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:AddPermission","SNS:RemovePermission",` +
		`"SNS:DeleteTopic","SNS:Subscribe","SNS:ListSubscriptionsByTopic","SNS:Publish"],"Resource":"` + arn +
		`","Condition":{"StringEquals":{"AWS:SourceOwner":"` + account + `"}}}]}`
}

// words is a string or a list of strings.
type words []string

// UnmarshalJSON accepts "x" and ["x"].
func (w *words) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*w = words{one}
		return nil
	}
	var list []string
	err := json.Unmarshal(b, &list)
	*w = list
	return err
}

type statement struct {
	Effect       string
	Principal    principals
	NotPrincipal principals
	Action       words
	NotAction    words
	Resource     words
	NotResource  words
	Condition    map[string]map[string]words
}

type statements []statement

// UnmarshalJSON accepts {…} and [{…}].
func (s *statements) UnmarshalJSON(b []byte) error {
	var one statement
	if json.Unmarshal(b, &one) == nil {
		*s = statements{one}
		return nil
	}
	var list []statement
	err := json.Unmarshal(b, &list)
	*s = list
	return err
}

// principals maps a kind (AWS, Service) to names.
type principals map[string]words

// UnmarshalJSON accepts "*" and {"AWS": …}.
func (p *principals) UnmarshalJSON(b []byte) error {
	var all string
	if json.Unmarshal(b, &all) == nil {
		*p = principals{"AWS": {all}}
		return nil
	}
	var m map[string]words
	err := json.Unmarshal(b, &m)
	*p = m
	return err
}

// parsePolicy reads a topic's policy.
func parsePolicy(text string) ([]statement, error) {
	var d struct{ Statement statements }
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	if len(d.Statement) == 0 {
		return nil, fmt.Errorf("policy: no statement")
	}
	for _, s := range d.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" {
			return nil, fmt.Errorf("policy: effect %q", s.Effect)
		}
		if s.Principal == nil && s.NotPrincipal == nil || s.Action == nil && s.NotAction == nil {
			return nil, fmt.Errorf("policy: a statement without principal or action")
		}
	}
	return d.Statement, nil
}

// Sender is who publishes: a service on behalf of a resource, or a principal of
// an account.
type Sender struct {
	Service   string // vpce.amazonaws.com
	Account   string
	Principal string // ARN
	SourceARN string
}

// admits reports whether a topic's policy lets a sender publish: one statement
// allows it and none denies it. A condition that is not known here holds in a
// Deny and does not in an Allow.
func admits(policy, topicARN string, who Sender) bool {
	list, err := parsePolicy(policy)
	if err != nil {
		return false
	}
	allowed := false
	for _, s := range list {
		if !s.about(topicARN) || !s.names(who) {
			continue
		}
		holds, known := s.holds(who)
		if s.Effect == "Deny" && (holds || !known) {
			return false
		}
		allowed = allowed || s.Effect == "Allow" && holds && known
	}
	return allowed
}

func (s statement) about(topicARN string) bool {
	publish := func(p string) bool { return like(strings.ToLower(p), "sns:publish") }
	resource := func(p string) bool { return like(p, topicARN) }
	if s.NotAction != nil && slices.ContainsFunc(s.NotAction, publish) || s.Action != nil && !slices.ContainsFunc(s.Action, publish) {
		return false
	}
	return !slices.ContainsFunc(s.NotResource, resource) && (len(s.Resource) == 0 || slices.ContainsFunc(s.Resource, resource))
}

func (s statement) names(who Sender) bool {
	if s.NotPrincipal != nil {
		return !s.NotPrincipal.has(who)
	}
	return s.Principal.has(who)
}

func (p principals) has(who Sender) bool {
	for _, name := range p["AWS"] {
		switch name {
		case "*":
			return true
		case who.Account, "arn:aws:iam::" + who.Account + ":root", who.Principal:
			if who.Service == "" {
				return true
			}
		}
	}
	return who.Service != "" && slices.Contains(p["Service"], who.Service)
}

// holds reports whether a statement's conditions hold, and whether all of them
// can be judged. A key that the request has not holds in no condition but a
// negated one.
func (s statement) holds(who Sender) (holds, known bool) {
	values := map[string]string{"aws:sourcearn": who.SourceARN, "aws:sourceaccount": "", "aws:sourceowner": who.Account, "aws:principalarn": who.Principal}
	if who.Service != "" {
		values["aws:sourceaccount"], values["aws:sourceowner"], values["aws:principalarn"] = who.Account, "", ""
	}
	for operator, keys := range s.Condition {
		base, ifExists := strings.CutSuffix(operator, "IfExists")
		match, negated := operatorOf(base)
		if match == nil {
			return false, false
		}
		for key, wanted := range keys {
			v, ok := values[strings.ToLower(key)]
			if !ok {
				return false, false
			}
			if v == "" && ifExists {
				continue
			}
			if slices.ContainsFunc(wanted, func(w string) bool { return v != "" && match(w, v) }) == negated {
				return false, true
			}
		}
	}
	return true, true
}

func operatorOf(name string) (match func(pattern, value string) bool, negated bool) {
	equal := func(p, v string) bool { return p == v }
	switch name {
	case "StringEquals":
		return equal, false
	case "StringNotEquals":
		return equal, true
	case "StringLike", "ArnLike", "ArnEquals":
		return like, false
	case "StringNotLike", "ArnNotLike", "ArnNotEquals":
		return like, true
	}
	return nil, false
}

// like matches with * and ?.
func like(pattern, s string) bool {
	for pattern != "" {
		switch {
		case pattern[0] == '*':
			for i := 0; i <= len(s); i++ {
				if like(pattern[1:], s[i:]) {
					return true
				}
			}
			return false
		case s == "" || pattern[0] != '?' && pattern[0] != s[0]:
			return false
		}
		pattern, s = pattern[1:], s[1:]
	}
	return s == ""
}
