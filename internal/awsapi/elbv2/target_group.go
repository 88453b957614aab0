package elbv2

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/elbv2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
)

func (a *API) targetGroupOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateTargetGroup", a.createTargetGroup),
		protocol.Op("DeleteTargetGroup", a.deleteTargetGroup),
		protocol.Op("DescribeTargetGroups", a.describeTargetGroups),
		protocol.Op("ModifyTargetGroup", a.modifyTargetGroup),
		protocol.Op("DescribeTargetGroupAttributes", a.describeTargetGroupAttributes),
		protocol.Op("ModifyTargetGroupAttributes", a.modifyTargetGroupAttributes),
	}
}

func (a *API) createTargetGroup(ctx context.Context, call *protocol.Call, in *model.CreateTargetGroupInput) (*model.CreateTargetGroupOutput, error) {
	tags, err := tagsIn(in.Tags)
	if err != nil {
		return nil, err
	}
	g, err := run(ctx, a, call, elb.CreateTargetGroup{Name: text(in.Name), Protocol: text(in.Protocol), ProtocolVersion: text(in.ProtocolVersion),
		Port: number(in.Port), VPCID: text(in.VpcId), TargetType: text(in.TargetType), IPAddressType: text(in.IpAddressType), Tags: tags,
		HealthCheck: elb.HealthCheckParams{Enabled: in.HealthCheckEnabled, Protocol: text(in.HealthCheckProtocol),
			Port: text(in.HealthCheckPort), Path: text(in.HealthCheckPath), IntervalSeconds: number(in.HealthCheckIntervalSeconds),
			TimeoutSeconds: number(in.HealthCheckTimeoutSeconds), HealthyThreshold: number(in.HealthyThresholdCount),
			UnhealthyThreshold: number(in.UnhealthyThresholdCount), Matcher: httpCodes(in.Matcher), GRPCMatcher: grpcCodes(in.Matcher)}})
	if err != nil {
		return nil, err
	}
	return &model.CreateTargetGroupOutput{TargetGroups: []model.TargetGroup{a.targetGroupOut(g)}}, nil
}

func (a *API) modifyTargetGroup(ctx context.Context, call *protocol.Call, in *model.ModifyTargetGroupInput) (*model.ModifyTargetGroupOutput, error) {
	g, err := run(ctx, a, call, elb.ModifyTargetGroup{ARN: text(in.TargetGroupArn),
		HealthCheck: elb.HealthCheckParams{Enabled: in.HealthCheckEnabled, Protocol: text(in.HealthCheckProtocol),
			Port: text(in.HealthCheckPort), Path: text(in.HealthCheckPath), IntervalSeconds: number(in.HealthCheckIntervalSeconds),
			TimeoutSeconds: number(in.HealthCheckTimeoutSeconds), HealthyThreshold: number(in.HealthyThresholdCount),
			UnhealthyThreshold: number(in.UnhealthyThresholdCount), Matcher: httpCodes(in.Matcher), GRPCMatcher: grpcCodes(in.Matcher)}})
	if err != nil {
		return nil, err
	}
	return &model.ModifyTargetGroupOutput{TargetGroups: []model.TargetGroup{a.targetGroupOut(g)}}, nil
}

func httpCodes(m *model.Matcher) string {
	if m == nil {
		return ""
	}
	return text(m.HttpCode)
}

func grpcCodes(m *model.Matcher) string {
	if m == nil {
		return ""
	}
	return text(m.GrpcCode)
}

func (a *API) deleteTargetGroup(ctx context.Context, call *protocol.Call, in *model.DeleteTargetGroupInput) (*model.DeleteTargetGroupOutput, error) {
	_, err := run(ctx, a, call, elb.DeleteTargetGroup{ARN: text(in.TargetGroupArn)})
	return nil, err
}

