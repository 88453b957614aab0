package elbv2

import (
	"context"

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
		protocol.Op("AddListenerCertificates", a.addListenerCertificates),
		protocol.Op("RemoveListenerCertificates", a.removeListenerCertificates),
	}
}

func (a *API) createListener(ctx context.Context, call *protocol.Call, in *model.CreateListenerInput) (*model.CreateListenerOutput, error) {
	tls, err := tlsIn(in.SslPolicy, in.Certificates, in.AlpnPolicy, in.MutualAuthentication)
	if err != nil {
		return nil, err
	}
	actions, err := actionsIn(in.DefaultActions)
	if err != nil {
		return nil, err
	}
	tags, err := tagsIn(in.Tags)
	if err != nil {
		return nil, err
	}
	x, err := run(ctx, a, call, elb.CreateListener{LoadBalancerARN: text(in.LoadBalancerArn), Protocol: text(in.Protocol),
		Port: number(in.Port), Action: actions, TLS: tls, Tags: tags})
	if err != nil {
		return nil, err
	}
	return &model.CreateListenerOutput{Listeners: []model.Listener{listenerOut(x)}}, nil
}

func (a *API) modifyListener(ctx context.Context, call *protocol.Call, in *model.ModifyListenerInput) (*model.ModifyListenerOutput, error) {
	tls, err := tlsIn(in.SslPolicy, in.Certificates, in.AlpnPolicy, in.MutualAuthentication)
	if err != nil {
		return nil, err
	}
	actions, err := actionsIn(in.DefaultActions)
	if err != nil {
		return nil, err
	}
	x, err := run(ctx, a, call, elb.ModifyListener{ARN: text(in.ListenerArn), Protocol: text(in.Protocol), Port: number(in.Port),
		Action: actions, TLS: tls})
	if err != nil {
		return nil, err
	}
	return &model.ModifyListenerOutput{Listeners: []model.Listener{listenerOut(x)}}, nil
}

// tlsIn decodes the parameters of listeners that end TLS.
func tlsIn(policy *string, certificates []model.Certificate, alpn []string, mutual *model.MutualAuthenticationAttributes) (elb.TLSParams, error) {
	p := elb.TLSParams{Policy: text(policy), ALPN: alpn}
	var err error
	if p.Certificates, err = certificatesIn(certificates); err != nil || mutual == nil {
		return p, err
	}
	if mutual.TrustStoreAssociationStatus != nil {
		return p, validation("TrustStoreAssociationStatus cannot be specified")
	}
	p.Mutual = &elb.MutualTLS{Mode: text(mutual.Mode), TrustStoreARN: text(mutual.TrustStoreArn),
		IgnoreExpired: truth(mutual.IgnoreClientCertificateExpiry), AdvertiseCAs: text(mutual.AdvertiseTrustStoreCaNames)}
	return p, nil
}

func listenerOut(x elb.Listener) model.Listener {
	application := x.Protocol == "HTTP" || x.Protocol == "HTTPS"
	v := model.Listener{ListenerArn: new(x.ARN), LoadBalancerArn: new(x.LoadBalancerARN), Port: count(x.Port),
		Protocol: new(x.Protocol), DefaultActions: actionsOut(elb.ActionsOf(x), application), SslPolicy: some(x.SSLPolicy)}
	if x.CertificateARN != "" {
		v.Certificates = []model.Certificate{{CertificateArn: new(x.CertificateARN)}}
	}
	if x.ALPN != "" {
		v.AlpnPolicy = []string{x.ALPN}
	}
	if x.Protocol == "HTTPS" {
		v.MutualAuthentication = mutualOut(x.Mutual)
	}
	return v
}

func mutualOut(m *elb.MutualTLS) *model.MutualAuthenticationAttributes {
	if m == nil {
		return &model.MutualAuthenticationAttributes{Mode: new("off")}
	}
	if m.Mode != "verify" {
		return &model.MutualAuthenticationAttributes{Mode: new(m.Mode)}
	}
	return &model.MutualAuthenticationAttributes{Mode: new(m.Mode), TrustStoreArn: some(m.TrustStoreARN),
		IgnoreClientCertificateExpiry: new(m.IgnoreExpired), AdvertiseTrustStoreCaNames: some(m.AdvertiseCAs)}
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
