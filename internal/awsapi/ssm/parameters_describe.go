package ssm

import (
	"context"
	"slices"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ssm"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/ssm"
)

const parametersPage = 50

func (a *API) describeParameters(_ context.Context, call *protocol.Call, in *model.DescribeParametersRequest) (*model.DescribeParametersResult, error) {
	if len(in.Filters) > 0 && len(in.ParameterFilters) > 0 {
		return nil, cloud.Errorf(cloud.KindInvalid, "parameter", "ValidationException", "You can use either Filters or ParameterFilters in a single request.")
	}
	filters := in.ParameterFilters
	for _, f := range in.Filters {
		// The older filters compare with the beginning.
		filters = append(filters, model.ParameterStringFilter{Key: f.Key, Option: new("BeginsWith"), Values: f.Values})
	}
	var all []ssm.Parameter
	for _, p := range ssm.ListParameters(a.engine.Snapshot(), call.Caller.Scope) {
		keep, err := parameterFilters(filters, p)
		if err != nil {
			return nil, err
		}
		if keep && !val(in.Shared) { // nothing is shared here
			all = append(all, p)
		}
	}
	list, next, err := page(all, in.NextToken, in.MaxResults, parametersPage, func(p ssm.Parameter) string { return p.Name })
	if err != nil {
		return nil, err
	}
	out := &model.DescribeParametersResult{Parameters: []model.ParameterMetadata{}, NextToken: next}
	for _, p := range list {
		v := p.Latest()
		out.Parameters = append(out.Parameters, model.ParameterMetadata{
			Name: new(p.Name), ARN: new(p.ARN()), Type: &v.Type, KeyId: filled(v.KeyID), LastModifiedDate: moment(v.ModifiedAt), LastModifiedUser: &v.ModifiedBy,
			Description: filled(v.Description), AllowedPattern: filled(v.AllowedPattern), Version: number(v.Number), Tier: &v.Tier,
			Policies: []model.ParameterInlinePolicy{}, DataType: &v.DataType,
		})
	}
	return out, nil
}

// parameterFilters asks all filters; only some keys are for GetParametersByPath.
func parameterFilters(filters []model.ParameterStringFilter, p ssm.Parameter, only ...string) (bool, error) {
	for _, f := range filters {
		key := val(f.Key)
		if len(only) > 0 && !slices.Contains(only, key) {
			return false, cloud.Errorf(cloud.KindInvalid, "filter", "InvalidFilterKey", "The following filter key is not valid: %s. Valid filter keys include: [%s].", key, strings.Join(only, ", "))
		}
		ok, err := parameterFilter(key, val(f.Option), f.Values, p)
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func parameterFilter(key, option string, values []string, p ssm.Parameter) (bool, error) {
	v := p.Latest()
	if tag, ok := strings.CutPrefix(key, "tag:"); ok {
		value, has := p.Tags[tag]
		return has && (len(values) == 0 || slices.Contains(values, value)), nil
	}
	switch key {
	case "Name":
		return compared(option, values, strings.TrimPrefix(p.Name, "/"), func(s string) string { return strings.TrimPrefix(s, "/") })
	case "Path":
		if option != "" && option != "Recursive" && option != "OneLevel" {
			return false, badOption(option)
		}
		return slices.ContainsFunc(values, func(path string) bool { return ssm.Below(p.Name, path, option == "Recursive") }), nil
	case "Type":
		return compared(option, values, v.Type, nil)
	case "KeyId":
		return v.KeyID != "" && slices.Contains(values, v.KeyID), nil
	case "Tier":
		return compared(option, values, v.Tier, nil)
	case "DataType":
		return compared(option, values, v.DataType, nil)
	case "Label":
		_, ok := withLabel(p, values)
		return ok, nil
	}
	return false, invalidKey(key)
}

func badOption(option string) error {
	return cloud.Errorf(cloud.KindInvalid, "filter", "InvalidFilterOption", "The following filter option is not valid: %s. Valid options include: [BeginsWith, Equals].", option)
}

// compared compares a value with those of a filter.
func compared(option string, values []string, have string, clean func(string) string) (bool, error) {
	match := map[string]func(s, x string) bool{
		"": func(s, x string) bool { return s == x }, "Equals": func(s, x string) bool { return s == x },
		"BeginsWith": strings.HasPrefix, "Contains": strings.Contains,
	}[option]
	if match == nil {
		return false, badOption(option)
	}
	return slices.ContainsFunc(values, func(x string) bool {
		if clean != nil {
			x = clean(x)
		}
		return match(have, x)
	}), nil
}
