package elbv2

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/elbv2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud/elb"
)

func (a *API) listenerOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateListener", a.createListener),
		protocol.Op("DeleteListener", a.deleteListener),
		protocol.Op("DescribeListeners", a.describeListeners),
		protocol.Op("ModifyListener", a.modifyListener),
		protocol.Op("DescribeListenerAttributes", a.describeListenerAttributes),
		protocol.Op("ModifyListenerAttributes", a.modifyListenerAttributes),
		protocol.Op("DescribeListenerCertificates", a.describeListenerCertificates),
		protocol.Op("DescribeRules", a.describeRules),
	}
}

func (a *API) createListener(ctx context.Context, call *protocol.Call, in *model.CreateListenerInput) (*model.CreateListenerOutput, error) {
	if err := noTLS(text(in.Protocol), in.Certificates, in.SslPolicy, in.AlpnPolicy, in.MutualAuthentication); err != nil {
		return nil, err
	}
	action, err := actionIn(in.DefaultActions)
	if err != nil {
		return nil, err
	}
	tags, err := tagsIn(in.Tags)
	if err != nil {
		return nil, err
	}
	x, err := run(ctx, a, call, elb.CreateListener{LoadBalancerARN: text(in.LoadBalancerArn), Protocol: text(in.Protocol),
		Port: number(in.Port), Action: action, Tags: tags})
	if err != nil {
		return nil, err
	}
	return &model.CreateListenerOutput{Listeners: []model.Listener{listenerOut(x)}}, nil
}

func (a *API) modifyListener(ctx context.Context, call *protocol.Call, in *model.ModifyListenerInput) (*model.ModifyListenerOutput, error) {
	if err := noTLS(text(in.Protocol), in.Certificates, in.SslPolicy, in.AlpnPolicy, in.MutualAuthentication); err != nil {
		return nil, err
	}
	c := elb.ModifyListener{ARN: text(in.ListenerArn), Protocol: text(in.Protocol), Port: number(in.Port)}
	if len(in.DefaultActions) > 0 {
		action, err := actionIn(in.DefaultActions)
		if err != nil {
			return nil, err
		}
		c.Action = &action
	}
	x, err := run(ctx, a, call, c)
	if err != nil {
		return nil, err
	}
	return &model.ModifyListenerOutput{Listeners: []model.Listener{listenerOut(x)}}, nil
}

// noTLS refuses what only listeners that end TLS have; those are refused by
// their protocol, in the domain.
func noTLS(protocolName string, certificates []model.Certificate, policy *string, alpn []string, mutual *model.MutualAuthenticationAttributes) error {
	if protocolName == "TLS" || protocolName == "HTTPS" {
		return elb.CheckListenerProtocol(protocolName)
	}
	switch {
	case len(certificates) > 0:
		return validation("Certificates can only be specified for TLS and HTTPS listeners")
	case text(policy) != "":
		return validation("An SSL policy can only be specified for TLS and HTTPS listeners")
	case len(alpn) > 0:
		return validation("An ALPN policy can only be specified for TLS listeners")
	case mutual != nil:
		return validation("Mutual authentication can only be specified for HTTPS listeners")
	}
	return nil
}

// actionIn decodes the one forward action that a network listener has.
func actionIn(list []model.Action) (elb.ForwardAction, error) {
	var f elb.ForwardAction
	if len(list) != 1 {
		return f, validation("A listener must have exactly one default action")
	}
	in := list[0]
	if text(in.Type) != "forward" {
		return f, &protocol.Error{Code: "InvalidLoadBalancerAction",
			Message: fmt.Sprintf("Actions of type '%s' are not supported on load balancers with type 'network'", text(in.Type))}
	}
	if in.ForwardConfig == nil || len(in.ForwardConfig.TargetGroups) == 0 {
		if text(in.TargetGroupArn) != "" {
			f.Groups = []elb.WeightedGroup{{TargetGroupARN: *in.TargetGroupArn, Weight: 1}}
		}
	} else {
		for _, g := range in.ForwardConfig.TargetGroups {
			w := elb.WeightedGroup{TargetGroupARN: text(g.TargetGroupArn), Weight: 1}
			if g.Weight != nil {
				w.Weight = number(g.Weight)
			}
			f.Groups = append(f.Groups, w)
		}
		if one := text(in.TargetGroupArn); one != "" && (len(f.Groups) != 1 || f.Groups[0].TargetGroupARN != one) {
			return f, validation("You cannot specify both a target group and a forward configuration with other target groups")
		}
	}
	if in.ForwardConfig != nil && in.ForwardConfig.TargetGroupStickinessConfig != nil {
		s := in.ForwardConfig.TargetGroupStickinessConfig
		f.Sticky, f.StickySeconds = truth(s.Enabled), number(s.DurationSeconds)
	}
	return f, nil
}

// actionOut shows the action in both forms, as AWS does.
func actionOut(x elb.Listener) []model.Action {
	v := model.Action{Type: new("forward"), Order: count(1), ForwardConfig: &model.ForwardActionConfig{}}
	if len(x.Targets) == 1 {
		v.TargetGroupArn = new(x.Targets[0].TargetGroupARN)
	}
	for _, w := range x.Targets {
		v.ForwardConfig.TargetGroups = append(v.ForwardConfig.TargetGroups,
			model.TargetGroupTuple{TargetGroupArn: new(w.TargetGroupARN), Weight: count(w.Weight)})
	}
	if x.GroupStickinessSeconds != 0 {
		v.ForwardConfig.TargetGroupStickinessConfig = &model.TargetGroupStickinessConfig{Enabled: new(false),
			DurationSeconds: count(x.GroupStickinessSeconds)}
	}
	return []model.Action{v}
}

