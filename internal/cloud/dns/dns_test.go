package dns

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

const (
	account = "000000000000"
	region  = "ap-northeast-1"
)

// lab is a cloud with two VPCs.
type lab struct {
	t    *testing.T
	db   *cloud.DB
	now  time.Time
	next int
	refs int
}

func (l *lab) count(n int) string {
	l.next++
	return fmt.Sprintf("%0*d", n, l.next)
}
func (l *lab) Hex(n int) string   { return l.count(n) }
func (l *lab) Alnum(n int) string { return l.count(n) }
func (l *lab) Upper(n int) string { return l.count(n) }

func newLab(t *testing.T) *lab {
	t.Helper()
	db, err := cloud.NewDB(cloud.NewSchema(slices.Concat(Tables(), vpc.Tables(), privatelink.Tables())...))
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, db: db, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	tx := db.Begin(cloud.Env{})
	for id, scope := range map[string]cloud.Scope{
		"vpc-a": {Account: account, Region: region}, "vpc-b": {Account: account, Region: "us-east-1"},
		"vpc-x": {Account: "111111111111", Region: region},
	} {
		vpc.VPCs.Put(tx, vpc.VPC{ID: id, Scope: scope})
	}
	tx.Publish()
	return l
}

func tryAs[R any](l *lab, account string, c cloud.Command[R]) (R, error) {
	l.t.Helper()
	tx := l.db.Begin(cloud.Env{Now: l.now, IDs: l, Caller: cloud.Caller{Scope: cloud.Scope{Account: account}}})
	defer tx.Abort()
	r, err := c.Apply(tx)
	if err == nil {
		tx.Publish()
	}
	return r, err
}

func must[R any](l *lab, c cloud.Command[R]) R {
	l.t.Helper()
	r, err := tryAs(l, account, c)
	if err != nil {
		l.t.Fatalf("%T: %v", c, err)
	}
	return r
}

func refused[R any](l *lab, code, text string, c cloud.Command[R]) {
	l.t.Helper()
	_, err := tryAs(l, account, c)
	wantError(l.t, err, code, text)
}

func wantError(t *testing.T, err error, code, text string) {
	t.Helper()
	got, message := fmt.Sprintf("%T", err), fmt.Sprint(err)
	var e *cloud.Error
	var b *BatchError
	switch {
	case errors.As(err, &e):
		got = e.Code
	case errors.As(err, &b):
		got = "InvalidChangeBatch"
	}
	if got != code || !strings.Contains(message, text) {
		t.Errorf("got %s: %s\nwant %s: %s", got, message, code, text)
	}
}

func (l *lab) zone(name string, v ...ZoneVPC) Zone {
	l.t.Helper()
	l.refs++
	c := CreateZone{Name: name, CallerReference: fmt.Sprint(l.refs)}
	if len(v) > 0 {
		c.VPC = &v[0]
	}
	return must(l, c).Zone
}

func (l *lab) records(z Zone) []string {
	var out []string
	for s := range RecordSets.By(l.db.Snapshot(), ByZone, z.ID) {
		out = append(out, s.Name+" "+s.Type+s.SetIdentifier)
	}
	return out
}

var (
	vpcA = ZoneVPC{VPCID: "vpc-a", Region: region}
	vpcB = ZoneVPC{VPCID: "vpc-b", Region: "us-east-1"}
)

func set(name, typ string, values ...string) Change {
	return Change{Action: Create, HasTTL: true, Set: RecordSet{Name: name, Type: typ, TTL: 60, Values: values}}
}

func (c Change) as(a Action) Change { c.Action = a; return c }

func alias(name, typ, zone, target string) Change {
	return Change{Action: Create, Set: RecordSet{Name: name, Type: typ, Alias: &Alias{ZoneID: zone, Name: target}}}
}

func (c Change) multivalue(id string) Change {
	c.Set.SetIdentifier, c.Set.MultiValue = id, true
	return c
}

func (c Change) weighted(id string, w int64) Change {
	c.Set.SetIdentifier, c.Set.Weight = id, &w
	return c
}

