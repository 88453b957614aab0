package ssm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ssm"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/ssm"
)

// What of a step's output ListCommandInvocations shows.
const shownOutput = 2500

type invoked struct {
	ssm.Invocation
	command ssm.Command
}

func (a *API) listCommandInvocations(_ context.Context, call *protocol.Call, in *model.ListCommandInvocationsRequest) (*model.ListCommandInvocationsResult, error) {
	if err := a.checkCommand(call, in.CommandId); err != nil {
		return nil, err
	}
	r := a.engine.Snapshot()
	found := ssm.Invocations.By(r, ssm.ByScope, call.Caller.Key())
	if in.CommandId != nil {
		found = ssm.Invocations.By(r, ssm.ByCommand, *in.CommandId)
	}
	var all []invoked
	for i := range found {
		x, ok := ssm.Commands.Get(r, i.CommandID)
		if !ok || in.InstanceId != nil && i.InstanceID != *in.InstanceId {
			continue
		}
		keep, err := commandFilter(in.Filters, x, i.Status)
		if err != nil {
			return nil, err
		}
		if keep {
			all = append(all, invoked{i, x})
		}
	}
	slices.SortFunc(all, func(x, y invoked) int {
		if n := newest(x.command, y.command); n != 0 {
			return n
		}
		return strings.Compare(x.InstanceID, y.InstanceID)
	})
	list, next, err := page(all, in.NextToken, in.MaxResults, commandsPage, func(i invoked) string { return i.CommandID + "/" + i.InstanceID })
	if err != nil {
		return nil, err
	}
	out := &model.ListCommandInvocationsResult{CommandInvocations: []model.CommandInvocation{}, NextToken: next}
	for _, i := range list {
		out.CommandInvocations = append(out.CommandInvocations, i.view(r, val(in.Details)))
	}
	return out, nil
}

func (i *invoked) view(r cloud.Reader, details bool) model.CommandInvocation {
	name := ""
	if x, ok := compute.Instances.Get(r, i.InstanceID); ok {
		name = x.Tags["Name"]
	}
	v := model.CommandInvocation{
		CommandId: &i.CommandID, InstanceId: &i.InstanceID, InstanceName: &name, Comment: &i.command.Comment, DocumentName: &i.command.Document,
		DocumentVersion: &i.command.DocumentVersion, RequestedDateTime: moment(i.RequestedAt), Status: &i.Status, StatusDetails: &i.Details,
		StandardOutputUrl: new(""), StandardErrorUrl: new(""), ServiceRole: new(""), CommandPlugins: []model.CommandPlugin{},
		NotificationConfig:     &model.NotificationConfig{NotificationArn: new(""), NotificationEvents: []string{}, NotificationType: new("")},
		CloudWatchOutputConfig: &model.CloudWatchOutputConfig{CloudWatchLogGroupName: new(""), CloudWatchOutputEnabled: new(false)},
	}
	if details {
		for n := range i.command.Steps {
			v.CommandPlugins = append(v.CommandPlugins, i.plugin(n))
		}
	}
	return v
}

// result is how a step went, and whether it has begun.
func (i *invoked) result(n int) (ssm.StepResult, bool) {
	for _, s := range i.Steps {
		if s.Name == i.command.Steps[n].Name {
			return s, true
		}
	}
	return ssm.StepResult{}, false
}

func (i *invoked) plugin(n int) model.CommandPlugin {
	status, details, code := i.Status, i.Details, -1
	s, begun := i.result(n)
	if begun {
		status, details, code = s.Status, s.Status, s.ExitCode
	}
	if status == ssm.Cancelling {
		status = ssm.InProgress
	}
	output := s.Output
	if s.Error != "" {
		output += "\n----------ERROR-------\n" + s.Error
	}
	out, errs := i.urls(n)
	return model.CommandPlugin{
		Name: &i.command.Steps[n].Name, Status: &status, StatusDetails: &details, ResponseCode: number(code), ResponseStartDateTime: moment(s.Started),
		ResponseFinishDateTime: moment(s.Ended), Output: new(truncated(output, shownOutput)), StandardOutputUrl: &out, StandardErrorUrl: &errs,
		OutputS3Region: new(i.Region), OutputS3BucketName: &i.command.Bucket, OutputS3KeyPrefix: &i.command.Prefix,
	}
}

