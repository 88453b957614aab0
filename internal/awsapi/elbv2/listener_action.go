package elbv2

import (
	model "github.com/musubi-net/musubi/internal/awsapi/model/elbv2"
	"github.com/musubi-net/musubi/internal/cloud/elb"
)

// actionsIn decodes the actions of a listener or of a rule.
func actionsIn(list []model.Action) ([]elb.Action, error) {
	var out []elb.Action
	for _, in := range list {
		a := elb.Action{Type: text(in.Type), Order: number(in.Order)}
		if err := foreignConfig(in); err != nil {
			return nil, err
		}
		var err error
		switch a.Type {
		case elb.ActionForward:
			a.Forward, err = forwardIn(in)
		case elb.ActionRedirect:
			a.Redirect = redirectIn(in.RedirectConfig)
		case elb.ActionFixed:
			a.Fixed = fixedIn(in.FixedResponseConfig)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// foreignConfig refuses a configuration that is of another type of action.
func foreignConfig(in model.Action) error {
	for _, x := range []struct {
		name, owner string
		given       bool
	}{
		{"ForwardConfig", elb.ActionForward, in.ForwardConfig != nil},
		{"TargetGroupArn", elb.ActionForward, text(in.TargetGroupArn) != ""},
		{"RedirectConfig", elb.ActionRedirect, in.RedirectConfig != nil},
		{"FixedResponseConfig", elb.ActionFixed, in.FixedResponseConfig != nil},
		{"AuthenticateOidcConfig", "authenticate-oidc", in.AuthenticateOidcConfig != nil},
		{"AuthenticateCognitoConfig", "authenticate-cognito", in.AuthenticateCognitoConfig != nil},
	} {
		if x.given && text(in.Type) != x.owner {
			return validation("You cannot specify '" + x.name + "' for an action of type '" + text(in.Type) + "'")
		}
	}
	return nil
}

func forwardIn(in model.Action) (*elb.Forward, error) {
	f := &elb.Forward{}
	one := text(in.TargetGroupArn)
	if in.ForwardConfig == nil || len(in.ForwardConfig.TargetGroups) == 0 {
		if one != "" {
			f.Groups = []elb.WeightedGroup{{TargetGroupARN: one, Weight: 1}}
		}
	} else {
		for _, g := range in.ForwardConfig.TargetGroups {
			w := elb.WeightedGroup{TargetGroupARN: text(g.TargetGroupArn), Weight: 1}
			if g.Weight != nil {
				w.Weight = number(g.Weight)
			}
			f.Groups = append(f.Groups, w)
		}
		if one != "" && (len(f.Groups) != 1 || f.Groups[0].TargetGroupARN != one) {
			return nil, validation("You cannot specify both a target group and a forward configuration with other target groups")
		}
	}
	if in.ForwardConfig != nil && in.ForwardConfig.TargetGroupStickinessConfig != nil {
		s := in.ForwardConfig.TargetGroupStickinessConfig
		f.Sticky, f.StickySeconds = truth(s.Enabled), number(s.DurationSeconds)
	}
	return f, nil
}

func redirectIn(in *model.RedirectActionConfig) *elb.Redirect {
	if in == nil {
		return nil
	}
	d := &elb.Redirect{Protocol: text(in.Protocol), Host: text(in.Host), Port: text(in.Port), Path: text(in.Path),
		Query: "#{query}", StatusCode: text(in.StatusCode)}
	if in.Query != nil {
		d.Query = *in.Query // an empty one drops the query
	}
	return d
}

func fixedIn(in *model.FixedResponseActionConfig) *elb.FixedResponse {
	if in == nil {
		return nil
	}
	return &elb.FixedResponse{StatusCode: text(in.StatusCode), ContentType: text(in.ContentType), Body: text(in.MessageBody)}
}

// actionsOut shows actions; stickiness says whether AWS shows that a forward
// action has none.
func actionsOut(list []elb.Action, stickiness bool) []model.Action {
	out := make([]model.Action, 0, len(list))
	for _, a := range list {
		v := model.Action{Type: new(a.Type), Order: count(a.Order)}
		switch {
		case a.Forward != nil:
			forwardOut(&v, *a.Forward, stickiness)
		case a.Redirect != nil:
			d := a.Redirect
			v.RedirectConfig = &model.RedirectActionConfig{Protocol: new(d.Protocol), Host: new(d.Host), Port: new(d.Port),
				Path: new(d.Path), Query: new(d.Query), StatusCode: new(d.StatusCode)}
		case a.Fixed != nil:
			v.FixedResponseConfig = &model.FixedResponseActionConfig{StatusCode: new(a.Fixed.StatusCode),
				ContentType: some(a.Fixed.ContentType), MessageBody: some(a.Fixed.Body)}
		}
		out = append(out, v)
	}
	return out
}

// forwardOut shows a forward action in both forms, as AWS does.
func forwardOut(v *model.Action, f elb.Forward, stickiness bool) {
	v.ForwardConfig = &model.ForwardActionConfig{}
	if len(f.Groups) == 1 {
		v.TargetGroupArn = new(f.Groups[0].TargetGroupARN)
	}
	for _, w := range f.Groups {
		v.ForwardConfig.TargetGroups = append(v.ForwardConfig.TargetGroups,
			model.TargetGroupTuple{TargetGroupArn: new(w.TargetGroupARN), Weight: count(w.Weight)})
	}
	if !stickiness && f.StickySeconds == 0 {
		return
	}
	s := &model.TargetGroupStickinessConfig{Enabled: new(f.Sticky)}
	if f.StickySeconds != 0 {
		s.DurationSeconds = count(f.StickySeconds)
	}
	v.ForwardConfig.TargetGroupStickinessConfig = s
}
