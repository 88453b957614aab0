package route53

import (
	"context"
	"slices"

	model "github.com/musubi-net/musubi/internal/awsapi/model/route53"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud/dns"
)

// maxChecks is the most health checks of one answer.
const maxChecks = 100

func (a *API) createHealthCheck(ctx context.Context, call *protocol.Call, in *model.CreateHealthCheckRequest) (*model.CreateHealthCheckResponse, error) {
	config, err := checkConfigOf(in.HealthCheckConfig)
	if err != nil {
		return nil, err
	}
	h, err := do(ctx, a, call, dns.CreateCheck{CallerReference: value(in.CallerReference), Config: config})
	if err != nil {
		return nil, err
	}
	return &model.CreateHealthCheckResponse{HealthCheck: new(checkView(h)), Location: new("https://route53.amazonaws.com/2013-04-01/healthcheck/" + h.ID)}, nil
}

func checkConfigOf(in *model.HealthCheckConfig) (dns.CheckConfig, error) {
	if in == nil {
		return dns.CheckConfig{}, nil
	}
	if value(in.MeasureLatency) {
		return dns.CheckConfig{}, &protocol.Error{Code: "UnsupportedOperation", Message: "The value 'true' of the parameter MeasureLatency is not served by Musubi."}
	}
	out := dns.CheckConfig{
		Type: value(in.Type), IPAddress: value(in.IPAddress), Port: int(value(in.Port)), Path: value(in.ResourcePath), DomainName: value(in.FullyQualifiedDomainName),
		SearchString: value(in.SearchString), Interval: int(value(in.RequestInterval)), FailureThreshold: int(value(in.FailureThreshold)),
		Regions: in.Regions, HealthThreshold: int(value(in.HealthThreshold)), Children: in.ChildHealthChecks,
		Inverted: value(in.Inverted), Disabled: value(in.Disabled), EnableSNI: value(in.EnableSNI),
	}
	if in.EnableSNI == nil {
		out.EnableSNI = out.Secure()
	}
	return out, nil
}

func (a *API) getHealthCheck(_ context.Context, call *protocol.Call, in *model.GetHealthCheckRequest) (*model.GetHealthCheckResponse, error) {
	h, err := dns.FindCheck(a.engine.Snapshot(), call.Caller.Account, value(in.HealthCheckId))
	if err != nil {
		return nil, err
	}
	return &model.GetHealthCheckResponse{HealthCheck: new(checkView(h))}, nil
}

func (a *API) listHealthChecks(_ context.Context, call *protocol.Call, in *model.ListHealthChecksRequest) (*model.ListHealthChecksResponse, error) {
	most, err := limit(in.MaxItems, maxChecks)
	if err != nil {
		return nil, err
	}
	out := &model.ListHealthChecksResponse{HealthChecks: []model.HealthCheck{}, Marker: new(value(in.Marker)), IsTruncated: new(false), MaxItems: new(digits(most))}
	for h := range dns.HealthChecks.By(a.engine.Snapshot(), dns.ByAccount, call.Caller.Account) {
		if h.ID < value(in.Marker) {
			continue
		}
		if len(out.HealthChecks) == most {
			out.IsTruncated, out.NextMarker = new(true), new(h.ID)
			break
		}
		out.HealthChecks = append(out.HealthChecks, checkView(h))
	}
	return out, nil
}

func (a *API) updateHealthCheck(ctx context.Context, call *protocol.Call, in *model.UpdateHealthCheckRequest) (*model.UpdateHealthCheckResponse, error) {
	h, err := do(ctx, a, call, dns.UpdateCheck{
		ID: value(in.HealthCheckId), Version: in.HealthCheckVersion, IPAddress: in.IPAddress, Path: in.ResourcePath, DomainName: in.FullyQualifiedDomainName,
		SearchString: in.SearchString, Port: integer(in.Port), FailureThreshold: integer(in.FailureThreshold), HealthThreshold: integer(in.HealthThreshold),
		Inverted: in.Inverted, Disabled: in.Disabled, EnableSNI: in.EnableSNI, Children: in.ChildHealthChecks, Regions: in.Regions, Reset: in.ResetElements,
	})
	if err != nil {
		return nil, err
	}
	return &model.UpdateHealthCheckResponse{HealthCheck: new(checkView(h))}, nil
}

func integer(p *int64) *int {
	if p == nil {
		return nil
	}
	return new(int(*p))
}

