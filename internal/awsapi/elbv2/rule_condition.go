package elbv2

import (
	model "github.com/musubi-net/musubi/internal/awsapi/model/elbv2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud/elb"
)

// conditionsIn decodes a rule's conditions, in the old form (Values) and in the
// new one (a structure per field).
func conditionsIn(list []model.RuleCondition) ([]elb.Condition, error) {
	var out []elb.Condition
	for _, in := range list {
		c := elb.Condition{Field: fieldOf(in), Values: in.Values, Legacy: len(in.Values) > 0}
		if err := noRegex(in); err != nil {
			return nil, err
		}
		configs := configsOf(in)
		for _, x := range configs {
			if x.field != c.Field {
				return nil, validation("You cannot specify '" + x.name + "' for a condition of type '" + c.Field + "'")
			}
			if c.Legacy {
				return nil, validation("You cannot provide both Values and '" + x.name + "' for a condition of type '" + c.Field + "'")
			}
			c.Values = x.values
		}
		if in.HttpHeaderConfig != nil {
			c.Header = text(in.HttpHeaderConfig.HttpHeaderName)
		}
		if in.QueryStringConfig != nil {
			for _, p := range in.QueryStringConfig.Values {
				c.Pairs = append(c.Pairs, elb.QueryPair{Key: text(p.Key), Value: text(p.Value)})
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// config is one of a condition's structures.
type config struct {
	name, field string
	values      []string
}

func configsOf(in model.RuleCondition) []config {
	var out []config
	if x := in.HostHeaderConfig; x != nil {
		out = append(out, config{"HostHeaderConfig", elb.FieldHost, x.Values})
	}
	if x := in.PathPatternConfig; x != nil {
		out = append(out, config{"PathPatternConfig", elb.FieldPath, x.Values})
	}
	if x := in.HttpHeaderConfig; x != nil {
		out = append(out, config{"HttpHeaderConfig", elb.FieldHeader, x.Values})
	}
	if x := in.HttpRequestMethodConfig; x != nil {
		out = append(out, config{"HttpRequestMethodConfig", elb.FieldMethod, x.Values})
	}
	if in.QueryStringConfig != nil {
		out = append(out, config{"QueryStringConfig", elb.FieldQuery, nil})
	}
	if x := in.SourceIpConfig; x != nil {
		out = append(out, config{"SourceIpConfig", elb.FieldSource, x.Values})
	}
	return out
}

// fieldOf is the condition's field, which a structure may imply.
func fieldOf(in model.RuleCondition) string {
	if f := text(in.Field); f != "" {
		return f
	}
	if all := configsOf(in); len(all) == 1 {
		return all[0].field
	}
	return ""
}

// noRegex refuses regular expressions.
func noRegex(in model.RuleCondition) error {
	n := len(in.RegexValues)
	if in.HostHeaderConfig != nil {
		n += len(in.HostHeaderConfig.RegexValues)
	}
	if in.PathPatternConfig != nil {
		n += len(in.PathPatternConfig.RegexValues)
	}
	if in.HttpHeaderConfig != nil {
		n += len(in.HttpHeaderConfig.RegexValues)
	}
	if n > 0 {
		return &protocol.Error{Code: "UnsupportedOperation", Message: "RegexValues of a condition are not served by Musubi yet"}
	}
	return nil
}

// conditionsOut shows conditions as AWS does: those of host and path in both
// forms.
func conditionsOut(list []elb.Condition) []model.RuleCondition {
	out := make([]model.RuleCondition, 0, len(list))
	for _, c := range list {
		v := model.RuleCondition{Field: new(c.Field)}
		switch c.Field {
		case elb.FieldHost:
			v.Values, v.HostHeaderConfig = c.Values, &model.HostHeaderConditionConfig{Values: c.Values}
		case elb.FieldPath:
			v.Values, v.PathPatternConfig = c.Values, &model.PathPatternConditionConfig{Values: c.Values}
		case elb.FieldHeader:
			v.HttpHeaderConfig = &model.HttpHeaderConditionConfig{HttpHeaderName: new(c.Header), Values: c.Values}
		case elb.FieldMethod:
			v.HttpRequestMethodConfig = &model.HttpRequestMethodConditionConfig{Values: c.Values}
		case elb.FieldSource:
			v.SourceIpConfig = &model.SourceIpConditionConfig{Values: c.Values}
		case elb.FieldQuery:
			v.QueryStringConfig = &model.QueryStringConditionConfig{}
			for _, p := range c.Pairs {
				v.QueryStringConfig.Values = append(v.QueryStringConfig.Values, model.QueryStringKeyValuePair{Key: some(p.Key), Value: new(p.Value)})
			}
		}
		out = append(out, v)
	}
	return out
}
