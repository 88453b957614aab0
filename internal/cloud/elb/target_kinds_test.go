package elb

import (
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
)

func group(name, protocol, version, typ string) CreateTargetGroup {
	return CreateTargetGroup{Name: name, Protocol: protocol, ProtocolVersion: version, Port: 80, VPCID: "vpc-1", TargetType: typ}
}

func TestHealthCheckDefaults(t *testing.T) {
	w := newWorld(t)
	for _, x := range []struct {
		c       CreateTargetGroup
		version string
		want    HealthCheck
	}{
		{group("http", "HTTP", "", ""), "HTTP1", HealthCheck{"HTTP", "traffic-port", "/", 30, 5, 5, 2, "200"}},
		{group("https", "HTTPS", "HTTP2", "ip"), "HTTP2", HealthCheck{"HTTP", "traffic-port", "/", 30, 5, 5, 2, "200"}},
		{group("grpc", "HTTP", "GRPC", "ip"), "GRPC", HealthCheck{"HTTP", "traffic-port", "/AWS.ALB/healthcheck", 30, 5, 5, 2, "12"}},
		{group("tls", "TLS", "", "ip"), "", HealthCheck{"TCP", "traffic-port", "", 30, 10, 5, 2, ""}},
		{group("alb", "TCP", "", "alb"), "", HealthCheck{"HTTP", "traffic-port", "/", 30, 6, 5, 2, "200-399"}},
	} {
		g := must(w, x.c)
		if g.HealthCheck != x.want || g.ProtocolVersion != x.version {
			t.Errorf("%s: %q %+v, want %+v", g.Name, g.ProtocolVersion, g.HealthCheck, x.want)
		}
	}
}

func TestAttributeDefaults(t *testing.T) {
	w := newWorld(t)
	for _, x := range []struct {
		c    CreateTargetGroup
		want map[string]string
	}{
		{group("http", "HTTP", "", ""), map[string]string{attrStickinessType: "lb_cookie", attrAlgorithm: "round_robin", attrSlowStart: "0", attrPreserveClient: ""}},
		{group("tls", "TLS", "", "ip"), map[string]string{attrPreserveClient: "false", attrEndOnDeregister: "false", attrEndOnUnhealthy: "true", attrSlowStart: ""}},
		{group("alb", "TCP", "", "alb"), map[string]string{attrPreserveClient: "true", attrDelay: "300"}},
		{group("udp", "UDP", "", "ip"), map[string]string{attrPreserveClient: "true", attrEndOnDeregister: "true", attrEndOnUnhealthy: "false"}},
	} {
		g := must(w, x.c)
		for k, v := range x.want {
			if g.Attributes[k] != v {
				t.Errorf("%s: %s is %q, want %q", g.Name, k, g.Attributes[k], v)
			}
		}
	}
}

