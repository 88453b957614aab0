package reconcile

import (
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/plan/plantest"
)

// TestPrivateName: a service's private name becomes verified when its record
// appears, and fails when it goes.
func TestPrivateName(t *testing.T) {
	l := newLab(t, plantest.Seed)
	l.start()
	l.do(func(tx *cloud.Tx) {
		privatelink.Services.Put(tx, privatelink.Service{ID: "vpce-svc-9", Name: "nine", PrivateDNS: privatelink.PrivateDNS{Name: "api.example.com",
			Token: "_t", Value: "vpce:Ab", State: privatelink.PendingVerification}})
		dns.Zones.Put(tx, dns.Zone{ID: "Zpub", Name: "example.com."})
	})
	becomes := func(want privatelink.VerificationState) {
		t.Helper()
		l.until("the name to be "+string(want), func(s *cloud.Snapshot) bool {
			v, _ := privatelink.Services.Get(s, "vpce-svc-9")
			return v.PrivateDNS.State == want && !v.PrivateDNS.Asked
		})
	}
	record := dns.RecordSet{ZoneID: "Zpub", Name: "_t.api.example.com.", Type: "TXT", Values: []string{`"vpce:Ab"`}}
	l.do(func(tx *cloud.Tx) { dns.RecordSets.Put(tx, record) })
	becomes(privatelink.Verified)
	l.do(func(tx *cloud.Tx) { dns.RecordSets.Delete(tx, dns.RecordKey("Zpub", record.Name, "TXT", "")) })
	becomes(privatelink.VerificationFailed)
	l.do(func(tx *cloud.Tx) {
		v, _ := privatelink.Services.Get(tx, "vpce-svc-9")
		v.PrivateDNS.State, v.PrivateDNS.Asked = privatelink.PendingVerification, true
		privatelink.Services.Put(tx, v)
	})
	becomes(privatelink.VerificationFailed)
}
