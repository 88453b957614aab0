package reconcile

import (
	"slices"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
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