func TestZones(t *testing.T) {
	l := newLab(t)
	private := l.zone("Example.COM", vpcA)
	if private.Name != "example.com." || !private.Private || len(private.ID) != 21 || private.RecordCount != 2 {
		t.Errorf("zone: %+v", private)
	}
	ns, _ := RecordSets.Get(l.db.Snapshot(), RecordKey(private.ID, "example.com.", "NS", ""))
	soa, _ := RecordSets.Get(l.db.Snapshot(), RecordKey(private.ID, "example.com.", "SOA", ""))
	if !slices.Equal(ns.Values, []string{"ns-0.awsdns-00.com.", "ns-512.awsdns-00.net.", "ns-1024.awsdns-00.org.", "ns-1536.awsdns-00.co.uk."}) || ns.TTL != 172800 {
		t.Errorf("NS: %+v", ns)
	}
	if soa.Values[0] != "ns-1536.awsdns-00.co.uk. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400" || soa.TTL != 900 {
		t.Errorf("SOA: %+v", soa)
	}
	public := l.zone("example.com")
	if public.Private || len(public.NameServers) != 4 || !strings.HasSuffix(public.NameServers[3], ".co.uk") {
		t.Errorf("public zone: %+v", public)
	}
	refused(l, "HostedZoneAlreadyExists", "specified caller reference", CreateZone{Name: "a.com", CallerReference: "1"})
	for _, name := range []string{"", "a..b", "*.a.com", "a b.com", strings.Repeat("a", 64) + ".com"} {
		refused(l, "InvalidDomainName", "is not a valid domain name", CreateZone{Name: name, CallerReference: "n"})
	}
	refused(l, "InvalidVPCId", "vpc-none", CreateZone{Name: "b.com", CallerReference: "v", VPC: &ZoneVPC{"vpc-none", region}})
	refused(l, "InvalidVPCId", "vpc-a", CreateZone{Name: "b.com", CallerReference: "v", VPC: &ZoneVPC{"vpc-a", "us-east-1"}})
	refused(l, "NotAuthorizedException", "vpc-x", CreateZone{Name: "b.com", CallerReference: "v", VPC: &ZoneVPC{"vpc-x", region}})
	refused(l, "InvalidInput", "VPCId", CreateZone{Name: "b.com", CallerReference: "v", PrivateZone: new(true)})
	refused(l, "ConflictingDomainExists", "The VPC vpc-a in region ap-northeast-1 has already been associated with the hosted zone "+private.ID+" with the same domain name.",
		CreateZone{Name: "example.com", CallerReference: "v", VPC: &vpcA})
	l.zone("sub.example.com", vpcA)

	if z := must(l, UpdateComment{private.ID, "hello"}); z.Comment != "hello" {
		t.Errorf("comment: %+v", z)
	}
	must(l, TagZone{ID: private.ID, Set: cloud.Tags{"a": "1", "b": "2"}})
	must(l, TagZone{ID: private.ID, Set: cloud.Tags{"c": "3"}, Drop: []string{"a"}})
	if z, _ := FindZone(l.db.Snapshot(), account, private.ID); len(z.Tags) != 2 || z.Tags["c"] != "3" {
		t.Errorf("tags: %v", z.Tags)
	}
	must(l, ChangeRecords{ZoneID: private.ID, Changes: []Change{set("a.example.com", "A", "10.0.0.1")}})
	refused(l, "HostedZoneNotEmpty", "not SOA or NS", DeleteZone{private.ID})
	must(l, ChangeRecords{ZoneID: private.ID, Changes: []Change{set("a.example.com", "A", "10.0.0.1").as(Delete)}})
	if _, err := tryAs(l, "111111111111", DeleteZone{private.ID}); err == nil {
		t.Error("a stranger deleted the zone")
	}
	change := must(l, DeleteZone{private.ID})
	refused(l, "NoSuchHostedZone", "No hosted zone found with ID: "+private.ID, DeleteZone{private.ID})
	if got := l.records(private); got != nil {
		t.Errorf("records left: %v", got)
	}
	if c, err := FindChange(l.db.Snapshot(), account, change.ID); err != nil || c.Status != "INSYNC" {
		t.Errorf("change: %+v, %v", c, err)
	}
}

