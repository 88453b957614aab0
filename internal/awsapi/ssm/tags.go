package ssm

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ssm"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud/ssm"
	"github.com/musubi-net/musubi/internal/engine"
)

func (a *API) tagOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("AddTagsToResource", a.addTags),
		protocol.Op("RemoveTagsFromResource", a.removeTags),
		protocol.Op("ListTagsForResource", a.listTags),
	}
}

func (a *API) addTags(ctx context.Context, call *protocol.Call, in *model.AddTagsToResourceRequest) (*model.AddTagsToResourceResult, error) {
	_, err := engine.Do(ctx, a.engine, call.Caller, ssm.Tag{Type: val(in.ResourceType), ID: val(in.ResourceId), Set: tagMap(in.Tags)})
	return &model.AddTagsToResourceResult{}, err
}

func (a *API) removeTags(ctx context.Context, call *protocol.Call, in *model.RemoveTagsFromResourceRequest) (*model.RemoveTagsFromResourceResult, error) {
	_, err := engine.Do(ctx, a.engine, call.Caller, ssm.Tag{Type: val(in.ResourceType), ID: val(in.ResourceId), Drop: in.TagKeys})
	return &model.RemoveTagsFromResourceResult{}, err
}

func (a *API) listTags(_ context.Context, call *protocol.Call, in *model.ListTagsForResourceRequest) (*model.ListTagsForResourceResult, error) {
	tags, err := ssm.TagsOf(a.engine.Snapshot(), call.Caller.Scope, val(in.ResourceType), val(in.ResourceId))
	if err != nil {
		return nil, err
	}
	return &model.ListTagsForResourceResult{TagList: tagList(tags)}, nil
}
