package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/plan/plantest"
	"github.com/musubi-net/musubi/internal/spec"
)

// addFollowers adds a public zone and records in the private one that follow the
// health of a check, a load balancer and an endpoint.
func addFollowers(tx *cloud.Tx) {
	dns.HealthChecks.Put(tx, dns.HealthCheck{ID: "hc-1", Version: 1, Config: dns.CheckConfig{Type: dns.CheckTCP, IPAddress: "198.18.0.1", Port: 80,
		Regions: []string{"us-west-1", "us-east-1", "eu-west-1"}}})
	dns.HealthChecks.Put(tx, dns.HealthCheck{ID: "hc-2", Version: 1, Config: dns.CheckConfig{Type: dns.CheckCalculated, Children: []string{"hc-1"}, HealthThreshold: 1}})
	dns.Zones.Put(tx, dns.Zone{ID: "Z9", Account: plantest.Scope.Account, Name: "example.com.", NameServers: []string{"ns-1.awsdns-00.com"}, CreatedAt: plantest.Began})
	lb, _ := elb.LoadBalancers.Get(tx, plantest.BalancerARN)
	e, _ := privatelink.Endpoints.Get(tx, "vpce-1")
	alias := func(zone, name, to string) *dns.Alias {
		return &dns.Alias{ZoneID: zone, Name: to, EvaluateTargetHealth: true}
	}
	for _, s := range []dns.RecordSet{
		{Name: "checked", Values: []string{"192.0.2.1"}, SetIdentifier: "a", Failover: dns.Primary, HealthCheckID: "hc-1"},
		{Name: "checked", Values: []string{"192.0.2.2"}, SetIdentifier: "b", Failover: dns.Secondary},
		{Name: "calculated", Values: []string{"192.0.2.1"}, HealthCheckID: "hc-2"},
		{Name: "nlb", Alias: alias("Z2", "nlb", "dualstack."+lb.DNSName+".")},
		{Name: "zonal", Alias: alias("Z2", "zonal", lb.ZonalName("ap-northeast-1d")+".")},
		{Name: "endpoint", Alias: alias("Z2", "endpoint", e.DNSEntries[0].Name+".")},
		{Name: "lost", Alias: alias("Z2", "lost", "lost.elb.ap-northeast-1.amazonaws.com.")},
		{Name: "group", Alias: alias("Z9", "group", "checked.example.com.")},
		{Name: "single", Alias: alias("Z9", "single", "calculated.example.com.")},
	} {
		s.Type = "A"
		s.ZoneID, s.Name = "Z9", s.Name+".example.com."
		dns.RecordSets.Put(tx, s)
		if s.Name == "nlb.example.com." {
			s.ZoneID, s.Name = "Z1", "nlb.example.local."
			dns.RecordSets.Put(tx, s)
		}
	}
}

func TestHealthOfRecords(t *testing.T) {
	l := newLab(t)
	ill := func() map[string]bool {
		out := map[string]bool{}
		for _, r := range CompilePublic(l.db.Snapshot(), "Z9").Zone.Records {
			if r.Unhealthy {
				out[r.Name[:len(r.Name)-len(".example.com.")]+r.Set] = true
			}
		}
		return out
	}
	l.do(plantest.Seed)
	l.do(addFollowers)
	expect := func(when string, want ...string) {
		t.Helper()
		wanted := map[string]bool{}
		for _, w := range want {
			wanted[w] = true
		}
		if d := cmp.Diff(wanted, ill()); d != "" {
			t.Errorf("%s: %s", when, d)
		}
	}
	expect("at first", "lost", "endpoint") // the endpoint is pending
	l.do(func(tx *cloud.Tx) {
		e, _ := privatelink.Endpoints.Get(tx, "vpce-1")
		e.State = privatelink.Available
		privatelink.Endpoints.Put(tx, e)
		dns.CheckResults.Put(tx, dns.CheckResult{ID: "hc-1"})
	})
	expect("the check fails", "lost", "checkeda", "calculated", "single")
	l.do(func(tx *cloud.Tx) {
		dns.CheckResults.Put(tx, dns.CheckResult{ID: "hc-1", Healthy: true})
		plantest.SetHealth(tx, "i-web-d", elb.Unhealthy)
	})
	expect("a zone has no healthy target", "lost", "zonal")
	l.do(func(tx *cloud.Tx) {
		plantest.SetHealth(tx, "i-web-a", elb.Unhealthy)
		plantest.SetHealth(tx, "i-web-c", elb.Unhealthy)
	})
	expect("no target is healthy", "lost", "zonal", "nlb")
	z := CompilePublic(l.db.Snapshot(), "Z9").Zone
	if z.Created != plantest.Began.UnixNano() || !cmp.Equal(z.NameServers, []string{"ns-1.awsdns-00.com."}) || CompilePublic(l.db.Snapshot(), "Z1") != nil {
		t.Errorf("zone: %+v", z)
	}
}

