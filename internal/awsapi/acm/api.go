// Package acm is the adapter of AWS Certificate Manager: it turns wire
// structures into the commands of cloud/acm and records into views. What uses a
// certificate it asks of cloud/elb.
//
// It may import internal/cloud, cloud/acm, cloud/certpem and cloud/elb,
// internal/engine (Runner, Do), awsapi/protocol and awsapi/model/acm.
package acm

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	model "github.com/musubi-net/musubi/internal/awsapi/model/acm"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/acm"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/engine"
)

// API serves ACM.
type API struct {
	engine engine.Runner
	now    func() time.Time
}

// New makes the adapter; now tells what has expired.
func New(e engine.Runner, now func() time.Time) *API { return &API{engine: e, now: now} }

// Service describes what is served.
func (a *API) Service() protocol.Service {
	return protocol.Service{Model: model.Model(), Operations: []protocol.Operation{
		protocol.Op("RequestCertificate", a.request),
		protocol.Op("ImportCertificate", a.importCertificate),
		protocol.Op("DescribeCertificate", a.describe),
		protocol.Op("GetCertificate", a.get),
		protocol.Op("ListCertificates", a.list),
		protocol.Op("ExportCertificate", a.export),
		protocol.Op("RenewCertificate", a.renew),
		protocol.Op("UpdateCertificateOptions", a.updateOptions),
		protocol.Op("DeleteCertificate", a.delete),
		protocol.Op("AddTagsToCertificate", a.addTags),
		protocol.Op("RemoveTagsFromCertificate", a.removeTags),
		protocol.Op("ListTagsForCertificate", a.listTags),
	}}
}

// usedBy lists the load balancers that present a certificate.
func usedBy(r cloud.Reader, arn string) []string {
	used := map[string]bool{}
	for l := range elb.Listeners.By(r, elb.ByCertificate, arn) {
		used[l.LoadBalancerARN] = true
	}
	return slices.Sorted(maps.Keys(used))
}

func (a *API) request(ctx context.Context, call *protocol.Call, in *model.RequestCertificateRequest) (*model.RequestCertificateResponse, error) {
	c := acm.RequestCertificate{
		DomainName: value(in.DomainName), AlternativeNames: in.SubjectAlternativeNames, ValidationMethod: value(in.ValidationMethod),
		KeyAlgorithm: value(in.KeyAlgorithm), Token: value(in.IdempotencyToken), Tags: tagMap(in.Tags),
	}
	if in.Options != nil {
		c.Logging, c.Export = value(in.Options.CertificateTransparencyLoggingPreference), value(in.Options.Export)
	}
	x, err := engine.Do(ctx, a.engine, call.Caller, c)
	if err != nil {
		return nil, err
	}
	return &model.RequestCertificateResponse{CertificateArn: new(x.ARN)}, nil
}

func (a *API) importCertificate(ctx context.Context, call *protocol.Call, in *model.ImportCertificateRequest) (*model.ImportCertificateResponse, error) {
	x, err := engine.Do(ctx, a.engine, call.Caller, acm.ImportCertificate{
		ARN: value(in.CertificateArn), Body: string(in.Certificate), Chain: string(in.CertificateChain), Key: string(in.PrivateKey), Tags: tagMap(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	return &model.ImportCertificateResponse{CertificateArn: new(x.ARN)}, nil
}

func (a *API) find(call *protocol.Call, arn *string) (acm.Certificate, error) {
	return acm.Find(a.engine.Snapshot(), call.Caller.Scope, value(arn))
}

func (a *API) describe(_ context.Context, call *protocol.Call, in *model.DescribeCertificateRequest) (*model.DescribeCertificateResponse, error) {
	x, err := a.find(call, in.CertificateArn)
	if err != nil {
		return nil, err
	}
	return &model.DescribeCertificateResponse{Certificate: detail(x, usedBy(a.engine.Snapshot(), x.ARN), a.now())}, nil
}

func (a *API) get(_ context.Context, call *protocol.Call, in *model.GetCertificateRequest) (*model.GetCertificateResponse, error) {
	x, err := a.find(call, in.CertificateArn)
	if err != nil {
		return nil, err
	}
	body, chain, err := x.PEM(a.now())
	if err != nil {
		return nil, err
	}
	return &model.GetCertificateResponse{Certificate: new(body), CertificateChain: filled(chain)}, nil
}

func (a *API) export(_ context.Context, call *protocol.Call, in *model.ExportCertificateRequest) (*model.ExportCertificateResponse, error) {
	x, err := a.find(call, in.CertificateArn)
	if err != nil {
		return nil, err
	}
	return nil, x.Export()
}

func (a *API) renew(_ context.Context, call *protocol.Call, in *model.RenewCertificateRequest) (*model.RenewCertificateResponse, error) {
	x, err := a.find(call, in.CertificateArn)
	if err != nil {
		return nil, err
	}
	return nil, x.Renew()
}

func (a *API) updateOptions(ctx context.Context, call *protocol.Call, in *model.UpdateCertificateOptionsRequest) (*model.UpdateCertificateOptionsResponse, error) {
	c := acm.UpdateOptions{ARN: value(in.CertificateArn)}
	c.Logging, c.Export = value(in.Options.CertificateTransparencyLoggingPreference), value(in.Options.Export)
	_, err := engine.Do(ctx, a.engine, call.Caller, c)
	return nil, err
}

func (a *API) delete(ctx context.Context, call *protocol.Call, in *model.DeleteCertificateRequest) (*model.DeleteCertificateResponse, error) {
	_, err := engine.Do(ctx, a.engine, call.Caller, acm.DeleteCertificate{ARN: value(in.CertificateArn), UsedBy: usedBy})
	return nil, err
}

func (a *API) addTags(ctx context.Context, call *protocol.Call, in *model.AddTagsToCertificateRequest) (*model.AddTagsToCertificateResponse, error) {
	_, err := engine.Do(ctx, a.engine, call.Caller, acm.Tag{ARN: value(in.CertificateArn), Set: tagMap(in.Tags)})
	return nil, err
}

func (a *API) removeTags(ctx context.Context, call *protocol.Call, in *model.RemoveTagsFromCertificateRequest) (*model.RemoveTagsFromCertificateResponse, error) {
	c := acm.Tag{ARN: value(in.CertificateArn)}
	for _, t := range in.Tags {
		c.Drop = append(c.Drop, acm.Removal{Key: value(t.Key), Value: t.Value})
	}
	_, err := engine.Do(ctx, a.engine, call.Caller, c)
	return nil, err
}

func (a *API) listTags(_ context.Context, call *protocol.Call, in *model.ListTagsForCertificateRequest) (*model.ListTagsForCertificateResponse, error) {
	x, err := a.find(call, in.CertificateArn)
	if err != nil {
		return nil, err
	}
	tags := []model.Tag{}
	for _, k := range slices.Sorted(maps.Keys(x.Tags)) {
		tags = append(tags, model.Tag{Key: new(k), Value: new(x.Tags[k])})
	}
	return &model.ListTagsForCertificateResponse{Tags: tags}, nil
}

func tagMap(list []model.Tag) cloud.Tags {
	tags := cloud.Tags{}
	for _, t := range list {
		tags[value(t.Key)] = value(t.Value)
	}
	return tags
}

// value is *p, or nothing.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// filled is a pointer to a value that is not the zero value, or nil.
func filled[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// spelled is a key algorithm as answers have it: RSA-2048, where requests have
// RSA_2048.
func spelled(algorithm string) *string { return filled(strings.ReplaceAll(algorithm, "_", "-")) }