func TestGroupAttributesTogether(t *testing.T) {
	ok := ""
	for name, x := range map[string]struct {
		c          CreateTargetGroup
		set        []KeyValue
		code, part string
	}{
		"cookie":            {group("g", "HTTP", "", ""), []KeyValue{{attrStickiness, "true"}, {attrStickinessType, "app_cookie"}, {attrCookieName, "SESSION"}}, ok, ""},
		"no cookie name":    {group("g", "HTTP", "", ""), []KeyValue{{attrStickiness, "true"}, {attrStickinessType, "app_cookie"}}, "InvalidConfigurationRequest", "cookie name"},
		"own cookie name":   {group("g", "HTTP", "", ""), []KeyValue{{attrCookieName, "AWSALBX"}}, "ValidationError", "reserved"},
		"bad cookie name":   {group("g", "HTTP", "", ""), []KeyValue{{attrCookieName, "a b"}}, "ValidationError", "'a b'"},
		"source IP of HTTP": {group("g", "HTTP", "", ""), []KeyValue{{attrStickiness, "true"}, {attrStickinessType, "source_ip"}}, "InvalidConfigurationRequest", "Stickiness type 'source_ip' is not supported for target groups with the HTTP protocol"},
		"cookie of TCP":     {group("g", "TCP", "", ""), []KeyValue{{attrStickinessType, "lb_cookie"}}, "InvalidConfigurationRequest", "Stickiness type 'lb_cookie' is not supported for target groups with the TCP protocol"},
		"sticky TCP":        {group("g", "TCP", "", ""), []KeyValue{{attrStickiness, "true"}}, ok, ""},
		"sticky TLS":        {group("g", "TLS", "", ""), []KeyValue{{attrStickiness, "true"}}, "InvalidConfigurationRequest", "You cannot enable stickiness on target groups with the TLS protocol"},
		"sticky zones":      {group("g", "HTTP", "", ""), []KeyValue{{attrStickiness, "true"}, {attrCrossZone, "false"}}, "InvalidConfigurationRequest", "cross-zone"},
		"slow start":        {group("g", "HTTP", "", ""), []KeyValue{{attrSlowStart, "30"}}, ok, ""},
		"slow start 29":     {group("g", "HTTP", "", ""), []KeyValue{{attrSlowStart, "29"}}, "ValidationError", "30 to 900"},
		"slow start least":  {group("g", "HTTP", "", ""), []KeyValue{{attrSlowStart, "30"}, {attrAlgorithm, "least_outstanding_requests"}}, "InvalidConfigurationRequest", "Slow start"},
		"anomaly":           {group("g", "HTTP", "", ""), []KeyValue{{attrAnomaly, "on"}, {attrAlgorithm, "weighted_random"}}, ok, ""},
		"anomaly alone":     {group("g", "HTTP", "", ""), []KeyValue{{attrAnomaly, "on"}}, "InvalidConfigurationRequest", "weighted_random"},
		"HTTP proxy":        {group("g", "HTTP", "", ""), []KeyValue{{attrProxyProtocol, "true"}}, "ValidationError", "not recognized"},
		"TCP proxy":         {group("g", "TCP", "", ""), []KeyValue{{attrProxyProtocol, "true"}}, ok, ""},
		"UDP termination":   {group("g", "UDP", "", ""), []KeyValue{{attrEndOnUnhealthy, "true"}}, "InvalidConfigurationRequest", "UDP"},
		"alb default":       {group("g", "TCP", "", "alb"), []KeyValue{{attrDelay, "300"}, {attrStickiness, "false"}}, ok, ""},
		"alb frozen":        {group("g", "TCP", "", "alb"), []KeyValue{{attrDelay, "10"}}, "InvalidConfigurationRequest", "target type 'alb'"},
		"thresholds":        {group("g", "TCP", "", ""), []KeyValue{{attrFailover + ".count", "off"}, {attrRouting + ".percentage", "50"}}, ok, ""},
		"routing off":       {group("g", "TCP", "", ""), []KeyValue{{attrRouting + ".count", "off"}}, "ValidationError", "not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			g := must(w, x.c)
			_, err := try(w, ModifyTargetGroupAttributes{ARN: g.ARN, Set: x.set})
			if x.code == ok {
				if err != nil {
					t.Error(err)
				}
				return
			}
			refused(t, err, x.code, x.part)
		})
	}
}

func TestMinimumHealth(t *testing.T) {
	for _, x := range []struct {
		m            MinimumHealth
		healthy, all int
		want         bool
	}{
		{MinimumHealth{Count: 1}, 1, 5, true}, {MinimumHealth{Count: 1}, 0, 5, false}, {MinimumHealth{Count: 1}, 0, 0, false},
		{MinimumHealth{Count: 2}, 1, 5, false}, {MinimumHealth{Count: 1, Percent: 50}, 2, 5, false},
		{MinimumHealth{Count: 1, Percent: 40}, 2, 5, true}, {MinimumHealth{}, 0, 0, true}, {MinimumHealth{Percent: 1}, 0, 0, false},
	} {
		if got := x.m.Met(x.healthy, x.all); got != x.want {
			t.Errorf("%+v", x)
		}
	}
	g := TargetGroup{Attributes: map[string]string{attrFailover + ".count": "off", attrFailover + ".percentage": "30"}}
	if FailoverHealth(g) != (MinimumHealth{Percent: 30}) || RoutingHealth(g) != (MinimumHealth{Count: 1}) {
		t.Error(FailoverHealth(g), RoutingHealth(g))
	}
}

