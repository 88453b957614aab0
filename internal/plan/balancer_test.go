package plan

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/acm"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/plan/plantest"
	"github.com/musubi-net/musubi/internal/spec"
)

const (
	frontARN  = "arn:aws:elasticloadbalancing:ap-northeast-1:000000000000:loadbalancer/app/front/4444444444444444"
	frontName = "internal-front-123456789.ap-northeast-1.elb.amazonaws.com"
	secureARN = "arn:aws:elasticloadbalancing:ap-northeast-1:000000000000:listener/app/front/4444444444444444/5555555555555555"
	plainARN  = "arn:aws:elasticloadbalancing:ap-northeast-1:000000000000:listener/app/front/4444444444444444/6666666666666666"
	certARN   = "arn:aws:acm:ap-northeast-1:000000000000:certificate/1"
	webARN    = "arn:aws:elasticloadbalancing:ap-northeast-1:000000000000:targetgroup/web/7777777777777777"
	callsARN  = "arn:aws:elasticloadbalancing:ap-northeast-1:000000000000:targetgroup/calls/8888888888888888"
	chainARN  = "arn:aws:elasticloadbalancing:ap-northeast-1:000000000000:targetgroup/chain/9999999999999999"
	trustARN  = "arn:aws:elasticloadbalancing:ap-northeast-1:000000000000:truststore/t/1"
)

func webGroup(arn, version string) elb.TargetGroup {
	return elb.TargetGroup{ARN: arn, Scope: plantest.Scope, Name: "web", Protocol: "HTTP", ProtocolVersion: version, Port: 80, VPCID: "vpc-2",
		TargetType: "instance", IPAddressType: "ipv4", Attributes: map[string]string{"deregistration_delay.timeout_seconds": "30"},
		HealthCheck: elb.HealthCheck{Protocol: "HTTP", Port: "traffic-port", Path: "/", IntervalSeconds: 30, TimeoutSeconds: 5, HealthyThreshold: 5, UnhealthyThreshold: 2, Matcher: "200"}}
}

func forwardsTo(arns ...string) elb.Action {
	f := &elb.Forward{Sticky: len(arns) > 1, StickySeconds: 60}
	for i, arn := range arns {
		f.Groups = append(f.Groups, elb.WeightedGroup{TargetGroupARN: arn, Weight: i})
	}
	return elb.Action{Type: "forward", Forward: f}
}

// addFront puts an application load balancer in zones a and c into the provider,
// with HTTPS and HTTP listeners, rules, a group of web servers and one of gRPC
// calls that only a rule uses.
func addFront(tx *cloud.Tx) {
	lb := elb.LoadBalancer{ARN: frontARN, Scope: plantest.Scope, Name: "front", Type: "application", Scheme: "internal", VPCID: "vpc-2", DNSName: frontName,
		Attributes: map[string]string{"load_balancing.cross_zone.enabled": "true", "idle_timeout.timeout_seconds": "30",
			"routing.http.drop_invalid_header_fields.enabled": "true", "access_logs.s3.enabled": "true", "access_logs.s3.bucket": "logs"}}
	for i, z := range plantest.Zones[:2] {
		n := plantest.AddInterface(tx, 2, uint32(50+i), i, 30, vpc.TypeInterface)
		lb.Nodes = append(lb.Nodes, elb.Node{Zone: n.Zone, ZoneID: "apne1-az" + z, SubnetID: n.SubnetID, InterfaceID: n.ID, PrivateIP: n.PrivateIPs[0]})
	}
	elb.LoadBalancers.Put(tx, lb)
	elb.TrustStores.Put(tx, elb.TrustStore{ARN: trustARN, Bundle: "CA", Revocations: []elb.Revocation{{ID: 1, Content: "CRL"}}})
	acm.Certificates.Put(tx, acm.Certificate{ARN: certARN, Scope: plantest.Scope, Body: "BODY\n", Chain: "CHAIN", PrivateKey: "KEY"})
	uploaded := iam.ServerCertificate{Account: plantest.Scope.Account, Name: "old", Path: "/", Body: "OLD", PrivateKey: "KEY2"}
	iam.ServerCertificates.Put(tx, uploaded)
	elb.Listeners.Put(tx, elb.Listener{ARN: secureARN, Scope: plantest.Scope, LoadBalancerARN: frontARN, Port: 443, Protocol: "HTTPS", SSLPolicy: "ELBSecurityPolicy-2016-08",
		CertificateARN: certARN, Certificates: []string{uploaded.ARN(), certARN}, Actions: []elb.Action{forwardsTo(webARN)},
		Mutual: &elb.MutualTLS{Mode: "verify", TrustStoreARN: trustARN, AdvertiseCAs: "on"}})
	elb.Listeners.Put(tx, elb.Listener{ARN: plainARN, Scope: plantest.Scope, LoadBalancerARN: frontARN, Port: 80, Protocol: "HTTP",
		Actions: []elb.Action{{Type: "redirect", Redirect: &elb.Redirect{Protocol: "HTTPS", Port: "443", StatusCode: "HTTP_301", Query: "#{query}"}}}})
	addFrontRules(tx)
	web := webGroup(webARN, "HTTP1")
	web.Attributes["stickiness.enabled"], web.Attributes["stickiness.type"] = "true", "lb_cookie"
	web.Attributes["load_balancing.algorithm.type"], web.Attributes["load_balancing.algorithm.anomaly_mitigation"] = "weighted_random", "on"
	elb.TargetGroups.Put(tx, web)
	calls := webGroup(callsARN, "GRPC")
	calls.HealthCheck.Path, calls.HealthCheck.Matcher, calls.HealthCheck.Port = "/AWS.ALB/healthcheck", "12", "9000"
	elb.TargetGroups.Put(tx, calls)
	for i, z := range plantest.Zones {
		t := elb.Target{TargetGroupARN: webARN, ID: "i-web-" + z, Port: 8080, Zone: plantest.Scope.Region + z, Health: elb.Healthy, HealthyAt: plantest.Began}
		if i == 1 {
			t.DrainingSince = plantest.Began.Add(time.Minute)
		}
		elb.Targets.Put(tx, t)
	}
	elb.Targets.Put(tx, elb.Target{TargetGroupARN: callsARN, ID: "i-web-a", Port: 50051, Zone: plantest.Scope.Region + "a", Health: elb.Initial})
}