// urls are where a step's output is, if it goes to a bucket.
func (i *invoked) urls(n int) (out, errs string) {
	if i.command.Bucket == "" {
		return "", ""
	}
	dir := "https://s3." + i.Region + ".amazonaws.com/" + i.command.Bucket + "/" + i.command.OutputDir(i.InstanceID, n)
	return dir + "/stdout", dir + "/stderr"
}

const cutMark = "\n---Output truncated---"

// truncated is a text in at most n characters.
func truncated(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-len(cutMark)]) + cutMark
}

func (a *API) getCommandInvocation(_ context.Context, call *protocol.Call, in *model.GetCommandInvocationRequest) (*model.GetCommandInvocationResult, error) {
	r := a.engine.Snapshot()
	x, err := ssm.FindInvocation(r, call.Caller.Scope, val(in.CommandId), val(in.InstanceId))
	if err != nil {
		return nil, err
	}
	c, err := ssm.FindCommand(r, call.Caller.Scope, x.CommandID)
	if err != nil {
		return nil, err
	}
	i := invoked{x, c}
	v := &model.GetCommandInvocationResult{
		CommandId: &x.CommandID, InstanceId: &x.InstanceID, Comment: &c.Comment, DocumentName: &c.Document, DocumentVersion: &c.DocumentVersion,
		PluginName: new(""), ResponseCode: number(-1), ExecutionStartDateTime: new(""), ExecutionElapsedTime: new(""), ExecutionEndDateTime: new(""),
		Status: &x.Status, StatusDetails: &x.Details, StandardOutputContent: new(""), StandardOutputUrl: new(""), StandardErrorContent: new(""),
		StandardErrorUrl:       new(""),
		CloudWatchOutputConfig: &model.CloudWatchOutputConfig{CloudWatchLogGroupName: new(""), CloudWatchOutputEnabled: new(false)},
	}
	n, err := i.chosen(in.PluginName)
	if err == nil && n >= 0 {
		i.show(v, n, in.PluginName != nil)
	}
	return v, err
}

// chosen is the step of that name; without a name the only one, or none.
func (i *invoked) chosen(name *string) (int, error) {
	if name == nil {
		if len(i.command.Steps) == 1 {
			return 0, nil
		}
		return -1, nil
	}
	n := slices.IndexFunc(i.command.Steps, func(s ssm.Step) bool { return s.Name == *name })
	if n < 0 {
		return -1, cloud.Errorf(cloud.KindNotFound, "plugin", "InvalidPluginName", "The plugin name isn't valid.")
	}
	return n, nil
}

// show puts what a step did into the answer; named is set if it was asked for.
func (i *invoked) show(v *model.GetCommandInvocationResult, n int, named bool) {
	v.PluginName = &i.command.Steps[n].Name
	out, errs := i.urls(n)
	v.StandardOutputUrl, v.StandardErrorUrl = &out, &errs
	s, begun := i.result(n)
	if !begun {
		return
	}
	if named {
		v.Status, v.StatusDetails = &s.Status, &s.Status
	}
	v.StandardOutputContent, v.StandardErrorContent = &s.Output, &s.Error
	if s.Status != ssm.InProgress {
		v.ResponseCode = number(s.ExitCode)
	}
	if !s.Started.IsZero() {
		v.ExecutionStartDateTime = new(s.Started.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	if !s.Ended.IsZero() {
		v.ExecutionEndDateTime = new(s.Ended.UTC().Format("2006-01-02T15:04:05.000Z"))
		v.ExecutionElapsedTime = new(elapsed(s.Ended.Sub(s.Started)))
	}
}

// elapsed is a duration as ISO 8601 writes it.
func elapsed(d time.Duration) string {
	out := "PT"
	if h := int(d.Hours()); h > 0 {
		out += fmt.Sprintf("%dH", h)
	}
	if m := int(d.Minutes()) % 60; m > 0 {
		out += fmt.Sprintf("%dM", m)
	}
	return out + strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.3f", (d%time.Minute).Seconds()), "0"), ".") + "S"
}