func TestAssociations(t *testing.T) {
	l := newLab(t)
	z, other, public := l.zone("a.test", vpcA), l.zone("a.test", vpcB), l.zone("a.test")
	refused(l, "LastVPCAssociation", "Cannot remove last VPC association", DisassociateVPC{ZoneID: z.ID, VPC: vpcA})
	refused(l, "VPCAssociationNotFound", "vpc-b", DisassociateVPC{ZoneID: z.ID, VPC: vpcB})
	refused(l, "ConflictingDomainExists", other.ID, AssociateVPC{ZoneID: z.ID, VPC: vpcB})
	refused(l, "ConflictingDomainExists", z.ID, AssociateVPC{ZoneID: z.ID, VPC: vpcA})
	refused(l, "PublicZoneVPCAssociation", "public zone: "+public.ID, AssociateVPC{ZoneID: public.ID, VPC: vpcA})
	refused(l, "NoSuchHostedZone", "", AssociateVPC{ZoneID: "Z0", VPC: vpcA})
	if _, err := tryAs(l, "111111111111", AssociateVPC{ZoneID: z.ID, VPC: ZoneVPC{"vpc-x", region}}); err != nil {
		wantError(t, err, "NotAuthorizedException", "vpc-x")
	} else {
		t.Error("a stranger associated a VPC")
	}
	must(l, DeleteZone{other.ID})
	must(l, AssociateVPC{ZoneID: z.ID, VPC: vpcB})

	// A VPC that is gone neither breaks the zone nor stays in it for good.
	tx := l.db.Begin(cloud.Env{})
	vpc.VPCs.Delete(tx, "vpc-b")
	tx.Publish()
	if got, err := FindZone(l.db.Snapshot(), account, z.ID); err != nil || len(got.VPCs) != 2 {
		t.Errorf("zone: %+v, %v", got, err)
	}
	must(l, DisassociateVPC{ZoneID: z.ID, VPC: vpcB})
}

func TestEndpointPrivateNameConflicts(t *testing.T) {
	l := newLab(t)
	tx := l.db.Begin(cloud.Env{})
	privatelink.Endpoints.Put(tx, privatelink.Endpoint{ID: "vpce-1", VPCID: "vpc-a", PrivateDNS: true, PrivateName: "*.API.test", PrivateZoneID: "ZHIDDEN"})
	tx.Publish()
	refused(l, "ConflictingDomainExists", "ZHIDDEN", CreateZone{Name: "api.test", CallerReference: "r", VPC: &vpcA})
	l.zone("api.test", vpcB)
}

