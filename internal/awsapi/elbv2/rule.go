package elbv2

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/elbv2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
)

func (a *API) ruleOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateRule", a.createRule),
		protocol.Op("ModifyRule", a.modifyRule),
		protocol.Op("DeleteRule", a.deleteRule),
		protocol.Op("DescribeRules", a.describeRules),
		protocol.Op("SetRulePriorities", a.setRulePriorities),
	}
}

func (a *API) createRule(ctx context.Context, call *protocol.Call, in *model.CreateRuleInput) (*model.CreateRuleOutput, error) {
	conditions, err := conditionsIn(in.Conditions)
	if err != nil {
		return nil, err
	}
	actions, err := actionsIn(in.Actions)
	if err != nil {
		return nil, err
	}
	tags, err := tagsIn(in.Tags)
	if err != nil {
		return nil, err
	}
	x, err := run(ctx, a, call, elb.CreateRule{ListenerARN: text(in.ListenerArn), Priority: number(in.Priority),
		Conditions: conditions, Actions: actions, Tags: tags})
	if err != nil {
		return nil, err
	}
	return &model.CreateRuleOutput{Rules: []model.Rule{ruleOut(x)}}, nil
}

func (a *API) modifyRule(ctx context.Context, call *protocol.Call, in *model.ModifyRuleInput) (*model.ModifyRuleOutput, error) {
	conditions, err := conditionsIn(in.Conditions)
	if err != nil {
		return nil, err
	}
	actions, err := actionsIn(in.Actions)
	if err != nil {
		return nil, err
	}
	x, err := run(ctx, a, call, elb.ModifyRule{ARN: text(in.RuleArn), Conditions: conditions, Actions: actions})
	if err != nil {
		return nil, err
	}
	return &model.ModifyRuleOutput{Rules: []model.Rule{ruleOut(x)}}, nil
}

func (a *API) deleteRule(ctx context.Context, call *protocol.Call, in *model.DeleteRuleInput) (*model.DeleteRuleOutput, error) {
	_, err := run(ctx, a, call, elb.DeleteRule{ARN: text(in.RuleArn)})
	return nil, err
}

func (a *API) setRulePriorities(ctx context.Context, call *protocol.Call, in *model.SetRulePrioritiesInput) (*model.SetRulePrioritiesOutput, error) {
	var c elb.SetRulePriorities
	for _, p := range in.RulePriorities {
		c.Set = append(c.Set, elb.RulePriority{ARN: text(p.RuleArn), Priority: number(p.Priority)})
	}
	rules, err := run(ctx, a, call, c)
	if err != nil {
		return nil, err
	}
	out := &model.SetRulePrioritiesOutput{}
	for _, x := range rules {
		out.Rules = append(out.Rules, ruleOut(x))
	}
	return out, nil
}

// placedRule is a rule with its place in a list: by listener, in order of
// priority, the default rule last.
type placedRule struct {
	place string
	rule  model.Rule
}

func place(listenerARN string, priority int) string {
	return fmt.Sprintf("%s %05d", listenerARN, priority)
}

func placed(x elb.Rule) placedRule { return placedRule{place(x.ListenerARN, x.Priority), ruleOut(x)} }

func placedDefault(x elb.Listener) placedRule {
	return placedRule{place(x.ARN, 99999), defaultRuleOut(x)}
}

func (a *API) describeRules(_ context.Context, call *protocol.Call, in *model.DescribeRulesInput) (*model.DescribeRulesOutput, error) {
	list, err := findRules(a.engine.Snapshot(), call.Caller.Scope, in)
	if err != nil {
		return nil, err
	}
	list, next, err := page(list, func(p placedRule) string { return p.place }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeRulesOutput{NextMarker: next}
	for _, p := range list {
		out.Rules = append(out.Rules, p.rule)
	}
	return out, nil
}

func findRules(r cloud.Reader, scope cloud.Scope, in *model.DescribeRulesInput) ([]placedRule, error) {
	listener := text(in.ListenerArn)
	if (len(in.RuleArns) > 0) == (listener != "") {
		return nil, validation("You must specify either listener rule ARNs or a listener ARN")
	}
	var list []placedRule
	if listener != "" {
		x, err := elb.FindListener(r, scope, listener)
		if err != nil {
			return nil, err
		}
		for _, rule := range elb.RulesOf(r, x.ARN) {
			list = append(list, placed(rule))
		}
		return append(list, placedDefault(x)), nil
	}
	for _, arn := range in.RuleArns {
		if !strings.Contains(arn, ":listener-rule/") {
			return nil, validation("'" + arn + "' is not a valid listener rule ARN")
		}
		if x, ok := elb.DefaultRuleOf(r, scope, arn); ok {
			list = append(list, placedDefault(x))
			continue
		}
		x, err := elb.FindRule(r, scope, arn)
		if err != nil {
			return nil, err
		}
		list = append(list, placed(x))
	}
	return list, nil
}

func ruleOut(x elb.Rule) model.Rule {
	return model.Rule{RuleArn: new(x.ARN), Priority: new(strconv.Itoa(x.Priority)), IsDefault: new(false),
		Conditions: conditionsOut(x.Conditions), Actions: actionsOut(x.Actions, true)}
}

// defaultRuleOut shows a listener's own actions as its last rule.
func defaultRuleOut(x elb.Listener) model.Rule {
	return model.Rule{RuleArn: new(elb.DefaultRuleARN(x)), Priority: new("default"), IsDefault: new(true),
		Actions: listenerOut(x).DefaultActions}
}
