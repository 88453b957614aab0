package privatelink

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func TestEndpoint(t *testing.T) {
	w := newWorld(t)
	s := w.open(false)
	c := interfaceEndpoint(s, "c-a", "c-c")
	c.ClientToken = "once"
	e := must(w, consumer, c)
	base := "." + s.ID + ".ap-northeast-1.vpce.amazonaws.com"
	stem := e.ID + "-" + e.Suffix
	want := []DNSEntry{{stem + base, "Z2E726K9Y6RL4W"}, {stem + "-ap-northeast-1a" + base, "Z2E726K9Y6RL4W"}, {stem + "-ap-northeast-1c" + base, "Z2E726K9Y6RL4W"}}
	if e.State != Pending || !slices.Equal(e.DNSEntries, want) || e.Policy != DefaultPolicy || e.DNSRecordType != "ipv4" ||
		!slices.Equal(e.GroupIDs, []string{"sg-c"}) {
		t.Errorf("got %+v", e)
	}
	for _, i := range e.Interfaces {
		eni, _ := vpc.NetworkInterfaces.Get(w.db.Snapshot(), i.InterfaceID)
		if eni.Description != "VPC Endpoint Interface "+e.ID || eni.Type != vpc.TypeVPCEndpoint || eni.RequesterID == "" ||
			!slices.Equal(eni.GroupIDs, e.GroupIDs) || i.LoadBalancerARN != w.lb || eni.PrivateIPs[0] != i.Address {
			t.Errorf("interface %+v of %+v", eni, i)
		}
	}
	if again := must(w, consumer, c); again.ID != e.ID {
		t.Error("the same token made another endpoint")
	}
	c.SubnetIDs = []string{"c-a"}
	_, err := try(w, consumer, c)
	refused(t, err, "IdempotentParameterMismatch", "")

	must(w, internal(), ReportAvailable{ID: e.ID})
	if got := w.endpoint(e.ID); got.State != Available {
		t.Errorf("state %s", got.State)
	}
	_, err = try(w, consumer, ReportAvailable{ID: e.ID})
	refused(t, err, "UnauthorizedOperation", "")

	if failed := must(w, provider, DeleteServices{IDs: []string{s.ID}}); len(failed) != 1 || failed[0].Code != "ExistingVpcEndpointConnections" {
		t.Errorf("failed %+v", failed)
	}
	failed := must(w, consumer, DeleteEndpoints{IDs: []string{e.ID, "vpce-x"}})
	if len(failed) != 1 || failed[0].Code != "InvalidVpcEndpoint.NotFound" || w.endpoint(e.ID).State != Deleting {
		t.Errorf("failed %+v", failed)
	}
	must(w, internal(), ReportDeleted{ID: e.ID})
	if _, ok := Endpoints.Get(w.db.Snapshot(), e.ID); ok {
		t.Error("the endpoint stayed")
	}
	if _, ok := vpc.NetworkInterfaces.Get(w.db.Snapshot(), e.Interfaces[0].InterfaceID); ok {
		t.Error("the interface stayed")
	}
}

func TestEndpointRefusals(t *testing.T) {
	for name, x := range map[string]struct {
		change     func(*CreateEndpoint)
		code, part string
	}{
		"AWS service": {func(c *CreateEndpoint) { c.ServiceName = "com.amazonaws.ap-northeast-1.s3" }, "InvalidServiceName", "not served"},
		"absent":      {func(c *CreateEndpoint) { c.ServiceName += "0" }, "InvalidServiceName", "does not exist"},
		"gateway":     {func(c *CreateEndpoint) { c.Type = "" }, "InvalidParameter", "Endpoint type (Gateway) does not match available service types ([Interface])."},
		"type":        {func(c *CreateEndpoint) { c.Type = "Tunnel" }, "InvalidVpcEndpointType", "Tunnel"},
		"VPC":         {func(c *CreateEndpoint) { c.VPCID = "vpc-p" }, "InvalidVpcID.NotFound", "'vpc-p' does not exist"},
		"zone": {func(c *CreateEndpoint) { c.SubnetIDs = []string{"c-d"} }, "InvalidParameter",
			"does not support the availability zone of the subnet: c-d."},
		"same zone": {func(c *CreateEndpoint) { c.SubnetIDs = []string{"c-a", "c-a2"} }, "DuplicateSubnetsInSameZone",
			"Found another VPC endpoint subnet in the availability zone of c-a2."},
		"subnet":      {func(c *CreateEndpoint) { c.SubnetIDs = []string{"p-a"} }, "InvalidSubnetID.NotFound", "'p-a' does not exist"},
		"group":       {func(c *CreateEndpoint) { c.GroupIDs = []string{"sg-x"} }, "InvalidGroup.NotFound", "sg-x"},
		"dualstack":   {func(c *CreateEndpoint) { c.IPAddressType = "dualstack" }, "InvalidParameter", "'dualstack' is not supported"},
		"record type": {func(c *CreateEndpoint) { c.DNSRecordType = "ipv6" }, "InvalidParameter", "DNS record IP type 'ipv6'"},
		"policy":      {func(c *CreateEndpoint) { c.Policy = "{" }, "InvalidPolicyDocument", "invalid Json"},
		"private DNS": {func(c *CreateEndpoint) { c.PrivateDNS = true }, "InvalidParameter", "Enabling private DNS requires both"},
		"route table": {func(c *CreateEndpoint) { c.RouteTableIDs = []string{"rtb-1"} }, "InvalidParameter", "Route table IDs"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := interfaceEndpoint(w.open(false), "c-a")
			x.change(&c)
			_, err := try(w, consumer, c)
			refused(t, err, x.code, x.part)
		})
	}
}

