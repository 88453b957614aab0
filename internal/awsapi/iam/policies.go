package iam

import (
	"context"
	"slices"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/iam"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/engine"
)

func (a *API) policyOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreatePolicy", a.createPolicy),
		protocol.Op("CreatePolicyVersion", a.createPolicyVersion),
		change[model.DeletePolicyRequest, model.DeletePolicyResponse](a, "DeletePolicy", func(in *model.DeletePolicyRequest) cloud.Command[cloud.None] {
			return iam.DeletePolicy{ARN: value(in.PolicyArn)}
		}),
		change[model.DeletePolicyVersionRequest, model.DeletePolicyVersionResponse](a, "DeletePolicyVersion", func(in *model.DeletePolicyVersionRequest) cloud.Command[cloud.None] {
			return iam.DeletePolicyVersion{ARN: value(in.PolicyArn), Version: value(in.VersionId)}
		}),
		change[model.SetDefaultPolicyVersionRequest, model.SetDefaultPolicyVersionResponse](a, "SetDefaultPolicyVersion", func(in *model.SetDefaultPolicyVersionRequest) cloud.Command[cloud.None] {
			return iam.SetDefaultPolicyVersion{ARN: value(in.PolicyArn), Version: value(in.VersionId)}
		}),
		change[model.TagPolicyRequest, model.TagPolicyResponse](a, "TagPolicy", func(in *model.TagPolicyRequest) cloud.Command[cloud.None] {
			return iam.TagPolicy{ARN: value(in.PolicyArn), Set: tagMap(in.Tags)}
		}),
		change[model.UntagPolicyRequest, model.UntagPolicyResponse](a, "UntagPolicy", func(in *model.UntagPolicyRequest) cloud.Command[cloud.None] {
			return iam.TagPolicy{ARN: value(in.PolicyArn), Drop: in.TagKeys}
		}),
		read(a, "GetPolicy", getPolicy), read(a, "ListPolicies", listPolicies), read(a, "ListPolicyTags", listPolicyTags),
		read(a, "GetPolicyVersion", getPolicyVersion), read(a, "ListPolicyVersions", listPolicyVersions),
		read(a, "ListEntitiesForPolicy", listEntitiesForPolicy),
	}
}

