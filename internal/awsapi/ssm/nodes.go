package ssm

import (
	"context"
	"slices"
	"strings"
	"time"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ssm"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/ssm"
	"github.com/musubi-net/musubi/internal/engine"
	"github.com/musubi-net/musubi/internal/sessionwire"
)

func (a *API) nodeOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("UpdateInstanceInformation", a.updateInstanceInformation),
		protocol.Op("DescribeInstanceInformation", a.describeInstanceInformation),
		protocol.Op("DescribeInstanceProperties", a.describeInstanceProperties),
	}
}

// silence is how long after its last sign of life an agent counts as lost.
// It says that it is there every five minutes.
const silence = 6 * time.Minute

func (a *API) updateInstanceInformation(ctx context.Context, call *protocol.Call, in *model.UpdateInstanceInformationRequest) (*model.UpdateInstanceInformationResult, error) {
	agent := sessionwire.Agent{
		InstanceID: val(in.InstanceId), Version: val(in.AgentVersion), PlatformName: val(in.PlatformName), PlatformType: val(in.PlatformType),
		PlatformVersion: val(in.PlatformVersion), IPAddress: val(in.IPAddress), ComputerName: val(in.ComputerName),
	}
	r := a.engine.Snapshot()
	if err := ssm.Own(r, call.Caller, agent.InstanceID); err != nil {
		return nil, err
	}
	// Most say nothing new, and are no reason to write.
	if n, ok := ssm.Nodes.Get(r, agent.InstanceID); !ok || n.Agent != agent {
		if _, err := engine.Do(ctx, a.engine, call.Caller, ssm.Register{Agent: agent}); err != nil {
			return nil, err
		}
	}
	if val(in.AgentStatus) != "Inactive" {
		a.agents.Ping(agent.InstanceID)
	}
	return &model.UpdateInstanceInformationResult{}, nil
}

// node is a managed instance as it is now.
type node struct {
	ssm.Node
	instance compute.Instance
	ping     string
	at       time.Time
}

// nodes lists the managed instances of the caller.
func (a *API) nodes(call *protocol.Call) []node {
	r := a.engine.Snapshot()
	var all []node
	for n := range ssm.Nodes.By(r, ssm.ByScope, call.Caller.Key()) {
		_, i, ok := ssm.Managed(r, call.Caller.Scope, n.Agent.InstanceID)
		if !ok {
			continue
		}
		x := node{Node: n, instance: i, ping: "ConnectionLost", at: n.UpdatedAt}
		if at, ok := a.agents.LastPing(i.ID); ok && at.After(x.at) {
			x.at = at
		}
		if i.State == compute.Running && (a.agents.Connected(i.ID) || !a.agents.Lost(i.ID) && a.now().Sub(x.at) < silence) {
			x.ping = "Online"
		}
		all = append(all, x)
	}
	slices.SortFunc(all, func(x, y node) int { return strings.Compare(x.instance.ID, y.instance.ID) })
	return all
}

// value is what a filter of that key looks at.
func (n *node) value(key string) (string, error) {
	switch key {
	case "InstanceIds":
		return n.instance.ID, nil
	case "PingStatus":
		return n.ping, nil
	case "AgentVersion":
		return n.Agent.Version, nil
	case "PlatformTypes":
		return n.Agent.PlatformType, nil
	case "ResourceType":
		return "EC2Instance", nil
	case "ActivationIds", "IamRole", "AssociationStatus", "tag-key":
		return "", nil // nothing here has any, or has not one
	}
	tag, ok := strings.CutPrefix(key, "tag:")
	if !ok {
		return "", invalidKey(key)
	}
	return n.instance.Tags[tag], nil
}

