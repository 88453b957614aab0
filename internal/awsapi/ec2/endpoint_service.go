package ec2

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
)

func (a *API) endpointServiceOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateVpcEndpointServiceConfiguration", a.createEndpointService),
		protocol.Op("ModifyVpcEndpointServiceConfiguration", a.modifyEndpointService),
		protocol.Op("DeleteVpcEndpointServiceConfigurations", a.deleteEndpointServices),
		protocol.Op("DescribeVpcEndpointServiceConfigurations", a.describeEndpointServiceConfigurations),
		protocol.Op("DescribeVpcEndpointServicePermissions", a.describeEndpointServicePermissions),
		protocol.Op("ModifyVpcEndpointServicePermissions", a.modifyEndpointServicePermissions),
		protocol.Op("DescribeVpcEndpointServices", a.describeEndpointServices),
	}
}

// serviceLimits refuses what a service can have on AWS and not here.
func serviceLimits(region, privateName string, gateways []string, regions ...[]string) error {
	if privateName != "" {
		return unserved("PrivateDnsName", privateName)
	}
	if len(gateways) > 0 {
		return unserved("GatewayLoadBalancerArn", gateways[0])
	}
	for _, list := range regions {
		for _, r := range list {
			if r != region {
				return unserved("SupportedRegion", r)
			}
		}
	}
	return nil
}

func (a *API) createEndpointService(ctx context.Context, call *protocol.Call, in *model.CreateVpcEndpointServiceConfigurationRequest) (*model.CreateVpcEndpointServiceConfigurationResult, error) {
	if err := serviceLimits(call.Caller.Region, val(in.PrivateDnsName), in.GatewayLoadBalancerArns, in.SupportedRegions); err != nil {
		return nil, err
	}
	tags, err := tagsFromSpecs(in.TagSpecifications, "vpc-endpoint-service")
	if err != nil {
		return nil, err
	}
	s, err := do(ctx, a, call, privatelink.CreateService{AcceptanceRequired: in.AcceptanceRequired == nil || *in.AcceptanceRequired,
		LoadBalancerARNs: in.NetworkLoadBalancerArns, SupportedIPTypes: in.SupportedIpAddressTypes, Tags: tags, ClientToken: val(in.ClientToken)})
	if err != nil {
		return nil, err
	}
	v := serviceConfiguration(s)
	return &model.CreateVpcEndpointServiceConfigurationResult{ServiceConfiguration: &v, ClientToken: in.ClientToken}, nil
}

func (a *API) modifyEndpointService(ctx context.Context, call *protocol.Call, in *model.ModifyVpcEndpointServiceConfigurationRequest) (*model.ModifyVpcEndpointServiceConfigurationResult, error) {
	if err := serviceLimits(call.Caller.Region, val(in.PrivateDnsName), in.AddGatewayLoadBalancerArns, in.AddSupportedRegions); err != nil {
		return nil, err
	}
	for _, r := range in.RemoveSupportedRegions {
		if r == call.Caller.Region {
			return nil, invalidValue("RemoveSupportedRegion", r, "The Region that hosts the service cannot be removed.")
		}
	}
	_, err := do(ctx, a, call, privatelink.ModifyService{ID: val(in.ServiceId), AcceptanceRequired: in.AcceptanceRequired,
		AddLoadBalancers: in.AddNetworkLoadBalancerArns, RemoveLoadBalancers: in.RemoveNetworkLoadBalancerArns,
		AddIPTypes: in.AddSupportedIpAddressTypes, RemoveIPTypes: in.RemoveSupportedIpAddressTypes})
	return &model.ModifyVpcEndpointServiceConfigurationResult{Return: new(true)}, err
}

func (a *API) deleteEndpointServices(ctx context.Context, call *protocol.Call, in *model.DeleteVpcEndpointServiceConfigurationsRequest) (*model.DeleteVpcEndpointServiceConfigurationsResult, error) {
	failed, err := do(ctx, a, call, privatelink.DeleteServices{IDs: in.ServiceIds})
	return &model.DeleteVpcEndpointServiceConfigurationsResult{Unsuccessful: unsuccessful(failed)}, err
}

