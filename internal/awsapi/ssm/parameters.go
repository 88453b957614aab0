package ssm

import (
	"context"
	"slices"
	"strconv"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ssm"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/ssm"
	"github.com/musubi-net/musubi/internal/engine"
)

func (a *API) parameterOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("PutParameter", a.putParameter),
		protocol.Op("GetParameter", a.getParameter),
		protocol.Op("GetParameters", a.getParameters),
		protocol.Op("GetParametersByPath", a.getParametersByPath),
		protocol.Op("GetParameterHistory", a.getParameterHistory),
		protocol.Op("DescribeParameters", a.describeParameters),
		protocol.Op("DeleteParameter", a.deleteParameter),
		protocol.Op("DeleteParameters", a.deleteParameters),
		protocol.Op("LabelParameterVersion", a.labelParameterVersion),
		protocol.Op("UnlabelParameterVersion", a.unlabelParameterVersion),
	}
}

func (a *API) putParameter(ctx context.Context, call *protocol.Call, in *model.PutParameterRequest) (*model.PutParameterResult, error) {
	v, err := engine.Do(ctx, a.engine, call.Caller, ssm.PutParameter{
		Name: val(in.Name), Description: val(in.Description), Value: val(in.Value), Type: val(in.Type), KeyID: val(in.KeyId),
		AllowedPattern: val(in.AllowedPattern), Tier: val(in.Tier), DataType: val(in.DataType), Overwrite: val(in.Overwrite), Tags: tagMap(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	return &model.PutParameterResult{Version: number(v.Number), Tier: &v.Tier}, nil
}

func parameterView(f ssm.Found, decrypt bool) *model.Parameter {
	return &model.Parameter{
		Name: new(f.Parameter.Name), Type: new(f.Version.Type), Value: new(f.Version.Shown(decrypt)), Version: number(f.Version.Number), Selector: filled(f.Selector),
		LastModifiedDate: moment(f.Version.ModifiedAt), ARN: new(f.Parameter.ARN()), DataType: new(f.Version.DataType),
	}
}

func (a *API) getParameter(_ context.Context, call *protocol.Call, in *model.GetParameterRequest) (*model.GetParameterResult, error) {
	f, err := ssm.FindParameter(a.engine.Snapshot(), call.Caller.Scope, val(in.Name))
	if err != nil {
		return nil, err
	}
	return &model.GetParameterResult{Parameter: parameterView(f, val(in.WithDecryption))}, nil
}

func (a *API) getParameters(_ context.Context, call *protocol.Call, in *model.GetParametersRequest) (*model.GetParametersResult, error) {
	r := a.engine.Snapshot()
	out := &model.GetParametersResult{Parameters: []model.Parameter{}, InvalidParameters: []string{}}
	for i, name := range in.Names {
		if slices.Contains(in.Names[:i], name) {
			return nil, duplicated()
		}
		f, err := ssm.FindParameter(r, call.Caller.Scope, name)
		if err != nil {
			out.InvalidParameters = append(out.InvalidParameters, name)
			continue
		}
		out.Parameters = append(out.Parameters, *parameterView(f, val(in.WithDecryption)))
	}
	return out, nil
}

func duplicated() error {
	return cloud.Errorf(cloud.KindInvalid, "parameter", "ValidationException", "The request contains duplicate parameter names.")
}

const pathPage = 10

func (a *API) getParametersByPath(_ context.Context, call *protocol.Call, in *model.GetParametersByPathRequest) (*model.GetParametersByPathResult, error) {
	path := val(in.Path)
	if !strings.HasPrefix(path, "/") {
		return nil, cloud.Errorf(cloud.KindInvalid, "parameter", "ValidationException", "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\". "+
			"It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol \"/\". Valid example: /get/parameters2-/by1./path0_.")
	}
	all := ssm.ListParameters(a.engine.Snapshot(), call.Caller.Scope)
	if strings.HasPrefix(path, "/aws/") {
		all = ssm.Public(call.Caller.Region)
	}
	var found []ssm.Found
	for _, p := range all {
		v, labelled := p.Latest(), true
		keep, err := parameterFilters(in.ParameterFilters, p, "Type", "KeyId", "Label")
		if err != nil {
			return nil, err
		}
		for _, f := range in.ParameterFilters {
			if val(f.Key) == "Label" {
				v, labelled = withLabel(p, f.Values)
			}
		}
		if keep && labelled && ssm.Below(p.Name, path, val(in.Recursive)) {
			found = append(found, ssm.Found{Parameter: p, Version: v})
		}
	}
	list, next, err := page(found, in.NextToken, in.MaxResults, pathPage, func(f ssm.Found) string { return f.Parameter.Name })
	if err != nil {
		return nil, err
	}
	out := &model.GetParametersByPathResult{Parameters: []model.Parameter{}, NextToken: next}
	for _, f := range list {
		out.Parameters = append(out.Parameters, *parameterView(f, val(in.WithDecryption)))
	}
	return out, nil
}

// withLabel is the version that has one of the labels.
func withLabel(p ssm.Parameter, labels []string) (ssm.ParameterVersion, bool) {
	for _, v := range p.Versions {
		if slices.ContainsFunc(labels, func(l string) bool { return slices.Contains(v.Labels, l) }) {
			return v, true
		}
	}
	return ssm.ParameterVersion{}, false
}

const historyPage = 50

func (a *API) getParameterHistory(_ context.Context, call *protocol.Call, in *model.GetParameterHistoryRequest) (*model.GetParameterHistoryResult, error) {
	f, err := ssm.FindParameter(a.engine.Snapshot(), call.Caller.Scope, val(in.Name))
	if err != nil {
		return nil, err
	}
	list, next, err := page(f.Parameter.Versions, in.NextToken, in.MaxResults, historyPage, func(v ssm.ParameterVersion) string { return strconv.Itoa(v.Number) })
	if err != nil {
		return nil, err
	}
	out := &model.GetParameterHistoryResult{Parameters: []model.ParameterHistory{}, NextToken: next}
	for _, v := range list {
		out.Parameters = append(out.Parameters, model.ParameterHistory{
			Name: new(f.Parameter.Name), Type: new(v.Type), KeyId: filled(v.KeyID), LastModifiedDate: moment(v.ModifiedAt), LastModifiedUser: new(v.ModifiedBy),
			Description: filled(v.Description), Value: new(v.Shown(val(in.WithDecryption))), AllowedPattern: filled(v.AllowedPattern), Version: number(v.Number),
			Labels: append([]string{}, v.Labels...), Tier: new(v.Tier), Policies: []model.ParameterInlinePolicy{}, DataType: new(v.DataType),
		})
	}
	return out, nil
}

func (a *API) deleteParameter(ctx context.Context, call *protocol.Call, in *model.DeleteParameterRequest) (*model.DeleteParameterResult, error) {
	gone, err := engine.Do(ctx, a.engine, call.Caller, ssm.DeleteParameters{Names: []string{val(in.Name)}})
	if err == nil && len(gone) == 0 {
		err = cloud.Errorf(cloud.KindNotFound, "parameter", "ParameterNotFound", "")
	}
	return &model.DeleteParameterResult{}, err
}

func (a *API) deleteParameters(ctx context.Context, call *protocol.Call, in *model.DeleteParametersRequest) (*model.DeleteParametersResult, error) {
	gone, err := engine.Do(ctx, a.engine, call.Caller, ssm.DeleteParameters{Names: in.Names})
	if err != nil {
		return nil, err
	}
	out := &model.DeleteParametersResult{DeletedParameters: append([]string{}, gone...), InvalidParameters: []string{}}
	for _, name := range in.Names {
		if !slices.Contains(gone, name) {
			out.InvalidParameters = append(out.InvalidParameters, name)
		}
	}
	return out, nil
}

func (a *API) labelParameterVersion(ctx context.Context, call *protocol.Call, in *model.LabelParameterVersionRequest) (*model.LabelParameterVersionResult, error) {
	l, err := engine.Do(ctx, a.engine, call.Caller, ssm.Label{Name: val(in.Name), Version: int(val(in.ParameterVersion)), Labels: in.Labels})
	if err != nil {
		return nil, err
	}
	return &model.LabelParameterVersionResult{InvalidLabels: append([]string{}, l.Invalid...), ParameterVersion: number(l.Version)}, nil
}

func (a *API) unlabelParameterVersion(ctx context.Context, call *protocol.Call, in *model.UnlabelParameterVersionRequest) (*model.UnlabelParameterVersionResult, error) {
	l, err := engine.Do(ctx, a.engine, call.Caller, ssm.Label{Name: val(in.Name), Version: int(val(in.ParameterVersion)), Labels: in.Labels, Remove: true})
	if err != nil {
		return nil, err
	}
	return &model.UnlabelParameterVersionResult{RemovedLabels: append([]string{}, l.Done...), InvalidLabels: append([]string{}, l.Invalid...)}, nil
}
