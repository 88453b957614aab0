package iam

import (
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/iam"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/iam"
)

func (a *API) rolePolicyOperations() []protocol.Operation {
	return []protocol.Operation{
		change[model.PutRolePolicyRequest, model.PutRolePolicyResponse](a, "PutRolePolicy", func(in *model.PutRolePolicyRequest) cloud.Command[cloud.None] {
			return iam.PutRolePolicy{Role: value(in.RoleName), Name: value(in.PolicyName), Document: value(in.PolicyDocument)}
		}),
		change[model.DeleteRolePolicyRequest, model.DeleteRolePolicyResponse](a, "DeleteRolePolicy", func(in *model.DeleteRolePolicyRequest) cloud.Command[cloud.None] {
			return iam.DeleteRolePolicy{Role: value(in.RoleName), Name: value(in.PolicyName)}
		}),
		change[model.AttachRolePolicyRequest, model.AttachRolePolicyResponse](a, "AttachRolePolicy", func(in *model.AttachRolePolicyRequest) cloud.Command[cloud.None] {
			return iam.AttachRolePolicy{Role: value(in.RoleName), PolicyARN: value(in.PolicyArn)}
		}),
		change[model.DetachRolePolicyRequest, model.DetachRolePolicyResponse](a, "DetachRolePolicy", func(in *model.DetachRolePolicyRequest) cloud.Command[cloud.None] {
			return iam.DetachRolePolicy{Role: value(in.RoleName), PolicyARN: value(in.PolicyArn)}
		}),
		read(a, "GetRolePolicy", getRolePolicy),
		read(a, "ListRolePolicies", listRolePolicies),
		read(a, "ListAttachedRolePolicies", listAttachedRolePolicies),
	}
}

func getRolePolicy(r cloud.Reader, account string, in *model.GetRolePolicyRequest) (*model.GetRolePolicyResponse, error) {
	role, err := iam.FindRole(r, account, value(in.RoleName))
	if err != nil {
		return nil, err
	}
	document, err := iam.InlinePolicy(role, value(in.PolicyName))
	if err != nil {
		return nil, err
	}
	return &model.GetRolePolicyResponse{RoleName: new(role.Name), PolicyName: in.PolicyName, PolicyDocument: escaped(document)}, nil
}

func listRolePolicies(r cloud.Reader, account string, in *model.ListRolePoliciesRequest) (*model.ListRolePoliciesResponse, error) {
	role, err := iam.FindRole(r, account, value(in.RoleName))
	if err != nil {
		return nil, err
	}
	names := []string{}
	for name := range role.Inline {
		names = append(names, name)
	}
	names, next, err := paged(names, func(s *string) string { return *s }, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &model.ListRolePoliciesResponse{PolicyNames: names, IsTruncated: new(next != nil), Marker: next}, nil
}

func listAttachedRolePolicies(r cloud.Reader, account string, in *model.ListAttachedRolePoliciesRequest) (*model.ListAttachedRolePoliciesResponse, error) {
	role, err := iam.FindRole(r, account, value(in.RoleName))
	if err != nil {
		return nil, err
	}
	attached := []model.AttachedPolicy{}
	for _, arn := range role.AttachedARNs {
		p, err := iam.FindPolicy(r, account, arn)
		if err == nil && strings.HasPrefix(p.Path, value(in.PathPrefix)) {
			attached = append(attached, model.AttachedPolicy{PolicyArn: new(arn), PolicyName: new(p.Name)})
		}
	}
	attached, next, err := paged(attached, func(p *model.AttachedPolicy) string { return *p.PolicyName + *p.PolicyArn }, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &model.ListAttachedRolePoliciesResponse{AttachedPolicies: attached, IsTruncated: new(next != nil), Marker: next}, nil
}
