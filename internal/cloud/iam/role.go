package iam

import (
	"maps"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// The limits of a role: sizes of documents in characters, and a session's
// seconds.
const (
	maxTrustSize   = 2048
	maxInlineSize  = 10240
	maxAttached    = 10
	minSession     = 3600
	maxSession     = 43200
	defaultSession = 3600
)

// FindRole returns the caller's role of that name.
func FindRole(r cloud.Reader, account, name string) (Role, error) {
	role, ok := Roles.Get(r, account+"/"+name)
	if !ok {
		return Role{}, noRole(name)
	}
	return role, nil
}

// CreateRole makes a role.
type CreateRole struct {
	Name, Path, Description string
	AssumeRolePolicy        string
	MaxSessionDuration      int // 0 is the default
	PermissionsBoundary     string
	Tags                    cloud.Tags
}

// Apply makes the role.
func (c CreateRole) Apply(tx *cloud.Tx) (Role, error) {
	role, err := c.check(tx)
	if err != nil {
		return Role{}, err
	}
	for other := range Roles.By(tx, ByAccount, role.Account) {
		if strings.EqualFold(other.Name, c.Name) {
			return Role{}, exists("role", "Role with name %s already exists.", c.Name)
		}
	}
	role.ID = newID(tx, "AROA")
	Roles.Put(tx, role)
	return role, nil
}

func (c CreateRole) check(tx *cloud.Tx) (Role, error) {
	role := Role{
		Account: tx.Caller.Account, Name: c.Name, Description: c.Description, AssumeRolePolicy: c.AssumeRolePolicy,
		MaxSessionDuration: c.MaxSessionDuration, PermissionsBoundary: c.PermissionsBoundary, CreatedAt: tx.Now,
	}
	if err := checkName("roleName", c.Name, 64); err != nil {
		return Role{}, err
	}
	var err error
	if role.Path, err = cleanPath(c.Path); err != nil {
		return Role{}, err
	}
	if err := checkDescription(c.Description); err != nil {
		return Role{}, err
	}
	if err := checkTrust(tx, c.AssumeRolePolicy); err != nil {
		return Role{}, err
	}
	if c.MaxSessionDuration == 0 {
		role.MaxSessionDuration = defaultSession
	}
	if err := checkDuration("maxSessionDuration", role.MaxSessionDuration, minSession, maxSession); err != nil {
		return Role{}, err
	}
	if err := checkBoundary(tx, role.Account, c.PermissionsBoundary); err != nil {
		return Role{}, err
	}
	if role.Tags, err = setTags(nil, c.Tags); err != nil {
		return Role{}, err
	}
	return role, nil
}

func checkTrust(r cloud.Reader, text string) error {
	if err := checkTrustPolicy(r, text); err != nil {
		return err
	}
	if size(text) > maxTrustSize {
		return limit("role", "Cannot exceed quota for ACLSizePerRole: %d", maxTrustSize)
	}
	return nil
}

func checkDuration(field string, seconds, low, high int) error {
	if seconds < low {
		return invalid(field, "1 validation error detected: Value '%d' at '%s' failed to satisfy constraint: Member must have value greater than or equal to %d", seconds, field, low)
	}
	if seconds > high {
		return invalid(field, "1 validation error detected: Value '%d' at '%s' failed to satisfy constraint: Member must have value less than or equal to %d", seconds, field, high)
	}
	return nil
}

func checkBoundary(r cloud.Reader, account, arn string) error {
	if arn == "" {
		return nil
	}
	if !strings.HasPrefix(arn, "arn:aws:iam::") || !strings.Contains(arn, ":policy/") {
		return invalid("permissions-boundary", "Value (%s) passed in is not a valid ARN of a managed policy.", arn)
	}
	if _, err := FindPolicy(r, account, arn); err != nil {
		return cloud.Errorf(cloud.KindNotFound, "policy", "NoSuchEntity", "Scope ARN: %s does not exist or is not attachable.", arn)
	}
	return nil
}

// UpdateRole changes what is set.
type UpdateRole struct {
	Name               string
	Description        *string
	MaxSessionDuration *int
}

// Apply changes the role and returns it.
func (c UpdateRole) Apply(tx *cloud.Tx) (Role, error) {
	role, err := FindRole(tx, tx.Caller.Account, c.Name)
	if err != nil {
		return Role{}, err
	}
	if c.Description != nil {
		if err := checkDescription(*c.Description); err != nil {
			return Role{}, err
		}
		role.Description = *c.Description
	}
	if c.MaxSessionDuration != nil {
		if err := checkDuration("maxSessionDuration", *c.MaxSessionDuration, minSession, maxSession); err != nil {
			return Role{}, err
		}
		role.MaxSessionDuration = *c.MaxSessionDuration
	}
	Roles.Put(tx, role)
	return role, nil
}

// UpdateAssumeRolePolicy replaces a role's trust policy.
type UpdateAssumeRolePolicy struct{ Name, Document string }

// Apply replaces the document.
func (c UpdateAssumeRolePolicy) Apply(tx *cloud.Tx) (cloud.None, error) {
	return changeRole(tx, c.Name, func(role *Role) error {
		role.AssumeRolePolicy = c.Document
		return checkTrust(tx, c.Document)
	})
}

// SetRoleBoundary sets a role's permissions boundary; empty removes it.
type SetRoleBoundary struct{ Name, PolicyARN string }

// Apply sets the boundary.
func (c SetRoleBoundary) Apply(tx *cloud.Tx) (cloud.None, error) {
	return changeRole(tx, c.Name, func(role *Role) error {
		role.PermissionsBoundary = c.PolicyARN
		return checkBoundary(tx, role.Account, c.PolicyARN)
	})
}

// TagRole sets and removes tags of a role.
type TagRole struct {
	Name string
	Set  cloud.Tags
	Drop []string
}

// Apply changes the tags.
func (c TagRole) Apply(tx *cloud.Tx) (cloud.None, error) {
	return changeRole(tx, c.Name, func(role *Role) (err error) {
		role.Tags, err = setTags(dropTags(role.Tags, c.Drop), c.Set)
		return err
	})
}

// DeleteRole deletes a role that nothing uses.
type DeleteRole struct{ Name string }

// Apply deletes the role.
func (c DeleteRole) Apply(tx *cloud.Tx) (cloud.None, error) {
	role, err := FindRole(tx, tx.Caller.Account, c.Name)
	if err != nil {
		return cloud.None{}, err
	}
	key := role.Account + "/" + role.Name
	if _, used := InstanceProfiles.First(tx, "role", key); used {
		return cloud.None{}, conflict("role", "Cannot delete entity, must remove roles from instance profile first.")
	}
	if len(role.AttachedARNs) > 0 {
		return cloud.None{}, conflict("role", "Cannot delete entity, must detach all policies first.")
	}
	if len(role.Inline) > 0 {
		return cloud.None{}, conflict("role", "Cannot delete entity, must delete policies first.")
	}
	Roles.Delete(tx, key)
	dropSessions(tx, role)
	return cloud.None{}, nil
}

// changeRole replaces the caller's role with a changed copy.
func changeRole(tx *cloud.Tx, name string, change func(*Role) error) (cloud.None, error) {
	role, err := FindRole(tx, tx.Caller.Account, name)
	if err != nil {
		return cloud.None{}, err
	}
	role.Inline = maps.Clone(role.Inline)
	if err := change(&role); err != nil {
		return cloud.None{}, err
	}
	Roles.Put(tx, role)
	return cloud.None{}, nil
}