func (a *API) describeTargetGroups(_ context.Context, call *protocol.Call, in *model.DescribeTargetGroupsInput) (*model.DescribeTargetGroupsOutput, error) {
	list, err := findTargetGroups(a.engine.Snapshot(), call.Caller.Scope, in)
	if err != nil {
		return nil, err
	}
	list, next, err := page(list, func(g elb.TargetGroup) string { return g.ARN }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeTargetGroupsOutput{NextMarker: next}
	for _, g := range list {
		out.TargetGroups = append(out.TargetGroups, a.targetGroupOut(g))
	}
	return out, nil
}

func findTargetGroups(r cloud.Reader, scope cloud.Scope, in *model.DescribeTargetGroupsInput) ([]elb.TargetGroup, error) {
	var list []elb.TargetGroup
	given := 0
	for _, is := range []bool{text(in.LoadBalancerArn) != "", len(in.TargetGroupArns) > 0, len(in.Names) > 0} {
		if is {
			given++
		}
	}
	switch {
	case given > 1:
		return nil, validation("You can specify only one of load balancer ARN, target group ARNs and target group names")
	case len(in.TargetGroupArns) > 0:
		for _, arn := range in.TargetGroupArns {
			g, err := elb.FindTargetGroup(r, scope, arn)
			if err != nil {
				return nil, err
			}
			list = append(list, g)
		}
	case len(in.Names) > 0:
		for _, name := range in.Names {
			g, ok := elb.TargetGroups.First(r, elb.ByName, scope.Key()+"/"+name)
			if !ok {
				return nil, &protocol.Error{Code: "TargetGroupNotFound", Message: "One or more target groups not found"}
			}
			list = append(list, g)
		}
	case text(in.LoadBalancerArn) != "":
		return groupsOfBalancer(r, scope, *in.LoadBalancerArn)
	default:
		for g := range elb.TargetGroups.By(r, elb.ByScope, scope.Key()) {
			list = append(list, g)
		}
	}
	return list, nil
}

func groupsOfBalancer(r cloud.Reader, scope cloud.Scope, arn string) ([]elb.TargetGroup, error) {
	l, err := elb.Find(r, scope, arn)
	if err != nil {
		return nil, err
	}
	var list []elb.TargetGroup
	for _, group := range elb.GroupsInUse(r, l.ARN) {
		if g, ok := elb.TargetGroups.Get(r, group); ok {
			list = append(list, g)
		}
	}
	return list, nil
}

func (a *API) describeTargetGroupAttributes(_ context.Context, call *protocol.Call, in *model.DescribeTargetGroupAttributesInput) (*model.DescribeTargetGroupAttributesOutput, error) {
	g, err := elb.FindTargetGroup(a.engine.Snapshot(), call.Caller.Scope, text(in.TargetGroupArn))
	if err != nil {
		return nil, err
	}
	return &model.DescribeTargetGroupAttributesOutput{Attributes: groupAttributesOut(g)}, nil
}

func (a *API) modifyTargetGroupAttributes(ctx context.Context, call *protocol.Call, in *model.ModifyTargetGroupAttributesInput) (*model.ModifyTargetGroupAttributesOutput, error) {
	c := elb.ModifyTargetGroupAttributes{ARN: text(in.TargetGroupArn)}
	for _, x := range in.Attributes {
		c.Set = append(c.Set, elb.KeyValue{Key: text(x.Key), Value: text(x.Value)})
	}
	g, err := run(ctx, a, call, c)
	if err != nil {
		return nil, err
	}
	return &model.ModifyTargetGroupAttributesOutput{Attributes: groupAttributesOut(g)}, nil
}

func groupAttributesOut(g elb.TargetGroup) []model.TargetGroupAttribute {
	var out []model.TargetGroupAttribute
	for _, kv := range elb.Sorted(g.Attributes) {
		out = append(out, model.TargetGroupAttribute{Key: new(kv.Key), Value: new(kv.Value)})
	}
	return out
}

func (a *API) targetGroupOut(g elb.TargetGroup) model.TargetGroup {
	h := g.HealthCheck
	v := model.TargetGroup{TargetGroupArn: new(g.ARN), TargetGroupName: new(g.Name), Protocol: new(g.Protocol),
		ProtocolVersion: some(g.ProtocolVersion), Port: count(g.Port),
		VpcId: new(g.VPCID), TargetType: new(g.TargetType), IpAddressType: new(g.IPAddressType),
		LoadBalancerArns:   elb.LoadBalancersOf(a.engine.Snapshot(), g.ARN),
		HealthCheckEnabled: new(true), HealthCheckProtocol: new(h.Protocol), HealthCheckPort: new(h.Port), HealthCheckPath: some(h.Path),
		HealthCheckIntervalSeconds: count(h.IntervalSeconds), HealthCheckTimeoutSeconds: count(h.TimeoutSeconds),
		HealthyThresholdCount: count(h.HealthyThreshold), UnhealthyThresholdCount: count(h.UnhealthyThreshold)}
	if h.Matcher != "" {
		v.Matcher = &model.Matcher{HttpCode: new(h.Matcher)}
		if g.ProtocolVersion == "GRPC" {
			v.Matcher = &model.Matcher{GrpcCode: new(h.Matcher)}
		}
	}
	return v
}
