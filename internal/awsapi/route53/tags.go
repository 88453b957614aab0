package route53

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/route53"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/dns"
)

// tagSet is the tags of one resource: a hosted zone or a health check.
func (a *API) tagSet(account, kind, id string) (*model.ResourceTagSet, error) {
	set := &model.ResourceTagSet{ResourceType: new(kind), ResourceId: new(id)}
	if kind == "healthcheck" {
		h, err := dns.FindCheck(a.engine.Snapshot(), account, id)
		set.Tags = tagList(h.Tags)
		return set, err
	}
	z, err := dns.FindZone(a.engine.Snapshot(), account, id)
	set.Tags = tagList(z.Tags)
	return set, err
}

func (a *API) listTagsForResource(_ context.Context, call *protocol.Call, in *model.ListTagsForResourceRequest) (*model.ListTagsForResourceResponse, error) {
	set, err := a.tagSet(call.Caller.Account, value(in.ResourceType), zoneID(in.ResourceId))
	if err != nil {
		return nil, err
	}
	return &model.ListTagsForResourceResponse{ResourceTagSet: set}, nil
}

func (a *API) listTagsForResources(_ context.Context, call *protocol.Call, in *model.ListTagsForResourcesRequest) (*model.ListTagsForResourcesResponse, error) {
	out := &model.ListTagsForResourcesResponse{ResourceTagSets: []model.ResourceTagSet{}}
	for _, id := range in.ResourceIds {
		set, err := a.tagSet(call.Caller.Account, value(in.ResourceType), zoneID(&id))
		if err != nil {
			return nil, err
		}
		out.ResourceTagSets = append(out.ResourceTagSets, *set)
	}
	return out, nil
}

func (a *API) changeTagsForResource(ctx context.Context, call *protocol.Call, in *model.ChangeTagsForResourceRequest) (*model.ChangeTagsForResourceResponse, error) {
	set := cloud.Tags{}
	for _, t := range in.AddTags {
		set[value(t.Key)] = value(t.Value)
	}
	var err error
	if value(in.ResourceType) == "healthcheck" {
		_, err = do(ctx, a, call, dns.TagCheck{ID: value(in.ResourceId), Set: set, Drop: in.RemoveTagKeys})
	} else {
		_, err = do(ctx, a, call, dns.TagZone{ID: zoneID(in.ResourceId), Set: set, Drop: in.RemoveTagKeys})
	}
	return nil, err
}
