package elb

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func internalALB(subnets ...string) CreateLoadBalancer {
	return CreateLoadBalancer{Name: "alb", Scheme: "internal", Subnets: Mappings(subnets)}
}

func TestApplicationLoadBalancer(t *testing.T) {
	w := newWorld(t)
	l := must(w, internalALB("subnet-a", "subnet-c"))
	if !strings.HasSuffix(l.ARN, ":loadbalancer/app/alb/"+l.Hex) || l.CanonicalZoneID != "Z14GRHDCWA56QT" || !slices.Equal(l.GroupIDs, []string{"sg-1"}) {
		t.Errorf("got %+v", l)
	}
	if !regexp.MustCompile(`^internal-alb-\d+\.ap-northeast-1\.elb\.amazonaws\.com$`).MatchString(l.DNSName) {
		t.Errorf("name %s", l.DNSName)
	}
	for _, n := range l.Nodes {
		eni, _ := vpc.NetworkInterfaces.Get(w.db.Snapshot(), n.InterfaceID)
		if eni.Description != "ELB app/alb/"+l.Hex || eni.Type != vpc.TypeInterface || eni.Attachment.InstanceOwnerID != "amazon-elb" ||
			!slices.Equal(eni.GroupIDs, []string{"sg-1"}) {
			t.Errorf("interface %+v", eni)
		}
	}
	// A zone's subnet can be changed, unlike that of a network load balancer.
	got := must(w, SetSubnets{ARN: l.ARN, Subnets: Mappings([]string{"subnet-a2", "subnet-c", "subnet-d"})})
	if len(got.Nodes) != 3 || got.Nodes[0].SubnetID != "subnet-a2" || got.Nodes[1] != l.Nodes[1] {
		t.Errorf("nodes %+v", got.Nodes)
	}
	if _, ok := vpc.NetworkInterfaces.Get(w.db.Snapshot(), l.Nodes[0].InterfaceID); ok {
		t.Error("the old interface stayed")
	}
	_, err := try(w, SetSubnets{ARN: l.ARN, Subnets: Mappings([]string{"subnet-a"})})
	refused(t, err, "ValidationError", "two different Availability Zones")
	_, err = try(w, SetSecurityGroups{ARN: l.ARN, GroupIDs: []string{"sg-2"}, EnforcePrivateLink: "on"})
	refused(t, err, "InvalidConfigurationRequest", "type 'application'")
	if got := must(w, SetSecurityGroups{ARN: l.ARN, GroupIDs: []string{"sg-2"}}); got.EnforcePrivateLink != "" {
		t.Errorf("enforcement %q", got.EnforcePrivateLink)
	}
}

func TestInternetFacingApplication(t *testing.T) {
	w := newWorld(t)
	c := internalALB("subnet-a", "subnet-c")
	c.Scheme = ""
	_, err := try(w, c)
	refused(t, err, "InvalidSubnet", "has no internet gateway")
	w.change(func(tx *cloud.Tx) {
		vpc.InternetGateways.Put(tx, vpc.InternetGateway{ID: "igw-1", Scope: scope, VPCID: "vpc-1"})
	})
	l := must(w, c)
	if strings.HasPrefix(l.DNSName, "internal-") || !l.Nodes[0].PublicIP.IsValid() || !l.Nodes[1].PublicIP.IsValid() {
		t.Errorf("got %+v", l)
	}
}