func addFrontRules(tx *cloud.Tx) {
	for i, x := range []elb.Rule{
		{Priority: 20, Actions: []elb.Action{{Type: "fixed-response", Fixed: &elb.FixedResponse{StatusCode: "404", ContentType: "text/plain", Body: "none"}}},
			Conditions: []elb.Condition{{Field: "source-ip", Values: []string{"10.0.0.0/8", "2001:db8::/32"}}, {Field: "query-string", Pairs: []elb.QueryPair{{Key: "a", Value: "*"}}}}},
		{Priority: 3, Actions: []elb.Action{forwardsTo(webARN, callsARN)}, Conditions: []elb.Condition{{Field: "http-header", Header: "X-A", Values: []string{"b*"}}}},
	} {
		x.ARN, x.Scope, x.ListenerARN, x.LoadBalancerARN = fmt.Sprintf("rule-%d", i), plantest.Scope, secureARN, frontARN
		elb.Rules.Put(tx, x)
	}
}

// chainFront puts the application load balancer behind the network one, on port 443.
func chainFront(tx *cloud.Tx) {
	g := elb.TargetGroup{ARN: chainARN, Scope: plantest.Scope, Protocol: "TCP", Port: 443, VPCID: "vpc-2", TargetType: "alb", IPAddressType: "ipv4",
		Attributes:  map[string]string{"preserve_client_ip.enabled": "true"},
		HealthCheck: elb.HealthCheck{Protocol: "HTTPS", Port: "traffic-port", Path: "/", IntervalSeconds: 30, TimeoutSeconds: 10, HealthyThreshold: 5, UnhealthyThreshold: 2, Matcher: "200-399"}}
	elb.TargetGroups.Put(tx, g)
	elb.Targets.Put(tx, elb.Target{TargetGroupARN: chainARN, Scope: plantest.Scope, ID: frontARN, Port: 443, Health: elb.Healthy})
	elb.Listeners.Put(tx, elb.Listener{ARN: plantest.ListenerARN + "9", Scope: plantest.Scope, LoadBalancerARN: plantest.BalancerARN, Port: 443, Protocol: "TCP",
		Targets: []elb.WeightedGroup{{TargetGroupARN: chainARN, Weight: 1}}})
}

// secureNLB adds a TLS listener to the network load balancer.
func secureNLB(tx *cloud.Tx) {
	acm.Certificates.Put(tx, acm.Certificate{ARN: certARN, Scope: plantest.Scope, Body: "BODY\n", PrivateKey: "KEY"})
	elb.Listeners.Put(tx, elb.Listener{ARN: plantest.ListenerARN + "8", Scope: plantest.Scope, LoadBalancerARN: plantest.BalancerARN, Port: 443, Protocol: "TLS",
		SSLPolicy: "ELBSecurityPolicy-2016-08", CertificateARN: certARN, Targets: []elb.WeightedGroup{{TargetGroupARN: plantest.GroupARN, Weight: 0}}})
}

func TestGoldenBalancer(t *testing.T) {
	for name, x := range map[string]struct {
		arn string
		do  []func(*cloud.Tx)
	}{
		"balancer-application": {frontARN, []func(*cloud.Tx){addFront}},
		"balancer-network":     {plantest.BalancerARN, []func(*cloud.Tx){secureNLB}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.do(plantest.Seed)
			for _, f := range x.do {
				l.do(f)
			}
			r := l.db.Snapshot()
			golden(t, name, spec.Dump(CompileBalancer(r, x.arn))+spec.Dump(CompileHealth(r, "vpc-2")))
		})
	}
}

func TestNothingInUserSpace(t *testing.T) {
	l := newLab(t)
	l.do(plantest.Seed)
	r := l.db.Snapshot()
	if CompileBalancer(r, plantest.BalancerARN) != nil || CompileBalancer(r, "arn:gone") != nil {
		t.Error("something was compiled that user space does not carry")
	}
	l.do(addFront)
	if got := BalancerARNs(l.db.Snapshot()); !slices.Equal(got, []string{frontARN, plantest.BalancerARN}) {
		t.Error(got)
	}
}

