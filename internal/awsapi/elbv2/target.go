package elbv2

import (
	"context"
	"strconv"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/elbv2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud/elb"
)

func (a *API) targetOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("RegisterTargets", a.registerTargets),
		protocol.Op("DeregisterTargets", a.deregisterTargets),
		protocol.Op("DescribeTargetHealth", a.describeTargetHealth),
	}
}

func targetsIn(list []model.TargetDescription) []elb.TargetRef {
	var out []elb.TargetRef
	for _, t := range list {
		out = append(out, elb.TargetRef{ID: text(t.Id), Port: number(t.Port), Zone: text(t.AvailabilityZone)})
	}
	return out
}

func (a *API) registerTargets(ctx context.Context, call *protocol.Call, in *model.RegisterTargetsInput) (*model.RegisterTargetsOutput, error) {
	_, err := run(ctx, a, call, elb.RegisterTargets{GroupARN: text(in.TargetGroupArn), Targets: targetsIn(in.Targets)})
	return nil, err
}

func (a *API) deregisterTargets(ctx context.Context, call *protocol.Call, in *model.DeregisterTargetsInput) (*model.DeregisterTargetsOutput, error) {
	_, err := run(ctx, a, call, elb.DeregisterTargets{GroupARN: text(in.TargetGroupArn), Targets: targetsIn(in.Targets)})
	return nil, err
}

func (a *API) describeTargetHealth(_ context.Context, call *protocol.Call, in *model.DescribeTargetHealthInput) (*model.DescribeTargetHealthOutput, error) {
	if len(in.Include) > 0 {
		return nil, &protocol.Error{Code: "UnsupportedOperation", Message: "The parameter Include of DescribeTargetHealth is not served by Musubi yet"}
	}
	r := a.engine.Snapshot()
	g, err := elb.FindTargetGroup(r, call.Caller.Scope, text(in.TargetGroupArn))
	if err != nil {
		return nil, err
	}
	out := &model.DescribeTargetHealthOutput{}
	for _, h := range elb.DescribeHealth(r, g, targetsIn(in.Targets)) {
		v := model.TargetHealthDescription{
			Target:          &model.TargetDescription{Id: new(h.Target.ID), Port: count(h.Target.Port)},
			HealthCheckPort: new(checkPort(g, h.Target)),
			TargetHealth:    &model.TargetHealth{State: new(h.State), Reason: some(h.Reason), Description: some(h.Description)},
		}
		if !strings.HasPrefix(h.Target.ID, "i-") {
			v.Target.AvailabilityZone = some(h.Target.Zone)
		}
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, v)
	}
	return out, nil
}

func checkPort(g elb.TargetGroup, t elb.Target) string {
	if g.HealthCheck.Port == "traffic-port" {
		return strconv.Itoa(t.Port)
	}
	return g.HealthCheck.Port
}
