package vpc

import (
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// CreateSecurityGroup makes a group that lets everything out and nothing in.
type CreateSecurityGroup struct {
	Name, Description string
	VPCID             string // empty: the default VPC
	Tags              cloud.Tags
}

// Apply returns the new group.
func (c CreateSecurityGroup) Apply(tx *cloud.Tx) (SecurityGroup, error) {
	if err := c.check(); err != nil {
		return SecurityGroup{}, err
	}
	v, err := c.vpc(tx)
	if err != nil {
		return SecurityGroup{}, err
	}
	if _, taken := SecurityGroups.First(tx, "name", v.ID+"/"+c.Name); taken {
		return SecurityGroup{}, cloud.Errorf(cloud.KindExists, "security-group", "InvalidGroup.Duplicate",
			"The security group '%s' already exists for VPC '%s'", c.Name, v.ID)
	}
	g := SecurityGroup{ID: "sg-" + tx.IDs.Hex(17), Scope: v.Scope, VPCID: v.ID,
		Name: c.Name, Description: c.Description, Tags: c.Tags.Clone()}
	SecurityGroups.Put(tx, g)
	openEgress(tx, g, &v)
	return g, nil
}

func (c CreateSecurityGroup) check() error {
	switch {
	case c.Name == "":
		return missing("GroupName")
	case c.Description == "":
		return missing("GroupDescription")
	case strings.EqualFold(c.Name, "default"):
		return invalidGroup("Cannot use reserved security group name: %s", c.Name)
	case strings.HasPrefix(c.Name, "sg-"):
		return invalidGroup("Invalid group name. Group names may not be in the format sg-*.")
	case !ascii(c.Name) || len(c.Name) > 255:
		return invalidGroup("Value (%s) for parameter GroupName is invalid. Valid names are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*", c.Name)
	case !ascii(c.Description):
		return invalidGroup("Value (%s) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported.", c.Description)
	case !validDescription(c.Description):
		return invalidGroup("Value (%s) for parameter GroupDescription is invalid. Invalid security group description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*", c.Description)
	}
	return nil
}

func (c CreateSecurityGroup) vpc(tx *cloud.Tx) (VPC, error) {
	if c.VPCID == "" {
		if v, ok := DefaultVPC(tx, tx.Caller.Scope); ok {
			return v, nil
		}
		return VPC{}, cloud.Errorf(cloud.KindMissing, "vpc", "VPCIdNotSpecified", "No default VPC for this user")
	}
	v, ok := VPCs.Get(tx, c.VPCID)
	if !ok || v.Scope != tx.Caller.Scope {
		return VPC{}, &cloud.Error{Kind: cloud.KindNotFound, Subject: "vpc", ID: c.VPCID, Code: "InvalidVpcID.NotFound",
			Message: "The vpc ID '" + c.VPCID + "' does not exist"}
	}
	return v, nil
}

// DefaultVPC finds a scope's default VPC.
func DefaultVPC(r cloud.Reader, s cloud.Scope) (VPC, bool) {
	for v := range VPCs.By(r, ByScope, s.Key()) {
		if v.IsDefault {
			return v, true
		}
	}
	return VPC{}, false
}

// DeleteSecurityGroup deletes a group that nothing uses.
type DeleteSecurityGroup struct{ ID string }

// Apply deletes the group and its rules.
func (c DeleteSecurityGroup) Apply(tx *cloud.Tx) (cloud.None, error) {
	g, err := ownGroup(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	if g.Name == "default" {
		return cloud.None{}, cloud.Errorf(cloud.KindForbidden, "security-group", "CannotDelete",
			`the specified group: "%s" name: "%s" cannot be deleted by a user`, g.ID, g.Name)
	}
	if groupInUse(tx, g.ID) {
		return cloud.None{}, &cloud.Error{Kind: cloud.KindInUse, Subject: "security-group", ID: g.ID, Code: "DependencyViolation",
			Message: "resource " + g.ID + " has a dependent object"}
	}
	removeGroup(tx, g.ID)
	return cloud.None{}, nil
}

// groupInUse says whether an interface has the group or another group's rule
// names it.
func groupInUse(r cloud.Reader, id string) bool {
	if _, used := NetworkInterfaces.First(r, ByGroup, id); used {
		return true
	}
	for rule := range SecurityGroupRules.By(r, "peer", id) {
		if rule.GroupID != id {
			return true
		}
	}
	return false
}

// ownGroup finds a group of a scope by id.
func ownGroup(r cloud.Reader, s cloud.Scope, id string) (SecurityGroup, error) {
	if id == "" {
		return SecurityGroup{}, cloud.Errorf(cloud.KindMissing, "security-group", "MissingParameter",
			"The request must contain the parameter groupName or groupId")
	}
	if !strings.HasPrefix(id, "sg-") {
		return SecurityGroup{}, &cloud.Error{Kind: cloud.KindInvalid, Subject: "security-group", ID: id, Code: "InvalidGroupId.Malformed",
			Message: `Invalid id: "` + id + `" (expecting "sg-...")`}
	}
	g, ok := SecurityGroups.Get(r, id)
	if !ok || g.Scope != s {
		return SecurityGroup{}, groupNotFound(id)
	}
	return g, nil
}

// GroupID resolves a group that a request names by id, or by name in the
// default VPC.
func GroupID(r cloud.Reader, s cloud.Scope, id, name string) (string, error) {
	if id != "" || name == "" {
		return id, nil
	}
	if v, ok := DefaultVPC(r, s); ok {
		if g, ok := SecurityGroups.First(r, "name", v.ID+"/"+name); ok {
			return g.ID, nil
		}
	}
	return "", cloud.Errorf(cloud.KindNotFound, "security-group", "InvalidGroup.NotFound",
		"The security group '%s' does not exist in default VPC", name)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func validDescription(s string) bool {
	return len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune(descriptionChars, r) })
}

func invalidGroup(format string, args ...any) error {
	return cloud.Errorf(cloud.KindInvalid, "security-group", "InvalidParameterValue", format, args...)
}

func missing(parameter string) error {
	return cloud.Errorf(cloud.KindMissing, "", "MissingParameter", "The request must contain the parameter %s", parameter)
}

// FindSecurityGroup returns the scope's group with that id, or AWS's refusal.
func FindSecurityGroup(r cloud.Reader, s cloud.Scope, id string) (SecurityGroup, error) {
	return ownGroup(r, s, id)
}

// FindSecurityGroupRule returns the scope's rule with that id, or AWS's refusal.
func FindSecurityGroupRule(r cloud.Reader, s cloud.Scope, id string) (SecurityGroupRule, error) {
	rule, ok := SecurityGroupRules.Get(r, id)
	if !ok || rule.Scope != s {
		return rule, ruleIDNotFound(id)
	}
	return rule, nil
}
