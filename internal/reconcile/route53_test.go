package reconcile

import (
	"net/netip"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/plan/plantest"
)

// A public zone answers everywhere, and follows a health check that is made from
// the internet, by a name of that zone.
func TestPublicZoneFollowsItsHealthCheck(t *testing.T) {
	at := netip.MustParseAddrPort("198.18.1.1:80")
	l := newLab(t, func(tx *cloud.Tx) {
		plantest.Seed(tx)
		dns.HealthChecks.Put(tx, dns.HealthCheck{ID: "hc-1", Version: 1, Config: dns.CheckConfig{Type: dns.CheckTCP, DomainName: "web.example.com", Port: 80, Interval: 1, FailureThreshold: 1}})
		dns.Zones.Put(tx, dns.Zone{ID: "Z9", Account: plantest.Scope.Account, Name: "example.com."})
		for _, s := range []dns.RecordSet{
			{Name: "web.example.com.", Values: []string{at.Addr().String()}},
			{Name: "www.example.com.", SetIdentifier: "a", Failover: dns.Primary, HealthCheckID: "hc-1", Values: []string{at.Addr().String()}},
			{Name: "www.example.com.", SetIdentifier: "b", Failover: dns.Secondary, Values: []string{"198.18.1.2"}},
		} {
			s.ZoneID, s.Type, s.TTL = "Z9", "A", 60
			dns.RecordSets.Put(tx, s)
		}
	})
	l.start()
	answers := func(vpcID, name, want string) func(*cloud.Snapshot) bool {
		return func(*cloud.Snapshot) bool {
			got, err := l.r.Lookup(t.Context(), vpcID, name)
			return err == nil && len(got) == 1 && got[0].String() == want
		}
	}
	l.until("the zone answers in the internet", answers("", "www.example.com", "198.18.1.1"))
	l.until("and in a VPC", answers("vpc-1", "www.example.com", "198.18.1.1"))
	l.until("the check is reported", func(s *cloud.Snapshot) bool {
		x, ok := dns.CheckResults.Get(s, "hc-1")
		return ok && x.Healthy && len(x.Observations) == 8
	})
	l.world.do(func() { l.world.down[at] = true })
	l.until("the secondary set answers", answers("vpc-1", "www.example.com", "198.18.1.2"))
	l.world.do(func() { delete(l.world.down, at) })
	l.until("the primary set answers again", answers("", "www.example.com", "198.18.1.1"))
	l.do(func(tx *cloud.Tx) { dns.Zones.Delete(tx, "Z9") })
	l.until("the zone is gone", func(*cloud.Snapshot) bool {
		_, err := l.r.Lookup(t.Context(), "", "www.example.com")
		return err != nil
	})
}
