package ec2

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

func (a *API) instanceStateOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("StartInstances", a.startInstances),
		protocol.Op("StopInstances", a.stopInstances),
		protocol.Op("RebootInstances", a.rebootInstances),
		protocol.Op("TerminateInstances", a.terminateInstances),
		protocol.Op("MonitorInstances", a.monitorInstances),
		protocol.Op("UnmonitorInstances", a.unmonitorInstances),
	}
}

func stateChanges(list []compute.StateChange) []model.InstanceStateChange {
	var out []model.InstanceStateChange
	for _, c := range list {
		out = append(out, model.InstanceStateChange{InstanceId: &c.ID, PreviousState: stateView(c.Previous), CurrentState: stateView(c.Current)})
	}
	return out
}

func (a *API) startInstances(ctx context.Context, call *protocol.Call, in *model.StartInstancesRequest) (*model.StartInstancesResult, error) {
	list, err := do(ctx, a, call, compute.StartInstances{IDs: in.InstanceIds})
	return &model.StartInstancesResult{StartingInstances: stateChanges(list)}, err
}

func (a *API) stopInstances(ctx context.Context, call *protocol.Call, in *model.StopInstancesRequest) (*model.StopInstancesResult, error) {
	if val(in.Hibernate) {
		return nil, unserved("Hibernate", "true")
	}
	list, err := do(ctx, a, call, compute.StopInstances{IDs: in.InstanceIds})
	return &model.StopInstancesResult{StoppingInstances: stateChanges(list)}, err
}

func (a *API) rebootInstances(ctx context.Context, call *protocol.Call, in *model.RebootInstancesRequest) (*model.RebootInstancesResult, error) {
	_, err := do(ctx, a, call, compute.RebootInstances{IDs: in.InstanceIds})
	return &model.RebootInstancesResult{}, err
}

func (a *API) terminateInstances(ctx context.Context, call *protocol.Call, in *model.TerminateInstancesRequest) (*model.TerminateInstancesResult, error) {
	list, err := do(ctx, a, call, compute.TerminateInstances{IDs: in.InstanceIds})
	return &model.TerminateInstancesResult{TerminatingInstances: stateChanges(list)}, err
}

func (a *API) monitor(ctx context.Context, call *protocol.Call, ids []string, on bool) ([]model.InstanceMonitoring, error) {
	list, err := do(ctx, a, call, compute.SetMonitoring{IDs: ids, On: on})
	var out []model.InstanceMonitoring
	for _, i := range list {
		out = append(out, model.InstanceMonitoring{InstanceId: &i.ID, Monitoring: &model.Monitoring{State: new(onOff(i.Monitoring))}})
	}
	return out, err
}

func (a *API) monitorInstances(ctx context.Context, call *protocol.Call, in *model.MonitorInstancesRequest) (*model.MonitorInstancesResult, error) {
	list, err := a.monitor(ctx, call, in.InstanceIds, true)
	return &model.MonitorInstancesResult{InstanceMonitorings: list}, err
}

func (a *API) unmonitorInstances(ctx context.Context, call *protocol.Call, in *model.UnmonitorInstancesRequest) (*model.UnmonitorInstancesResult, error) {
	list, err := a.monitor(ctx, call, in.InstanceIds, false)
	return &model.UnmonitorInstancesResult{InstanceMonitorings: list}, err
}
