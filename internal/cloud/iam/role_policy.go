package iam

import (
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
)

// PutRolePolicy sets an inline policy of a role.
type PutRolePolicy struct{ Role, Name, Document string }

// Apply sets the policy.
func (c PutRolePolicy) Apply(tx *cloud.Tx) (cloud.None, error) {
	return changeRole(tx, c.Role, func(role *Role) error {
		if err := checkName("policyName", c.Name, 128); err != nil {
			return err
		}
		if err := checkIdentityPolicy(c.Document); err != nil {
			return err
		}
		if role.Inline == nil {
			role.Inline = map[string]string{}
		}
		role.Inline[c.Name] = c.Document
		total := 0
		for _, d := range role.Inline {
			total += size(d)
		}
		if total > maxInlineSize {
			return limit("role", "Maximum policy size of %d bytes exceeded for role %s", maxInlineSize, role.Name)
		}
		return nil
	})
}

// DeleteRolePolicy removes an inline policy from a role.
type DeleteRolePolicy struct{ Role, Name string }

// Apply removes the policy.
func (c DeleteRolePolicy) Apply(tx *cloud.Tx) (cloud.None, error) {
	return changeRole(tx, c.Role, func(role *Role) error {
		if _, err := InlinePolicy(*role, c.Name); err != nil {
			return err
		}
		delete(role.Inline, c.Name)
		return nil
	})
}

// InlinePolicy returns the document of a role's inline policy.
func InlinePolicy(role Role, name string) (string, error) {
	d, ok := role.Inline[name]
	if !ok {
		return "", cloud.Errorf(cloud.KindNotFound, "role-policy", "NoSuchEntity", "The role policy with name %s cannot be found.", name)
	}
	return d, nil
}

// AttachRolePolicy attaches a managed policy; attaching it again changes
// nothing.
type AttachRolePolicy struct{ Role, PolicyARN string }

// Apply attaches the policy.
func (c AttachRolePolicy) Apply(tx *cloud.Tx) (cloud.None, error) {
	return changeRole(tx, c.Role, func(role *Role) error {
		if err := checkPolicyARN(c.PolicyARN); err != nil {
			return err
		}
		if _, err := FindPolicy(tx, role.Account, c.PolicyARN); err != nil {
			return noAttachable(c.PolicyARN)
		}
		if slices.Contains(role.AttachedARNs, c.PolicyARN) {
			return nil
		}
		if len(role.AttachedARNs) >= maxAttached {
			return limit("role", "Cannot exceed quota for PoliciesPerRole: %d", maxAttached)
		}
		role.AttachedARNs = append(slices.Clone(role.AttachedARNs), c.PolicyARN)
		return nil
	})
}

// DetachRolePolicy detaches a managed policy.
type DetachRolePolicy struct{ Role, PolicyARN string }

// Apply detaches the policy.
func (c DetachRolePolicy) Apply(tx *cloud.Tx) (cloud.None, error) {
	return changeRole(tx, c.Role, func(role *Role) error {
		i := slices.Index(role.AttachedARNs, c.PolicyARN)
		if i < 0 {
			return noPolicy(c.PolicyARN)
		}
		role.AttachedARNs = slices.Delete(slices.Clone(role.AttachedARNs), i, i+1)
		return nil
	})
}
