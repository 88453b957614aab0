package plan

import (
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/dns"
)

// zone touches where a hosted zone answers: everywhere, or in its VPCs.
func (t *touched) zone(z dns.Zone) {
	if !z.Private {
		t.public.add(z.ID)
	}
	for _, v := range z.VPCs {
		t.dns.add(v.VPCID)
	}
}

func (t *touched) zoneOf(s dns.RecordSet) {
	if z, ok := dns.Zones.Get(t.r, s.ZoneID); ok {
		t.zone(z)
	}
}

// aliased touches the zones that ask whether a load balancer (by its DNS name) or
// an endpoint (by its id) is healthy.
func (t *touched) aliased(target string) {
	if target == "" || t.done["alias "+target] {
		return
	}
	t.done.add("alias " + target)
	for s := range dns.RecordSets.By(t.r, dns.ByTarget, target) {
		t.zoneOf(s)
	}
}

// checked touches the zones whose record sets follow a health check that changed,
// or what it found.
func (t *touched) checked(c cloud.Change) {
	for _, h := range sides[dns.HealthCheck](c) {
		t.checks.add(h.ID)
		t.followers(h.ID)
	}
	results := sides[dns.CheckResult](c)
	if len(results) == 2 && results[0].Healthy == results[1].Healthy {
		return
	}
	for _, x := range results {
		t.followers(x.ID)
	}
}

func (t *touched) followers(check string) {
	for s := range dns.RecordSets.By(t.r, dns.ByHealthCheck, check) {
		t.zoneOf(s)
	}
	for parent := range dns.HealthChecks.By(t.r, dns.ByChild, check) {
		for s := range dns.RecordSets.By(t.r, dns.ByHealthCheck, parent.ID) {
			t.zoneOf(s)
		}
	}
}
