package ec2

import (
	"context"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
)

func (a *API) endpointConnectionOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("DescribeVpcEndpointConnections", a.describeEndpointConnections),
		protocol.Op("AcceptVpcEndpointConnections", a.acceptEndpointConnections),
		protocol.Op("RejectVpcEndpointConnections", a.rejectEndpointConnections),
	}
}

func (a *API) acceptEndpointConnections(ctx context.Context, call *protocol.Call, in *model.AcceptVpcEndpointConnectionsRequest) (*model.AcceptVpcEndpointConnectionsResult, error) {
	failed, err := do(ctx, a, call, privatelink.AcceptConnections{ServiceID: val(in.ServiceId), EndpointIDs: in.VpcEndpointIds})
	return &model.AcceptVpcEndpointConnectionsResult{Unsuccessful: unsuccessful(failed)}, err
}

func (a *API) rejectEndpointConnections(ctx context.Context, call *protocol.Call, in *model.RejectVpcEndpointConnectionsRequest) (*model.RejectVpcEndpointConnectionsResult, error) {
	failed, err := do(ctx, a, call, privatelink.RejectConnections{ServiceID: val(in.ServiceId), EndpointIDs: in.VpcEndpointIds})
	return &model.RejectVpcEndpointConnectionsResult{Unsuccessful: unsuccessful(failed)}, err
}

// connectionFields are the filters of DescribeVpcEndpointConnections; AWS
// refuses any other, vpc-endpoint-id too, with a code of its own.
func connectionFields() filterFields[privatelink.Endpoint] {
	type endpoint = privatelink.Endpoint
	return filterFields[endpoint]{
		"service-id":          one(func(e endpoint) string { return e.ServiceID }),
		"vpc-endpoint-owner":  one(func(e endpoint) string { return e.Account }),
		"vpc-endpoint-region": one(func(e endpoint) string { return e.Region }),
		"vpc-endpoint-state":  one(func(e endpoint) string { return string(e.State) }),
		"ip-address-type":     one(func(e endpoint) string { return e.IPAddressType }),
	}
}

// describeEndpointConnections is the provider's view of the endpoints that
// connect to its services.
func (a *API) describeEndpointConnections(_ context.Context, call *protocol.Call, in *model.DescribeVpcEndpointConnectionsRequest) (*model.DescribeVpcEndpointConnectionsResult, error) {
	fields := connectionFields()
	for _, f := range in.Filters {
		name := val(f.Name)
		if fields[name] == nil && name != "tag-key" && !strings.HasPrefix(name, "tag:") {
			return nil, cloud.Errorf(cloud.KindInvalid, "filter", "InvalidFilter", "The filter '%s' is invalid", name)
		}
	}
	r := a.engine.Snapshot()
	var list []privatelink.Endpoint
	for s := range privatelink.Services.By(r, privatelink.ByScope, call.Caller.Key()) {
		for e := range privatelink.Endpoints.By(r, privatelink.ByService, s.ID) {
			list = append(list, e)
		}
		for d := range privatelink.Departures.By(r, privatelink.ByService, s.ID) {
			if a.now().Sub(d.At) < privatelink.Lingering {
				list = append(list, d.Endpoint)
			}
		}
	}
	list, err := selectItems(list, in.Filters, fields, connectionTags)
	if err != nil {
		return nil, err
	}
	list, next, err := page(list, func(e privatelink.Endpoint) string { return e.ID }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeVpcEndpointConnectionsResult{NextToken: next}
	for _, e := range list {
		out.VpcEndpointConnections = append(out.VpcEndpointConnections, endpointConnection(r, e))
	}
	return out, nil
}

func endpointConnection(r cloud.Reader, e privatelink.Endpoint) model.VpcEndpointConnection {
	s, _ := privatelink.Services.Get(r, e.ServiceID)
	return model.VpcEndpointConnection{ServiceId: new(e.ServiceID), VpcEndpointId: new(e.ID), VpcEndpointOwner: new(e.Account),
		VpcEndpointRegion: new(e.Region), VpcEndpointState: new(string(e.State)), CreationTimestamp: new(e.CreatedAt),
		DnsEntries: dnsEntries(e.DNSEntries), NetworkLoadBalancerArns: s.LoadBalancerARNs, IpAddressType: new(e.IPAddressType),
		VpcEndpointConnectionId: new(e.ConnectionID), Tags: tagList(e.ConnectionTags)}
}

func connectionTags(e privatelink.Endpoint) cloud.Tags { return e.ConnectionTags }
