package elb

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func TestCreateLoadBalancer(t *testing.T) {
	w := newWorld(t)
	l := must(w, internalNLB("subnet-a", "subnet-c", "subnet-d"))
	if want := "arn:aws:elasticloadbalancing:ap-northeast-1:111111111111:loadbalancer/net/nlb/" + l.Hex; l.ARN != want {
		t.Errorf("ARN %s, want %s", l.ARN, want)
	}
	if l.DNSName != "nlb-"+l.Hex+".elb.ap-northeast-1.amazonaws.com" || l.CanonicalZoneID != "Z31USIVHYNEOWT" || l.State != Provisioning {
		t.Errorf("got %+v", l)
	}
	if len(l.Nodes) != 3 {
		t.Fatalf("%d nodes", len(l.Nodes))
	}
	for _, n := range l.Nodes {
		eni, ok := vpc.NetworkInterfaces.Get(w.db.Snapshot(), n.InterfaceID)
		if !ok || eni.Description != "ELB net/nlb/"+l.Hex || eni.Type != vpc.TypeNLB || len(eni.GroupIDs) != 0 ||
			eni.Attachment == nil || eni.Attachment.InstanceOwnerID != "amazon-aws" || !strings.HasPrefix(eni.Attachment.ID, "ela-attach-") ||
			eni.PrivateIPs[0] != n.PrivateIP {
			t.Errorf("interface of %s: %+v", n.Zone, eni)
		}
	}
	if again := must(w, internalNLB("subnet-d", "subnet-a", "subnet-c")); again.ARN != l.ARN {
		t.Error("the same settings made another load balancer")
	}
	_, err := try(w, internalNLB("subnet-a"))
	refused(t, err, "DuplicateLoadBalancerName", "exists, but with different settings")

	report(w, ReportActive{ARN: l.ARN})
	if got, _ := LoadBalancers.Get(w.db.Snapshot(), l.ARN); got.State != Active {
		t.Errorf("state %s", got.State)
	}
	_, err = try(w, ReportActive{ARN: l.ARN})
	refused(t, err, "OperationNotPermitted", "reconciler")
}

func TestCreateLoadBalancerRefusals(t *testing.T) {
	base := internalNLB("subnet-a")
	with := func(f func(*CreateLoadBalancer)) CreateLoadBalancer {
		c := base
		f(&c)
		return c
	}
	for name, x := range map[string]struct {
		c          CreateLoadBalancer
		code, part string
	}{
		"gateway":     {with(func(c *CreateLoadBalancer) { c.Type = "gateway" }), "UnsupportedOperation", "'gateway' is not served"},
		"long name":   {with(func(c *CreateLoadBalancer) { c.Name = strings.Repeat("n", 33) }), "ValidationError", "cannot be longer than '32'"},
		"underscore":  {with(func(c *CreateLoadBalancer) { c.Name = "a_b" }), "ValidationError", "alphanumeric"},
		"hyphen":      {with(func(c *CreateLoadBalancer) { c.Name = "-a" }), "ValidationError", "begin or end"},
		"internal-":   {with(func(c *CreateLoadBalancer) { c.Name = "internal-a" }), "ValidationError", "internal-"},
		"no subnet":   {with(func(c *CreateLoadBalancer) { c.Subnets = nil }), "ValidationError", "At least one subnet"},
		"absent":      {with(func(c *CreateLoadBalancer) { c.Subnets = Mappings([]string{"subnet-x"}) }), "SubnetNotFound", "'subnet-x' does not exist"},
		"two VPCs":    {with(func(c *CreateLoadBalancer) { c.Subnets = Mappings([]string{"subnet-c", "subnet-other"}) }), "InvalidConfigurationRequest", "same VPC"},
		"one zone":    {with(func(c *CreateLoadBalancer) { c.Subnets = Mappings([]string{"subnet-a", "subnet-a2"}) }), "InvalidConfigurationRequest", "same Availability Zone"},
		"no gateway":  {with(func(c *CreateLoadBalancer) { c.Scheme = "" }), "InvalidSubnet", "has no internet gateway"},
		"group":       {with(func(c *CreateLoadBalancer) { c.GroupIDs = []string{"sg-x"} }), "InvalidSecurityGroup", "sg-x"},
		"group's VPC": {with(func(c *CreateLoadBalancer) { c.GroupIDs = []string{"sg-other"} }), "InvalidConfigurationRequest", "security groups are invalid"},
		"enforcement": {with(func(c *CreateLoadBalancer) { c.EnforcePrivateLink = "on" }), "InvalidConfigurationRequest", "that has security groups"},
		"elastic IP": {with(func(c *CreateLoadBalancer) {
			c.Subnets = []SubnetMapping{{SubnetID: "subnet-a", AllocationID: "eipalloc-1"}}
		}),
			"InvalidConfigurationRequest", "scheme 'internal'"},
		"dualstack": {with(func(c *CreateLoadBalancer) { c.IPAddressType, c.Subnets = "dualstack", Mappings([]string{"subnet-a2"}) }),
			"InvalidConfigurationRequest", "IPv6 CIDR"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := try(newWorld(t), x.c)
			refused(t, err, x.code, x.part)
		})
	}
}

