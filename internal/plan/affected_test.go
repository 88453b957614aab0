package plan

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/plan/plantest"
	"github.com/musubi-net/musubi/internal/spec"
)

func TestAffected(t *testing.T) {
	provider, consumer, balancers := []string{"vpc-2"}, []string{"vpc-1"}, []string{plantest.BalancerARN}
	tests := []struct {
		name string
		do   func(tx *cloud.Tx)
		want Units
	}{
		{"a rule touches its group's VPC", func(tx *cloud.Tx) {
			vpc.SecurityGroupRules.Put(tx, vpc.SecurityGroupRule{ID: "sgr-9", GroupID: "sg-web", Protocol: "-1", CIDR: netip.MustParsePrefix("0.0.0.0/0")})
		}, Units{VPCs: provider}},
		{"groups of a load balancer touch the consumers", plantest.Guard, Units{VPCs: []string{"vpc-1", "vpc-2"}, DNS: provider, Metadata: provider, Health: provider, Public: []string{plantest.BalancerARN, "vpce-1"}, Balancers: balancers, Endpoints: []string{"vpce-1"}, Fabric: true}},
		{"a target's health touches the provider only", func(tx *cloud.Tx) { plantest.SetHealth(tx, "i-web-a", elb.Unhealthy) },
			Units{VPCs: provider, Health: provider, Public: []string{plantest.BalancerARN, "vpce-1"}, Balancers: balancers}},
		{"cross-zone", func(tx *cloud.Tx) { plantest.SetCrossZone(tx, true) },
			Units{VPCs: []string{"vpc-1", "vpc-2"}, Health: provider, Public: []string{plantest.BalancerARN, "vpce-1"}, Balancers: balancers, Endpoints: []string{"vpce-1"}, Fabric: true}},
		{"a load balancer's state shows nowhere", func(tx *cloud.Tx) {
			lb, _ := elb.LoadBalancers.Get(tx, plantest.BalancerARN)
			lb.State = elb.Active
			elb.LoadBalancers.Put(tx, lb)
		}, Units{}},
		{"an endpoint touches both sides", func(tx *cloud.Tx) { privatelink.Endpoints.Delete(tx, "vpce-1") },
			Units{VPCs: []string{"vpc-1", "vpc-2"}, Public: []string{"vpce-1"}, Endpoints: []string{"vpce-1"}, Balancers: balancers, Fabric: true}},
		{"a record touches the resolvers of its zone", func(tx *cloud.Tx) {
			dns.RecordSets.Put(tx, dns.RecordSet{ZoneID: "Z1", Name: "new.example.local.", Type: "A", Values: []string{"192.0.2.1"}})
		}, Units{DNS: consumer}},
		{"an interface of nobody", func(tx *cloud.Tx) { plantest.AddInterface(tx, 1, 77, 1, 77, vpc.TypeInterface) },
			Units{VPCs: consumer, DNS: consumer, Metadata: consumer}},
		{"draining", func(tx *cloud.Tx) {
			x, _ := elb.Targets.Get(tx, elb.TargetKey(plantest.GroupARN, "i-web-a", 80))
			x.DrainingSince = plantest.Began
			elb.Targets.Put(tx, x)
		}, Units{VPCs: provider, Health: provider, Public: []string{plantest.BalancerARN, "vpce-1"}, Balancers: balancers, Drains: []string{plantest.GroupARN + "|i-web-a|80"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			l.do(plantest.Seed)
			changes := l.do(tt.do)
			got := Affected(l.db.Snapshot(), changes)
			if d := cmp.Diff(normal(tt.want), normal(got)); d != "" {
				t.Error(d)
			}
			if got.Empty() != Units.Empty(tt.want) {
				t.Error("Empty is wrong")
			}
		})
	}
}

// normal makes empty slices nil.
func normal(u Units) Units {
	for _, s := range []*[]string{&u.VPCs, &u.DNS, &u.Metadata, &u.Health, &u.Guests, &u.Public, &u.Endpoints, &u.Drains, &u.Balancers, &u.Certificates} {
		if len(*s) == 0 {
			*s = nil
		}
	}
	return u
}

// Whatever changes, compiling only what Affected names gives the same world as
// compiling everything.
func TestAffectedIsEnough(t *testing.T) {
	steps := []func(tx *cloud.Tx){
		plantest.Seed, plantest.AddInternet,
		func(tx *cloud.Tx) { plantest.SetCrossZone(tx, true) },
		func(tx *cloud.Tx) {
			plantest.SetHealth(tx, "i-web-a", elb.Unhealthy)
			plantest.SetHealth(tx, "i-web-c", elb.Initial)
		},
		func(tx *cloud.Tx) { plantest.SetHealth(tx, "i-web-d", elb.Unhealthy) },
		func(tx *cloud.Tx) { plantest.AddInstance(tx, "i-second", 1, 50, 2, 60, "sg-client") },
		func(tx *cloud.Tx) {
			n, _ := vpc.NetworkInterfaces.Get(tx, "eni-1")
			n.GroupIDs = nil
			vpc.NetworkInterfaces.Put(tx, n)
		},
		plantest.Guard,
		func(tx *cloud.Tx) {
			x, _ := vpc.SecurityGroupRules.Get(tx, "sgr-sg-nlb-0")
			x.ToPort = 90
			vpc.SecurityGroupRules.Put(tx, x)
		},
		func(tx *cloud.Tx) { vpc.SecurityGroupRules.Delete(tx, "sgr-sg-nlb-0") },
		func(tx *cloud.Tx) { plantest.SetEnforcement(tx, "off") },
		addApplication,
		func(tx *cloud.Tx) {
			addListener(tx, 443, "TLS", elb.TargetGroup{TargetType: "ip"})
			addListener(tx, 444, "TCP", elb.TargetGroup{TargetType: "alb"})
			elb.Targets.Put(tx, elb.Target{TargetGroupARN: plantest.GroupARN + "444", ID: applicationARN, Port: 443, Health: elb.Healthy})
		},
		func(tx *cloud.Tx) { // one zone less, of the one behind
			lb, _ := elb.LoadBalancers.Get(tx, applicationARN)
			lb.Nodes = lb.Nodes[:1]
			elb.LoadBalancers.Put(tx, lb)
		},
		func(tx *cloud.Tx) {
			g, _ := elb.TargetGroups.Get(tx, plantest.GroupARN)
			g.Attributes = map[string]string{"stickiness.enabled": "true"}
			elb.TargetGroups.Put(tx, g)
		},
		func(tx *cloud.Tx) {
			g, _ := elb.TargetGroups.Get(tx, plantest.GroupARN)
			g.Attributes = map[string]string{"proxy_protocol_v2.enabled": "true", "preserve_client_ip.enabled": "true"}
			elb.TargetGroups.Put(tx, g)
		},
		func(tx *cloud.Tx) { vpc.InternetGateways.Delete(tx, "igw-1") },
		addFollowers,
		func(tx *cloud.Tx) { dns.CheckResults.Put(tx, dns.CheckResult{ID: "hc-1"}) },
		func(tx *cloud.Tx) { dns.HealthChecks.Delete(tx, "hc-1") },
		func(tx *cloud.Tx) { plantest.SetHealth(tx, "i-web-d", elb.Healthy) },
		func(tx *cloud.Tx) { plantest.SetHealth(tx, "i-web-d", elb.Unhealthy) },
		func(tx *cloud.Tx) { privatelink.Endpoints.Delete(tx, "vpce-1") },
		func(tx *cloud.Tx) { elb.Listeners.Delete(tx, plantest.ListenerARN) },
	}
	l := newLab(t)
	world := map[string]string{"internet": spec.Dump(CompileInternet(l.db.Snapshot()))}
	for i, step := range steps {
		changes := l.do(step)
		r := l.db.Snapshot()
		u := Affected(r, changes)
		now := map[string]string{"fabric": spec.Dump(CompileFabric(r)), "internet": spec.Dump(CompileInternet(r))}
		named := map[string]bool{"fabric": u.Fabric, "internet": u.Internet}
		for _, id := range []string{"vpc-1", "vpc-2"} {
			now[id], named[id] = spec.Dump(CompileVPC(r, id)), slices.Contains(u.VPCs, id)
			now["dns "+id], named["dns "+id] = spec.Dump(CompileDNS(r, id)), slices.Contains(u.DNS, id)
			now["metadata "+id], named["metadata "+id] = spec.Dump(CompileMetadata(r, id)), slices.Contains(u.Metadata, id)
			now["health "+id], named["health "+id] = spec.Dump(CompileHealth(r, id)), slices.Contains(u.Health, id)
		}
		for _, o := range PublicOwners(r) {
			now[o], named[o] = spec.Dump(CompilePublic(r, o)), slices.Contains(u.Public, o)
		}
		for unit, text := range now {
			if text != world[unit] && !named[unit] {
				t.Errorf("step %d changed %s without naming it", i, unit)
			}
		}
		world = now
	}
}

func TestRepetitions(t *testing.T) {
	tests := []struct {
		weights []int
		lengths []int
		want    []int
	}{
		{nil, nil, []int{}},
		{[]int{5}, []int{3}, []int{1}},
		{[]int{1, 1}, []int{1, 1}, []int{1, 1}},
		{[]int{3, 1}, []int{1, 1}, []int{3, 1}},
		{[]int{1, 1}, []int{2, 3}, []int{3, 2}},
		{[]int{999, 1}, []int{1, 1}, []int{256, 1}},
	}
	for _, tt := range tests {
		var lists [][]int
		for _, n := range tt.lengths {
			lists = append(lists, make([]int, n))
		}
		if got := repetitions(tt.weights, lists); !slices.Equal(got, tt.want) {
			t.Errorf("weights %v of %v: %v, want %v", tt.weights, tt.lengths, got, tt.want)
		}
	}
}

func TestRuleRange(t *testing.T) {
	tests := []struct {
		proto, from, to int
		lo, hi          uint16
	}{
		{6, 80, 443, 80, 443}, {6, 0, 65535, 0, 65535}, {17, -1, -1, 0, 65535}, {-1, -1, -1, 0, 65535},
		{1, -1, -1, 0, 65535}, {1, 8, -1, 0x800, 0x8ff}, {58, 128, 0, 0x8000, 0x8000}, {50, 0, 0, 0, 65535},
	}
	for _, tt := range tests {
		if lo, hi := ruleRange(tt.proto, tt.from, tt.to); lo != tt.lo || hi != tt.hi {
			t.Errorf("%+v: %d-%d", tt, lo, hi)
		}
	}
}
