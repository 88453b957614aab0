// Package sns is the adapter of the stand-in for Amazon SNS: it turns wire
// structures into the commands of cloud/sns and records into views.
//
// It may import internal/cloud and cloud/sns, internal/engine (Runner, Do),
// awsapi/protocol and awsapi/model/sns.
package sns

import (
	"context"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/sns"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/sns"
	"github.com/musubi-net/musubi/internal/engine"
)

// API serves SNS.
type API struct{ engine engine.Runner }

// New makes the adapter.
func New(e engine.Runner) *API { return &API{engine: e} }

// Service describes what is served.
func (a *API) Service() protocol.Service {
	return protocol.Service{Model: model.Model(), ErrorCode: errorCode, Operations: []protocol.Operation{
		protocol.Op("CreateTopic", a.createTopic),
		protocol.Op("DeleteTopic", a.deleteTopic),
		protocol.Op("GetTopicAttributes", a.getTopicAttributes),
		protocol.Op("SetTopicAttributes", a.setTopicAttributes),
		protocol.Op("ListTopics", a.listTopics),
		protocol.Op("TagResource", a.tagResource),
		protocol.Op("UntagResource", a.untagResource),
		protocol.Op("ListTagsForResource", a.listTagsForResource),
		protocol.Op("Publish", a.publish),
	}}
}

func errorCode(e *cloud.Error) (string, int) {
	switch e.Kind {
	case cloud.KindNotFound:
		return "NotFound", http.StatusNotFound
	case cloud.KindForbidden:
		return "AuthorizationError", http.StatusForbidden
	}
	return "InvalidParameter", http.StatusBadRequest
}

func val(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func (a *API) createTopic(ctx context.Context, call *protocol.Call, in *model.CreateTopicInput) (*model.CreateTopicResponse, error) {
	t, err := engine.Do(ctx, a.engine, call.Caller, sns.CreateTopic{Name: val(in.Name), Attributes: in.Attributes, Tags: tagsOf(in.Tags)})
	return &model.CreateTopicResponse{TopicArn: &t.ARN}, err
}

func (a *API) deleteTopic(ctx context.Context, call *protocol.Call, in *model.DeleteTopicInput) (*model.DeleteTopicResponse, error) {
	_, err := engine.Do(ctx, a.engine, call.Caller, sns.DeleteTopic{ARN: val(in.TopicArn)})
	return &model.DeleteTopicResponse{}, err
}

func (a *API) getTopicAttributes(_ context.Context, call *protocol.Call, in *model.GetTopicAttributesInput) (*model.GetTopicAttributesResponse, error) {
	t, err := sns.Find(a.engine.Snapshot(), call.Caller, val(in.TopicArn), "GetTopicAttributes")
	if err != nil {
		return nil, err
	}
	return &model.GetTopicAttributesResponse{Attributes: t.View()}, nil
}

func (a *API) setTopicAttributes(ctx context.Context, call *protocol.Call, in *model.SetTopicAttributesInput) (*model.SetTopicAttributesResponse, error) {
	_, err := engine.Do(ctx, a.engine, call.Caller, sns.SetAttribute{ARN: val(in.TopicArn), Name: val(in.AttributeName), Value: val(in.AttributeValue)})
	return &model.SetTopicAttributesResponse{}, err
}

// topicsPage is how many topics an answer of ListTopics has.
const topicsPage = 100

func (a *API) listTopics(_ context.Context, call *protocol.Call, in *model.ListTopicsInput) (*model.ListTopicsResponse, error) {
	list := sns.List(a.engine.Snapshot(), call.Caller.Scope)
	if t := val(in.NextToken); t != "" {
		after, err := base64.URLEncoding.DecodeString(t)
		if err != nil || !strings.HasPrefix(string(after), "arn:") {
			return nil, cloud.Errorf(cloud.KindInvalid, "token", "InvalidParameter", "Invalid parameter: NextToken")
		}
		list = slices.DeleteFunc(list, func(x sns.Topic) bool { return x.ARN <= string(after) })
	}
	out := &model.ListTopicsResponse{}
	for i, t := range list {
		if i == topicsPage {
			out.NextToken = new(base64.URLEncoding.EncodeToString([]byte(list[i-1].ARN)))
			break
		}
		out.Topics = append(out.Topics, model.Topic{TopicArn: new(t.ARN)})
	}
	return out, nil
}

func (a *API) tagResource(ctx context.Context, call *protocol.Call, in *model.TagResourceRequest) (*model.TagResourceResponse, error) {
	_, err := engine.Do(ctx, a.engine, call.Caller, sns.Tag{ARN: val(in.ResourceArn), Set: tagsOf(in.Tags)})
	return &model.TagResourceResponse{}, err
}

func (a *API) untagResource(ctx context.Context, call *protocol.Call, in *model.UntagResourceRequest) (*model.UntagResourceResponse, error) {
	_, err := engine.Do(ctx, a.engine, call.Caller, sns.Tag{ARN: val(in.ResourceArn), Drop: in.TagKeys})
	return &model.UntagResourceResponse{}, err
}

func (a *API) listTagsForResource(_ context.Context, call *protocol.Call, in *model.ListTagsForResourceRequest) (*model.ListTagsForResourceResponse, error) {
	t, err := sns.FindTagged(a.engine.Snapshot(), call.Caller, val(in.ResourceArn), "ListTagsForResource")
	if err != nil {
		return nil, err
	}
	out := &model.ListTagsForResourceResponse{}
	for _, k := range slices.Sorted(maps.Keys(t.Tags)) {
		out.Tags = append(out.Tags, model.Tag{Key: new(k), Value: new(t.Tags[k])})
	}
	return out, nil
}

func (a *API) publish(ctx context.Context, call *protocol.Call, in *model.PublishInput) (*model.PublishResponse, error) {
	m, err := engine.Do(ctx, a.engine, call.Caller, sns.Publish{TopicARN: val(in.TopicArn), Subject: val(in.Subject), Body: val(in.Message),
		Structure: val(in.MessageStructure)})
	return &model.PublishResponse{MessageId: &m.ID}, err
}

func tagsOf(list []model.Tag) cloud.Tags {
	tags := cloud.Tags{}
	for _, t := range list {
		tags[val(t.Key)] = val(t.Value)
	}
	return tags
}
