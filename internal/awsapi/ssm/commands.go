package ssm

import (
	"context"
	"errors"
	"slices"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ssm"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/ssm"
	"github.com/musubi-net/musubi/internal/engine"
)

func (a *API) commandOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("SendCommand", a.sendCommand),
		protocol.Op("CancelCommand", a.cancelCommand),
		protocol.Op("ListCommands", a.listCommands),
		protocol.Op("ListCommandInvocations", a.listCommandInvocations),
		protocol.Op("GetCommandInvocation", a.getCommandInvocation),
	}
}

func (a *API) sendCommand(ctx context.Context, call *protocol.Call, in *model.SendCommandRequest) (*model.SendCommandResult, error) {
	if o := in.CloudWatchOutputConfig; o != nil && (val(o.CloudWatchOutputEnabled) || val(o.CloudWatchLogGroupName) != "") {
		return nil, cloud.Errorf(cloud.KindUnsupported, "command", "UnsupportedOperation", "The parameter CloudWatchOutputConfig is not served by Musubi.")
	}
	c := ssm.SendCommand{
		Document: val(in.DocumentName), Version: val(in.DocumentVersion), Comment: val(in.Comment), Parameters: in.Parameters, InstanceIDs: in.InstanceIds,
		TimeoutSeconds: int(val(in.TimeoutSeconds)), Bucket: val(in.OutputS3BucketName), Prefix: val(in.OutputS3KeyPrefix),
		MaxConcurrency: val(in.MaxConcurrency), MaxErrors: val(in.MaxErrors),
	}
	for _, t := range in.Targets {
		c.Targets = append(c.Targets, ssm.Target{Key: val(t.Key), Values: t.Values})
	}
	sent, err := engine.Do(ctx, a.engine, call.Caller, c)
	if err != nil {
		return nil, err
	}
	for _, w := range sent.Wire {
		// An agent that is not there gets it when it comes back, if that is in time;
		// one that can not get it at all lets the time for its delivery pass.
		_ = a.agents.Run(ctx, w)
	}
	return &model.SendCommandResult{Command: a.commandView(sent.Command)}, nil
}

func (a *API) cancelCommand(ctx context.Context, call *protocol.Call, in *model.CancelCommandRequest) (*model.CancelCommandResult, error) {
	ids, err := engine.Do(ctx, a.engine, call.Caller, ssm.CancelCommand{ID: val(in.CommandId), InstanceIDs: in.InstanceIds})
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		err = errors.Join(err, a.agents.Cancel(ctx, id, val(in.CommandId)))
	}
	return &model.CancelCommandResult{}, err
}

func (a *API) commandView(x ssm.Command) *model.Command {
	t := x.Tally(a.engine.Snapshot())
	v := &model.Command{
		CommandId: &x.ID, DocumentName: &x.Document, DocumentVersion: &x.DocumentVersion, Comment: &x.Comment, ExpiresAfter: moment(x.ExpiresAt),
		Parameters: x.Parameters, InstanceIds: append([]string{}, x.InstanceIDs...), Targets: []model.Target{}, RequestedDateTime: moment(x.RequestedAt),
		Status: &t.Status, StatusDetails: &t.Details, OutputS3BucketName: &x.Bucket, OutputS3KeyPrefix: &x.Prefix, OutputS3Region: new(x.Region),
		MaxConcurrency: &x.MaxConcurrency, MaxErrors: &x.MaxErrors, TargetCount: number(x.TargetCount), CompletedCount: number(t.Completed),
		ErrorCount: number(t.Errors), DeliveryTimedOutCount: number(t.DeliveryTimedOut), ServiceRole: new(""), TimeoutSeconds: number(x.TimeoutSeconds),
		NotificationConfig:     &model.NotificationConfig{NotificationArn: new(""), NotificationEvents: []string{}, NotificationType: new("")},
		CloudWatchOutputConfig: &model.CloudWatchOutputConfig{CloudWatchLogGroupName: new(""), CloudWatchOutputEnabled: new(false)},
	}
	for _, t := range x.Targets {
		v.Targets = append(v.Targets, model.Target{Key: new(t.Key), Values: t.Values})
	}
	return v
}

const commandsPage = 50

// checkCommand refuses an id that no command of the caller has.
func (a *API) checkCommand(call *protocol.Call, id *string) error {
	if id == nil {
		return nil
	}
	_, err := ssm.FindCommand(a.engine.Snapshot(), call.Caller.Scope, *id)
	return err
}

func (a *API) listCommands(_ context.Context, call *protocol.Call, in *model.ListCommandsRequest) (*model.ListCommandsResult, error) {
	if err := a.checkCommand(call, in.CommandId); err != nil {
		return nil, err
	}
	r := a.engine.Snapshot()
	var all []ssm.Command
	for x := range ssm.Commands.By(r, ssm.ByScope, call.Caller.Key()) {
		if in.InstanceId != nil {
			if _, err := ssm.FindInvocation(r, x.Scope, x.ID, *in.InstanceId); err != nil {
				continue
			}
		}
		keep, err := commandFilter(in.Filters, x, x.Tally(r).Status)
		if err != nil {
			return nil, err
		}
		if keep && (in.CommandId == nil || x.ID == *in.CommandId) {
			all = append(all, x)
		}
	}
	slices.SortFunc(all, func(x, y ssm.Command) int { return newest(x, y) })
	list, next, err := page(all, in.NextToken, in.MaxResults, commandsPage, func(x ssm.Command) string { return x.ID })
	if err != nil {
		return nil, err
	}
	out := &model.ListCommandsResult{Commands: []model.Command{}, NextToken: next}
	for _, x := range list {
		out.Commands = append(out.Commands, *a.commandView(x))
	}
	return out, nil
}

func newest(x, y ssm.Command) int {
	if n := y.RequestedAt.Compare(x.RequestedAt); n != 0 {
		return n
	}
	return strings.Compare(x.ID, y.ID)
}

// commandFilter asks all filters of a command, or of an invocation of it with a
// status of its own.
func commandFilter(filters []model.CommandFilter, x ssm.Command, status string) (bool, error) {
	for _, f := range filters {
		var ok bool
		want := val(f.Value)
		switch key := val(f.Key); key {
		case "InvokedAfter", "InvokedBefore":
			t, err := when(want)
			if err != nil {
				return false, err
			}
			ok = x.RequestedAt.After(t) == (key == "InvokedAfter")
		case "Status":
			ok = status == want
		case "DocumentName":
			ok = x.Document == want
		case "ExecutionStage":
			ended := !slices.Contains([]string{ssm.Pending, ssm.InProgress, ssm.Cancelling}, status)
			ok = ended == (want == "Complete")
		default:
			return false, invalidKey(key)
		}
		if !ok {
			return false, nil
		}
	}
	return true, nil
}