func TestApplicationRefusals(t *testing.T) {
	w := newWorld(t)
	w.change(func(tx *cloud.Tx) {
		s, _ := vpc.Subnets.Get(tx, "subnet-d")
		s.CIDR = netip.MustParsePrefix("10.0.2.0/28")
		vpc.Subnets.Put(tx, s)
		s, _ = vpc.Subnets.Get(tx, "subnet-a2")
		s.AvailableIPv4 = 7
		vpc.Subnets.Put(tx, s)
	})
	with := func(f func(*CreateLoadBalancer)) CreateLoadBalancer {
		c := internalALB("subnet-a", "subnet-c")
		f(&c)
		return c
	}
	for name, x := range map[string]struct {
		c          CreateLoadBalancer
		code, part string
	}{
		"one zone":  {internalALB("subnet-a"), "ValidationError", "two different Availability Zones"},
		"same zone": {internalALB("subnet-a", "subnet-a2"), "InvalidConfigurationRequest", "same Availability Zone"},
		"small":     {internalALB("subnet-a", "subnet-d"), "InvalidSubnet", "/27"},
		"full":      {internalALB("subnet-a2", "subnet-c"), "InvalidSubnet", "8 free IP addresses"},
		"address": {with(func(c *CreateLoadBalancer) { c.Subnets[0].PrivateIPv4 = netip.MustParseAddr("10.0.0.9") }),
			"InvalidConfigurationRequest", "type 'application'"},
		"elastic IP": {with(func(c *CreateLoadBalancer) { c.Subnets[0].AllocationID = "eipalloc-1" }), "InvalidConfigurationRequest", "Elastic IP"},
		"type": {with(func(c *CreateLoadBalancer) { c.IPAddressType = "dualstack-without-public-ipv4" }),
			"UnsupportedOperation", "dualstack-without-public-ipv4"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := try(w, x.c)
			refused(t, err, x.code, x.part)
		})
	}
}

func TestDeleteApplicationThatIsATarget(t *testing.T) {
	w := newWorld(t)
	l := must(w, internalALB("subnet-a", "subnet-c"))
	target := Target{TargetGroupARN: "arn:tg", Scope: scope, ID: l.ARN, Port: 80}
	w.change(func(tx *cloud.Tx) { Targets.Put(tx, target) })
	_, err := try(w, DeleteLoadBalancer{ARN: l.ARN})
	refused(t, err, "ResourceInUse", "currently associated")
	target.DrainingSince = epoch
	w.change(func(tx *cloud.Tx) { Targets.Put(tx, target) })
	must(w, DeleteLoadBalancer{ARN: l.ARN})
	if count(Targets.By(w.db.Snapshot(), "target", l.ARN)) != 0 {
		t.Error("the draining target stayed")
	}
}

func TestApplicationAttributes(t *testing.T) {
	w := newWorld(t)
	l := must(w, internalALB("subnet-a", "subnet-c"))
	for k, want := range map[string]string{AttrIdleTimeout: "60", AttrKeepAlive: "3600", attrCrossZone: "true", AttrHTTP2: "true",
		AttrDesync: "defensive", AttrForwarded: "append", "waf.fail_open.enabled": "false", AttrConnectionLogs + ".bucket": ""} {
		if got, ok := l.Attributes[k]; !ok || got != want {
			t.Errorf("%s is %q, %v", k, got, ok)
		}
	}
	must(w, ModifyLoadBalancerAttributes{ARN: l.ARN, Set: []KeyValue{{AttrAccessLogs + ".enabled", "true"},
		{AttrAccessLogs + ".bucket", "my-logs"}, {AttrAccessLogs + ".prefix", "a/b"}, {AttrIdleTimeout, "4000"}, {attrCrossZone, "true"}}})
	for _, x := range []struct{ key, value, code, part string }{
		{AttrIdleTimeout, "4001", "ValidationError", "1 to 4000"},
		{AttrKeepAlive, "59", "ValidationError", "60 to 604800"},
		{AttrDesync, "lax", "ValidationError", "monitor, defensive, strictest"},
		{attrCrossZone, "false", "ValidationError", "one of true"},
		{"waf.fail_open.enabled", "true", "UnsupportedOperation", "waf.fail_open.enabled"},
		{"zonal_shift.config.enabled", "true", "UnsupportedOperation", "zonal_shift"},
		{attrHealthLogs + ".enabled", "true", "UnsupportedOperation", "health_check_logs"},
		{AttrConnectionLogs + ".enabled", "true", "InvalidConfigurationRequest", "connection_logs.s3.bucket"},
		{AttrAccessLogs + ".bucket", "../x", "ValidationError", "name of a bucket"},
		{AttrAccessLogs + ".prefix", "a/../../x", "ValidationError", "a prefix"},
		{AttrAccessLogs + ".prefix", "AWSLogs", "ValidationError", "AWSLogs"},
		{"dns_record.client_routing_policy", "any_availability_zone", "ValidationError", "not recognized"},
	} {
		_, err := try(w, ModifyLoadBalancerAttributes{ARN: l.ARN, Set: []KeyValue{{x.key, x.value}}})
		refused(t, err, x.code, x.part)
	}
}