func TestFollowersAreTouched(t *testing.T) {
	l := newLab(t)
	l.do(plantest.Seed)
	l.do(addFollowers)
	got := Affected(l.db.Snapshot(), l.do(func(tx *cloud.Tx) { dns.CheckResults.Put(tx, dns.CheckResult{ID: "hc-1"}) }))
	if d := cmp.Diff(normal(Units{Public: []string{"Z9"}}), normal(got), cmp.Transformer("nil", func(s []string) []string { return append([]string{}, s...) })); d != "" {
		t.Errorf("a check fails: %s", d)
	}
	again := Affected(l.db.Snapshot(), l.do(func(tx *cloud.Tx) {
		dns.CheckResults.Put(tx, dns.CheckResult{ID: "hc-1", Observations: []dns.Observation{{Region: "us-east-1"}}})
	}))
	if !again.Empty() {
		t.Errorf("the same result touches %+v", again)
	}
	got = Affected(l.db.Snapshot(), l.do(func(tx *cloud.Tx) { plantest.SetHealth(tx, "i-web-a", elb.Unhealthy) }))
	if d := cmp.Diff([]string{"vpc-1"}, got.DNS); d != "" {
		t.Errorf("a target fails: %s", d)
	}
	got = Affected(l.db.Snapshot(), l.do(func(tx *cloud.Tx) {
		dns.RecordSets.Put(tx, dns.RecordSet{ZoneID: "Z9", Name: "new.example.com.", Type: "A", Values: []string{"192.0.2.9"}})
	}))
	if d := cmp.Diff([]string{"Z9"}, got.Public); d != "" || len(got.DNS) > 0 {
		t.Errorf("a public record: %s %v", d, got.DNS)
	}
}

func TestCompileCheck(t *testing.T) {
	l := newLab(t)
	l.do(plantest.Seed)
	l.do(addFollowers)
	r := l.db.Snapshot()
	c := CompileCheck(r, "hc-1")
	if c == nil || !c.Healthy || c.Address.String() != "198.18.0.1" || c.Version != 1 {
		t.Fatalf("%+v", c)
	}
	want := []spec.Checker{}
	for _, k := range c.Checkers {
		if !dns.CheckerRange().Contains(k.Source) {
			t.Errorf("%v is out of the checkers' range", k.Source)
		}
		want = append(want, spec.Checker{Region: k.Region, Source: k.Source})
	}
	if len(want) != 3 || want[0].Region != "us-east-1" {
		t.Errorf("checkers: %v", want)
	}
	if CompileCheck(r, "hc-2") != nil || CompileCheck(r, "hc-9") != nil || len(CheckIDs(r)) != 2 {
		t.Error("a calculated check, or none, has no endpoint")
	}
	l.do(func(tx *cloud.Tx) { dns.CheckResults.Put(tx, dns.CheckResult{ID: "hc-1"}) })
	if CompileCheck(l.db.Snapshot(), "hc-1").Healthy {
		t.Error("what is known is forgotten")
	}
}
