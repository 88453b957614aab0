package ec2

import (
	"slices"
	"testing"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/amazon"
)

const s3Name = "com.amazonaws.ap-northeast-1.s3"

func TestPrefixLists(t *testing.T) {
	n := newNetTest(t)
	got := ok(n, n.describePrefixLists, model.DescribePrefixListsRequest{Filters: where("prefix-list-name", s3Name)})
	if len(got.PrefixLists) != 1 || len(got.PrefixLists[0].Cidrs) != 1 {
		t.Fatalf("prefix lists: %+v", got)
	}
	id := *got.PrefixLists[0].PrefixListId
	managed := ok(n, n.describeManagedPrefixLists, model.DescribeManagedPrefixListsRequest{PrefixListIds: []string{id}}).PrefixLists
	if len(managed) != 1 || *managed[0].OwnerId != "AWS" || *managed[0].PrefixListArn != "arn:aws:ec2:ap-northeast-1:aws:prefix-list/"+id {
		t.Errorf("managed: %+v", managed)
	}
	entries := ok(n, n.getManagedPrefixListEntries, model.GetManagedPrefixListEntriesRequest{PrefixListId: &id}).Entries
	if len(entries) != 1 || *entries[0].Cidr != got.PrefixLists[0].Cidrs[0] {
		t.Errorf("entries: %+v", entries)
	}
	if all := ok(n, n.describePrefixLists, model.DescribePrefixListsRequest{}).PrefixLists; len(all) != 2 {
		t.Errorf("all: %+v", all)
	}
	fails(n, "InvalidPrefixListID.NotFound", n.getManagedPrefixListEntries, model.GetManagedPrefixListEntriesRequest{PrefixListId: new("pl-1")})
	fails(n, "InvalidPrefixListId.NotFound", n.describePrefixLists, model.DescribePrefixListsRequest{PrefixListIds: []string{"pl-1"}})
}

func TestGatewayEndpoint(t *testing.T) {
	n := newNetTest(t)
	v, _ := n.network()
	table := *ok(n, n.createRouteTable, model.CreateRouteTableRequest{VpcId: &v}).RouteTable.RouteTableId
	request := model.CreateVpcEndpointRequest{VpcId: &v, ServiceName: new(s3Name), RouteTableIds: []string{table}}
	fails(n, "InvalidServiceName", n.createVpcEndpoint, request)
	apply(n, cloud.Caller{Internal: true}, amazon.Map{Service: "s3", URL: "http://127.0.0.1:9000"})

	services := ok(n, n.describeEndpointServices, model.DescribeVpcEndpointServicesRequest{ServiceNames: []string{s3Name}})
	if len(services.ServiceNames) != 1 || len(services.ServiceDetails) != 2 {
		t.Errorf("services: %+v", services)
	}
	services = ok(n, n.describeEndpointServices, model.DescribeVpcEndpointServicesRequest{ServiceNames: []string{s3Name}, Filters: where("service-type", "Gateway")})
	if d := services.ServiceDetails; len(d) != 1 || *d[0].ServiceType[0].ServiceType != "Gateway" || *d[0].Owner != "amazon" || !*d[0].VpcEndpointPolicySupported || d[0].PrivateDnsName != nil {
		t.Errorf("gateway: %+v", d)
	}

	e := ok(n, n.createVpcEndpoint, request).VpcEndpoint
	if *e.VpcEndpointType != "Gateway" || !slices.Equal(e.RouteTableIds, []string{table}) || len(e.DnsEntries)+len(e.NetworkInterfaceIds)+len(e.Groups) != 0 || *e.PrivateDnsEnabled {
		t.Errorf("endpoint: %+v", e)
	}
	list, _ := amazon.PrefixListOf("ap-northeast-1", "s3")
	routes := func() []model.Route {
		return ok(n, n.describeRouteTables, model.DescribeRouteTablesRequest{RouteTableIds: []string{table}}).RouteTables[0].Routes
	}
	if r := routes(); len(r) != 2 || *r[1].DestinationPrefixListId != list.ID || *r[1].GatewayId != *e.VpcEndpointId || r[1].DestinationCidrBlock != nil {
		t.Errorf("routes: %+v", r)
	}
	found := ok(n, n.describeRouteTables, model.DescribeRouteTablesRequest{Filters: where("route.destination-prefix-list-id", list.ID)})
	if len(found.RouteTables) != 1 {
		t.Errorf("filtered: %+v", found)
	}
	fails(n, "RouteAlreadyExists", n.createVpcEndpoint, request)
	fails(n, "InvalidParameterValue", n.deleteRoute, model.DeleteRouteRequest{RouteTableId: &table, DestinationPrefixListId: &list.ID})
	fails(n, "InvalidParameterValue", n.createRoute, model.CreateRouteRequest{RouteTableId: &table, DestinationPrefixListId: &list.ID, GatewayId: e.VpcEndpointId})
	fails(n, "UnsupportedOperation", n.createRoute, model.CreateRouteRequest{RouteTableId: &table, DestinationPrefixListId: &list.ID, NatGatewayId: new("nat-1")})
	fails(n, "InvalidParameter", n.modifyVpcEndpoint, model.ModifyVpcEndpointRequest{VpcEndpointId: e.VpcEndpointId, AddSecurityGroupIds: []string{"sg-1"}})
	ok(n, n.modifyVpcEndpoint, model.ModifyVpcEndpointRequest{VpcEndpointId: e.VpcEndpointId, RemoveRouteTableIds: []string{table}})
	if r := routes(); len(r) != 1 {
		t.Errorf("routes after removal: %+v", r)
	}
	fails(n, "InvalidRouteTableId.NotFound", n.modifyVpcEndpoint, model.ModifyVpcEndpointRequest{VpcEndpointId: e.VpcEndpointId, RemoveRouteTableIds: []string{table}})
	ok(n, n.modifyVpcEndpoint, model.ModifyVpcEndpointRequest{VpcEndpointId: e.VpcEndpointId, AddRouteTableIds: []string{table}})
	ok(n, n.deleteVpcEndpoints, model.DeleteVpcEndpointsRequest{VpcEndpointIds: []string{*e.VpcEndpointId}})
	if r := routes(); len(r) != 1 {
		t.Errorf("routes after deletion: %+v", r)
	}
}
