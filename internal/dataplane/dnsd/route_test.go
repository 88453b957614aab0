package dnsd

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/musubi-net/musubi/internal/spec"
)

// lookup answers for an asker in a region; the answer is the values, or the code
// if there are none.
func lookup(p *Public, region, name string, typ uint16) string {
	s := New(Options{Public: p, Pick: func(int) int { return 0 }})
	s.Set(&spec.DNS{VPC: "vpc-1", Region: region})
	m := s.reply(new(dns.Msg).SetQuestion(name, typ))
	var out []string
	for _, rr := range m.Answer {
		text := strings.Fields(rr.String())
		out = append(out, strings.Join(text[4:], " "))
	}
	if len(out) > 0 {
		return strings.Join(out, " ")
	}
	code := dns.RcodeToString[m.Rcode]
	if len(m.Ns) > 0 {
		code += " " + dns.TypeToString[m.Ns[0].Header().Rrtype]
	}
	return code
}

func TestPolicies(t *testing.T) {
	value := func(i int) []string { return []string{fmt.Sprintf("192.0.2.%d", i)} }
	sets := func(records ...spec.DNSRecord) []spec.DNSRecord {
		for i := range records {
			r := &records[i]
			r.Name, r.Type, r.Set, r.Values = "a.test.", "A", fmt.Sprint(i+1), value(i+1)
			if r.Weight == 0 {
				r.Weight = -1
			}
			if r.Weight == 99 {
				r.Weight = 0
			}
		}
		return records
	}
	const zero = 99
	geo := func(continent, country, part string) *spec.DNSLocation {
		return &spec.DNSLocation{Continent: continent, Country: country, Subdivision: part}
	}
	for _, tt := range []struct {
		name, region string
		records      []spec.DNSRecord
		want         string
	}{
		{"weighted", "", sets(spec.DNSRecord{Weight: 1}, spec.DNSRecord{Weight: 5}), "192.0.2.1"},
		{"weight zero is for need only", "", sets(spec.DNSRecord{Weight: zero}, spec.DNSRecord{Weight: 5}), "192.0.2.2"},
		{"weighted, the first is ill", "", sets(spec.DNSRecord{Weight: 1, Unhealthy: true}, spec.DNSRecord{Weight: 5}), "192.0.2.2"},
		{"weighted, only weight zero is well", "", sets(spec.DNSRecord{Weight: 1, Unhealthy: true}, spec.DNSRecord{Weight: zero}), "192.0.2.2"},
		{"weighted, all are ill", "", sets(spec.DNSRecord{Weight: zero, Unhealthy: true}, spec.DNSRecord{Weight: 5, Unhealthy: true}), "192.0.2.2"},
		{"primary", "", sets(spec.DNSRecord{Failover: "SECONDARY"}, spec.DNSRecord{Failover: "PRIMARY"}), "192.0.2.2"},
		{"primary is ill", "", sets(spec.DNSRecord{Failover: "SECONDARY"}, spec.DNSRecord{Failover: "PRIMARY", Unhealthy: true}), "192.0.2.1"},
		{"both are ill", "", sets(spec.DNSRecord{Failover: "SECONDARY", Unhealthy: true}, spec.DNSRecord{Failover: "PRIMARY", Unhealthy: true}), "192.0.2.2"},
		{"latency", "ap-northeast-1", sets(spec.DNSRecord{Region: "eu-west-1"}, spec.DNSRecord{Region: "ap-northeast-3"}), "192.0.2.2"},
		{"latency, its own region", "eu-west-1", sets(spec.DNSRecord{Region: "eu-west-2"}, spec.DNSRecord{Region: "eu-west-1"}), "192.0.2.2"},
		{"latency, the nearest is ill", "ap-northeast-1", sets(spec.DNSRecord{Region: "eu-west-1"}, spec.DNSRecord{Region: "ap-northeast-3", Unhealthy: true}), "192.0.2.1"},
		{"latency from the internet", "", sets(spec.DNSRecord{Region: "ap-northeast-1"}, spec.DNSRecord{Region: "us-east-2"}), "192.0.2.2"},
		{"country", "ap-northeast-1", sets(spec.DNSRecord{Geo: geo("", "*", "")}, spec.DNSRecord{Geo: geo("AS", "", "")}, spec.DNSRecord{Geo: geo("", "JP", "")}), "192.0.2.3"},
		{"country is ill", "ap-northeast-1", sets(spec.DNSRecord{Geo: geo("", "*", "")}, spec.DNSRecord{Geo: geo("AS", "", "")}, spec.DNSRecord{Geo: geo("", "JP", ""), Unhealthy: true}), "192.0.2.2"},
		{"state", "us-west-2", sets(spec.DNSRecord{Geo: geo("", "US", "")}, spec.DNSRecord{Geo: geo("", "US", "OR")}, spec.DNSRecord{Geo: geo("", "US", "VA")}), "192.0.2.2"},
		{"elsewhere", "eu-west-1", sets(spec.DNSRecord{Geo: geo("", "*", "")}, spec.DNSRecord{Geo: geo("", "JP", "")}), "192.0.2.1"},
		{"nowhere", "eu-west-1", sets(spec.DNSRecord{Geo: geo("AS", "", "")}, spec.DNSRecord{Geo: geo("", "JP", "")}), "NOERROR SOA"},
		{"location of the internet", "", sets(spec.DNSRecord{Geo: geo("NA", "", "")}, spec.DNSRecord{Geo: geo("", "*", "")}), "192.0.2.2"},
		{"multivalue", "", sets(spec.DNSRecord{}, spec.DNSRecord{Unhealthy: true}, spec.DNSRecord{}), "192.0.2.1 192.0.2.3"},
		{"multivalue, all are ill", "", sets(spec.DNSRecord{Unhealthy: true}, spec.DNSRecord{Unhealthy: true}), "192.0.2.1 192.0.2.2"},
		{"simple and ill", "", sets(spec.DNSRecord{Unhealthy: true}), "192.0.2.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := NewPublic()
			soa := spec.DNSRecord{Name: "a.test.", Type: "SOA", Weight: -1, Values: []string{"ns.test. host.test. 1 7200 900 1209600 86400"}}
			if err := p.Set("Z1", &spec.Public{Zone: &spec.DNSZone{Name: "a.test.", Records: append(tt.records, soa)}}); err != nil {
				t.Fatal(err)
			}
			if got := lookup(p, tt.region, "a.test.", dns.TypeA); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// publicZone is a zone with a server of its own and NS and SOA records.
func publicZone(name, server string, created int64, records ...spec.DNSRecord) *spec.Public {
	z := spec.DNSZone{Name: name, NameServers: []string{server}, Created: created, Records: append(records,
		spec.DNSRecord{Name: name, Type: "NS", TTL: 172800, Values: []string{server}},
		spec.DNSRecord{Name: name, Type: "SOA", TTL: 900, Values: []string{server + " host.test. 1 7200 900 1209600 86400"}})}
	for i := range z.Records {
		z.Records[i].Weight = -1
	}
	return &spec.Public{Zone: &z}
}

func TestPublicZones(t *testing.T) {
	p := NewPublic()
	set := func(owner string, x *spec.Public) {
		t.Helper()
		if err := p.Set(owner, x); err != nil {
			t.Fatal(err)
		}
	}
	one := func(name, typ, v string) spec.DNSRecord {
		return spec.DNSRecord{Name: name, Type: typ, TTL: 60, Values: []string{v}}
	}
	set("lb", &spec.Public{Names: map[string][]netip.Addr{"lb.elb.amazonaws.com.": addresses("198.18.0.9")}})
	set("Z1", publicZone("example.com.", "ns-1.test.", 1,
		one("www.example.com.", "A", "192.0.2.1"), one("*.example.com.", "A", "192.0.2.2"), one("example.com.", "MX", "10 mail.example.com."),
		one("to.example.com.", "CNAME", "www.sub.example.com."), spec.DNSRecord{Name: "lb.example.com.", Type: "A", Alias: "lb.elb.amazonaws.com."},
		one("sub.example.com.", "NS", "NS-2.test."), one("lame.example.com.", "NS", "ns.elsewhere.test."), one("_sip._tcp.example.com.", "SRV", "1 2 5060 sip.example.com.")))
	set("Z2", publicZone("sub.example.com.", "ns-2.test.", 2, one("www.sub.example.com.", "A", "192.0.2.3")))
	set("Z3", publicZone("sub.example.com.", "ns-3.test.", 1, one("www.sub.example.com.", "A", "192.0.2.4")))
	set("Z4", publicZone("alone.example.com.", "ns-4.test.", 1, one("www.alone.example.com.", "A", "192.0.2.5")))
	set("Z5", publicZone("example.com.", "ns-5.test.", 5, one("www.example.com.", "A", "192.0.2.6")))
	set("Z6", publicZone("2.0.192.in-addr.arpa.", "ns-6.test.", 6, one("1.2.0.192.in-addr.arpa.", "PTR", "www.example.com.")))
	for _, tt := range []struct {
		name string
		typ  uint16
		want string
	}{
		{"www.example.com.", dns.TypeA, "192.0.2.1"},
		{"www.example.com.", dns.TypeAAAA, "NOERROR SOA"},
		{"x.www.example.com.", dns.TypeA, "NXDOMAIN SOA"},
		{"any.example.com.", dns.TypeA, "192.0.2.2"},
		{"example.com.", dns.TypeMX, "10 mail.example.com."},
		{"example.com.", dns.TypeNS, "ns-1.test."},
		{"_sip._tcp.example.com.", dns.TypeSRV, "1 2 5060 sip.example.com."},
		{"lb.example.com.", dns.TypeA, "198.18.0.9"},
		{"to.example.com.", dns.TypeA, "www.sub.example.com. 192.0.2.3"},
		{"www.sub.example.com.", dns.TypeA, "192.0.2.3"}, // by the delegation, not by age
		{"sub.example.com.", dns.TypeNS, "ns-2.test."},
		{"lame.example.com.", dns.TypeA, "SERVFAIL"},
		{"lame.example.com.", dns.TypeNS, "ns.elsewhere.test."},
		{"www.alone.example.com.", dns.TypeA, "192.0.2.2"}, // not delegated to: the parent answers
		{"1.2.0.192.in-addr.arpa.", dns.TypePTR, "www.example.com."},
		{"example.org.", dns.TypeA, "NXDOMAIN"},
	} {
		if got := lookup(p, "", tt.name, tt.typ); got != tt.want {
			t.Errorf("%s %s: got %s, want %s", tt.name, dns.TypeToString[tt.typ], got, tt.want)
		}
	}
	set("Z1", nil)
	if got := lookup(p, "", "www.example.com.", dns.TypeA); got != "192.0.2.6" {
		t.Errorf("without the older zone: %s", got)
	}
	set("Z5", nil)
	if got := lookup(p, "", "www.sub.example.com.", dns.TypeA); got != "192.0.2.4" {
		t.Errorf("without a parent: %s", got)
	}
}

// A private zone is before the public one of its name; an alias in a public zone
// is not led astray by a private one.
func TestPrivateBeforePublic(t *testing.T) {
	p := NewPublic()
	err := p.Set("Z1", publicZone("example.com.", "ns-1.test.", 1, spec.DNSRecord{Name: "www.example.com.", Type: "A", TTL: 60, Values: []string{"192.0.2.1"}}))
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Public: p})
	s.Set(&spec.DNS{Zones: []spec.DNSZone{{Name: "example.com.", Records: []spec.DNSRecord{{Name: "in.example.com.", Type: "A", Weight: -1, Values: []string{"10.0.0.1"}}}}}})
	for name, want := range map[string]int{"in.example.com.": dns.RcodeSuccess, "www.example.com.": dns.RcodeNameError} {
		if m := s.reply(new(dns.Msg).SetQuestion(name, dns.TypeA)); m.Rcode != want {
			t.Errorf("%s: %s", name, dns.RcodeToString[m.Rcode])
		}
	}
}

func TestRegionsHavePlaces(t *testing.T) {
	for _, name := range []string{"us-east-1", "eu-central-1", "ap-northeast-1", "af-south-1", "sa-east-1", "me-central-1"} {
		if place(name).Continent == "" {
			t.Errorf("%s is nowhere", name)
		}
	}
	all := []string{"ap-northeast-3", "ap-northeast-2", "us-west-2", "eu-west-1", "mars-north-1"}
	want := slices.Clone(all)
	slices.SortFunc(all, func(a, b string) int {
		return int(1000*distance("ap-northeast-1", a)) - int(1000*distance("ap-northeast-1", b))
	})
	if !slices.Equal(all[:4], want[:4]) {
		t.Errorf("by distance: %v", all)
	}
}