func TestBatches(t *testing.T) {
	const found = "but that target was not found"
	nlb, vpce := elb.HostedZoneID(region), privatelink.HostedZoneID(region)
	for _, c := range []struct {
		name, code, text string // no code: accepted
		changes          []Change
	}{
		{"create", "", "", []Change{set("n.a.test", "A", "10.0.0.9", "10.0.0.8")}},
		{"upsert twice the same", "InvalidChangeBatch", "invalid set of changes for a resource record set 'A n.a.test.'", []Change{set("n.a.test", "A", "10.0.0.9").as(Upsert), set("n.a.test", "A", "10.0.0.8").as(Upsert)}},
		{"replace", "", "", []Change{set("a.a.test", "A", "10.0.0.1").as(Delete), set("a.a.test.", "CNAME", "b.a.test")}},
		{"create what exists", "InvalidChangeBatch", "[Tried to create resource record set [name='a.a.test.', type='A'] but it already exists]", []Change{set("A.a.test", "A", "10.0.0.9")}},
		{"delete what does not", "InvalidChangeBatch", "[Tried to delete resource record set [name='n.a.test.', type='A'] but it was not found]", []Change{set("n.a.test", "A", "10.0.0.9").as(Delete)}},
		{"delete other values", "InvalidChangeBatch", "but the values provided do not match the current values", []Change{set("a.a.test", "A", "10.0.0.9").as(Delete)}},
		{"two messages", "InvalidChangeBatch", "already exists, Tried to delete", []Change{set("a.a.test", "A", "10.0.0.9"), set("n.a.test", "A", "10.0.0.9").as(Delete)}},
		{"outside", "InvalidChangeBatch", "RRSet with DNS name n.b.test. is not permitted in zone a.test.", []Change{set("n.b.test", "A", "10.0.0.9")}},
		{"outside with a similar end", "InvalidChangeBatch", "is not permitted in zone", []Change{set("aa.test", "A", "10.0.0.9")}},
		{"cname at apex", "InvalidChangeBatch", "RRSet of type CNAME with DNS name a.test. is not permitted at apex in zone a.test.", []Change{set("a.test", "CNAME", "b.test")}},
		{"cname beside", "InvalidChangeBatch", "RRSet of type CNAME with DNS name a.a.test. is not permitted as it conflicts with other records", []Change{set("a.a.test", "CNAME", "b.test")}},
		{"beside cname", "InvalidChangeBatch", "RRSet of type TXT with DNS name c.a.test. is not permitted as it conflicts", []Change{set("c.a.test", "TXT", `"x"`)}},
		{"delete the name servers", "InvalidChangeBatch", "at least one NS record", []Change{set("a.test", "NS", "ns-0.awsdns-00.com.", "ns-512.awsdns-00.net.", "ns-1024.awsdns-00.org.", "ns-1536.awsdns-00.co.uk.").ttl(172800).as(Delete)}},
		{"delegate", "InvalidChangeBatch", "RRSet of type NS", []Change{set("n.a.test", "NS", "ns.b.test")}},
		{"bad value", "InvalidChangeBatch", "[Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with 'x'']", []Change{set("n.a.test", "A", "x")}},
		{"bad name", "InvalidChangeBatch", "DomainLabelEmpty", []Change{set("n..a.test", "A", "10.0.0.9")}},
		{"wildcard", "", "", []Change{set(`\052.a.test`, "A", "10.0.0.9")}},
		{"neither values nor alias", "InvalidInput", "but found none in Change with [Action=CREATE, Name=n.a.test, Type=A, SetIdentifier=null]", []Change{{Action: Create, Set: RecordSet{Name: "n.a.test", Type: "A"}}}},
		{"no ttl", "InvalidInput", "Missing field 'TTL'", []Change{{Action: Create, Set: RecordSet{Name: "n.a.test", Type: "A", Values: []string{"10.0.0.1"}}}}},
		{"both", "InvalidInput", "but found more than one", []Change{{Action: Create, HasTTL: true, Set: RecordSet{Name: "n.a.test", Type: "A", Alias: &Alias{}}}}},
		{"weight without identifier", "InvalidInput", "Missing field 'SetIdentifier'", []Change{set("n.a.test", "A", "10.0.0.9").weighted("", 1)}},
		{"weighted", "", "", []Change{set("n.a.test", "A", "10.0.0.9").weighted("x", 1), set("n.a.test", "A", "10.0.0.8").weighted("y", 0)}},
		{"multivalue", "", "", []Change{set("n.a.test", "A", "10.0.0.9").multivalue("x"), set("n.a.test", "A", "10.0.0.8").multivalue("y")}},
		{"multivalue without identifier", "InvalidInput", "Missing field 'SetIdentifier'", []Change{set("n.a.test", "A", "10.0.0.9").multivalue("")}},
		{"multivalue and weighted", "InvalidInput", "more than one", []Change{set("n.a.test", "A", "10.0.0.9").multivalue("x").weighted("x", 1)}},
		{"multivalue beside weighted", "InvalidChangeBatch", "cannot be created as other RRSets exist with the same name and type", []Change{
			set("n.a.test", "A", "10.0.0.9").multivalue("x"), set("n.a.test", "A", "10.0.0.8").weighted("y", 1)}},
		{"weighted beside simple", "InvalidChangeBatch", "cannot be created as other RRSets exist with the same name and type", []Change{set("a.a.test", "A", "10.0.0.9").weighted("x", 1)}},
		{"failover", "", "", []Change{{Action: Create, HasTTL: true, Set: RecordSet{Name: "n.a.test", Type: "A", Values: []string{"10.0.0.1"}, SetIdentifier: "x", Failover: "PRIMARY"}}}},
		{"health check", "NoSuchHealthCheck", "hc", []Change{{Action: Create, HasTTL: true, Set: RecordSet{Name: "n.a.test", Type: "A", Values: []string{"10.0.0.1"}, HealthCheckID: "hc"}}}},
		{"alias to a load balancer", "", "", []Change{alias("n.a.test", "A", nlb, "dualstack.web-0123456789abcdef.elb.ap-northeast-1.amazonaws.com")}},
		{"alias to an endpoint", "", "", []Change{alias("n.a.test", "A", vpce, "vpce-1-abc.vpce-svc-1.ap-northeast-1.vpce.amazonaws.com")}},
		{"alias to another region", "InvalidChangeBatch", "Tried to create an alias that targets x.elb.us-east-1.amazonaws.com., type A in zone " + nlb + ", but the alias target name does not lie within the target zone, Tried to create", []Change{alias("n.a.test", "A", nlb, "x.elb.us-east-1.amazonaws.com")}},
		{"alias to an unknown zone", "InvalidChangeBatch", found, []Change{alias("n.a.test", "A", "ZNONE", "x.elb.us-east-1.amazonaws.com")}},
		{"alias of another type", "InvalidChangeBatch", found, []Change{alias("n.a.test", "TXT", nlb, "web.elb.ap-northeast-1.amazonaws.com")}},
		{"alias to a record", "", "", []Change{alias("n.a.test", "A", "self", "a.a.test")}},
		{"alias to a record of the batch", "", "", []Change{alias("n.a.test", "A", "self", "m.a.test"), set("m.a.test", "A", "10.0.0.9")}},
		{"alias to no record", "InvalidChangeBatch", found, []Change{alias("n.a.test", "AAAA", "self", "a.a.test")}},
		{"alias to itself", "InvalidChangeBatch", found, []Change{alias("n.a.test", "A", "self", "n.a.test")}},
		{"too much", "InvalidChangeBatch", "Number of characters limit of 32000 exceeded.", []Change{set("n.a.test", "TXT", `"`+strings.Repeat("a", 32000)+`"`)}},
		{"nothing", "InvalidInput", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t)
			z := l.zone("a.test", vpcA)
			must(l, ChangeRecords{ZoneID: z.ID, Changes: []Change{set("a.a.test", "A", "10.0.0.1"), set("c.a.test", "CNAME", "a.a.test")}})
			before := l.records(z)
			for i := range c.changes {
				if a := c.changes[i].Set.Alias; a != nil && a.ZoneID == "self" {
					a.ZoneID = z.ID
				}
			}
			_, err := tryAs(l, account, ChangeRecords{ZoneID: z.ID, Changes: c.changes})
			if c.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				after, _ := FindZone(l.db.Snapshot(), account, z.ID)
				if n := len(l.records(z)); n != after.RecordCount {
					t.Errorf("zone counts %d records of %d", after.RecordCount, n)
				}
				return
			}
			wantError(t, err, c.code, c.text)
			if got := l.records(z); !slices.Equal(got, before) {
				t.Errorf("records changed to %v", got)
			}
		})
	}
}

