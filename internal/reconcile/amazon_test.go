package reconcile

import (
	"slices"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/amazon"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/plan/plantest"
	"github.com/musubi-net/musubi/internal/spec"
)

// TestEndpointOfAmazon: an endpoint to one of AWS's own services ends in the
// fabric, which goes on answering at its address until it is deleted.
func TestEndpointOfAmazon(t *testing.T) {
	l := newLab(t, plantest.Seed)
	change := func(f func(e *privatelink.Endpoint)) {
		l.do(func(tx *cloud.Tx) {
			e, _ := privatelink.Endpoints.Get(tx, "vpce-1")
			e.Interfaces = slices.Clone(e.Interfaces)
			f(&e)
			privatelink.Endpoints.Put(tx, e)
		})
	}
	change(func(e *privatelink.Endpoint) { e.Amazon, e.Interfaces[0].LoadBalancerARN = "ec2", "" })
	l.start()
	vip := spec.EndpointVIP(30)
	if n, ok := spec.EndpointOfVIP(vip); !ok || n != 30 {
		t.Fatalf("%s is the VIP of %d, %v", vip, n, ok)
	}
	l.until("available", func(s *cloud.Snapshot) bool {
		e, _ := privatelink.Endpoints.Get(s, "vpce-1")
		return e.State == privatelink.Available && slices.Contains(l.world.fabric.Local, vip) && len(l.world.fabric.Routes) == 1 &&
			l.world.vpcs["vpc-1"].Endpoints[0].Open
	})
	change(func(e *privatelink.Endpoint) { e.State = privatelink.Deleting })
	l.until("gone", func(s *cloud.Snapshot) bool {
		_, left := privatelink.Endpoints.Get(s, "vpce-1")
		return !left && len(l.world.fabric.Local) == 0 && len(l.world.vpcs["vpc-1"].Endpoints) == 0
	})
}

// TestGatewayEndpointOfAmazon: a gateway endpoint is available when its route
// tables lead to it, and gone when nothing does.
func TestGatewayEndpointOfAmazon(t *testing.T) {
	l := newLab(t, plantest.Seed)
	list, _ := amazon.PrefixListOf(plantest.Scope.Region, "s3")
	route := func(tx *cloud.Tx, add bool) {
		v, _ := vpc.VPCs.Get(tx, "vpc-1")
		table, _ := vpc.RouteTables.Get(tx, v.MainRouteTableID)
		table.Routes = slices.DeleteFunc(slices.Clone(table.Routes), func(r vpc.Route) bool { return r.PrefixListID != "" })
		if add {
			table.Routes = append(table.Routes, vpc.Route{PrefixListID: list.ID, GatewayID: "vpce-gw", State: vpc.RouteActive})
		}
		vpc.RouteTables.Put(tx, table)
	}
	l.do(func(tx *cloud.Tx) {
		privatelink.Endpoints.Put(tx, privatelink.Endpoint{ID: "vpce-gw", Scope: plantest.Scope, Type: privatelink.TypeGateway, VPCID: "vpc-1",
			Amazon: "s3", ServiceRegion: plantest.Scope.Region, State: privatelink.Pending, Number: 77})
		route(tx, true)
	})
	l.start()
	vip := spec.EndpointVIP(77)
	l.until("available", func(s *cloud.Snapshot) bool {
		e, _ := privatelink.Endpoints.Get(s, "vpce-gw")
		return e.State == privatelink.Available && slices.Contains(l.world.fabric.Local, vip) && len(l.world.vpcs["vpc-1"].Gateways) == 1
	})
	l.do(func(tx *cloud.Tx) {
		e, _ := privatelink.Endpoints.Get(tx, "vpce-gw")
		e.State = privatelink.Deleting
		privatelink.Endpoints.Put(tx, e)
		route(tx, false)
	})
	l.until("gone", func(s *cloud.Snapshot) bool {
		_, left := privatelink.Endpoints.Get(s, "vpce-gw")
		return !left && !slices.Contains(l.world.fabric.Local, vip) && len(l.world.vpcs["vpc-1"].Gateways) == 0
	})
}
