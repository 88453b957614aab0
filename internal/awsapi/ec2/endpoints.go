package ec2

import (
	"context"
	"net/netip"
	"slices"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// endpointOperations are the operations of VPC endpoints and endpoint services.
func (a *API) endpointOperations() []protocol.Operation {
	return slices.Concat([]protocol.Operation{
		protocol.Op("CreateVpcEndpoint", a.createVpcEndpoint),
		protocol.Op("ModifyVpcEndpoint", a.modifyVpcEndpoint),
		protocol.Op("DeleteVpcEndpoints", a.deleteVpcEndpoints),
		protocol.Op("DescribeVpcEndpoints", a.describeVpcEndpoints),
	}, a.endpointServiceOperations(), a.endpointConnectionOperations(), a.connectionNotificationOperations())
}

// privateZoneIn reports whether a private hosted zone of that name answers in a
// VPC.
func privateZoneIn(r cloud.Reader, vpcID, domain string) bool {
	for z := range dns.Zones.By(r, dns.ByVPC, vpcID) {
		if z.Private && z.Name == domain+"." {
			return true
		}
	}
	return false
}

func (a *API) createVpcEndpoint(ctx context.Context, call *protocol.Call, in *model.CreateVpcEndpointRequest) (*model.CreateVpcEndpointResult, error) {
	tags, err := tagsFromSpecs(in.TagSpecifications, "vpc-endpoint")
	if err != nil {
		return nil, err
	}
	subnets, err := subnetConfigs(in.SubnetConfigurations)
	if err != nil {
		return nil, err
	}
	record, err := recordType(in.DnsOptions)
	if err != nil {
		return nil, err
	}
	e, err := do(ctx, a, call, privatelink.CreateEndpoint{Type: val(in.VpcEndpointType), VPCID: val(in.VpcId),
		ServiceName: val(in.ServiceName), ServiceRegion: val(in.ServiceRegion), Conflicts: privateZoneIn, SubnetIDs: in.SubnetIds, Subnets: subnets, GroupIDs: in.SecurityGroupIds,
		RouteTableIDs: in.RouteTableIds, IPAddressType: val(in.IpAddressType), DNSRecordType: record,
		PrivateDNS: val(in.PrivateDnsEnabled), DefaultDNS: in.PrivateDnsEnabled == nil, Policy: val(in.PolicyDocument), Tags: tags, ClientToken: val(in.ClientToken)})
	if err != nil {
		return nil, err
	}
	v := vpcEndpoint(a.engine.Snapshot(), e)
	return &model.CreateVpcEndpointResult{VpcEndpoint: &v, ClientToken: in.ClientToken}, nil
}

func subnetConfigs(list []model.SubnetConfiguration) ([]privatelink.SubnetConfig, error) {
	var out []privatelink.SubnetConfig
	for _, c := range list {
		s := privatelink.SubnetConfig{SubnetID: val(c.SubnetId)}
		if s.SubnetID == "" {
			return nil, cloud.Errorf(cloud.KindMissing, "parameter", "MissingParameter", "The request must contain the parameter SubnetConfiguration.SubnetId")
		}
		for _, x := range []struct {
			text *string
			to   *netip.Addr
			is   func(netip.Addr) bool
			name string
		}{{c.Ipv4, &s.IPv4, netip.Addr.Is4, "Ipv4"}, {c.Ipv6, &s.IPv6, netip.Addr.Is6, "Ipv6"}} {
			if val(x.text) == "" {
				continue
			}
			a, err := netip.ParseAddr(*x.text)
			if err != nil || !x.is(a) {
				return nil, invalidValue("SubnetConfiguration."+x.name, *x.text, "It is not an address.")
			}
			*x.to = a
		}
		out = append(out, s)
	}
	return out, nil
}

func recordType(o *model.DnsOptionsSpecification) (string, error) {
	if o == nil {
		return "", nil
	}
	if val(o.PrivateDnsOnlyForInboundResolverEndpoint) {
		return "", unserved("DnsOptions.PrivateDnsOnlyForInboundResolverEndpoint", "true")
	}
	return val(o.DnsRecordIpType), nil
}

func (a *API) modifyVpcEndpoint(ctx context.Context, call *protocol.Call, in *model.ModifyVpcEndpointRequest) (*model.ModifyVpcEndpointResult, error) {
	subnets, err := subnetConfigs(in.SubnetConfigurations)
	if err != nil {
		return nil, err
	}
	record, err := recordType(in.DnsOptions)
	if err != nil {
		return nil, err
	}
	_, err = do(ctx, a, call, privatelink.ModifyEndpoint{ID: val(in.VpcEndpointId), AddSubnets: in.AddSubnetIds,
		RemoveSubnets: in.RemoveSubnetIds, Subnets: subnets, AddGroups: in.AddSecurityGroupIds, RemoveGroups: in.RemoveSecurityGroupIds,
		AddRouteTables: in.AddRouteTableIds, RemoveRoute: in.RemoveRouteTableIds, IPAddressType: val(in.IpAddressType),
		DNSRecordType: record, PrivateDNS: in.PrivateDnsEnabled, Conflicts: privateZoneIn, Policy: val(in.PolicyDocument), ResetPolicy: val(in.ResetPolicy)})
	return &model.ModifyVpcEndpointResult{Return: new(true)}, err
}

func (a *API) deleteVpcEndpoints(ctx context.Context, call *protocol.Call, in *model.DeleteVpcEndpointsRequest) (*model.DeleteVpcEndpointsResult, error) {
	failed, err := do(ctx, a, call, privatelink.DeleteEndpoints{IDs: in.VpcEndpointIds})
	return &model.DeleteVpcEndpointsResult{Unsuccessful: unsuccessful(failed)}, err
}

func unsuccessful(list []privatelink.Unsuccessful) []model.UnsuccessfulItem {
	var out []model.UnsuccessfulItem
	for _, u := range list {
		out = append(out, model.UnsuccessfulItem{ResourceId: new(u.ID),
			Error: &model.UnsuccessfulItemError{Code: new(u.Code), Message: new(u.Message)}})
	}
	return out
}

func (a *API) describeVpcEndpoints(_ context.Context, call *protocol.Call, in *model.DescribeVpcEndpointsRequest) (*model.DescribeVpcEndpointsResult, error) {
	r := a.engine.Snapshot()
	list, next, err := endpointListing().page(r, call.Caller.Scope, in.VpcEndpointIds, in.Filters, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeVpcEndpointsResult{NextToken: next}
	for _, e := range list {
		out.VpcEndpoints = append(out.VpcEndpoints, vpcEndpoint(r, e))
	}
	return out, nil
}

func endpointListing() listing[privatelink.Endpoint] {
	type endpoint = privatelink.Endpoint
	return listing[endpoint]{
		table: privatelink.Endpoints, find: privatelink.FindEndpoint,
		scope:   func(e endpoint) cloud.Scope { return e.Scope },
		key:     func(e endpoint) string { return e.ID },
		tags:    func(e endpoint) cloud.Tags { return e.Tags },
		indexed: []indexedFilter{{"vpc-id", privatelink.ByVPC}},
		fields: filterFields[endpoint]{
			"vpc-id":             one(func(e endpoint) string { return e.VPCID }),
			"service-name":       one(func(e endpoint) string { return e.ServiceName }),
			"service-region":     one(func(e endpoint) string { return e.ServiceRegion }),
			"vpc-endpoint-id":    one(func(e endpoint) string { return e.ID }),
			"vpc-endpoint-state": one(func(e endpoint) string { return string(e.State) }),
			"vpc-endpoint-type":  one(func(e endpoint) string { return e.Type }),
			"ip-address-type":    one(func(e endpoint) string { return e.IPAddressType }),
		},
	}
}

func vpcEndpoint(r cloud.Reader, e privatelink.Endpoint) model.VpcEndpoint {
	v := model.VpcEndpoint{
		VpcEndpointId: new(e.ID), VpcEndpointType: new(e.Type), VpcId: new(e.VPCID), ServiceName: new(e.ServiceName),
		ServiceRegion: text(e.ServiceRegion), State: new(string(e.State)), PolicyDocument: text(e.Policy), SubnetIds: e.SubnetIDs,
		RouteTableIds: e.RouteTableIDs(r), IpAddressType: text(e.IPAddressType),
		PrivateDnsEnabled: new(e.PrivateDNS), RequesterManaged: new(false), DnsEntries: dnsEntries(e.DNSEntries),
		CreationTimestamp: new(e.CreatedAt), OwnerId: new(e.Account), Tags: tagList(e.Tags),
	}
	if e.DNSRecordType != "" {
		v.DnsOptions = &model.DnsOptions{DnsRecordIpType: new(e.DNSRecordType)}
	}
	for _, i := range e.Interfaces {
		v.NetworkInterfaceIds = append(v.NetworkInterfaceIds, i.InterfaceID)
	}
	for _, id := range e.GroupIDs {
		g, _ := vpc.SecurityGroups.Get(r, id)
		v.Groups = append(v.Groups, model.SecurityGroupIdentifier{GroupId: new(id), GroupName: text(g.Name)})
	}
	if e.LastError != "" {
		v.LastError = &model.LastError{Message: new(e.LastError)}
	}
	return v
}

func dnsEntries(list []privatelink.DNSEntry) []model.DnsEntry {
	var out []model.DnsEntry
	for _, d := range list {
		out = append(out, model.DnsEntry{DnsName: new(d.Name), HostedZoneId: new(d.HostedZoneID)})
	}
	return out
}
