package dnsd

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/musubi-net/musubi/internal/spec"
)

const (
	endpoint = "vpce-1-abcd.vpce-svc-1.ap-northeast-1.vpce.amazonaws.com."
	balancer = "nlb-1.elb.ap-northeast-1.amazonaws.com."
)

func addresses(in ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range in {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func testDNS() *spec.DNS {
	one := func(name, typ string, values ...string) spec.DNSRecord {
		return spec.DNSRecord{Name: name, Type: typ, TTL: 300, Values: values, Weight: -1}
	}
	alias := func(name, typ, to string) spec.DNSRecord {
		return spec.DNSRecord{Name: name, Type: typ, Alias: to, Weight: -1}
	}
	var many []string
	for i := range 60 {
		many = append(many, fmt.Sprintf("192.0.2.%d", i+1))
	}
	return &spec.DNS{
		VPC: "vpc-1",
		Zones: []spec.DNSZone{
			{Name: "example.local.", Records: []spec.DNSRecord{
				one("example.local.", "SOA", "ns-1536.awsdns-00.co.uk. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"),
				one("a.example.local.", "A", "192.0.2.1", "192.0.2.2"),
				one("t.example.local.", "TXT", `"hello" "world"`),
				one("*.wild.example.local.", "A", "192.0.2.9"),
				one("x.wild.example.local.", "TXT", `"x"`),
				one("deep.er.example.local.", "A", "192.0.2.3"),
				one("c.example.local.", "CNAME", "a.example.local."),
				one("out.example.local.", "CNAME", balancer),
				one("lost.example.local.", "CNAME", "nowhere.test."),
				one("loop.example.local.", "CNAME", "loop.example.local."),
				one("many.example.local.", "A", many...),
				alias("nlb.example.local.", "A", endpoint),
				alias("self.example.local.", "A", "a.example.local."),
				alias("gone.example.local.", "A", "gone.vpce.amazonaws.com."),
				alias("circle.example.local.", "A", "circle.example.local."),
				{Name: "w.example.local.", Type: "A", TTL: 5, Values: []string{"192.0.2.31"}, Weight: 1, Set: "a"},
				{Name: "w.example.local.", Type: "A", TTL: 5, Values: []string{"192.0.2.32"}, Weight: 3, Set: "b"},
				{Name: "multi.example.local.", Type: "A", TTL: 5, Values: many[:7], Weight: -1, Set: "a"},
				{Name: "multi.example.local.", Type: "A", TTL: 5, Values: many[7:12], Weight: -1, Set: "b"},
			}},
			{Name: "sub.example.local.", Records: []spec.DNSRecord{one("only.sub.example.local.", "A", "192.0.2.77")}},
			{Name: "elb.ap-northeast-1.amazonaws.com."},
		},
		Names:   map[string][]netip.Addr{"ip-10-0-1-10.ap-northeast-1.compute.internal.": addresses("10.0.1.10")},
		Reverse: map[netip.Addr]string{netip.MustParseAddr("10.0.1.10"): "ip-10-0-1-10.ap-northeast-1.compute.internal."},
	}
}

// start serves on loopback; it returns the address of both sockets.
func start(t *testing.T, s *Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ServeTCP(l); err != nil {
		t.Fatal(err)
	}
	if err := s.ServeUDP(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func server(pick int) *Server {
	public := NewPublic()
	_ = public.Set("vpce-1", &spec.Public{Names: map[string][]netip.Addr{endpoint: addresses("10.0.1.50", "10.0.2.50")}})
	_ = public.Set("nlb", &spec.Public{Names: map[string][]netip.Addr{"dual.test.": addresses("10.0.1.20", "2001:db8::20")}})
	s := New(Options{Public: public, Pick: func(n int) int { return pick % n }})
	s.Set(testDNS())
	return s
}

// ask returns the answer as "RCODE rr; rr" with the parts of a record that count.
func ask(t *testing.T, addr, network, name string, typ uint16) (string, *dns.Msg) {
	t.Helper()
	q := new(dns.Msg)
	q.SetQuestion(name, typ)
	c := dns.Client{Net: network}
	m, _, err := c.Exchange(q, addr)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	out := dns.RcodeToString[m.Rcode]
	for _, rr := range m.Answer {
		out += "; " + strings.Join(strings.Fields(rr.String()), " ")
	}
	return out, m
}

func TestAnswers(t *testing.T) {
	addr := start(t, server(0))
	tests := []struct {
		name string
		typ  uint16
		want string
		soa  bool
	}{
		{"a.example.local.", dns.TypeA, "NOERROR; a.example.local. 300 IN A 192.0.2.1; a.example.local. 300 IN A 192.0.2.2", false},
		{"A.eXample.LOCAL.", dns.TypeA, "NOERROR; A.eXample.LOCAL. 300 IN A 192.0.2.1; A.eXample.LOCAL. 300 IN A 192.0.2.2", false},
		{"a.example.local.", dns.TypeAAAA, "NOERROR", true},
		{"b.example.local.", dns.TypeA, "NXDOMAIN", true},
		{"t.example.local.", dns.TypeTXT, `NOERROR; t.example.local. 300 IN TXT "hello" "world"`, false},
		{"any.wild.example.local.", dns.TypeA, "NOERROR; any.wild.example.local. 300 IN A 192.0.2.9", false},
		{"more.any.wild.example.local.", dns.TypeA, "NOERROR; more.any.wild.example.local. 300 IN A 192.0.2.9", false},
		{"x.wild.example.local.", dns.TypeA, "NOERROR", true},
		{"er.example.local.", dns.TypeA, "NOERROR", true},
		{"c.example.local.", dns.TypeA, "NOERROR; c.example.local. 300 IN CNAME a.example.local.; a.example.local. 300 IN A 192.0.2.1; a.example.local. 300 IN A 192.0.2.2", false},
		{"c.example.local.", dns.TypeCNAME, "NOERROR; c.example.local. 300 IN CNAME a.example.local.", false},
		{"lost.example.local.", dns.TypeA, "NXDOMAIN; lost.example.local. 300 IN CNAME nowhere.test.", false},
		{"nlb.example.local.", dns.TypeA, "NOERROR; nlb.example.local. 60 IN A 10.0.1.50; nlb.example.local. 60 IN A 10.0.2.50", false},
		{"nlb.example.local.", dns.TypeAAAA, "NOERROR", true},
		{"self.example.local.", dns.TypeA, "NOERROR; self.example.local. 300 IN A 192.0.2.1; self.example.local. 300 IN A 192.0.2.2", false},
		{"gone.example.local.", dns.TypeA, "NOERROR", true},
		// A longer zone hides the shorter one, and a zone hides the public names.
		{"only.sub.example.local.", dns.TypeA, "NOERROR; only.sub.example.local. 300 IN A 192.0.2.77", false},
		{"a.sub.example.local.", dns.TypeA, "NXDOMAIN", false},
		{balancer, dns.TypeA, "NXDOMAIN", false},
		{"dual.test.", dns.TypeA, "NOERROR; dual.test. 60 IN A 10.0.1.20", false},
		{"dual.test.", dns.TypeAAAA, "NOERROR; dual.test. 60 IN AAAA 2001:db8::20", false},
		{"dual.test.", dns.TypeTXT, "NOERROR", false},
		{"ip-10-0-1-10.ap-northeast-1.compute.internal.", dns.TypeA, "NOERROR; ip-10-0-1-10.ap-northeast-1.compute.internal. 60 IN A 10.0.1.10", false},
		{"10.1.0.10.in-addr.arpa.", dns.TypePTR, "NOERROR; 10.1.0.10.in-addr.arpa. 60 IN PTR ip-10-0-1-10.ap-northeast-1.compute.internal.", false},
		{"www.example.com.", dns.TypeA, "NXDOMAIN", false},
		{"a.example.local.", dns.TypeANY, "NOTIMP", false},
	}
	for _, tt := range tests {
		for _, network := range []string{"udp", "tcp"} {
			got, m := ask(t, addr, network, tt.name, tt.typ)
			if got != tt.want {
				t.Errorf("%s %s: %s, want %s", tt.name, dns.TypeToString[tt.typ], got, tt.want)
			}
			if (len(m.Ns) == 1) != tt.soa {
				t.Errorf("%s %s: authority %v", tt.name, dns.TypeToString[tt.typ], m.Ns)
			}
		}
	}
}

func TestLoopsEnd(t *testing.T) {
	addr := start(t, server(0))
	for _, name := range []string{"loop.example.local.", "circle.example.local."} {
		if _, m := ask(t, addr, "tcp", name, dns.TypeA); len(m.Answer) > maxChase+1 {
			t.Errorf("%s: %d records", name, len(m.Answer))
		}
	}
}

func TestRotationAndWeights(t *testing.T) {
	for pick, want := range []string{"192.0.2.31", "192.0.2.32", "192.0.2.32", "192.0.2.32", "192.0.2.31"} {
		addr := start(t, server(pick))
		if got, _ := ask(t, addr, "udp", "w.example.local.", dns.TypeA); !strings.HasSuffix(got, want) {
			t.Errorf("pick %d: %s, want %s", pick, got, want)
		}
	}
	addr := start(t, server(1))
	if _, m := ask(t, addr, "udp", "multi.example.local.", dns.TypeA); len(m.Answer) != maxMultivalue {
		t.Errorf("a multivalue answer has %d values", len(m.Answer))
	}
	if got, _ := ask(t, addr, "udp", endpoint, dns.TypeA); !strings.HasSuffix(got, "10.0.1.50") {
		t.Errorf("not rotated: %s", got)
	}
}

func TestSizes(t *testing.T) {
	addr := start(t, server(0))
	_, m := ask(t, addr, "udp", "many.example.local.", dns.TypeA)
	if m.Compress = true; !m.Truncated || m.Len() > plainUDP {
		t.Errorf("plain UDP: truncated %v, %d bytes", m.Truncated, m.Len())
	}
	if _, m = ask(t, addr, "tcp", "many.example.local.", dns.TypeA); m.Truncated || len(m.Answer) != 60 {
		t.Errorf("TCP: truncated %v, %d records", m.Truncated, len(m.Answer))
	}
	q := new(dns.Msg)
	q.SetQuestion("many.example.local.", dns.TypeA)
	q.SetEdns0(4096, false)
	m, err := dns.Exchange(q, addr)
	if err != nil || m.Truncated || len(m.Answer) != 60 || m.IsEdns0() == nil {
		t.Errorf("EDNS: %v %v", err, m)
	}
}

func TestSetReplaces(t *testing.T) {
	s := server(0)
	addr := start(t, s)
	s.Set(nil)
	if got, _ := ask(t, addr, "udp", "a.example.local.", dns.TypeA); got != "NXDOMAIN" {
		t.Error(got)
	}
	_ = s.o.Public.Set("vpce-1", nil)
	if got, _ := ask(t, addr, "udp", endpoint, dns.TypeA); got != "NXDOMAIN" {
		t.Error(got)
	}
	if got, _ := ask(t, addr, "udp", "dual.test.", dns.TypeA); !strings.HasPrefix(got, "NOERROR;") {
		t.Error(got)
	}
}

func FuzzReply(f *testing.F) {
	q := new(dns.Msg)
	q.SetQuestion("x.wild.example.local.", dns.TypeA)
	b, err := q.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	s := server(0)
	f.Fuzz(func(t *testing.T, in []byte) {
		m := new(dns.Msg)
		if m.Unpack(in) != nil {
			return
		}
		if _, err := s.reply(m).Pack(); err != nil {
			t.Skip(err) // a question that can be read but not written
		}
	})
}
