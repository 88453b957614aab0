package ec2

import (
	"strings"
	"testing"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
)

// endpointTest is a provider with a service, and a consumer of another account
// with a subnet.
type endpointTest struct {
	provider, consumer *netTest
	service            *model.ServiceConfiguration
	request            model.CreateVpcEndpointRequest
}

func newEndpointTest(t *testing.T) *endpointTest {
	t.Helper()
	p := newNetTest(t)
	c, call := *p, *p.call
	call.Caller.Account, call.Caller.PrincipalARN = "444455556666", "arn:aws:iam::444455556666:root"
	c.call = &call
	x := &endpointTest{provider: p, consumer: &c}
	_, subnet := p.network()
	lb := apply(p, p.call.Caller, elb.CreateLoadBalancer{Name: "nlb", Type: "network", Scheme: "internal", Subnets: elb.Mappings([]string{subnet})})
	x.service = ok(p, p.createEndpointService, model.CreateVpcEndpointServiceConfigurationRequest{
		NetworkLoadBalancerArns: []string{lb.ARN}, TagSpecifications: named("vpc-endpoint-service", "svc")}).ServiceConfiguration
	v, subnet := c.network()
	x.request = model.CreateVpcEndpointRequest{VpcId: &v, ServiceName: x.service.ServiceName, VpcEndpointType: new("Interface"),
		SubnetIds: []string{subnet}, ClientToken: new("once")}
	return x
}

// network makes a VPC with a subnet in the region's first zone.
func (n *netTest) network() (vpcID, subnetID string) {
	n.Helper()
	v := n.vpc("net").VpcId
	s := ok(n, n.createSubnet, model.CreateSubnetRequest{VpcId: v, CidrBlock: new("10.0.0.0/24"),
		AvailabilityZone: new(cloud.Zones(n.call.Caller.Region)[0].Name)})
	return *v, *s.Subnet.SubnetId
}

// apply runs a command of another service's API, or of the reconciler.
func apply[R any](n *netTest, who cloud.Caller, c cloud.Command[R]) R {
	n.Helper()
	var r R
	if err := n.engine.Run(n.Context(), who, func(tx *cloud.Tx) (err error) {
		r, err = c.Apply(tx)
		return err
	}); err != nil {
		n.Fatal(err)
	}
	return r
}

func TestEndpointServiceHandlers(t *testing.T) {
	x := newEndpointTest(t)
	p, c, s := x.provider, x.consumer, x.service
	if *s.ServiceState != "Available" || !*s.AcceptanceRequired || *s.ServiceType[0].ServiceType != "Interface" || len(s.Tags) != 1 ||
		len(s.AvailabilityZones) != 1 || s.BaseEndpointDnsNames[0] != *s.ServiceId+".ap-northeast-1.vpce.amazonaws.com" {
		t.Errorf("service %+v", s)
	}
	fails(p, "InvalidParameter", p.modifyEndpointService, model.ModifyVpcEndpointServiceConfigurationRequest{
		ServiceId: s.ServiceId, PrivateDnsName: new("X.example.com")})
	fails(p, "InvalidParameter", p.modifyEndpointService, model.ModifyVpcEndpointServiceConfigurationRequest{
		ServiceId: s.ServiceId, AddSupportedRegions: []string{"moon-east-1"}})
	fails(p, "InvalidVpcEndpointServiceId.NotFound", p.describeEndpointServiceConfigurations,
		model.DescribeVpcEndpointServiceConfigurationsRequest{ServiceIds: []string{"vpce-svc-0"}})
	ok(p, p.modifyEndpointService, model.ModifyVpcEndpointServiceConfigurationRequest{ServiceId: s.ServiceId, AcceptanceRequired: new(false)})
	got := ok(p, p.describeEndpointServiceConfigurations, model.DescribeVpcEndpointServiceConfigurationsRequest{Filters: where("service-name", *s.ServiceName)})
	if len(got.ServiceConfigurations) != 1 || *got.ServiceConfigurations[0].AcceptanceRequired {
		t.Errorf("services %+v", got)
	}

	named := model.DescribeVpcEndpointServicesRequest{ServiceNames: []string{*s.ServiceName}}
	fails(c, "InvalidServiceName", c.describeEndpointServices, named)
	fails(c, "InvalidServiceName", c.createVpcEndpoint, x.request)
	added := ok(p, p.modifyEndpointServicePermissions, model.ModifyVpcEndpointServicePermissionsRequest{ServiceId: s.ServiceId,
		AddAllowedPrincipals: []string{"arn:aws:iam::444455556666:root"}})
	if len(added.AddedPrincipals) != 1 || !strings.HasPrefix(*added.AddedPrincipals[0].ServicePermissionId, "vpce-svc-perm-") {
		t.Errorf("added %+v", added)
	}
	list := ok(p, p.describeEndpointServicePermissions, model.DescribeVpcEndpointServicePermissionsRequest{ServiceId: s.ServiceId,
		Filters: where("principal-type", "Account")})
	if len(list.AllowedPrincipals) != 1 || *list.AllowedPrincipals[0].PrincipalType != "Account" {
		t.Errorf("principals %+v", list)
	}
	if d := ok(c, c.describeEndpointServices, named); len(d.ServiceDetails) != 1 || d.ServiceDetails[0].Tags != nil || *d.ServiceDetails[0].Owner != "111122223333" {
		t.Errorf("the consumer sees %+v", d)
	}
}

