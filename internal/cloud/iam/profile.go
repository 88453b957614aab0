package iam

import (
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// FindProfile returns the caller's instance profile of that name.
func FindProfile(r cloud.Reader, account, name string) (InstanceProfile, error) {
	p, ok := InstanceProfiles.Get(r, account+"/"+name)
	if !ok {
		return InstanceProfile{}, noProfile(name)
	}
	return p, nil
}

// CreateInstanceProfile makes an instance profile without a role.
type CreateInstanceProfile struct {
	Name, Path string
	Tags       cloud.Tags
}

// Apply makes the profile.
func (c CreateInstanceProfile) Apply(tx *cloud.Tx) (InstanceProfile, error) {
	if err := checkName("instanceProfileName", c.Name, 128); err != nil {
		return InstanceProfile{}, err
	}
	path, err := cleanPath(c.Path)
	if err != nil {
		return InstanceProfile{}, err
	}
	tags, err := setTags(nil, c.Tags)
	if err != nil {
		return InstanceProfile{}, err
	}
	account := tx.Caller.Account
	for p := range InstanceProfiles.By(tx, ByAccount, account) {
		if strings.EqualFold(p.Name, c.Name) {
			return InstanceProfile{}, exists("instance-profile", "Instance Profile %s already exists.", c.Name)
		}
	}
	p := InstanceProfile{ID: newID(tx, "AIPA"), Account: account, Name: c.Name, Path: path, CreatedAt: tx.Now, Tags: tags}
	InstanceProfiles.Put(tx, p)
	return p, nil
}

// DeleteInstanceProfile deletes a profile that holds no role.
type DeleteInstanceProfile struct{ Name string }

// Apply deletes the profile.
func (c DeleteInstanceProfile) Apply(tx *cloud.Tx) (cloud.None, error) {
	p, err := FindProfile(tx, tx.Caller.Account, c.Name)
	if err != nil {
		return cloud.None{}, err
	}
	if p.RoleName != "" {
		return cloud.None{}, conflict("instance-profile", "Cannot delete entity, must remove roles from instance profile first.")
	}
	InstanceProfiles.Delete(tx, p.Account+"/"+p.Name)
	return cloud.None{}, nil
}

// AddRoleToProfile puts a role into an instance profile.
type AddRoleToProfile struct{ Profile, Role string }

// Apply adds the role.
func (c AddRoleToProfile) Apply(tx *cloud.Tx) (cloud.None, error) {
	return changeProfile(tx, c.Profile, func(p *InstanceProfile) error {
		role, err := FindRole(tx, p.Account, c.Role)
		if err != nil {
			return err
		}
		if p.RoleName != "" {
			return limit("instance-profile", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
		}
		p.RoleName = role.Name
		return nil
	})
}

// RemoveRoleFromProfile takes the role out of an instance profile.
type RemoveRoleFromProfile struct{ Profile, Role string }

// Apply removes the role.
func (c RemoveRoleFromProfile) Apply(tx *cloud.Tx) (cloud.None, error) {
	return changeProfile(tx, c.Profile, func(p *InstanceProfile) error {
		if p.RoleName == "" || p.RoleName != c.Role {
			return noRole(c.Role)
		}
		p.RoleName = ""
		return nil
	})
}

// TagInstanceProfile sets and removes tags of a profile.
type TagInstanceProfile struct {
	Name string
	Set  cloud.Tags
	Drop []string
}

// Apply changes the tags.
func (c TagInstanceProfile) Apply(tx *cloud.Tx) (cloud.None, error) {
	return changeProfile(tx, c.Name, func(p *InstanceProfile) (err error) {
		p.Tags, err = setTags(dropTags(p.Tags, c.Drop), c.Set)
		return err
	})
}

func changeProfile(tx *cloud.Tx, name string, change func(*InstanceProfile) error) (cloud.None, error) {
	p, err := FindProfile(tx, tx.Caller.Account, name)
	if err != nil {
		return cloud.None{}, err
	}
	if err := change(&p); err != nil {
		return cloud.None{}, err
	}
	InstanceProfiles.Put(tx, p)
	return cloud.None{}, nil
}
