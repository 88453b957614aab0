package elbv2

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/elbv2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud/elb"
)

// certificatesIn takes the ARNs of certificates. Which one is the default is
// for answers only.
func certificatesIn(list []model.Certificate) ([]string, error) {
	var out []string
	for _, c := range list {
		if c.IsDefault != nil {
			return nil, validation("You cannot specify IsDefault for a certificate")
		}
		out = append(out, text(c.CertificateArn))
	}
	return out, nil
}

func (a *API) addListenerCertificates(ctx context.Context, call *protocol.Call, in *model.AddListenerCertificatesInput) (*model.AddListenerCertificatesOutput, error) {
	arns, err := certificatesIn(in.Certificates)
	if err != nil {
		return nil, err
	}
	if _, err = run(ctx, a, call, elb.AddListenerCertificates{ListenerARN: text(in.ListenerArn), Certificates: arns}); err != nil {
		return nil, err
	}
	out := &model.AddListenerCertificatesOutput{}
	for _, arn := range arns {
		out.Certificates = append(out.Certificates, model.Certificate{CertificateArn: new(arn), IsDefault: new(false)})
	}
	return out, nil
}

func (a *API) removeListenerCertificates(ctx context.Context, call *protocol.Call, in *model.RemoveListenerCertificatesInput) (*model.RemoveListenerCertificatesOutput, error) {
	arns, err := certificatesIn(in.Certificates)
	if err != nil {
		return nil, err
	}
	_, err = run(ctx, a, call, elb.RemoveListenerCertificates{ListenerARN: text(in.ListenerArn), Certificates: arns})
	return nil, err
}

// describeListenerCertificates lists the default certificate, and those that
// are chosen by SNI.
func (a *API) describeListenerCertificates(_ context.Context, call *protocol.Call, in *model.DescribeListenerCertificatesInput) (*model.DescribeListenerCertificatesOutput, error) {
	x, err := elb.FindListener(a.engine.Snapshot(), call.Caller.Scope, text(in.ListenerArn))
	if err != nil {
		return nil, err
	}
	var list []model.Certificate
	if x.CertificateARN != "" {
		list = append(list, model.Certificate{CertificateArn: new(x.CertificateARN), IsDefault: new(true)})
	}
	for _, arn := range x.Certificates {
		list = append(list, model.Certificate{CertificateArn: new(arn), IsDefault: new(false)})
	}
	// The default one comes first.
	key := func(c model.Certificate) string {
		if *c.IsDefault {
			return "0" + *c.CertificateArn
		}
		return "1" + *c.CertificateArn
	}
	list, next, err := page(list, key, in.Marker, in.PageSize)
	return &model.DescribeListenerCertificatesOutput{Certificates: list, NextMarker: next}, err
}
