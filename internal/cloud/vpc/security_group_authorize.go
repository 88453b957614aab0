package vpc

import (
	"github.com/musubi-net/musubi/internal/cloud"
)

// AuthorizeRules adds rules to a group, all or none.
type AuthorizeRules struct {
	GroupID string
	Egress  bool
	Rules   []RuleParams
	Tags    cloud.Tags
}

// Apply returns the new rules.
func (c AuthorizeRules) Apply(tx *cloud.Tx) ([]SecurityGroupRule, error) {
	g, err := ownGroup(tx, tx.Caller.Scope, c.GroupID)
	if err != nil {
		return nil, err
	}
	if len(c.Rules) == 0 {
		return nil, noPermissions()
	}
	have := map[string]bool{}
	families := map[bool]int{}
	for r := range SecurityGroupRules.By(tx, ByGroup, g.ID) {
		have[r.match()] = true
		if r.Egress == c.Egress {
			families[r.CIDR.Addr().Is6()]++
		}
	}
	var out []SecurityGroupRule
	asked := map[string]bool{}
	for _, p := range c.Rules {
		r, err := p.rule(tx, g, c.Egress)
		if err != nil {
			return nil, err
		}
		if have[r.match()] {
			return nil, duplicateRule(r)
		}
		if asked[r.match()] {
			return nil, invalidRule("The same permission must not appear multiple times")
		}
		asked[r.match()] = true
		if families[r.CIDR.Addr().Is6()]++; families[r.CIDR.Addr().Is6()] > maxRulesPerGroup {
			return nil, cloud.Errorf(cloud.KindLimit, "security-group-rule", "RulesPerSecurityGroupLimitExceeded",
				"The maximum number of rules per security group has been reached.")
		}
		r.Tags = c.Tags.Clone()
		out = append(out, putRule(tx, g, r))
	}
	return out, nil
}

// RevokeRules removes rules of a group, named by what they allow or by id.
type RevokeRules struct {
	GroupID string
	Egress  bool
	Rules   []RuleParams
	IDs     []string
}

// Revoked is what RevokeRules removed, and what it did not find in a group of
// a default VPC, where that is no error.
type Revoked struct {
	Rules   []SecurityGroupRule
	Unknown []RuleParams
}

// Apply removes the rules, all or none.
func (c RevokeRules) Apply(tx *cloud.Tx) (Revoked, error) {
	g, err := ownGroup(tx, tx.Caller.Scope, c.GroupID)
	if err != nil {
		return Revoked{}, err
	}
	if len(c.Rules)+len(c.IDs) == 0 {
		return Revoked{}, noPermissions()
	}
	var out Revoked
	for _, id := range c.IDs {
		r, ok := SecurityGroupRules.Get(tx, id)
		if !ok || r.GroupID != g.ID || r.Egress != c.Egress {
			return Revoked{}, ruleIDNotFound(id)
		}
		out.Rules = append(out.Rules, r)
	}
	v, _ := VPCs.Get(tx, g.VPCID)
	for _, p := range c.Rules {
		p.Description = ""
		r, ok, err := findRule(tx, g, c.Egress, p)
		if err != nil {
			return Revoked{}, err
		}
		switch {
		case ok:
			out.Rules = append(out.Rules, r)
		case v.IsDefault:
			out.Unknown = append(out.Unknown, p)
		default:
			return Revoked{}, ruleNotFound()
		}
	}
	for _, r := range out.Rules {
		SecurityGroupRules.Delete(tx, r.ID)
	}
	return out, nil
}

// findRule finds the group's rule that allows what p says.
func findRule(tx *cloud.Tx, g SecurityGroup, egress bool, p RuleParams) (SecurityGroupRule, bool, error) {
	want, err := p.rule(tx, g, egress)
	if err != nil {
		return want, false, err
	}
	for r := range SecurityGroupRules.By(tx, ByGroup, g.ID) {
		if r.match() == want.match() {
			return r, true, nil
		}
	}
	return want, false, nil
}

// RuleUpdate replaces one rule of a group.
type RuleUpdate struct {
	ID   string
	Rule RuleParams
}

// ModifyRules replaces rules of a group in place; they keep their ids.
type ModifyRules struct {
	GroupID string
	Updates []RuleUpdate
}

// Apply replaces all or none.
func (c ModifyRules) Apply(tx *cloud.Tx) (cloud.None, error) {
	g, err := ownGroup(tx, tx.Caller.Scope, c.GroupID)
	if err != nil {
		return cloud.None{}, err
	}
	for _, u := range c.Updates {
		old, ok := SecurityGroupRules.Get(tx, u.ID)
		if !ok || old.GroupID != g.ID {
			return cloud.None{}, ruleIDNotFound(u.ID)
		}
		r, err := u.Rule.rule(tx, g, old.Egress)
		if err != nil {
			return cloud.None{}, err
		}
		r.ID, r.Tags = old.ID, old.Tags
		SecurityGroupRules.Put(tx, r)
	}
	seen := map[string]bool{}
	for r := range SecurityGroupRules.By(tx, ByGroup, g.ID) {
		if seen[r.match()] {
			return cloud.None{}, duplicateRule(r)
		}
		seen[r.match()] = true
	}
	return cloud.None{}, nil
}

// DescribeRules sets the descriptions of rules, named by what they allow or by id.
type DescribeRules struct {
	GroupID string
	Egress  bool
	Rules   []RuleParams
	ByID    map[string]string
}

// Apply sets all or none.
func (c DescribeRules) Apply(tx *cloud.Tx) (cloud.None, error) {
	g, err := ownGroup(tx, tx.Caller.Scope, c.GroupID)
	if err != nil {
		return cloud.None{}, err
	}
	if len(c.Rules)+len(c.ByID) == 0 {
		return cloud.None{}, noPermissions()
	}
	for _, p := range c.Rules {
		r, ok, err := findRule(tx, g, c.Egress, p)
		if err != nil {
			return cloud.None{}, err
		}
		if !ok {
			return cloud.None{}, ruleNotFound()
		}
		r.Description = p.Description
		SecurityGroupRules.Put(tx, r)
	}
	for id, text := range c.ByID {
		r, ok := SecurityGroupRules.Get(tx, id)
		if !ok || r.GroupID != g.ID || r.Egress != c.Egress {
			return cloud.None{}, ruleIDNotFound(id)
		}
		if !validDescription(text) {
			return cloud.None{}, badDescription()
		}
		r.Description = text
		SecurityGroupRules.Put(tx, r)
	}
	return cloud.None{}, nil
}

func noPermissions() error {
	return cloud.Errorf(cloud.KindMissing, "security-group-rule", "MissingParameter",
		"Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.")
}