// chained is a world with an application load balancer in zones a and c that
// listens on 80 and 443, and a network one before it.
func chained(t *testing.T) (*world, LoadBalancer, TargetGroup) {
	w := newWorld(t)
	nlb := must(w, internalNLB("subnet-a", "subnet-c"))
	alb := LoadBalancer{ARN: arnPrefix(scope) + "loadbalancer/app/front/1", Scope: scope, Type: "application", VPCID: "vpc-1", Name: "front", Nodes: nlb.Nodes}
	w.change(func(tx *cloud.Tx) {
		LoadBalancers.Put(tx, alb)
		for i, port := range []int{80, 443} {
			Listeners.Put(tx, Listener{ARN: alb.ARN + "/" + string(rune('a'+i)), Scope: scope, LoadBalancerARN: alb.ARN, Port: port})
		}
	})
	g := must(w, group("g", "TCP", "", "alb"))
	w.change(func(tx *cloud.Tx) {
		Listeners.Put(tx, Listener{ARN: "l", Scope: scope, LoadBalancerARN: nlb.ARN, Port: 80, Protocol: "TCP", Targets: []WeightedGroup{{g.ARN, 1}}})
	})
	return w, alb, g
}

func TestBalancerAsTarget(t *testing.T) {
	w, alb, g := chained(t)
	must(w, RegisterTargets{GroupARN: g.ARN, Targets: []TargetRef{{ID: alb.ARN}}})
	must(w, RegisterTargets{GroupARN: g.ARN, Targets: []TargetRef{{ID: alb.ARN}}})
	_, err := try(w, RegisterTargets{GroupARN: g.ARN, Targets: []TargetRef{{ID: alb.ARN, Port: 443}}})
	refused(t, err, "TooManyTargets", "one target")
	if h := DescribeHealth(w.db.Snapshot(), g, nil); len(h) != 1 || h[0].State != "initial" || h[0].Target.ID != alb.ARN {
		t.Errorf("%+v", h)
	}
	for i, want := range []string{"", "TooManyRegistrationsForTargetId"} {
		other := must(w, group("other-"+string(rune('a'+i)), "TCP", "", "alb"))
		_, err := try(w, RegisterTargets{GroupARN: other.ARN, Targets: []TargetRef{{ID: alb.ARN, Port: 443}}})
		if want == "" && err != nil {
			t.Error(err)
		} else if want != "" {
			refused(t, err, want, alb.ARN)
		}
	}
	must(w, DeregisterTargets{GroupARN: g.ARN, Targets: []TargetRef{{ID: alb.ARN}}})
	if h := DescribeHealth(w.db.Snapshot(), g, nil); len(h) != 1 || h[0].State != "draining" {
		t.Errorf("%+v", h)
	}
	must(w, RegisterTargets{GroupARN: g.ARN, Targets: []TargetRef{{ID: alb.ARN, Port: 443}}})
}

