package ec2

import (
	"context"
	"slices"
	"strings"

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
		protocol.Op("StartVpcEndpointServicePrivateDnsVerification", a.startPrivateDNSVerification),
	}
}

// noGateways refuses gateway load balancers, which do not exist here.
func noGateways(arns []string) error {
	if len(arns) > 0 {
		return unserved("GatewayLoadBalancerArn", arns[0])
	}
	return nil
}

func (a *API) createEndpointService(ctx context.Context, call *protocol.Call, in *model.CreateVpcEndpointServiceConfigurationRequest) (*model.CreateVpcEndpointServiceConfigurationResult, error) {
	if err := noGateways(in.GatewayLoadBalancerArns); err != nil {
		return nil, err
	}
	tags, err := tagsFromSpecs(in.TagSpecifications, "vpc-endpoint-service")
	if err != nil {
		return nil, err
	}
	s, err := do(ctx, a, call, privatelink.CreateService{AcceptanceRequired: in.AcceptanceRequired == nil || *in.AcceptanceRequired,
		LoadBalancerARNs: in.NetworkLoadBalancerArns, SupportedIPTypes: in.SupportedIpAddressTypes,
		SupportedRegions: in.SupportedRegions, PrivateDNSName: val(in.PrivateDnsName), Tags: tags, ClientToken: val(in.ClientToken)})
	if err != nil {
		return nil, err
	}
	v := serviceConfiguration(a.engine.Snapshot(), s)
	return &model.CreateVpcEndpointServiceConfigurationResult{ServiceConfiguration: &v, ClientToken: in.ClientToken}, nil
}

func (a *API) modifyEndpointService(ctx context.Context, call *protocol.Call, in *model.ModifyVpcEndpointServiceConfigurationRequest) (*model.ModifyVpcEndpointServiceConfigurationResult, error) {
	if err := noGateways(slices.Concat(in.AddGatewayLoadBalancerArns, in.RemoveGatewayLoadBalancerArns)); err != nil {
		return nil, err
	}
	_, err := do(ctx, a, call, privatelink.ModifyService{ID: val(in.ServiceId), AcceptanceRequired: in.AcceptanceRequired,
		AddLoadBalancers: in.AddNetworkLoadBalancerArns, RemoveLoadBalancers: in.RemoveNetworkLoadBalancerArns,
		AddIPTypes: in.AddSupportedIpAddressTypes, RemoveIPTypes: in.RemoveSupportedIpAddressTypes,
		AddRegions: in.AddSupportedRegions, RemoveRegions: in.RemoveSupportedRegions, PrivateDNSName: val(in.PrivateDnsName),
		RemovePrivateDNS: val(in.RemovePrivateDnsName)})
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
	r := a.engine.Snapshot()
	list, next, err := l.page(r, call.Caller.Scope, in.ServiceIds, in.Filters, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeVpcEndpointServiceConfigurationsResult{NextToken: next}
	for _, s := range list {
		out.ServiceConfigurations = append(out.ServiceConfigurations, serviceConfiguration(r, s))
	}
	return out, nil
}

func serviceConfiguration(r cloud.Reader, s privatelink.Service) model.ServiceConfiguration {
	v := model.ServiceConfiguration{
		ServiceId: new(s.ID), ServiceName: new(s.Name), ServiceState: new(s.State),
		ServiceType:       []model.ServiceTypeDetail{{ServiceType: new("Interface")}},
		AvailabilityZones: s.ZoneNames(r, s.Account), AvailabilityZoneIds: s.ZoneIDs, AcceptanceRequired: new(s.AcceptanceRequired),
		ManagesVpcEndpoints: new(false), NetworkLoadBalancerArns: s.LoadBalancerARNs, SupportedIpAddressTypes: s.SupportedIPTypes,
		BaseEndpointDnsNames: []string{s.BaseDNSName()}, RemoteAccessEnabled: new(len(s.SupportedRegions) > 0), Tags: tagList(s.Tags),
		PrivateDnsName: text(s.PrivateDNS.Name),
	}
	for _, region := range append([]string{s.Region}, s.SupportedRegions...) {
		v.SupportedRegions = append(v.SupportedRegions, model.SupportedRegionDetail{Region: new(region), ServiceState: new("Available")})
	}
	if p := s.PrivateDNS; p.Name != "" {
		v.PrivateDnsNameConfiguration = &model.PrivateDnsNameConfiguration{State: new(string(p.State)), Type: new("TXT"), Value: new(p.Value), Name: new(p.Token)}
	}
	return v
}

func (a *API) startPrivateDNSVerification(ctx context.Context, call *protocol.Call, in *model.StartVpcEndpointServicePrivateDnsVerificationRequest) (*model.StartVpcEndpointServicePrivateDnsVerificationResult, error) {
	_, err := do(ctx, a, call, privatelink.StartVerification{ServiceID: val(in.ServiceId)})
	return &model.StartVpcEndpointServicePrivateDnsVerificationResult{ReturnValue: new(true)}, err
}

func (a *API) describeEndpointServicePermissions(_ context.Context, call *protocol.Call, in *model.DescribeVpcEndpointServicePermissionsRequest) (*model.DescribeVpcEndpointServicePermissionsResult, error) {
	s, err := privatelink.FindService(a.engine.Snapshot(), call.Caller.Scope, val(in.ServiceId))
	if err != nil {
		return nil, err
	}
	for _, f := range in.Filters {
		for _, v := range f.Values {
			if val(f.Name) == "principal" && strings.Contains(v, ":") {
				return nil, cloud.Errorf(cloud.KindInvalid, "filter", "InvalidFilter", "The filter value '%s' contains unsupported characters", v)
			}
		}
	}
	type principal = privatelink.AllowedPrincipal
	list, err := selectItems(s.AllowedPrincipals, in.Filters, filterFields[principal]{
		"principal":      one(func(p principal) string { return p.ARN }),
		"principal-type": one(func(p principal) string { return p.Type }),
	}, func(p principal) cloud.Tags { return p.Tags })
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
			ServiceId: new(s.ID), ServicePermissionId: new(p.PermissionID), Tags: tagList(p.Tags)})
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
	for _, region := range in.ServiceRegions {
		if !slices.Contains(cloud.Regions(), region) {
			return nil, invalidValue("ServiceRegion", region, "It is not a Region.")
		}
	}
	r := a.engine.Snapshot()
	type service = privatelink.Service
	list, err := namedServices(privatelink.Offered(r, call.Caller, in.ServiceRegions...), in.ServiceNames)
	if err != nil {
		return nil, err
	}
	list, err = selectItems(list, in.Filters, filterFields[service]{
		"owner":                      one(func(s service) string { return s.Account }),
		"service-name":               one(func(s service) string { return s.Name }),
		"service-region":             one(func(s service) string { return s.Region }),
		"service-type":               one(func(s service) string { return s.EndpointType() }),
		"supported-ip-address-types": func(s service) []string { return s.SupportedIPTypes },
	}, func(s service) cloud.Tags { return s.Tags })
	if err != nil {
		return nil, err
	}
	list, next, err := page(list, func(s service) string { return s.Name + " " + s.EndpointType() }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeVpcEndpointServicesResult{NextToken: next}
	for _, s := range list {
		if !slices.Contains(out.ServiceNames, s.Name) {
			out.ServiceNames = append(out.ServiceNames, s.Name)
		}
		out.ServiceDetails = append(out.ServiceDetails, serviceDetail(r, call.Caller, s))
	}
	return out, nil
}