func (a *API) deleteHealthCheck(ctx context.Context, call *protocol.Call, in *model.DeleteHealthCheckRequest) (*model.DeleteHealthCheckResponse, error) {
	_, err := do(ctx, a, call, dns.DeleteCheck{ID: value(in.HealthCheckId)})
	return &model.DeleteHealthCheckResponse{}, err
}

func (a *API) getHealthCheckCount(_ context.Context, call *protocol.Call, _ *model.GetHealthCheckCountRequest) (*model.GetHealthCheckCountResponse, error) {
	n := len(slices.Collect(dns.HealthChecks.By(a.engine.Snapshot(), dns.ByAccount, call.Caller.Account)))
	return &model.GetHealthCheckCountResponse{HealthCheckCount: new(int64(n))}, nil
}

func (a *API) getCheckerIPRanges(context.Context, *protocol.Call, *model.GetCheckerIpRangesRequest) (*model.GetCheckerIpRangesResponse, error) {
	return &model.GetCheckerIpRangesResponse{CheckerIpRanges: []string{dns.CheckerRange().String()}}, nil
}

func (a *API) getHealthCheckStatus(_ context.Context, call *protocol.Call, in *model.GetHealthCheckStatusRequest) (*model.GetHealthCheckStatusResponse, error) {
	found, err := a.observations(call, value(in.HealthCheckId))
	if err != nil {
		return nil, err
	}
	out := &model.GetHealthCheckStatusResponse{HealthCheckObservations: []model.HealthCheckObservation{}}
	for _, o := range found {
		out.HealthCheckObservations = append(out.HealthCheckObservations, model.HealthCheckObservation{Region: new(o.Region), IPAddress: new(o.Address),
			StatusReport: &model.StatusReport{Status: new(o.Status), CheckedTime: new(o.CheckedAt)}})
	}
	return out, nil
}

func (a *API) getHealthCheckLastFailureReason(_ context.Context, call *protocol.Call, in *model.GetHealthCheckLastFailureReasonRequest) (*model.GetHealthCheckLastFailureReasonResponse, error) {
	found, err := a.observations(call, value(in.HealthCheckId))
	if err != nil {
		return nil, err
	}
	out := &model.GetHealthCheckLastFailureReasonResponse{HealthCheckObservations: []model.HealthCheckObservation{}}
	for _, o := range found {
		if o.LastFailure != "" {
			out.HealthCheckObservations = append(out.HealthCheckObservations, model.HealthCheckObservation{Region: new(o.Region), IPAddress: new(o.Address),
				StatusReport: &model.StatusReport{Status: new(o.LastFailure), CheckedTime: new(o.LastFailureAt)}})
		}
	}
	return out, nil
}

// observations are what the checkers of a health check found last.
func (a *API) observations(call *protocol.Call, id string) ([]dns.Observation, error) {
	snapshot := a.engine.Snapshot()
	h, err := dns.FindCheck(snapshot, call.Caller.Account, id)
	if err != nil {
		return nil, err
	}
	if h.Config.Type == dns.CheckCalculated {
		return nil, &protocol.Error{Code: "InvalidInput", Message: "The status of the health check " + id + " can not be retrieved: it is a calculated health check."}
	}
	found, _ := dns.CheckResults.Get(snapshot, id)
	return found.Observations, nil
}

func checkView(h dns.HealthCheck) model.HealthCheck {
	c := h.Config
	config := &model.HealthCheckConfig{Type: new(c.Type), Inverted: new(c.Inverted), Disabled: new(c.Disabled)}
	if c.Type == dns.CheckCalculated {
		config.HealthThreshold, config.ChildHealthChecks = new(int64(c.HealthThreshold)), slices.Clone(c.Children)
	} else {
		config.Port, config.RequestInterval, config.FailureThreshold = new(int64(c.Port)), new(int64(c.Interval)), new(int64(c.FailureThreshold))
		config.MeasureLatency, config.EnableSNI = new(false), new(c.EnableSNI)
		config.Regions = slices.Clone(c.Regions)
		config.IPAddress, config.ResourcePath, config.FullyQualifiedDomainName, config.SearchString = some(c.IPAddress), some(c.Path), some(c.DomainName), some(c.SearchString)
	}
	return model.HealthCheck{Id: new(h.ID), CallerReference: new(h.CallerReference), HealthCheckVersion: new(h.Version), HealthCheckConfig: config}
}

// some is a text, or nothing for none.
func some(s string) *string {
	if s == "" {
		return nil
	}
	return new(s)
}