func TestFrontAsTarget(t *testing.T) {
	l := newLab(t)
	l.do(plantest.Seed)
	l.do(addFront)
	l.do(chainFront)
	r := l.db.Snapshot()
	lb, _ := elb.LoadBalancers.Get(r, plantest.BalancerARN)
	x, _ := elb.Listeners.Get(r, plantest.ListenerARN+"9")
	p := newPool(r, lb, x)
	for zone, want := range map[string]string{"ap-northeast-1a": "[10.0.1.30:443]", "ap-northeast-1c": "[10.0.2.30:443]", "ap-northeast-1d": "[]"} {
		if got := fmt.Sprint(p.balanced(zone, false)); got != want {
			t.Errorf("%s: %s", zone, got)
		}
	}
	key := elb.TargetKey(chainARN, frontARN, 443)
	for _, c := range CompileHealth(r, "vpc-2") {
		if c.Key == key && (len(c.Others) != 1 || c.Application || len(c.Sources) != 3 || c.ListenerPort != 443) {
			t.Errorf("%+v", c)
		}
	}
	target, _ := elb.Targets.Get(r, key)
	if got := fmt.Sprint(TargetAddresses(r, target)); got != "[10.0.1.30:443 10.0.2.30:443]" {
		t.Error(got)
	}
	// The zone where the application load balancer has no node leaves the names.
	names := CompilePublic(r, plantest.BalancerARN).Names
	if got := fmt.Sprint(names[plantest.BalancerName+"."]); got != "[10.0.1.20 10.0.2.20]" {
		t.Error(got)
	}
	if got := CompilePublic(r, frontARN).Names; len(got) != 1 || len(got[frontName+"."]) != 2 {
		t.Errorf("names of the application load balancer: %v", got)
	}
}

func setGroup(tx *cloud.Tx, attributes map[string]string) {
	g, _ := elb.TargetGroups.Get(tx, plantest.GroupARN)
	g.Attributes = maps.Clone(g.Attributes)
	maps.Copy(g.Attributes, attributes)
	elb.TargetGroups.Put(tx, g)
}

func TestThresholdsOfHealth(t *testing.T) {
	const failover, routing = "target_group_health.dns_failover.minimum_healthy_targets", "target_group_health.unhealthy_state_routing.minimum_healthy_targets"
	for _, x := range []struct {
		name       string
		attributes map[string]string
		addresses  string // of the name
		targets    int    // of a zone
	}{
		{"defaults", nil, "[10.0.1.20 10.0.2.20 10.0.3.20]", 1},
		{"two for DNS", map[string]string{failover + ".count": "3"}, "[10.0.1.20 10.0.2.20 10.0.3.20]", 1}, // all fail: all are named
		{"share for routing", map[string]string{routing + ".percentage": "50"}, "[10.0.1.20 10.0.2.20 10.0.3.20]", 3},
		{"count for routing", map[string]string{routing + ".count": "2"}, "[10.0.1.20 10.0.2.20 10.0.3.20]", 3},
		{"zone's own", map[string]string{failover + ".count": "1", "load_balancing.cross_zone.enabled": "false"}, "[10.0.1.20]", 1},
		{"off", map[string]string{failover + ".count": "off", "load_balancing.cross_zone.enabled": "false"}, "[10.0.1.20 10.0.2.20 10.0.3.20]", 1},
		{"share for DNS", map[string]string{failover + ".count": "off", failover + ".percentage": "100", "load_balancing.cross_zone.enabled": "false"}, "[10.0.1.20]", 1},
	} {
		t.Run(x.name, func(t *testing.T) {
			l := newLab(t)
			l.do(plantest.Seed)
			l.do(func(tx *cloud.Tx) {
				plantest.SetCrossZone(tx, true)
				plantest.SetHealth(tx, "i-web-c", elb.Unhealthy)
				plantest.SetHealth(tx, "i-web-d", elb.Unhealthy)
				setGroup(tx, x.attributes)
			})
			r := l.db.Snapshot()
			if got := fmt.Sprint(CompilePublic(r, plantest.BalancerARN).Names[plantest.BalancerName+"."]); got != x.addresses {
				t.Errorf("names lead to %s, want %s", got, x.addresses)
			}
			lb, _ := elb.LoadBalancers.Get(r, plantest.BalancerARN)
			listener, _ := elb.Listeners.Get(r, plantest.ListenerARN)
			p := newPool(r, lb, listener)
			if got := p.balanced("ap-northeast-1a", false); len(got) != x.targets {
				t.Errorf("balanced over %v", got)
			}
		})
	}
}

func TestPEM(t *testing.T) {
	if got := string(chain("A\n\n", "", " B")); got != "A\nB\n" {
		t.Errorf("%q", got)
	}
	if got := balancerID(frontARN); got != "app/front/4444444444444444" {
		t.Error(got)
	}
}
