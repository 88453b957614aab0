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
	"github.com/musubi-net/musubi/internal/plan/plantest"
	"github.com/musubi-net/musubi/internal/spec"
)

// private gives the seed's endpoint a private name.
func private(name, recordType string) func(tx *cloud.Tx) {
	return func(tx *cloud.Tx) {
		e, _ := privatelink.Endpoints.Get(tx, "vpce-1")
		e.PrivateDNS, e.PrivateName, e.DNSRecordType = true, name, recordType
		privatelink.Endpoints.Put(tx, e)
	}
}

func TestEndpointZones(t *testing.T) {
	const regional = "vpce-1-abcd1234.vpce-svc-1.ap-northeast-1.vpce.amazonaws.com."
	record := func(name, typ string) spec.DNSRecord {
		return spec.DNSRecord{Name: name, Type: typ, TTL: 60, Alias: regional, Weight: -1}
	}
	for _, x := range []struct {
		name, recordType string
		want             spec.DNSZone
	}{
		{"api.example.com", "ipv4", spec.DNSZone{Name: "api.example.com.", Records: []spec.DNSRecord{record("api.example.com.", "A")}}},
		{"*.example.com", "dualstack", spec.DNSZone{Name: "example.com.", Records: []spec.DNSRecord{record("*.example.com.", "A"), record("*.example.com.", "AAAA")}}},
		{"api.example.com", "service-defined", spec.DNSZone{Name: "api.example.com.", Records: []spec.DNSRecord{record("api.example.com.", "A")}}},
		{"api.example.com", "ipv6", spec.DNSZone{Name: "api.example.com.", Records: []spec.DNSRecord{record("api.example.com.", "AAAA")}}},
	} {
		l := newLab(t)
		l.do(plantest.Seed)
		changes := l.do(private(x.name, x.recordType))
		if u := Affected(l.db.Snapshot(), changes); !slices.Equal(u.DNS, []string{"vpc-1"}) {
			t.Errorf("%s touches the resolvers %v", x.name, u.DNS)
		}
		d := CompileDNS(l.db.Snapshot(), "vpc-1")
		i := slices.IndexFunc(d.Zones, func(z spec.DNSZone) bool { return z.Name == x.want.Name })
		if i < 0 {
			t.Errorf("no zone %s in %+v", x.want.Name, d.Zones)
			continue
		}
		if diff := cmp.Diff(x.want, d.Zones[i]); diff != "" {
			t.Error(diff)
		}
		if d := CompileDNS(l.db.Snapshot(), "vpc-2"); len(d.Zones) != 0 {
			t.Errorf("the provider's VPC has %+v", d.Zones)
		}
	}
}

func TestRecordAddresses(t *testing.T) {
	four, six := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")
	i := privatelink.EndpointInterface{Address: four, IPv6: six}
	for recordType, want := range map[string][]netip.Addr{"ipv4": {four}, "ipv6": {six}, "dualstack": {four, six}, "service-defined": {four, six}} {
		if got := recordAddresses(privatelink.Endpoint{DNSRecordType: recordType}, i); !slices.Equal(got, want) {
			t.Errorf("%s: %v", recordType, got)
		}
	}
}

func TestVerifiedName(t *testing.T) {
	s := privatelink.Service{ID: "vpce-svc-1", Name: "n", PrivateDNS: privatelink.PrivateDNS{Name: "*.api.example.com", Token: "_t", Value: "vpce:Ab",
		State: privatelink.PendingVerification}}
	zone := func(id, name string, private bool) func(tx *cloud.Tx) {
		return func(tx *cloud.Tx) { dns.Zones.Put(tx, dns.Zone{ID: id, Name: name, Private: private}) }
	}
	text := func(id, name, value string) func(tx *cloud.Tx) {
		return func(tx *cloud.Tx) {
			dns.RecordSets.Put(tx, dns.RecordSet{ZoneID: id, Name: name, Type: "TXT", Values: []string{`"other"`, value}})
		}
	}
	public := zone("Zpub", "example.com.", false)
	for name, x := range map[string]struct {
		do   []func(tx *cloud.Tx)
		want bool
	}{
		"nothing":         {nil, false},
		"the domain":      {[]func(tx *cloud.Tx){public, text("Zpub", "_t.api.example.com.", `"vpce:Ab"`)}, true},
		"in two strings":  {[]func(tx *cloud.Tx){public, text("Zpub", "_t.api.example.com.", `"vpce:" "Ab"`)}, true},
		"the parent":      {[]func(tx *cloud.Tx){public, text("Zpub", "_t.example.com.", `"vpce:Ab"`)}, true},
		"without a label": {[]func(tx *cloud.Tx){public, text("Zpub", "api.example.com.", `"vpce:Ab"`)}, true},
		"another case":    {[]func(tx *cloud.Tx){public, text("Zpub", "_t.api.example.com.", `"vpce:AB"`)}, false},
		"another name":    {[]func(tx *cloud.Tx){public, text("Zpub", "_x.api.example.com.", `"vpce:Ab"`)}, false},
		"a private zone":  {[]func(tx *cloud.Tx){zone("Zpriv", "example.com.", true), text("Zpriv", "_t.api.example.com.", `"vpce:Ab"`)}, false},
		"a zone below": {[]func(tx *cloud.Tx){public, zone("Zsub", "api.example.com.", false),
			text("Zpub", "_t.api.example.com.", `"vpce:Ab"`)}, false},
	} {
		l := newLab(t)
		l.do(func(tx *cloud.Tx) { privatelink.Services.Put(tx, s) })
		var changes []cloud.Change
		for _, do := range x.do {
			changes = l.do(do)
		}
		if got := VerifiedName(l.db.Snapshot(), s); got != x.want {
			t.Errorf("%s: %v", name, got)
		}
		if u := Affected(l.db.Snapshot(), changes); x.want && !slices.Equal(u.Services, []string{"vpce-svc-1"}) {
			t.Errorf("%s: touches the services %v", name, u.Services)
		}
	}
}

// TestPathFromAnotherRegion: any node serves, in a healthy zone if there is one.
func TestPathFromAnotherRegion(t *testing.T) {
	l := newLab(t)
	l.do(plantest.Seed)
	l.do(func(tx *cloud.Tx) {
		e, _ := privatelink.Endpoints.Get(tx, "vpce-1")
		e.Region, e.ServiceRegion = "us-east-1", plantest.Scope.Region
		e.Interfaces = slices.Clone(e.Interfaces)
		e.Interfaces[0].ZoneID = "use1-az1"
		privatelink.Endpoints.Put(tx, e)
	})
	zoneOf := func() string {
		e, _ := privatelink.Endpoints.Get(l.db.Snapshot(), "vpce-1")
		paths := Paths(l.db.Snapshot(), e)
		if len(paths) != 1 || !paths[0].Entry.Open {
			t.Fatalf("paths %+v", paths)
		}
		return paths[0].Zone
	}
	first := zoneOf()
	l.do(func(tx *cloud.Tx) { plantest.SetHealth(tx, "i-web-"+first[len(first)-1:], elb.Unhealthy) })
	if second := zoneOf(); second == first {
		t.Errorf("still served in the unhealthy zone %s", first)
	}
}