func (a *API) describeEndpointServiceConfigurations(_ context.Context, call *protocol.Call, in *model.DescribeVpcEndpointServiceConfigurationsRequest) (*model.DescribeVpcEndpointServiceConfigurationsResult, error) {
	type service = privatelink.Service
	l := listing[service]{
		table: privatelink.Services, find: privatelink.FindService,
		scope: func(s service) cloud.Scope { return s.Scope },
		key:   func(s service) string { return s.ID },
		tags:  func(s service) cloud.Tags { return s.Tags },
		fields: filterFields[service]{
			"service-name":               one(func(s service) string { return s.Name }),
			"service-id":                 one(func(s service) string { return s.ID }),
			"service-state":              one(func(s service) string { return s.State }),
			"supported-ip-address-types": func(s service) []string { return s.SupportedIPTypes },
		},
	}
	list, next, err := l.page(a.engine.Snapshot(), call.Caller.Scope, in.ServiceIds, in.Filters, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeVpcEndpointServiceConfigurationsResult{NextToken: next}
	for _, s := range list {
		out.ServiceConfigurations = append(out.ServiceConfigurations, serviceConfiguration(s))
	}
	return out, nil
}

func serviceConfiguration(s privatelink.Service) model.ServiceConfiguration {
	return model.ServiceConfiguration{
		ServiceId: new(s.ID), ServiceName: new(s.Name), ServiceState: new(s.State),
		ServiceType:       []model.ServiceTypeDetail{{ServiceType: new("Interface")}},
		AvailabilityZones: s.ZoneNames(), AvailabilityZoneIds: s.ZoneIDs, AcceptanceRequired: new(s.AcceptanceRequired),
		ManagesVpcEndpoints: new(false), NetworkLoadBalancerArns: s.LoadBalancerARNs, SupportedIpAddressTypes: s.SupportedIPTypes,
		BaseEndpointDnsNames: []string{s.BaseDNSName()}, RemoteAccessEnabled: new(false), Tags: tagList(s.Tags),
		SupportedRegions: []model.SupportedRegionDetail{{Region: new(s.Region), ServiceState: new("Available")}},
	}
}

func (a *API) describeEndpointServicePermissions(_ context.Context, call *protocol.Call, in *model.DescribeVpcEndpointServicePermissionsRequest) (*model.DescribeVpcEndpointServicePermissionsResult, error) {
	s, err := privatelink.FindService(a.engine.Snapshot(), call.Caller.Scope, val(in.ServiceId))
	if err != nil {
		return nil, err
	}
	type principal = privatelink.AllowedPrincipal
	list, err := selectItems(s.AllowedPrincipals, in.Filters, filterFields[principal]{
		"principal":      one(func(p principal) string { return p.ARN }),
		"principal-type": one(func(p principal) string { return p.Type }),
	}, nil)
	if err != nil {
		return nil, err
	}
	list, next, err := page(list, func(p principal) string { return p.PermissionID }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeVpcEndpointServicePermissionsResult{NextToken: next}
	for _, p := range list {
		out.AllowedPrincipals = append(out.AllowedPrincipals, model.AllowedPrincipal{Principal: new(p.ARN), PrincipalType: new(p.Type),
			ServiceId: new(s.ID), ServicePermissionId: new(p.PermissionID)})
	}
	return out, nil
}

func (a *API) modifyEndpointServicePermissions(ctx context.Context, call *protocol.Call, in *model.ModifyVpcEndpointServicePermissionsRequest) (*model.ModifyVpcEndpointServicePermissionsResult, error) {
	added, err := do(ctx, a, call, privatelink.ModifyPermissions{ServiceID: val(in.ServiceId), Add: in.AddAllowedPrincipals,
		Remove: in.RemoveAllowedPrincipals})
	if err != nil {
		return nil, err
	}
	out := &model.ModifyVpcEndpointServicePermissionsResult{ReturnValue: new(true)}
	for _, p := range added {
		out.AddedPrincipals = append(out.AddedPrincipals, model.AddedPrincipal{Principal: new(p.ARN), PrincipalType: new(p.Type),
			ServiceId: in.ServiceId, ServicePermissionId: new(p.PermissionID)})
	}
	return out, nil
}

// describeEndpointServices is the consumer's view: what it may connect to.
func (a *API) describeEndpointServices(_ context.Context, call *protocol.Call, in *model.DescribeVpcEndpointServicesRequest) (*model.DescribeVpcEndpointServicesResult, error) {
	for _, r := range in.ServiceRegions {
		if r != call.Caller.Region {
			return nil, unserved("ServiceRegion", r)
		}
	}
	type service = privatelink.Service
	list, err := namedServices(privatelink.Visible(a.engine.Snapshot(), call.Caller), in.ServiceNames)
	if err != nil {
		return nil, err
	}
	list, err = selectItems(list, in.Filters, filterFields[service]{
		"owner":                      one(func(s service) string { return s.Account }),
		"service-name":               one(func(s service) string { return s.Name }),
		"service-region":             one(func(s service) string { return s.Region }),
		"service-type":               one(func(service) string { return "Interface" }),
		"supported-ip-address-types": func(s service) []string { return s.SupportedIPTypes },
	}, func(s service) cloud.Tags { return s.Tags })
	if err != nil {
		return nil, err
	}
	list, next, err := page(list, func(s service) string { return s.Name }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeVpcEndpointServicesResult{NextToken: next}
	for _, s := range list {
		out.ServiceNames = append(out.ServiceNames, s.Name)
		out.ServiceDetails = append(out.ServiceDetails, serviceDetail(call.Caller, s))
	}
	return out, nil
}

func namedServices(list []privatelink.Service, names []string) ([]privatelink.Service, error) {
	if len(names) == 0 {
		return list, nil
	}
	byName := map[string]privatelink.Service{}
	for _, s := range list {
		byName[s.Name] = s
	}
	var out []privatelink.Service
	for _, n := range names {
		s, ok := byName[n]
		if !ok {
			return nil, cloud.Errorf(cloud.KindNotFound, "vpc-endpoint-service", "InvalidServiceName", "The Vpc Endpoint Service '%s' does not exist", n)
		}
		out = append(out, s)
	}
	return out, nil
}

func serviceDetail(c cloud.Caller, s privatelink.Service) model.ServiceDetail {
	v := model.ServiceDetail{
		ServiceId: new(s.ID), ServiceName: new(s.Name), ServiceRegion: new(s.Region), Owner: new(s.Account),
		ServiceType:       []model.ServiceTypeDetail{{ServiceType: new("Interface")}},
		AvailabilityZones: s.ZoneNames(), AvailabilityZoneIds: s.ZoneIDs, AcceptanceRequired: new(s.AcceptanceRequired),
		ManagesVpcEndpoints: new(false), VpcEndpointPolicySupported: new(false), SupportedIpAddressTypes: s.SupportedIPTypes,
		BaseEndpointDnsNames: []string{s.BaseDNSName()},
	}
	if s.Account == c.Account {
		v.Tags = tagList(s.Tags)
	}
	return v
}