// narrowed are the nodes that pass a filter.
func narrowed(all []node, key string, values []string) ([]node, error) {
	if key == "InstanceIds" {
		for _, v := range values {
			if !strings.HasPrefix(v, "i-") && !strings.HasPrefix(v, "mi-") {
				return nil, cloud.Errorf(cloud.KindInvalid, "instance", "InvalidInstanceId", "")
			}
		}
	}
	var out []node
	for _, n := range all {
		v, err := n.value(key)
		if err != nil {
			return nil, err
		}
		has := slices.Contains(values, v)
		if key == "tag-key" {
			has = slices.ContainsFunc(values, func(k string) bool { _, ok := n.instance.Tags[k]; return ok })
		}
		if has {
			out = append(out, n)
		}
	}
	if _, err := (&node{}).value(key); err != nil {
		return nil, err
	}
	return out, nil
}

const nodesPage = 50

func (a *API) describeInstanceInformation(_ context.Context, call *protocol.Call, in *model.DescribeInstanceInformationRequest) (*model.DescribeInstanceInformationResult, error) {
	all := a.nodes(call)
	var err error
	for _, f := range in.InstanceInformationFilterList {
		if all, err = narrowed(all, val(f.Key), f.ValueSet); err != nil {
			return nil, err
		}
	}
	for _, f := range in.Filters {
		if all, err = narrowed(all, val(f.Key), f.Values); err != nil {
			return nil, err
		}
	}
	list, next, err := page(all, in.NextToken, in.MaxResults, nodesPage, func(n node) string { return n.instance.ID })
	if err != nil {
		return nil, err
	}
	out := &model.DescribeInstanceInformationResult{InstanceInformationList: []model.InstanceInformation{}, NextToken: next}
	for _, n := range list {
		out.InstanceInformationList = append(out.InstanceInformationList, model.InstanceInformation{
			InstanceId: new(n.instance.ID), PingStatus: new(n.ping), LastPingDateTime: moment(n.at), AgentVersion: filled(n.Agent.Version),
			IsLatestVersion: new(true), PlatformType: filled(n.Agent.PlatformType), PlatformName: filled(n.Agent.PlatformName),
			PlatformVersion: filled(n.Agent.PlatformVersion), ResourceType: new("EC2Instance"), IPAddress: filled(n.Agent.IPAddress),
			ComputerName: filled(n.Agent.ComputerName), SourceId: new(n.instance.ID), SourceType: new("AWS::EC2::Instance"),
		})
	}
	return out, nil
}

const propertiesPage = 1000

func (a *API) describeInstanceProperties(_ context.Context, call *protocol.Call, in *model.DescribeInstancePropertiesRequest) (*model.DescribeInstancePropertiesResult, error) {
	all := a.nodes(call)
	var err error
	for _, f := range in.InstancePropertyFilterList {
		if all, err = narrowed(all, val(f.Key), f.ValueSet); err != nil {
			return nil, err
		}
	}
	list, next, err := page(all, in.NextToken, in.MaxResults, propertiesPage, func(n node) string { return n.instance.ID })
	if err != nil {
		return nil, err
	}
	out := &model.DescribeInstancePropertiesResult{InstanceProperties: []model.InstanceProperty{}, NextToken: next}
	for _, n := range list {
		i := n.instance
		out.InstanceProperties = append(out.InstanceProperties, model.InstanceProperty{
			Name: filled(i.Tags["Name"]), InstanceId: &i.ID, InstanceType: &i.InstanceType, InstanceRole: filled(i.ProfileARN), KeyName: filled(i.KeyName),
			InstanceState: new(string(i.State)), Architecture: &i.Architecture, IPAddress: filled(n.Agent.IPAddress), LaunchTime: moment(i.LaunchTime),
			PingStatus: new(n.ping), LastPingDateTime: moment(n.at), AgentVersion: filled(n.Agent.Version), PlatformType: filled(n.Agent.PlatformType),
			PlatformName: filled(n.Agent.PlatformName), PlatformVersion: filled(n.Agent.PlatformVersion), ResourceType: new("EC2Instance"),
			ComputerName: filled(n.Agent.ComputerName), SourceId: &i.ID, SourceType: new("AWS::EC2::Instance"),
		})
	}
	return out, nil
}
