package ec2

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/tagging"
)

// tagList is a tag set on the wire, in order of the keys.
func tagList(tags cloud.Tags) []model.Tag {
	var out []model.Tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, model.Tag{Key: new(k), Value: new(tags[k])})
	}
	return out
}

// tagsFromSpecs returns the tags for a new resource of that type; any other
// type in the request is refused.
func tagsFromSpecs(specs []model.TagSpecification, resourceType string) (cloud.Tags, error) {
	byType, err := tagsByType(specs, resourceType)
	return byType[resourceType], err
}

// tagsByType returns the tags for the new resources of a request that makes
// several types.
func tagsByType(specs []model.TagSpecification, types ...string) (map[string]cloud.Tags, error) {
	out := map[string]cloud.Tags{}
	for _, spec := range specs {
		t := val(spec.ResourceType)
		if !slices.Contains(types, t) {
			return nil, cloud.Errorf(cloud.KindInvalid, "tag", "InvalidParameterValue",
				"'%s' is not a valid taggable resource type for this operation.", t)
		}
		if _, twice := out[t]; twice {
			return nil, cloud.Errorf(cloud.KindInvalid, "tag", "InvalidParameterValue",
				"The same resource type may not be specified more than once in tag specifications")
		}
		tags, err := tagSet(spec.Tags)
		if err != nil {
			return nil, err
		}
		if err := tagging.Check(tags); err != nil {
			return nil, err
		}
		out[t] = tags
	}
	return out, nil
}

func tagSet(list []model.Tag) (cloud.Tags, error) {
	tags := cloud.Tags{}
	for _, t := range list {
		k := val(t.Key)
		if _, twice := tags[k]; twice {
			return nil, cloud.Errorf(cloud.KindInvalid, "tag", "InvalidParameterValue", "Duplicate tag key '%s' specified.", k)
		}
		tags[k] = val(t.Value)
	}
	return tags, nil
}

func (a *API) tagOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateTags", a.createTags),
		protocol.Op("DeleteTags", a.deleteTags),
		protocol.Op("DescribeTags", a.describeTags),
	}
}

func (a *API) createTags(ctx context.Context, call *protocol.Call, in *model.CreateTagsRequest) (*model.CreateTagsResult, error) {
	tags, err := tagSet(in.Tags)
	if err != nil {
		return nil, err
	}
	_, err = do(ctx, a, call, tagging.CreateTags{ResourceIDs: in.Resources, Tags: tags})
	return nil, err
}

func (a *API) deleteTags(ctx context.Context, call *protocol.Call, in *model.DeleteTagsRequest) (*model.DeleteTagsResult, error) {
	c := tagging.DeleteTags{ResourceIDs: in.Resources}
	for _, t := range in.Tags {
		c.Tags = append(c.Tags, tagging.Removal{Key: val(t.Key), Value: t.Value})
	}
	_, err := do(ctx, a, call, c)
	return nil, err
}

func (a *API) describeTags(_ context.Context, call *protocol.Call, in *model.DescribeTagsRequest) (*model.DescribeTagsResult, error) {
	r, s := a.engine.Snapshot(), call.Caller.Scope
	var tags []tagging.Tag
	if ids, ok := exactValues(in.Filters, "resource-id"); ok {
		tags = tagging.Of(r, s, slices.Compact(slices.Sorted(slices.Values(ids))))
	} else {
		types, _ := exactValues(in.Filters, "resource-type")
		tags = tagging.All(r, s, types)
	}
	tags, err := selectItems(tags, in.Filters, tagFields(), func(t tagging.Tag) cloud.Tags { return cloud.Tags{t.Key: t.Value} })
	if err != nil {
		return nil, err
	}
	tags, next, err := page(tags, func(t tagging.Tag) string { return t.ResourceID + "/" + t.Key }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(tags, func(a, b tagging.Tag) int {
		return cmp.Or(strings.Compare(a.ResourceID, b.ResourceID), strings.Compare(a.Key, b.Key))
	})
	out := &model.DescribeTagsResult{NextToken: next}
	for _, t := range tags {
		out.Tags = append(out.Tags, model.TagDescription{ResourceId: new(t.ResourceID), ResourceType: new(t.ResourceType), Key: new(t.Key), Value: new(t.Value)})
	}
	return out, nil
}

func tagFields() filterFields[tagging.Tag] {
	return filterFields[tagging.Tag]{
		"resource-id":   one(func(t tagging.Tag) string { return t.ResourceID }),
		"resource-type": one(func(t tagging.Tag) string { return t.ResourceType }),
		"key":           one(func(t tagging.Tag) string { return t.Key }),
		"value":         one(func(t tagging.Tag) string { return t.Value }),
	}
}