func (c Change) ttl(n int64) Change { c.Set.TTL = n; return c }

func TestAliasIsDeletedAsItWasGiven(t *testing.T) {
	l := newLab(t)
	z := l.zone("a.test", vpcA)
	c := alias("www.a.test", "A", elb.HostedZoneID(region), "Web-1.elb.ap-northeast-1.amazonaws.com")
	must(l, ChangeRecords{ZoneID: z.ID, Changes: []Change{c}})
	must(l, ChangeRecords{ZoneID: z.ID, Changes: []Change{c.as(Delete)}})
}

func TestListOrder(t *testing.T) {
	l := newLab(t)
	z := l.zone("a.test")
	var changes []Change
	for _, name := range []string{"www.a.test", "a.test", "*.a.test", "x.www.a.test", "b-c.a.test", "b.a.test"} {
		changes = append(changes, set(name, "A", "10.0.0.1"))
	}
	changes = append(changes, set("b.a.test", "TXT", `"x"`).weighted("1", 1), set("b.a.test", "TXT", `"x"`).weighted("0", 1))
	must(l, ChangeRecords{ZoneID: z.ID, Changes: changes})
	want := []string{"a.test. A", "a.test. NS", "a.test. SOA", "*.a.test. A", "b-c.a.test. A", "b.a.test. A", "b.a.test. TXT0", "b.a.test. TXT1", "www.a.test. A", "x.www.a.test. A"}
	if got := l.records(z); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestValues(t *testing.T) {
	good := map[string][]string{
		"A": {"10.0.0.1"}, "AAAA": {"fd00::1", "::ffff:10.0.0.1"}, "CNAME": {"a.b", "a.b."}, "PTR": {"host.example.com"}, "NS": {"ns.example.com."},
		"TXT": {`"a"`, `"a" "b"`, `"a\"b"`, `"` + strings.Repeat("a", 255) + `"`, `"\101"`}, "SPF": {`"v=spf1 -all"`},
		"MX": {"10 mail.example.com"}, "SRV": {"1 10 5269 xmpp.example.com."}, "CAA": {`0 issue "ca.example.com"`, `0 issue "ca.example.com; policy=ev"`},
		"NAPTR": {`100 50 "u" "E2U+sip" "!^.*$!sip:a@b!" .`}, "SOA": {"ns.example.com. host.example.com. 1 7200 900 1209600 86400"},
		"DS": {"123 13 2 0A0B"}, "SSHFP": {"1 1 0a0b"}, "TLSA": {"3 1 1 0a0b"}, "SVCB": {"1 . alpn=h2"}, "HTTPS": {"0 svc.example.com."},
	}
	bad := map[string][]string{
		"A": {"", "fd00::1", "10.0.0.256", "10.0.0.1 "}, "AAAA": {"10.0.0.1", "fe80::1%eth0"}, "CNAME": {"", "a..b", "a b"},
		"TXT": {"", "a", `"a`, `"a" b`, `"` + strings.Repeat("a", 256) + `"`}, "MX": {"mail.example.com", "70000 mail.example.com", "10 a b"},
		"SRV": {"1 10 xmpp.example.com."}, "CAA": {"0 issue ca.example.com", `0 nope "x"`, `256 issue "x"`}, "DS": {"1 2 3 zz"}, "HTTPS": {"x ."},
		"SOA": {"ns.example.com. host.example.com. 1 7200 900 1209600"}, "WKS": {"x"},
	}
	for typ, values := range good {
		for _, v := range values {
			if p := checkValue(typ, v); p != "" {
				t.Errorf("%s %q: %s", typ, v, p)
			}
		}
	}
	for typ, values := range bad {
		for _, v := range values {
			if checkValue(typ, v) == "" {
				t.Errorf("%s %q is accepted", typ, v)
			}
		}
	}
}

func TestNames(t *testing.T) {
	for in, want := range map[string]string{
		"A.Example.com": "a.example.com.", `\052.a.test.`: "*.a.test.", "*.a.test": "*.a.test.", "_sip._tcp.a.test": "_sip._tcp.a.test.", `a\041b.test`: "a!b.test.",
	} {
		got, err := CanonicalName(in)
		if err != nil || got != want {
			t.Errorf("%s: %q, %v", in, got, err)
		}
		if again, err := CanonicalName(EscapedName(got)); err != nil || again != got {
			t.Errorf("%s: escaped and back it is %q, %v", in, again, err)
		}
	}
	if got := EscapedName("*.a!b.test."); got != `\052.a\041b.test.` {
		t.Errorf("escaped: %s", got)
	}
	for _, in := range []string{"", ".", "a..b", `a\05`, `a\999.b`, "ä.test", strings.Repeat("a.", 128)} {
		if got, err := CanonicalName(in); err == nil {
			t.Errorf("%q is accepted as %q", in, got)
		}
	}
}