func TestEndpointHandlers(t *testing.T) {
	x := newEndpointTest(t)
	p, c, s := x.provider, x.consumer, x.service
	ok(p, p.modifyEndpointServicePermissions, model.ModifyVpcEndpointServicePermissionsRequest{ServiceId: s.ServiceId, AddAllowedPrincipals: []string{"*"}})
	made := ok(c, c.createVpcEndpoint, x.request)
	e := made.VpcEndpoint
	if *made.ClientToken != "once" || *e.State != "pendingAcceptance" || len(e.NetworkInterfaceIds) != 1 || len(e.DnsEntries) != 2 ||
		*e.OwnerId != "444455556666" || *e.Groups[0].GroupName != "default" || *e.DnsOptions.DnsRecordIpType != "ipv4" {
		t.Errorf("endpoint %+v", e)
	}
	state := func() string {
		got := ok(c, c.describeVpcEndpoints, model.DescribeVpcEndpointsRequest{VpcEndpointIds: []string{*e.VpcEndpointId}})
		return *got.VpcEndpoints[0].State
	}
	ok(p, p.acceptEndpointConnections, model.AcceptVpcEndpointConnectionsRequest{ServiceId: s.ServiceId, VpcEndpointIds: []string{*e.VpcEndpointId}})
	apply(p, cloud.Caller{Internal: true}, privatelink.ReportAvailable{ID: *e.VpcEndpointId})
	if got := state(); got != "available" {
		t.Errorf("state %s", got)
	}
	connections := ok(p, p.describeEndpointConnections, model.DescribeVpcEndpointConnectionsRequest{Filters: where("vpc-endpoint-state", "available")})
	if len(connections.VpcEndpointConnections) != 1 || *connections.VpcEndpointConnections[0].VpcEndpointOwner != "444455556666" {
		t.Errorf("connections %+v", connections)
	}
	fails(p, "InvalidFilter", p.describeEndpointConnections, model.DescribeVpcEndpointConnectionsRequest{Filters: where("vpc-endpoint-id", "x")})
	if got := ok(c, c.describeEndpointConnections, model.DescribeVpcEndpointConnectionsRequest{}); len(got.VpcEndpointConnections) != 0 {
		t.Errorf("the consumer sees connections %+v", got)
	}
	ok(c, c.modifyVpcEndpoint, model.ModifyVpcEndpointRequest{VpcEndpointId: e.VpcEndpointId, ResetPolicy: new(true)})
	if got := state(); got != "pending" {
		t.Errorf("state %s after a modification", got)
	}
	fails(c, "InvalidServiceName", c.createVpcEndpoint, model.CreateVpcEndpointRequest{VpcId: e.VpcId, ServiceName: s.ServiceName, ServiceRegion: new("us-east-1")})
	blocked := ok(p, p.deleteEndpointServices, model.DeleteVpcEndpointServiceConfigurationsRequest{ServiceIds: []string{*s.ServiceId}})
	if len(blocked.Unsuccessful) != 1 || *blocked.Unsuccessful[0].Error.Code != "ExistingVpcEndpointConnections" {
		t.Errorf("unsuccessful %+v", blocked)
	}
	ok(c, c.deleteVpcEndpoints, model.DeleteVpcEndpointsRequest{VpcEndpointIds: []string{*e.VpcEndpointId}})
	if got := state(); got != "deleting" {
		t.Errorf("state %s after deletion", got)
	}
	apply(p, cloud.Caller{Internal: true}, privatelink.ReportDeleted{ID: *e.VpcEndpointId})
	fails(c, "InvalidVpcEndpointId.NotFound", c.describeVpcEndpoints, model.DescribeVpcEndpointsRequest{VpcEndpointIds: []string{*e.VpcEndpointId}})
}