func (a *API) createPolicy(ctx context.Context, call *protocol.Call, in *model.CreatePolicyRequest) (*model.CreatePolicyResponse, error) {
	p, err := engine.Do(ctx, a.engine, call.Caller, iam.CreatePolicy{
		Name: value(in.PolicyName), Path: value(in.Path), Description: value(in.Description),
		Document: value(in.PolicyDocument), Tags: tagMap(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	v := policyDetail(a.engine.Snapshot(), call.Caller.Account, p)
	v.Description = nil
	return &model.CreatePolicyResponse{Policy: v}, nil
}

func (a *API) createPolicyVersion(ctx context.Context, call *protocol.Call, in *model.CreatePolicyVersionRequest) (*model.CreatePolicyVersionResponse, error) {
	v, err := engine.Do(ctx, a.engine, call.Caller, iam.CreatePolicyVersion{
		ARN: value(in.PolicyArn), Document: value(in.PolicyDocument), SetAsDefault: value(in.SetAsDefault),
	})
	if err != nil {
		return nil, err
	}
	return &model.CreatePolicyVersionResponse{PolicyVersion: new(versionView(v, false))}, nil
}

func getPolicy(r cloud.Reader, account string, in *model.GetPolicyRequest) (*model.GetPolicyResponse, error) {
	p, err := iam.FindPolicy(r, account, value(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	return &model.GetPolicyResponse{Policy: policyDetail(r, account, p)}, nil
}

func listPolicies(r cloud.Reader, account string, in *model.ListPoliciesRequest) (*model.ListPoliciesResponse, error) {
	var policies []iam.Policy
	if scope := value(in.Scope); scope != "Local" {
		policies = append(policies, iam.ManagedPolicies()...)
	}
	if scope := value(in.Scope); scope != "AWS" {
		policies = slices.AppendSeq(policies, iam.Policies.By(r, iam.ByAccount, account))
	}
	policies = slices.DeleteFunc(policies, func(p iam.Policy) bool {
		if !strings.HasPrefix(p.Path, value(in.PathPrefix)) {
			return true
		}
		attached := len(iam.Attachments(r, account, p.ARN)) > 0
		boundary := len(iam.Boundaries(r, account, p.ARN)) > 0
		switch {
		case value(in.PolicyUsageFilter) == "PermissionsBoundary":
			return !boundary
		case value(in.OnlyAttached) || value(in.PolicyUsageFilter) == "PermissionsPolicy":
			return !attached
		}
		return false
	})
	policies, next, err := paged(policies, func(p *iam.Policy) string { return p.Name + p.ARN }, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out := &model.ListPoliciesResponse{Policies: []model.Policy{}, IsTruncated: new(next != nil), Marker: next}
	for _, p := range policies {
		out.Policies = append(out.Policies, policyView(r, account, p))
	}
	return out, nil
}

func listPolicyTags(r cloud.Reader, account string, in *model.ListPolicyTagsRequest) (*model.ListPolicyTagsResponse, error) {
	p, err := iam.FindPolicy(r, account, value(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	tags, next, err := paged(tagList(p.Tags), tagKey, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &model.ListPolicyTagsResponse{Tags: tags, IsTruncated: new(next != nil), Marker: next}, nil
}

func getPolicyVersion(r cloud.Reader, account string, in *model.GetPolicyVersionRequest) (*model.GetPolicyVersionResponse, error) {
	p, err := iam.FindPolicy(r, account, value(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	v, err := p.Version(value(in.VersionId))
	if err != nil {
		return nil, err
	}
	return &model.GetPolicyVersionResponse{PolicyVersion: new(versionView(v, true))}, nil
}

func listPolicyVersions(r cloud.Reader, account string, in *model.ListPolicyVersionsRequest) (*model.ListPolicyVersionsResponse, error) {
	p, err := iam.FindPolicy(r, account, value(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	versions, next, err := paged(slices.Clone(p.Versions), newestFirst, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out := &model.ListPolicyVersionsResponse{Versions: []model.PolicyVersion{}, IsTruncated: new(next != nil), Marker: next}
	for _, v := range versions {
		out.Versions = append(out.Versions, versionView(v, false))
	}
	return out, nil
}

// newestFirst is a name for a version by which the newest comes first: its
// number, padded, with every digit replaced by what it lacks to nine.
func newestFirst(v *iam.PolicyVersion) string {
	digits := strings.TrimPrefix(v.ID, "v")
	digits = strings.Repeat("0", max(0, 12-len(digits))) + digits
	return strings.Map(func(r rune) rune { return '9' - r + '0' }, digits)
}

func listEntitiesForPolicy(r cloud.Reader, account string, in *model.ListEntitiesForPolicyRequest) (*model.ListEntitiesForPolicyResponse, error) {
	p, err := iam.FindPolicy(r, account, value(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	var roles []iam.Role
	switch value(in.EntityFilter) {
	case "", "Role", "LocalManagedPolicy", "AWSManagedPolicy":
		if value(in.PolicyUsageFilter) != "PermissionsBoundary" {
			roles = iam.Attachments(r, account, p.ARN)
		}
		if value(in.PolicyUsageFilter) != "PermissionsPolicy" {
			for _, role := range iam.Boundaries(r, account, p.ARN) {
				if !slices.ContainsFunc(roles, func(o iam.Role) bool { return o.ID == role.ID }) {
					roles = append(roles, role)
				}
			}
		}
	}
	roles = slices.DeleteFunc(roles, func(role iam.Role) bool { return !strings.HasPrefix(role.Path, value(in.PathPrefix)) })
	roles, next, err := paged(roles, func(r *iam.Role) string { return r.Name }, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out := &model.ListEntitiesForPolicyResponse{
		PolicyGroups: []model.PolicyGroup{}, PolicyRoles: []model.PolicyRole{}, PolicyUsers: []model.PolicyUser{},
		IsTruncated: new(next != nil), Marker: next,
	}
	for _, role := range roles {
		out.PolicyRoles = append(out.PolicyRoles, model.PolicyRole{RoleId: new(role.ID), RoleName: new(role.Name)})
	}
	return out, nil
}
