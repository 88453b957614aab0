package ec2

import (
	"context"
	"testing"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

func TestInstanceStatus(t *testing.T) {
	n := newNetTest(t)
	_, subnet := n.subnetOf()
	i := n.run(func(in *model.RunInstancesRequest) { in.SubnetId = subnet })
	boots := map[string]uint32{}
	n.guests = func(context.Context) (map[string]uint32, error) { return boots, nil }
	status := func(in model.DescribeInstanceStatusRequest) string {
		t.Helper()
		got := ok(n, n.describeInstanceStatus, in).InstanceStatuses
		if len(got) != 1 {
			return ""
		}
		return *got[0].SystemStatus.Status
	}
	all := model.DescribeInstanceStatusRequest{IncludeAllInstances: new(true)}
	if got := status(model.DescribeInstanceStatusRequest{}); got != "" {
		t.Error(got)
	}
	if got := status(all); got != "initializing" {
		t.Error(got)
	}
	n.report(i.InstanceId, 1, compute.Running)
	boots[*i.InstanceId] = 1
	if got := status(model.DescribeInstanceStatusRequest{Filters: where("instance-status.reachability", "passed")}); got != "ok" {
		t.Error(got)
	}
	ok(n, n.rebootInstances, model.RebootInstancesRequest{InstanceIds: []string{*i.InstanceId}})
	if got := status(model.DescribeInstanceStatusRequest{}); got != "initializing" {
		t.Error(got)
	}
	boots[*i.InstanceId] = 2
	if got := status(model.DescribeInstanceStatusRequest{}); got != "ok" {
		t.Error(got)
	}
	ok(n, n.stopInstances, model.StopInstancesRequest{InstanceIds: []string{*i.InstanceId}})
	if got := status(all); got != "not-applicable" {
		t.Error(got)
	}
	if got := status(model.DescribeInstanceStatusRequest{Filters: where("event.code", "*")}); got != "" {
		t.Error(got)
	}
	fails(n, "InvalidInstanceID.NotFound", n.describeInstanceStatus, model.DescribeInstanceStatusRequest{InstanceIds: []string{"i-0"}})
}

func TestOlderAttributes(t *testing.T) {
	n := newNetTest(t)
	_, subnet := n.subnetOf()
	i := n.run(func(in *model.RunInstancesRequest) { in.SubnetId = subnet })
	for name, value := range map[string]string{"disableApiTermination": "True", "instanceInitiatedShutdownBehavior": "terminate"} {
		ok(n, n.modifyInstanceAttribute, model.ModifyInstanceAttributeRequest{InstanceId: i.InstanceId, Attribute: &name, Value: &value})
	}
	got, _ := compute.Instances.Get(n.engine.Snapshot(), *i.InstanceId)
	if !got.DisableAPITermination || got.ShutdownBehavior != "terminate" {
		t.Errorf("instance: %+v", got)
	}
	fails(n, "OperationNotPermitted", n.terminateInstances, model.TerminateInstancesRequest{InstanceIds: []string{*i.InstanceId}})
	fails(n, "InvalidParameterValue", n.modifyInstanceAttribute, model.ModifyInstanceAttributeRequest{InstanceId: i.InstanceId, Attribute: new("disableApiStop"), Value: new("x")})
	fails(n, "UnsupportedOperation", n.modifyInstanceAttribute, model.ModifyInstanceAttributeRequest{InstanceId: i.InstanceId, Attribute: new("kernel"), Value: new("x")})
}