func namedServices(list []privatelink.Service, names []string) ([]privatelink.Service, error) {
	if len(names) == 0 {
		return list, nil
	}
	byName := map[string][]privatelink.Service{}
	for _, s := range list {
		byName[s.Name] = append(byName[s.Name], s)
	}
	var out []privatelink.Service
	for _, n := range names {
		found := byName[n]
		if found == nil {
			return nil, cloud.Errorf(cloud.KindNotFound, "vpc-endpoint-service", "InvalidServiceName", "The Vpc Endpoint Service '%s' does not exist", n)
		}
		out = append(out, found...)
	}
	return out, nil
}

func serviceDetail(r cloud.Reader, c cloud.Caller, s privatelink.Service) model.ServiceDetail {
	v := model.ServiceDetail{
		ServiceId: new(s.ID), ServiceName: new(s.Name), ServiceRegion: new(s.Region), Owner: new(s.Account),
		ServiceType:       []model.ServiceTypeDetail{{ServiceType: new(s.EndpointType())}},
		AvailabilityZones: s.ZoneNames(r, c.Account), AvailabilityZoneIds: s.ZoneIDs, AcceptanceRequired: new(s.AcceptanceRequired),
		ManagesVpcEndpoints: new(false), VpcEndpointPolicySupported: new(s.Amazon != ""), SupportedIpAddressTypes: s.SupportedIPTypes,
		BaseEndpointDnsNames: []string{s.BaseDNSName()},
	}
	if p := s.PrivateDNS; p.Name != "" {
		v.PrivateDnsName, v.PrivateDnsNameVerificationState = new(p.Name), new(string(p.State))
		for _, name := range s.PrivateNames() {
			v.PrivateDnsNames = append(v.PrivateDnsNames, model.PrivateDnsDetails{PrivateDnsName: new(name)})
		}
	}
	if s.Account == c.Account {
		v.Tags = tagList(s.Tags)
	}
	return v
}