func TestPrivateDNSNeedsAName(t *testing.T) {
	w := newWorld(t)
	s := w.open(false)
	w.change(func(tx *cloud.Tx) {
		v, _ := vpc.VPCs.Get(tx, "vpc-c")
		v.EnableDNSHostnames = true
		vpc.VPCs.Put(tx, v)
	})
	c := interfaceEndpoint(s, "c-a")
	c.PrivateDNS = true
	_, err := try(w, consumer, c)
	refused(t, err, "InvalidParameter", "Private DNS can't be enabled because the service "+s.Name+" does not provide a private DNS name.")
}

func TestAcceptance(t *testing.T) {
	w := newWorld(t)
	s := w.open(true)
	e := must(w, consumer, interfaceEndpoint(s, "c-a"))
	if e.State != PendingAcceptance || len(e.Interfaces) != 1 || len(e.DNSEntries) != 2 {
		t.Errorf("got %+v", e)
	}
	must(w, internal(), ReportAvailable{ID: e.ID})
	if got := w.endpoint(e.ID); got.State != PendingAcceptance {
		t.Errorf("%s without acceptance", got.State)
	}
	_, err := try(w, consumer, AcceptConnections{ServiceID: s.ID, EndpointIDs: []string{e.ID}})
	refused(t, err, "InvalidVpcEndpointServiceId.NotFound", s.ID)
	failed := must(w, provider, AcceptConnections{ServiceID: s.ID, EndpointIDs: []string{e.ID, "vpce-x"}})
	if len(failed) != 1 || failed[0].ID != "vpce-x" || w.endpoint(e.ID).State != Pending {
		t.Errorf("failed %+v", failed)
	}
	must(w, internal(), ReportAvailable{ID: e.ID})
	if failed := must(w, provider, AcceptConnections{ServiceID: s.ID, EndpointIDs: []string{e.ID}}); len(failed) != 1 {
		t.Error("accepted twice")
	}
	must(w, provider, RejectConnections{ServiceID: s.ID, EndpointIDs: []string{e.ID}})
	if got := w.endpoint(e.ID); got.State != Rejected || got.Accepted() {
		t.Errorf("state %s", got.State)
	}
	_, err = try(w, consumer, ModifyEndpoint{ID: e.ID, ResetPolicy: true})
	refused(t, err, "IncorrectState", "rejected")
	if failed := must(w, provider, DeleteServices{IDs: []string{s.ID}}); len(failed) != 0 {
		t.Errorf("a rejected connection blocks: %+v", failed)
	}
}

func TestModifyEndpoint(t *testing.T) {
	w := newWorld(t)
	s := w.open(false)
	e := must(w, consumer, interfaceEndpoint(s, "c-a"))
	must(w, internal(), ReportAvailable{ID: e.ID})
	must(w, consumer, ModifyEndpoint{ID: e.ID, AddSubnets: []string{"c-c"}, AddGroups: []string{"sg-c2"}, RemoveGroups: []string{"sg-c"}})
	got := w.endpoint(e.ID)
	if got.State != Pending || len(got.Interfaces) != 2 || len(got.DNSEntries) != 3 || !slices.Equal(got.GroupIDs, []string{"sg-c2"}) ||
		got.DNSEntries[0] != e.DNSEntries[0] {
		t.Errorf("got %+v", got)
	}
	for _, i := range got.Interfaces {
		if eni, _ := vpc.NetworkInterfaces.Get(w.db.Snapshot(), i.InterfaceID); !slices.Equal(eni.GroupIDs, []string{"sg-c2"}) {
			t.Errorf("groups of %s: %v", i.Zone, eni.GroupIDs)
		}
	}
	must(w, consumer, ModifyEndpoint{ID: e.ID, RemoveSubnets: []string{"c-a"}, AddSubnets: []string{"c-a2"}})
	if got = w.endpoint(e.ID); !slices.Equal(got.SubnetIDs, []string{"c-c", "c-a2"}) {
		t.Errorf("subnets %v", got.SubnetIDs)
	}
	chosen := netip.MustParseAddr("10.0.3.99")
	must(w, consumer, ModifyEndpoint{ID: e.ID, Subnets: []SubnetConfig{{SubnetID: "c-a2", IPv4: chosen}}})
	if i, _ := new(w.endpoint(e.ID)).interfaceIn("c-a2"); i.Address != chosen || i.InterfaceID == got.Interfaces[1].InterfaceID {
		t.Errorf("interface %+v", i)
	}
	for _, x := range []struct {
		c          ModifyEndpoint
		code, part string
	}{
		{ModifyEndpoint{ID: "vpce-x"}, "InvalidVpcEndpointId.NotFound", "vpce-x"},
		{ModifyEndpoint{ID: e.ID, RemoveSubnets: []string{"c-d"}}, "InvalidParameter", "not associated"},
		{ModifyEndpoint{ID: e.ID, RemoveGroups: []string{"sg-c2"}}, "InvalidParameter", "at least one security group"},
		{ModifyEndpoint{ID: e.ID, PrivateDNS: new(true)}, "InvalidParameter", "private DNS"},
		{ModifyEndpoint{ID: e.ID, IPAddressType: "ipv6"}, "InvalidParameter", "not supported by the VPC endpoint service"},
	} {
		_, err := try(w, consumer, x.c)
		refused(t, err, x.code, x.part)
	}
}