func TestAddressesOfNodes(t *testing.T) {
	w := newWorld(t)
	fixed := netip.MustParseAddr("10.0.0.77")
	c := internalNLB()
	c.IPAddressType, c.Subnets = "dualstack", []SubnetMapping{{SubnetID: "subnet-a", PrivateIPv4: fixed}}
	l := must(w, c)
	if n := l.Nodes[0]; n.PrivateIP != fixed || !n.ChosenIPv4 || !n.IPv6.Is6() || n.ChosenIPv6 {
		t.Errorf("node %+v", n)
	}
	c.Name = "second"
	if l := must(w, c); l.State != Failed || len(l.Nodes) != 0 || !strings.Contains(l.StateReason, "10.0.0.77") {
		t.Errorf("a taken address gave %+v", l)
	}
	must(w, SetIPAddressType{ARN: l.ARN, Type: "ipv4"})
	got, _ := LoadBalancers.Get(w.db.Snapshot(), l.ARN)
	if eni, _ := vpc.NetworkInterfaces.Get(w.db.Snapshot(), got.Nodes[0].InterfaceID); got.Nodes[0].IPv6.IsValid() || len(eni.IPv6s) != 0 {
		t.Errorf("IPv6 stayed: %+v", eni)
	}
	if got := must(w, SetIPAddressType{ARN: l.ARN, Type: "dualstack"}); !got.Nodes[0].IPv6.IsValid() {
		t.Error("no IPv6 address")
	}
}

func TestInternetFacing(t *testing.T) {
	w := newWorld(t)
	w.change(func(tx *cloud.Tx) {
		vpc.InternetGateways.Put(tx, vpc.InternetGateway{ID: "igw-1", Scope: scope, VPCID: "vpc-1"})
		vpc.Addresses.Put(tx, vpc.Address{AllocationID: "eipalloc-1", Scope: scope, PublicIP: netip.MustParseAddr("198.18.0.9")})
	})
	c := internalNLB()
	c.Scheme, c.Subnets = "", []SubnetMapping{{SubnetID: "subnet-a", AllocationID: "eipalloc-1"}, {SubnetID: "subnet-c"}}
	l := must(w, c)
	if l.Nodes[0].PublicIP.String() != "198.18.0.9" || !l.Nodes[1].PublicIP.IsValid() {
		t.Errorf("nodes %+v", l.Nodes)
	}
	c.Name = "again"
	_, err := try(w, c)
	refused(t, err, "ResourceInUse", "eipalloc-1")
	c.Subnets[0].AllocationID = "eipalloc-x"
	_, err = try(w, c)
	refused(t, err, "AllocationIdNotFound", "eipalloc-x")

	must(w, DeleteLoadBalancer{ARN: l.ARN})
	if a, _ := vpc.Addresses.Get(w.db.Snapshot(), "eipalloc-1"); a.AssociationID != "" || a.InterfaceID != "" {
		t.Errorf("the Elastic IP is still bound: %+v", a)
	}
	for a := range vpc.Addresses.All(w.db.Snapshot()) {
		if a.Amazon {
			t.Errorf("still lent: %+v", a)
		}
	}
}

func TestSetSubnets(t *testing.T) {
	w := newWorld(t)
	l := must(w, internalNLB("subnet-a", "subnet-c"))
	kept := l.Nodes[1]
	got := must(w, SetSubnets{ARN: l.ARN, Subnets: Mappings([]string{"subnet-c", "subnet-d"})})
	if len(got.Nodes) != 2 || got.Nodes[0] != kept || got.Nodes[1].SubnetID != "subnet-d" {
		t.Errorf("nodes %+v", got.Nodes)
	}
	if _, ok := vpc.NetworkInterfaces.Get(w.db.Snapshot(), l.Nodes[0].InterfaceID); ok {
		t.Error("the interface of the removed zone stayed")
	}
	_, err := try(w, SetSubnets{ARN: l.ARN, Subnets: Mappings([]string{"subnet-other"})})
	refused(t, err, "InvalidConfigurationRequest", "same VPC")
	inUse := func(_ cloud.Reader, _ LoadBalancer, zone string) bool { return zone == "ap-northeast-1d" }
	_, err = try(w, SetSubnets{ARN: l.ARN, Subnets: Mappings([]string{"subnet-c"}), InUse: inUse})
	refused(t, err, "InvalidConfigurationRequest", "active VPC endpoint associations")
	must(w, SetSubnets{ARN: l.ARN, Subnets: Mappings([]string{"subnet-a"})})
	_, err = try(w, SetSubnets{ARN: l.ARN, Subnets: Mappings([]string{"subnet-a2"})})
	refused(t, err, "InvalidConfigurationRequest", "remove 'subnet-a' first")
}

