package ec2

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

// health tells how instances are: those that should run do, if their guest of the
// current boot runs.
type health struct {
	boots map[string]uint32
	all   bool // nobody knows of the guests
}

func (a *API) health(ctx context.Context) (health, error) {
	if a.guests == nil {
		return health{all: true}, nil
	}
	boots, err := a.guests(ctx)
	return health{boots: boots}, err
}

func (h health) status(i compute.Instance) string {
	boot, runs := h.boots[i.ID]
	switch {
	case i.State == compute.Running && (h.all || runs && boot == i.Boot):
		return "ok"
	case i.State == compute.Running, i.State == compute.Pending:
		return "initializing"
	}
	return "not-applicable"
}

// reachability is the detail of a status.
func (h health) reachability(i compute.Instance) []string {
	switch h.status(i) {
	case "ok":
		return []string{"passed"}
	case "initializing":
		return []string{"initializing"}
	}
	return nil
}

func (h health) summary(i compute.Instance) *model.InstanceStatusSummary {
	s := &model.InstanceStatusSummary{Status: new(h.status(i))}
	for _, r := range h.reachability(i) {
		s.Details = append(s.Details, model.InstanceStatusDetails{Name: new("reachability"), Status: &r})
	}
	return s
}

func (a *API) describeInstanceStatus(ctx context.Context, call *protocol.Call, in *model.DescribeInstanceStatusRequest) (*model.DescribeInstanceStatusResult, error) {
	h, err := a.health(ctx)
	if err != nil {
		return nil, err
	}
	r := a.engine.Snapshot()
	if _, err := compute.FindInstances(r, call.Caller.Scope, in.InstanceIds); err != nil {
		return nil, err
	}
	l := instanceListing(r)
	for _, side := range []string{"instance-status", "system-status"} {
		l.fields[side+".status"] = one(h.status)
		l.fields[side+".reachability"] = h.reachability
	}
	for _, name := range []string{"code", "description", "instance-event-id", "not-after", "not-before", "not-before-deadline"} {
		l.fields["event."+name] = func(compute.Instance) []string { return nil } // there are no scheduled events
	}
	all, err := l.list(r, call.Caller.Scope, in.InstanceIds, in.Filters)
	if err != nil {
		return nil, err
	}
	var shown []compute.Instance
	for _, i := range all {
		if i.State == compute.Running || val(in.IncludeAllInstances) {
			shown = append(shown, i)
		}
	}
	shown, next, err := page(shown, l.key, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeInstanceStatusResult{NextToken: next}
	for _, i := range shown {
		out.InstanceStatuses = append(out.InstanceStatuses, model.InstanceStatus{InstanceId: &i.ID, AvailabilityZone: &i.Zone,
			InstanceState: stateView(i.State), InstanceStatus: h.summary(i), SystemStatus: h.summary(i)})
	}
	return out, nil
}
