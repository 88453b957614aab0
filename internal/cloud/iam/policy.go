package iam

import (
	"slices"
	"strconv"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// The limits of a customer-managed policy.
const (
	maxPolicySize = 6144
	maxVersions   = 5
)

// FindPolicy returns the policy of that ARN as an account sees it: its own, or
// one of AWS's.
func FindPolicy(r cloud.Reader, account, arn string) (Policy, error) {
	if p, ok := managedPolicy(arn); ok {
		return p, nil
	}
	p, ok := Policies.Get(r, arn)
	if !ok || p.Account != account {
		return Policy{}, noPolicy(arn)
	}
	return p, nil
}

// AWSManaged reports whether the policy is one of AWS's.
func (p *Policy) AWSManaged() bool { return p.Account == "aws" }

// Default is the version that is in force.
func (p *Policy) Default() PolicyVersion {
	for _, v := range p.Versions {
		if v.IsDefault {
			return v
		}
	}
	return PolicyVersion{}
}

// Version returns the version of that id.
func (p *Policy) Version(id string) (PolicyVersion, error) {
	for _, v := range p.Versions {
		if v.ID == id {
			return v, nil
		}
	}
	return PolicyVersion{}, noVersion(p.ARN, id)
}

// Attachments are the roles of an account that a policy is attached to.
func Attachments(r cloud.Reader, account, arn string) []Role {
	var out []Role
	for role := range Roles.By(r, "policy", arn) {
		if role.Account == account {
			out = append(out, role)
		}
	}
	return out
}

// Boundaries are the roles of an account whose permissions boundary a policy
// is.
func Boundaries(r cloud.Reader, account, arn string) []Role {
	var out []Role
	for role := range Roles.By(r, ByAccount, account) {
		if role.PermissionsBoundary == arn {
			out = append(out, role)
		}
	}
	return out
}

func checkPolicyARN(arn string) error {
	if !strings.HasPrefix(arn, "arn:") {
		return cloud.Errorf(cloud.KindInvalid, "policy", "InvalidInput", "ARN %s is not valid.", arn)
	}
	return nil
}

func checkPolicyDocument(text string) error {
	if err := checkIdentityPolicy(text); err != nil {
		return err
	}
	if size(text) > maxPolicySize {
		return limit("policy", "Cannot exceed quota for PolicySize: %d", maxPolicySize)
	}
	return nil
}

// CreatePolicy makes a customer-managed policy.
type CreatePolicy struct {
	Name, Path, Description, Document string
	Tags                              cloud.Tags
}

// Apply makes the policy with its version v1.
func (c CreatePolicy) Apply(tx *cloud.Tx) (Policy, error) {
	if err := checkName("policyName", c.Name, 128); err != nil {
		return Policy{}, err
	}
	path, err := cleanPath(c.Path)
	if err != nil {
		return Policy{}, err
	}
	if err := checkDescription(c.Description); err != nil {
		return Policy{}, err
	}
	if err := checkPolicyDocument(c.Document); err != nil {
		return Policy{}, err
	}
	tags, err := setTags(nil, c.Tags)
	if err != nil {
		return Policy{}, err
	}
	account := tx.Caller.Account
	for p := range Policies.By(tx, ByAccount, account) {
		if strings.EqualFold(p.Name, c.Name) {
			return Policy{}, exists("policy", "A policy called %s already exists. Duplicate names are not allowed.", c.Name)
		}
	}
	p := Policy{
		ARN: "arn:aws:iam::" + account + ":policy" + path + c.Name, ID: newID(tx, "ANPA"),
		Account: account, Name: c.Name, Path: path, Description: c.Description,
		Versions:  []PolicyVersion{{ID: "v1", Document: c.Document, IsDefault: true, CreatedAt: tx.Now}},
		CreatedAt: tx.Now, UpdatedAt: tx.Now, NextVersion: 2, Tags: tags,
	}
	Policies.Put(tx, p)
	return p, nil
}

// DeletePolicy deletes a policy that nothing uses and that has one version.
type DeletePolicy struct{ ARN string }

// Apply deletes the policy.
func (c DeletePolicy) Apply(tx *cloud.Tx) (cloud.None, error) {
	p, err := ownPolicy(tx, c.ARN)
	if err != nil {
		return cloud.None{}, err
	}
	if len(Attachments(tx, p.Account, p.ARN)) > 0 || len(Boundaries(tx, p.Account, p.ARN)) > 0 {
		return cloud.None{}, conflict("policy", "Cannot delete a policy attached to entities.")
	}
	if len(p.Versions) > 1 {
		return cloud.None{}, conflict("policy", "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
	}
	Policies.Delete(tx, p.ARN)
	return cloud.None{}, nil
}

// CreatePolicyVersion adds a version to a policy.
type CreatePolicyVersion struct {
	ARN, Document string
	SetAsDefault  bool
}

// Apply adds the version and returns it.
func (c CreatePolicyVersion) Apply(tx *cloud.Tx) (PolicyVersion, error) {
	p, err := ownPolicy(tx, c.ARN)
	if err != nil {
		return PolicyVersion{}, err
	}
	if err := checkPolicyDocument(c.Document); err != nil {
		return PolicyVersion{}, err
	}
	if len(p.Versions) >= maxVersions {
		return PolicyVersion{}, limit("policy", "A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", maxVersions)
	}
	v := PolicyVersion{ID: "v" + strconv.Itoa(p.NextVersion), Document: c.Document, CreatedAt: tx.Now}
	p.NextVersion++
	p.Versions = append(slices.Clone(p.Versions), v)
	p.UpdatedAt = tx.Now
	if c.SetAsDefault {
		v.IsDefault = true
		p.setDefault(v.ID)
	}
	Policies.Put(tx, p)
	return v, nil
}

// setDefault makes one version the one in force; Versions must be a copy.
func (p *Policy) setDefault(id string) {
	for i := range p.Versions {
		p.Versions[i].IsDefault = p.Versions[i].ID == id
	}
}

// SetDefaultPolicyVersion chooses the version that is in force.
type SetDefaultPolicyVersion struct{ ARN, Version string }

// Apply sets the default version.
func (c SetDefaultPolicyVersion) Apply(tx *cloud.Tx) (cloud.None, error) {
	p, err := ownPolicy(tx, c.ARN)
	if err != nil {
		return cloud.None{}, err
	}
	if _, err := p.Version(c.Version); err != nil {
		return cloud.None{}, err
	}
	p.Versions = slices.Clone(p.Versions)
	p.setDefault(c.Version)
	p.UpdatedAt = tx.Now
	Policies.Put(tx, p)
	return cloud.None{}, nil
}

// DeletePolicyVersion deletes a version that is not the default one.
type DeletePolicyVersion struct{ ARN, Version string }

// Apply deletes the version.
func (c DeletePolicyVersion) Apply(tx *cloud.Tx) (cloud.None, error) {
	p, err := ownPolicy(tx, c.ARN)
	if err != nil {
		return cloud.None{}, err
	}
	v, err := p.Version(c.Version)
	if err != nil {
		return cloud.None{}, err
	}
	if v.IsDefault {
		return cloud.None{}, conflict("policy", "Cannot delete the default version of a policy.")
	}
	p.Versions = slices.DeleteFunc(slices.Clone(p.Versions), func(o PolicyVersion) bool { return o.ID == v.ID })
	p.UpdatedAt = tx.Now
	Policies.Put(tx, p)
	return cloud.None{}, nil
}

// TagPolicy sets and removes tags of a policy.
type TagPolicy struct {
	ARN  string
	Set  cloud.Tags
	Drop []string
}

// Apply changes the tags.
func (c TagPolicy) Apply(tx *cloud.Tx) (cloud.None, error) {
	p, err := ownPolicy(tx, c.ARN)
	if err != nil {
		return cloud.None{}, err
	}
	if p.Tags, err = setTags(dropTags(p.Tags, c.Drop), c.Set); err != nil {
		return cloud.None{}, err
	}
	Policies.Put(tx, p)
	return cloud.None{}, nil
}

// ownPolicy returns a policy that the caller may change.
func ownPolicy(tx *cloud.Tx, arn string) (Policy, error) {
	if err := checkPolicyARN(arn); err != nil {
		return Policy{}, err
	}
	p, err := FindPolicy(tx, tx.Caller.Account, arn)
	if err != nil {
		return Policy{}, err
	}
	if p.AWSManaged() {
		return Policy{}, denied("User: %s is not authorized to change the AWS managed policy %s", tx.Caller.PrincipalARN, arn)
	}
	return p, nil
}