func TestSecurityGroups(t *testing.T) {
	w := newWorld(t)
	bare := must(w, internalNLB("subnet-a"))
	_, err := try(w, SetSecurityGroups{ARN: bare.ARN, GroupIDs: []string{"sg-1"}})
	refused(t, err, "InvalidConfigurationRequest", "without security groups")

	c := internalNLB("subnet-a")
	c.Name, c.GroupIDs = "guarded", []string{"sg-1"}
	l := must(w, c)
	if l.EnforcePrivateLink != "on" {
		t.Errorf("enforcement %q", l.EnforcePrivateLink)
	}
	_, err = try(w, SetSecurityGroups{ARN: l.ARN})
	refused(t, err, "InvalidConfigurationRequest", "cannot remove all")
	l = must(w, SetSecurityGroups{ARN: l.ARN, GroupIDs: []string{"sg-2"}, EnforcePrivateLink: "off"})
	eni, _ := vpc.NetworkInterfaces.Get(w.db.Snapshot(), l.Nodes[0].InterfaceID)
	if l.EnforcePrivateLink != "off" || !slices.Equal(eni.GroupIDs, []string{"sg-2"}) {
		t.Errorf("got %+v with %v", l, eni.GroupIDs)
	}
}

func TestDeleteLoadBalancer(t *testing.T) {
	w := newWorld(t)
	l := must(w, internalNLB("subnet-a"))
	g := must(w, tcpGroup("tg"))
	x := must(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: "TCP", Port: 80, Action: forward(g.ARN)})

	must(w, ModifyLoadBalancerAttributes{ARN: l.ARN, Set: []KeyValue{{attrDeletionProtection, "true"}}})
	_, err := try(w, DeleteLoadBalancer{ARN: l.ARN})
	refused(t, err, "OperationNotPermitted", "deletion protection is enabled")
	must(w, ModifyLoadBalancerAttributes{ARN: l.ARN, Set: []KeyValue{{attrDeletionProtection, "false"}}})

	hold := func(by []string) {
		w.change(func(tx *cloud.Tx) {
			l, _ := LoadBalancers.Get(tx, l.ARN)
			l.HeldBy = by
			LoadBalancers.Put(tx, l)
		})
	}
	hold([]string{"vpce-svc-1"})
	_, err = try(w, DeleteLoadBalancer{ARN: l.ARN})
	refused(t, err, "ResourceInUse", "currently associated with another service")
	hold(nil)

	_, err = try(w, DeleteTargetGroup{ARN: g.ARN})
	refused(t, err, "ResourceInUse", "is currently in use by a listener or a rule")
	must(w, DeleteLoadBalancer{ARN: l.ARN})
	must(w, DeleteLoadBalancer{ARN: l.ARN})
	r := w.db.Snapshot()
	if _, ok := Listeners.Get(r, x.ARN); ok {
		t.Error("the listener stayed")
	}
	if _, ok := vpc.NetworkInterfaces.Get(r, l.Nodes[0].InterfaceID); ok {
		t.Error("the interface stayed")
	}
	must(w, DeleteTargetGroup{ARN: g.ARN})
}

func TestLoadBalancerAttributes(t *testing.T) {
	w := newWorld(t)
	l := must(w, internalNLB("subnet-a"))
	if len(l.Attributes) != 9 || l.Attributes["ipv6.deny_all_igw_traffic"] != "true" || l.Attributes[attrCrossZone] != "false" {
		t.Errorf("defaults %v", l.Attributes)
	}
	l = must(w, ModifyLoadBalancerAttributes{ARN: l.ARN, Set: []KeyValue{{attrCrossZone, "true"}, {"access_logs.s3.enabled", "false"}}})
	if l.Attributes[attrCrossZone] != "true" {
		t.Error("cross-zone is still off")
	}
	for _, x := range []struct{ key, value, code, part string }{
		{"idle_timeout.timeout_seconds", "60", "ValidationError", "attribute key 'idle_timeout.timeout_seconds' is not recognized"},
		{attrCrossZone, "maybe", "ValidationError", "true or false"},
		{"access_logs.s3.enabled", "true", "UnsupportedOperation", "not served"},
		{"secondary_ips.auto_assigned.per_subnet", "8", "ValidationError", "0 to 7"},
	} {
		_, err := try(w, ModifyLoadBalancerAttributes{ARN: l.ARN, Set: []KeyValue{{x.key, x.value}}})
		refused(t, err, x.code, x.part)
	}
}
