package route53

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/route53"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/dns"
)

// tagSet is the tags of one resource: a hosted zone, as there are no health
// checks.
func (a *API) tagSet(account, kind, id string) (*model.ResourceTagSet, error) {
	if kind == "healthcheck" {
		return nil, noHealthCheck(id)
	}
	z, err := dns.FindZone(a.engine.Snapshot(), account, id)
	if err != nil {
		return nil, err
	}
	return &model.ResourceTagSet{ResourceType: new(kind), ResourceId: new(id), Tags: tagList(z.Tags)}, nil
}

func noHealthCheck(id string) error {
	return cloud.Errorf(cloud.KindNotFound, "health-check", "NoSuchHealthCheck", "No health check exists with the specified ID: %s", id)
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
	if value(in.ResourceType) == "healthcheck" {
		return nil, noHealthCheck(value(in.ResourceId))
	}
	c := dns.TagZone{ID: zoneID(in.ResourceId), Set: cloud.Tags{}, Drop: in.RemoveTagKeys}
	for _, t := range in.AddTags {
		c.Set[value(t.Key)] = value(t.Value)
	}
	_, err := do(ctx, a, call, c)
	return nil, err
}