func TestBalancerAsTargetRefused(t *testing.T) {
	const noListener = "If the target type is ALB, the target must have at least one listener that matches the target group port or any specified port overrides"
	w, alb, g := chained(t)
	elsewhere := alb
	elsewhere.ARN, elsewhere.VPCID = alb.ARN+"2", "vpc-2"
	foreign := alb
	foreign.ARN, foreign.Account = alb.ARN+"3", "222222222222"
	w.change(func(tx *cloud.Tx) { LoadBalancers.Put(tx, elsewhere); LoadBalancers.Put(tx, foreign) })
	for name, x := range map[string]struct {
		ref        TargetRef
		code, part string
	}{
		"no listener": {TargetRef{ID: alb.ARN, Port: 8080}, "ValidationError", noListener},
		"instance":    {TargetRef{ID: "i-a"}, "ValidationError", "'i-a'"},
		"network":     {TargetRef{ID: arnPrefix(scope) + "loadbalancer/net/nlb/1"}, "ValidationError", "not valid"},
		"unknown":     {TargetRef{ID: alb.ARN + "9"}, "InvalidTarget", "do not exist"},
		"other VPC":   {TargetRef{ID: elsewhere.ARN}, "InvalidTarget", "VPC 'vpc-1'"},
		"account":     {TargetRef{ID: foreign.ARN}, "InvalidTarget", "do not exist"},
		"zone":        {TargetRef{ID: alb.ARN, Zone: "all"}, "ValidationError", "Availability Zone"},
	} {
		_, err := try(w, RegisterTargets{GroupARN: g.ARN, Targets: []TargetRef{x.ref}})
		if err == nil {
			t.Error(name)
		}
		refused(t, err, x.code, x.part)
	}
}

func TestGroupOfRule(t *testing.T) {
	w := newWorld(t)
	l := must(w, internalNLB("subnet-a"))
	g := must(w, group("g", "HTTP", "", ""))
	must(w, RegisterTargets{GroupARN: g.ARN, Targets: []TargetRef{{ID: "i-a"}}})
	report(w, ReportHealth{Key: TargetKey(g.ARN, "i-a", 80), Health: Healthy})
	rule := Rule{ARN: "r", Scope: scope, ListenerARN: "l", LoadBalancerARN: l.ARN, Priority: 1, Actions: []Action{{Type: "forward", Forward: &Forward{Groups: []WeightedGroup{{g.ARN, 1}}}}}}
	w.change(func(tx *cloud.Tx) {
		startChecksOf(tx, []string{g.ARN})
		Rules.Put(tx, rule)
	})
	report(w, ReportActive{ARN: l.ARN})
	if got := w.health(g, "i-a", 80); got != [2]string{"initial", "Elb.InitialHealthChecking"} {
		t.Errorf("started %v", got)
	}
	r := w.db.Snapshot()
	if got := LoadBalancersOf(r, g.ARN); len(got) != 1 || got[0] != l.ARN {
		t.Errorf("load balancers %v", got)
	}
	if got := GroupsInUse(r, l.ARN); len(got) != 1 || got[0] != g.ARN {
		t.Errorf("groups %v", got)
	}
	_, err := try(w, DeleteTargetGroup{ARN: g.ARN})
	refused(t, err, "ResourceInUse", "Target group '"+g.ARN+"' is currently in use by a listener or a rule")
}

func TestReasons(t *testing.T) {
	w, l, g := balanced(t)
	must(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: "TCP", Port: 80, Action: forward(g.ARN)})
	key := TargetKey(g.ARN, "i-a", 80)
	report(w, ReportHealth{Key: key, Health: Healthy})
	w.now = w.now.Add(1)
	report(w, ReportHealth{Key: key, Health: Unhealthy, Reason: "Target.ResponseCodeMismatch", Detail: "404"})
	x, _ := Targets.Get(w.db.Snapshot(), key)
	if _, reason, text := HealthOf(w.db.Snapshot(), x); reason != "Target.ResponseCodeMismatch" || text != "Health checks failed with these codes: [404]" {
		t.Error(reason, text)
	}
	if !x.HealthyAt.Equal(epoch) {
		t.Error(x.HealthyAt)
	}
	report(w, ReportHealth{Key: key, Health: Unhealthy, Reason: "Target.Timeout"})
	x, _ = Targets.Get(w.db.Snapshot(), key)
	if _, _, text := HealthOf(w.db.Snapshot(), x); text != "Request timed out" {
		t.Error(text)
	}
}
