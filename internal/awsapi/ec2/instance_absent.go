package ec2

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
)

// launchTemplateOperations answer for launch templates and spot requests,
// which can not be made: there are none.
func (a *API) launchTemplateOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("DescribeLaunchTemplates", a.describeLaunchTemplates),
		protocol.Op("DescribeLaunchTemplateVersions", a.describeLaunchTemplateVersions),
		protocol.Op("DescribeSpotInstanceRequests", a.describeSpotRequests),
	}
}

func (a *API) describeLaunchTemplates(_ context.Context, _ *protocol.Call, in *model.DescribeLaunchTemplatesRequest) (*model.DescribeLaunchTemplatesResult, error) {
	if len(in.LaunchTemplateIds) > 0 {
		return nil, noLaunchTemplate(in.LaunchTemplateIds[0], "")
	}
	if len(in.LaunchTemplateNames) > 0 {
		return nil, noLaunchTemplate("", in.LaunchTemplateNames[0])
	}
	return &model.DescribeLaunchTemplatesResult{}, nil
}

func (a *API) describeLaunchTemplateVersions(_ context.Context, _ *protocol.Call, in *model.DescribeLaunchTemplateVersionsRequest) (*model.DescribeLaunchTemplateVersionsResult, error) {
	if id, name := val(in.LaunchTemplateId), val(in.LaunchTemplateName); id+name != "" {
		return nil, noLaunchTemplate(id, name)
	}
	return &model.DescribeLaunchTemplateVersionsResult{}, nil
}

func noLaunchTemplate(id, name string) error {
	if id != "" {
		return &cloud.Error{Kind: cloud.KindNotFound, Subject: "launch-template", ID: id, Code: "InvalidLaunchTemplateId.NotFound",
			Message: "The specified launch template, with template ID " + id + ", does not exist."}
	}
	return &cloud.Error{Kind: cloud.KindNotFound, Subject: "launch-template", ID: name, Code: "InvalidLaunchTemplateName.NotFoundException",
		Message: "The specified launch template, with template name " + name + ", does not exist."}
}

func (a *API) describeSpotRequests(_ context.Context, _ *protocol.Call, in *model.DescribeSpotInstanceRequestsRequest) (*model.DescribeSpotInstanceRequestsResult, error) {
	if len(in.SpotInstanceRequestIds) > 0 {
		return nil, cloud.Errorf(cloud.KindNotFound, "spot-instance-request", "InvalidSpotInstanceRequestID.NotFound",
			"The spot instance request ID '%s' does not exist", in.SpotInstanceRequestIds[0])
	}
	return &model.DescribeSpotInstanceRequestsResult{}, nil
}