func listenerOut(x elb.Listener) model.Listener {
	return model.Listener{ListenerArn: new(x.ARN), LoadBalancerArn: new(x.LoadBalancerARN), Port: count(x.Port),
		Protocol: new(x.Protocol), DefaultActions: actionOut(x)}
}

func (a *API) deleteListener(ctx context.Context, call *protocol.Call, in *model.DeleteListenerInput) (*model.DeleteListenerOutput, error) {
	_, err := run(ctx, a, call, elb.DeleteListener{ARN: text(in.ListenerArn)})
	return nil, err
}

func (a *API) describeListeners(_ context.Context, call *protocol.Call, in *model.DescribeListenersInput) (*model.DescribeListenersOutput, error) {
	r, scope := a.engine.Snapshot(), call.Caller.Scope
	var list []elb.Listener
	switch {
	case len(in.ListenerArns) > 0 && text(in.LoadBalancerArn) != "" || len(in.ListenerArns) == 0 && text(in.LoadBalancerArn) == "":
		return nil, validation("You must specify either listener ARNs or a load balancer ARN")
	case len(in.ListenerArns) > 0:
		for _, arn := range in.ListenerArns {
			x, err := elb.FindListener(r, scope, arn)
			if err != nil {
				return nil, err
			}
			list = append(list, x)
		}
	default:
		l, err := elb.Find(r, scope, text(in.LoadBalancerArn))
		if err != nil {
			return nil, err
		}
		for x := range elb.Listeners.By(r, elb.ByLB, l.ARN) {
			list = append(list, x)
		}
	}
	list, next, err := page(list, func(x elb.Listener) string { return x.ARN }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeListenersOutput{NextMarker: next}
	for _, x := range list {
		out.Listeners = append(out.Listeners, listenerOut(x))
	}
	return out, nil
}

func (a *API) describeListenerAttributes(_ context.Context, call *protocol.Call, in *model.DescribeListenerAttributesInput) (*model.DescribeListenerAttributesOutput, error) {
	x, err := elb.FindListener(a.engine.Snapshot(), call.Caller.Scope, text(in.ListenerArn))
	if err != nil {
		return nil, err
	}
	return &model.DescribeListenerAttributesOutput{Attributes: listenerAttributesOut(x)}, nil
}

func (a *API) modifyListenerAttributes(ctx context.Context, call *protocol.Call, in *model.ModifyListenerAttributesInput) (*model.ModifyListenerAttributesOutput, error) {
	c := elb.ModifyListenerAttributes{ARN: text(in.ListenerArn)}
	for _, x := range in.Attributes {
		c.Set = append(c.Set, elb.KeyValue{Key: text(x.Key), Value: text(x.Value)})
	}
	x, err := run(ctx, a, call, c)
	if err != nil {
		return nil, err
	}
	return &model.ModifyListenerAttributesOutput{Attributes: listenerAttributesOut(x)}, nil
}

func listenerAttributesOut(x elb.Listener) []model.ListenerAttribute {
	var out []model.ListenerAttribute
	for _, kv := range elb.Sorted(x.Attributes) {
		out = append(out, model.ListenerAttribute{Key: new(kv.Key), Value: new(kv.Value)})
	}
	return out
}

// describeListenerCertificates: no listener has certificates yet.
func (a *API) describeListenerCertificates(_ context.Context, call *protocol.Call, in *model.DescribeListenerCertificatesInput) (*model.DescribeListenerCertificatesOutput, error) {
	_, err := elb.FindListener(a.engine.Snapshot(), call.Caller.Scope, text(in.ListenerArn))
	return &model.DescribeListenerCertificatesOutput{}, err
}

// describeRules shows the one rule that a network listener has: its default
// action.
func (a *API) describeRules(_ context.Context, call *protocol.Call, in *model.DescribeRulesInput) (*model.DescribeRulesOutput, error) {
	r, scope := a.engine.Snapshot(), call.Caller.Scope
	out := &model.DescribeRulesOutput{}
	switch {
	case len(in.RuleArns) > 0 && text(in.ListenerArn) != "" || len(in.RuleArns) == 0 && text(in.ListenerArn) == "":
		return nil, validation("You must specify either listener rule ARNs or a listener ARN")
	case text(in.ListenerArn) != "":
		x, err := elb.FindListener(r, scope, text(in.ListenerArn))
		if err != nil {
			return nil, err
		}
		out.Rules = append(out.Rules, ruleOut(x))
		return out, nil
	}
	for _, arn := range in.RuleArns {
		i := strings.LastIndex(arn, "/")
		if i < 0 {
			return nil, validation("'" + arn + "' is not a valid listener rule ARN")
		}
		x, err := elb.FindListener(r, scope, strings.Replace(arn[:i], ":listener-rule/", ":listener/", 1))
		if err != nil || ruleARN(x) != arn {
			return nil, &protocol.Error{Code: "RuleNotFound", Message: "One or more rules not found"}
		}
		out.Rules = append(out.Rules, ruleOut(x))
	}
	return out, nil
}

func ruleOut(x elb.Listener) model.Rule {
	return model.Rule{RuleArn: new(ruleARN(x)), Priority: new("default"), IsDefault: new(true), Actions: actionOut(x)}
}

func ruleARN(x elb.Listener) string {
	sum := sha256.Sum256([]byte(x.ARN))
	return strings.Replace(x.ARN, ":listener/", ":listener-rule/", 1) + "/" + hex.EncodeToString(sum[:8])
}
