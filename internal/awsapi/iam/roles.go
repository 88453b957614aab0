package iam

import (
	"context"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/iam"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/engine"
)

func (a *API) roleOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateRole", a.createRole),
		protocol.Op("UpdateRoleDescription", a.updateRoleDescription),
		change[model.DeleteRoleRequest, model.DeleteRoleResponse](a, "DeleteRole", func(in *model.DeleteRoleRequest) cloud.Command[cloud.None] {
			return iam.DeleteRole{Name: value(in.RoleName)}
		}),
		change[model.UpdateRoleRequest, model.UpdateRoleResponse](a, "UpdateRole", updateRole),
		change[model.UpdateAssumeRolePolicyRequest, model.UpdateAssumeRolePolicyResponse](a, "UpdateAssumeRolePolicy", func(in *model.UpdateAssumeRolePolicyRequest) cloud.Command[cloud.None] {
			return iam.UpdateAssumeRolePolicy{Name: value(in.RoleName), Document: value(in.PolicyDocument)}
		}),
		change[model.PutRolePermissionsBoundaryRequest, model.PutRolePermissionsBoundaryResponse](a, "PutRolePermissionsBoundary", func(in *model.PutRolePermissionsBoundaryRequest) cloud.Command[cloud.None] {
			return iam.SetRoleBoundary{Name: value(in.RoleName), PolicyARN: value(in.PermissionsBoundary)}
		}),
		change[model.DeleteRolePermissionsBoundaryRequest, model.DeleteRolePermissionsBoundaryResponse](a, "DeleteRolePermissionsBoundary", func(in *model.DeleteRolePermissionsBoundaryRequest) cloud.Command[cloud.None] {
			return iam.SetRoleBoundary{Name: value(in.RoleName)}
		}),
		change[model.TagRoleRequest, model.TagRoleResponse](a, "TagRole", func(in *model.TagRoleRequest) cloud.Command[cloud.None] {
			return iam.TagRole{Name: value(in.RoleName), Set: tagMap(in.Tags)}
		}),
		change[model.UntagRoleRequest, model.UntagRoleResponse](a, "UntagRole", func(in *model.UntagRoleRequest) cloud.Command[cloud.None] {
			return iam.TagRole{Name: value(in.RoleName), Drop: in.TagKeys}
		}),
		read(a, "GetRole", getRole), read(a, "ListRoles", listRoles), read(a, "ListRoleTags", listRoleTags),
	}
}

func (a *API) createRole(ctx context.Context, call *protocol.Call, in *model.CreateRoleRequest) (*model.CreateRoleResponse, error) {
	role, err := engine.Do(ctx, a.engine, call.Caller, iam.CreateRole{
		Name: value(in.RoleName), Path: value(in.Path), Description: value(in.Description),
		AssumeRolePolicy: value(in.AssumeRolePolicyDocument), MaxSessionDuration: int(value(in.MaxSessionDuration)),
		PermissionsBoundary: value(in.PermissionsBoundary), Tags: tagMap(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	v := roleDetail(role)
	v.RoleLastUsed = nil
	return &model.CreateRoleResponse{Role: v}, nil
}

// updateRole changes what is given and leaves the rest.
func updateRole(in *model.UpdateRoleRequest) cloud.Command[iam.Role] {
	c := iam.UpdateRole{Name: value(in.RoleName), Description: in.Description}
	if in.MaxSessionDuration != nil {
		c.MaxSessionDuration = new(int(*in.MaxSessionDuration))
	}
	return c
}

func (a *API) updateRoleDescription(ctx context.Context, call *protocol.Call, in *model.UpdateRoleDescriptionRequest) (*model.UpdateRoleDescriptionResponse, error) {
	role, err := engine.Do(ctx, a.engine, call.Caller, iam.UpdateRole{Name: value(in.RoleName), Description: new(value(in.Description))})
	if err != nil {
		return nil, err
	}
	v := roleView(role)
	return &model.UpdateRoleDescriptionResponse{Role: &v}, nil
}

func getRole(r cloud.Reader, account string, in *model.GetRoleRequest) (*model.GetRoleResponse, error) {
	role, err := iam.FindRole(r, account, value(in.RoleName))
	if err != nil {
		return nil, err
	}
	return &model.GetRoleResponse{Role: roleDetail(role)}, nil
}

func listRoles(r cloud.Reader, account string, in *model.ListRolesRequest) (*model.ListRolesResponse, error) {
	var roles []iam.Role
	for role := range iam.Roles.By(r, iam.ByAccount, account) {
		if strings.HasPrefix(role.Path, value(in.PathPrefix)) {
			roles = append(roles, role)
		}
	}
	roles, next, err := paged(roles, func(r *iam.Role) string { return r.Name }, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out := &model.ListRolesResponse{Roles: []model.Role{}, IsTruncated: new(next != nil), Marker: next}
	for _, role := range roles {
		out.Roles = append(out.Roles, roleView(role))
	}
	return out, nil
}

func listRoleTags(r cloud.Reader, account string, in *model.ListRoleTagsRequest) (*model.ListRoleTagsResponse, error) {
	role, err := iam.FindRole(r, account, value(in.RoleName))
	if err != nil {
		return nil, err
	}
	tags, next, err := paged(tagList(role.Tags), tagKey, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &model.ListRoleTagsResponse{Tags: tags, IsTruncated: new(next != nil), Marker: next}, nil
}

func tagKey(t *model.Tag) string { return *t.Key }
