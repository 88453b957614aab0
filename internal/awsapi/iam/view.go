package iam

import (
	"slices"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/iam"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/iam"
)

// escaped encodes a policy document as IAM returns it: RFC 3986, where all but
// letters, digits and - . _ ~ is a percent and two capitals.
func escaped(document string) *string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(document) {
		c := document[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return new(b.String())
}

func tagMap(list []model.Tag) cloud.Tags {
	tags := cloud.Tags{}
	for _, t := range list {
		tags[value(t.Key)] = value(t.Value)
	}
	return tags
}

func tagList(tags cloud.Tags) []model.Tag {
	list := make([]model.Tag, 0, len(tags))
	for k, v := range tags {
		list = append(list, model.Tag{Key: new(k), Value: new(v)})
	}
	slices.SortFunc(list, func(a, b model.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return list
}

// roleView is a role as lists show it.
func roleView(r iam.Role) model.Role {
	v := model.Role{
		Arn: new(r.ARN()), AssumeRolePolicyDocument: escaped(r.AssumeRolePolicy), CreateDate: new(r.CreatedAt),
		MaxSessionDuration: new(int64(r.MaxSessionDuration)), Path: new(r.Path), RoleId: new(r.ID), RoleName: new(r.Name),
	}
	if r.Description != "" {
		v.Description = new(r.Description)
	}
	return v
}

// roleDetail is a role with what only a look at it alone shows.
func roleDetail(r iam.Role) *model.Role {
	v := roleView(r)
	v.RoleLastUsed = &model.RoleLastUsed{}
	v.Tags = tagList(r.Tags)
	if r.PermissionsBoundary != "" {
		v.PermissionsBoundary = &model.AttachedPermissionsBoundary{
			PermissionsBoundaryArn: new(r.PermissionsBoundary), PermissionsBoundaryType: new("Policy"),
		}
	}
	return &v
}

// policyView is a policy as lists show it.
func policyView(r cloud.Reader, account string, p iam.Policy) model.Policy {
	return model.Policy{
		Arn: new(p.ARN), AttachmentCount: new(int64(len(iam.Attachments(r, account, p.ARN)))), CreateDate: new(p.CreatedAt),
		DefaultVersionId: new(p.Default().ID), IsAttachable: new(true), Path: new(p.Path),
		PermissionsBoundaryUsageCount: new(int64(len(iam.Boundaries(r, account, p.ARN)))),
		PolicyId:                      new(p.ID), PolicyName: new(p.Name), UpdateDate: new(p.UpdatedAt),
	}
}

// policyDetail is a policy with what only a look at it alone shows.
func policyDetail(r cloud.Reader, account string, p iam.Policy) *model.Policy {
	v := policyView(r, account, p)
	v.Tags = tagList(p.Tags)
	if p.Description != "" {
		v.Description = new(p.Description)
	}
	return &v
}

func versionView(v iam.PolicyVersion, withDocument bool) model.PolicyVersion {
	out := model.PolicyVersion{CreateDate: new(v.CreatedAt), IsDefaultVersion: new(v.IsDefault), VersionId: new(v.ID)}
	if withDocument {
		out.Document = escaped(v.Document)
	}
	return out
}

// profileView is a profile with its role; lists show it without tags.
func profileView(r cloud.Reader, p iam.InstanceProfile, withTags bool) model.InstanceProfile {
	v := model.InstanceProfile{
		Arn: new(p.ARN()), CreateDate: new(p.CreatedAt), InstanceProfileId: new(p.ID),
		InstanceProfileName: new(p.Name), Path: new(p.Path), Roles: []model.Role{},
	}
	if role, err := iam.FindRole(r, p.Account, p.RoleName); err == nil {
		v.Roles = append(v.Roles, roleView(role))
	}
	if withTags {
		v.Tags = tagList(p.Tags)
	}
	return v
}
