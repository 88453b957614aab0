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

func (a *API) profileOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateInstanceProfile", a.createInstanceProfile),
		change[model.DeleteInstanceProfileRequest, model.DeleteInstanceProfileResponse](a, "DeleteInstanceProfile", func(in *model.DeleteInstanceProfileRequest) cloud.Command[cloud.None] {
			return iam.DeleteInstanceProfile{Name: value(in.InstanceProfileName)}
		}),
		change[model.AddRoleToInstanceProfileRequest, model.AddRoleToInstanceProfileResponse](a, "AddRoleToInstanceProfile", func(in *model.AddRoleToInstanceProfileRequest) cloud.Command[cloud.None] {
			return iam.AddRoleToProfile{Profile: value(in.InstanceProfileName), Role: value(in.RoleName)}
		}),
		change[model.RemoveRoleFromInstanceProfileRequest, model.RemoveRoleFromInstanceProfileResponse](a, "RemoveRoleFromInstanceProfile", func(in *model.RemoveRoleFromInstanceProfileRequest) cloud.Command[cloud.None] {
			return iam.RemoveRoleFromProfile{Profile: value(in.InstanceProfileName), Role: value(in.RoleName)}
		}),
		change[model.TagInstanceProfileRequest, model.TagInstanceProfileResponse](a, "TagInstanceProfile", func(in *model.TagInstanceProfileRequest) cloud.Command[cloud.None] {
			return iam.TagInstanceProfile{Name: value(in.InstanceProfileName), Set: tagMap(in.Tags)}
		}),
		change[model.UntagInstanceProfileRequest, model.UntagInstanceProfileResponse](a, "UntagInstanceProfile", func(in *model.UntagInstanceProfileRequest) cloud.Command[cloud.None] {
			return iam.TagInstanceProfile{Name: value(in.InstanceProfileName), Drop: in.TagKeys}
		}),
		read(a, "GetInstanceProfile", getInstanceProfile), read(a, "ListInstanceProfiles", listInstanceProfiles),
		read(a, "ListInstanceProfilesForRole", listInstanceProfilesForRole), read(a, "ListInstanceProfileTags", listInstanceProfileTags),
	}
}

func (a *API) createInstanceProfile(ctx context.Context, call *protocol.Call, in *model.CreateInstanceProfileRequest) (*model.CreateInstanceProfileResponse, error) {
	p, err := engine.Do(ctx, a.engine, call.Caller, iam.CreateInstanceProfile{
		Name: value(in.InstanceProfileName), Path: value(in.Path), Tags: tagMap(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	return &model.CreateInstanceProfileResponse{InstanceProfile: new(profileView(a.engine.Snapshot(), p, true))}, nil
}

func getInstanceProfile(r cloud.Reader, account string, in *model.GetInstanceProfileRequest) (*model.GetInstanceProfileResponse, error) {
	p, err := iam.FindProfile(r, account, value(in.InstanceProfileName))
	if err != nil {
		return nil, err
	}
	return &model.GetInstanceProfileResponse{InstanceProfile: new(profileView(r, p, true))}, nil
}

func listInstanceProfiles(r cloud.Reader, account string, in *model.ListInstanceProfilesRequest) (*model.ListInstanceProfilesResponse, error) {
	var profiles []iam.InstanceProfile
	for p := range iam.InstanceProfiles.By(r, iam.ByAccount, account) {
		if strings.HasPrefix(p.Path, value(in.PathPrefix)) {
			profiles = append(profiles, p)
		}
	}
	views, next, err := pagedProfiles(r, profiles, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &model.ListInstanceProfilesResponse{InstanceProfiles: views, IsTruncated: new(next != nil), Marker: next}, nil
}

func listInstanceProfilesForRole(r cloud.Reader, account string, in *model.ListInstanceProfilesForRoleRequest) (*model.ListInstanceProfilesForRoleResponse, error) {
	role, err := iam.FindRole(r, account, value(in.RoleName))
	if err != nil {
		return nil, err
	}
	var profiles []iam.InstanceProfile
	for p := range iam.InstanceProfiles.By(r, "role", account+"/"+role.Name) {
		profiles = append(profiles, p)
	}
	views, next, err := pagedProfiles(r, profiles, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &model.ListInstanceProfilesForRoleResponse{InstanceProfiles: views, IsTruncated: new(next != nil), Marker: next}, nil
}

func pagedProfiles(r cloud.Reader, profiles []iam.InstanceProfile, marker *string, maxItems *int64) ([]model.InstanceProfile, *string, error) {
	profiles, next, err := paged(profiles, func(p *iam.InstanceProfile) string { return p.Name }, marker, maxItems)
	if err != nil {
		return nil, nil, err
	}
	views := []model.InstanceProfile{}
	for _, p := range profiles {
		views = append(views, profileView(r, p, false))
	}
	return views, next, nil
}

func listInstanceProfileTags(r cloud.Reader, account string, in *model.ListInstanceProfileTagsRequest) (*model.ListInstanceProfileTagsResponse, error) {
	p, err := iam.FindProfile(r, account, value(in.InstanceProfileName))
	if err != nil {
		return nil, err
	}
	tags, next, err := paged(tagList(p.Tags), tagKey, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &model.ListInstanceProfileTagsResponse{Tags: tags, IsTruncated: new(next != nil), Marker: next}, nil
}
