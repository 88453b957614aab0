package privatelink

import (
	"slices"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud/elb"
)

func TestService(t *testing.T) {
	w := newWorld(t)
	c := CreateService{LoadBalancerARNs: []string{w.lb}, ClientToken: "once"}
	s := must(w, provider, c)
	if s.Name != "com.amazonaws.vpce.ap-northeast-1."+s.ID || s.State != "Available" ||
		!slices.Equal(s.ZoneNames(w.db.Snapshot(), provider.Account), []string{"ap-northeast-1a", "ap-northeast-1c"}) || !slices.Equal(s.SupportedIPTypes, []string{"ipv4"}) {
		t.Errorf("got %+v", s)
	}
	if again := must(w, provider, c); again.ID != s.ID {
		t.Error("the same token made another service")
	}
	c.AcceptanceRequired = true
	_, err := try(w, provider, c)
	refused(t, err, "IdempotentParameterMismatch", "")
	_, err = try(w, provider, CreateService{LoadBalancerARNs: []string{w.lb}})
	refused(t, err, "InvalidParameter", "already associated")
	_, err = try(w, provider, elb.DeleteLoadBalancer{ARN: w.lb})
	refused(t, err, "ResourceInUse", "currently associated with another service")
	_, err = try(w, consumer, CreateService{LoadBalancerARNs: []string{w.lb}})
	refused(t, err, "InvalidParameter", "does not exist")
	_, err = try(w, provider, CreateService{})
	refused(t, err, "InvalidParameter", "exactly one of")
	_, err = try(w, provider, ModifyService{ID: s.ID, AddIPTypes: []string{"ipv6"}})
	refused(t, err, "InvalidParameter", "dualstack")
	_, err = try(w, consumer, ModifyService{ID: s.ID})
	refused(t, err, "InvalidVpcEndpointServiceId.NotFound", "does not exist")

	if failed := must(w, provider, DeleteServices{IDs: []string{s.ID, "vpce-svc-x"}}); len(failed) != 1 ||
		failed[0].Code != "InvalidVpcEndpointService.NotFound" {
		t.Errorf("failed %+v", failed)
	}
	must(w, provider, elb.DeleteLoadBalancer{ARN: w.lb})
}

func TestServiceZonesAreRefreshedOnModify(t *testing.T) {
	w := newWorld(t)
	s := w.open(false)
	must(w, provider, elb.SetSubnets{ARN: w.lb, Subnets: elb.Mappings([]string{"p-a", "p-c", "p-d"})})
	if s, _ = Services.Get(w.db.Snapshot(), s.ID); len(s.ZoneIDs) != 2 {
		t.Errorf("zones %v before a modification", s.ZoneIDs)
	}
	must(w, provider, ModifyService{ID: s.ID})
	if s, _ = Services.Get(w.db.Snapshot(), s.ID); len(s.ZoneIDs) != 3 {
		t.Errorf("zones %v after it", s.ZoneIDs)
	}
}

func TestServiceLoadBalancers(t *testing.T) {
	w := newWorld(t)
	s := w.open(false)
	second := w.balancer("second", "p-d").ARN
	_, err := try(w, provider, ModifyService{ID: s.ID, RemoveLoadBalancers: []string{w.lb}})
	refused(t, err, "InvalidParameter", "At least one load balancer")
	must(w, provider, ModifyService{ID: s.ID, AddLoadBalancers: []string{second}})
	e := must(w, consumer, interfaceEndpoint(s, "c-a", "c-d"))
	if e.Interfaces[0].LoadBalancerARN != w.lb || e.Interfaces[1].LoadBalancerARN != second {
		t.Errorf("pinned to %+v", e.Interfaces)
	}
	_, err = try(w, provider, ModifyService{ID: s.ID, RemoveLoadBalancers: []string{second}})
	refused(t, err, "ExistingVpcEndpointConnections", "existing active VPC Endpoint connections!")
	_, err = try(w, provider, elb.SetSubnets{ARN: w.lb, Subnets: elb.Mappings([]string{"p-c"}), InUse: ZoneInUse})
	refused(t, err, "InvalidConfigurationRequest", "active VPC endpoint associations")
	must(w, provider, elb.SetSubnets{ARN: w.lb, Subnets: elb.Mappings([]string{"p-a"}), InUse: ZoneInUse})
	must(w, consumer, DeleteEndpoints{IDs: []string{e.ID}})
	must(w, provider, ModifyService{ID: s.ID, RemoveLoadBalancers: []string{second}})
	must(w, provider, elb.DeleteLoadBalancer{ARN: second})
}

func TestPermissions(t *testing.T) {
	w := newWorld(t)
	s := must(w, provider, CreateService{LoadBalancerARNs: []string{w.lb}})
	seen := func() bool { return len(Visible(w.db.Snapshot(), consumer)) == 1 }
	if seen() || len(Visible(w.db.Snapshot(), provider)) != 1 {
		t.Error("wrong without permissions")
	}
	_, err := try(w, consumer, interfaceEndpoint(s, "c-a"))
	refused(t, err, "InvalidServiceName", "The Vpc Endpoint Service '"+s.Name+"' does not exist")
	for arn, want := range map[string]struct {
		kind  string
		reach bool
	}{
		"*":                                  {"All", true},
		"arn:aws:iam::222222222222:root":     {"Account", true},
		"arn:aws:iam::222222222222:role/dev": {"Role", true},
		"arn:aws:iam::222222222222:role/ops": {"Role", false},
		"arn:aws:iam::333333333333:user/x":   {"User", false},
		"vpce.amazonaws.com":                 {"Service", false},
	} {
		added := must(w, provider, ModifyPermissions{ServiceID: s.ID, Add: []string{arn}})
		if len(added) != 1 || added[0].Type != want.kind || seen() != want.reach {
			t.Errorf("%s: added %+v, seen %v", arn, added, seen())
		}
		must(w, provider, ModifyPermissions{ServiceID: s.ID, Remove: []string{arn}})
		if seen() {
			t.Errorf("%s: still seen", arn)
		}
	}
	_, err = try(w, provider, ModifyPermissions{ServiceID: s.ID, Add: []string{"222222222222"}})
	refused(t, err, "InvalidPrincipal", "222222222222")
}
