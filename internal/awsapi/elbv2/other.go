package elbv2

import (
	"context"
	"slices"

	model "github.com/musubi-net/musubi/internal/awsapi/model/elbv2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud/elb"
)

func (a *API) otherOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("AddTags", a.addTags),
		protocol.Op("RemoveTags", a.removeTags),
		protocol.Op("DescribeTags", a.describeTags),
		protocol.Op("DescribeAccountLimits", a.describeAccountLimits),
		protocol.Op("DescribeSSLPolicies", a.describeSSLPolicies),
	}
}

func (a *API) addTags(ctx context.Context, call *protocol.Call, in *model.AddTagsInput) (*model.AddTagsOutput, error) {
	tags, err := tagsIn(in.Tags)
	if err != nil {
		return nil, err
	}
	_, err = run(ctx, a, call, elb.ChangeTags{ARNs: in.ResourceArns, Set: tags})
	return nil, err
}

func (a *API) removeTags(ctx context.Context, call *protocol.Call, in *model.RemoveTagsInput) (*model.RemoveTagsOutput, error) {
	_, err := run(ctx, a, call, elb.ChangeTags{ARNs: in.ResourceArns, Remove: in.TagKeys})
	return nil, err
}

const mostTaggedResources = 20

func (a *API) describeTags(_ context.Context, call *protocol.Call, in *model.DescribeTagsInput) (*model.DescribeTagsOutput, error) {
	if len(in.ResourceArns) > mostTaggedResources {
		return nil, validation("You can specify at most 20 resources")
	}
	out := &model.DescribeTagsOutput{}
	r := a.engine.Snapshot()
	for _, arn := range in.ResourceArns {
		t, err := elb.TagsOf(r, call.Caller.Scope, arn)
		if err != nil {
			return nil, err
		}
		out.TagDescriptions = append(out.TagDescriptions, model.TagDescription{ResourceArn: new(arn), Tags: tagsOut(t)})
	}
	return out, nil
}

// describeAccountLimits shows AWS's default quotas.
func (a *API) describeAccountLimits(_ context.Context, _ *protocol.Call, in *model.DescribeAccountLimitsInput) (*model.DescribeAccountLimitsOutput, error) {
	limits := [][2]string{
		{"application-load-balancers", "50"}, {"certificates-per-application-load-balancer", "25"},
		{"certificates-per-network-load-balancer", "25"}, {"condition-values-per-alb-rule", "5"},
		{"condition-wildcards-per-alb-rule", "6"}, {"gateway-load-balancers", "100"}, {"gateway-load-balancers-per-vpc", "100"},
		{"geneve-target-groups", "100"}, {"listeners-per-application-load-balancer", "50"},
		{"listeners-per-network-load-balancer", "50"}, {"network-load-balancer-enis-per-vpc", "1200"}, {"network-load-balancers", "50"},
		{"rules-per-application-load-balancer", "100"}, {"target-groups", "3000"},
		{"target-groups-per-action-on-application-load-balancer", "5"}, {"target-groups-per-action-on-network-load-balancer", "5"},
		{"target-groups-per-application-load-balancer", "100"}, {"targets-per-application-load-balancer", "1000"},
		{"targets-per-availability-zone-per-gateway-load-balancer", "300"},
		{"targets-per-availability-zone-per-network-load-balancer", "500"}, {"targets-per-network-load-balancer", "3000"},
	}
	limits, next, err := page(limits, func(l [2]string) string { return l[0] }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeAccountLimitsOutput{NextMarker: next}
	for _, l := range limits {
		out.Limits = append(out.Limits, model.Limit{Name: new(l[0]), Max: new(l[1])})
	}
	return out, nil
}

func (a *API) describeSSLPolicies(_ context.Context, _ *protocol.Call, in *model.DescribeSSLPoliciesInput) (*model.DescribeSSLPoliciesOutput, error) {
	var list []elb.SSLPolicy
	for _, name := range in.Names {
		p, err := elb.FindSSLPolicy(name)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	if len(in.Names) == 0 {
		list = elb.SSLPolicies()
	}
	if t := text(in.LoadBalancerType); t != "" {
		list = slices.DeleteFunc(list, func(p elb.SSLPolicy) bool { return !slices.Contains(p.Types, t) })
	}
	list, next, err := page(list, func(p elb.SSLPolicy) string { return p.Name }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeSSLPoliciesOutput{NextMarker: next}
	for _, p := range list {
		v := model.SslPolicy{Name: new(p.Name), SslProtocols: p.Protocols, SupportedLoadBalancerTypes: p.Types}
		for i, c := range p.Ciphers {
			v.Ciphers = append(v.Ciphers, model.Cipher{Name: new(c), Priority: count(i + 1)})
		}
		out.SslPolicies = append(out.SslPolicies, v)
	}
	return out, nil
}
