package route53_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/awsapi/route53"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	iamdomain "github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/engine"
	"github.com/musubi-net/musubi/internal/store/bolt"
)

func tables() []cloud.AnyTable {
	return slices.Concat(dns.Tables(), vpc.Tables(), privatelink.Tables(), iamdomain.Tables())
}

func services(e engine.Runner) []protocol.Service {
	return []protocol.Service{route53.New(e).Service()}
}

// lab is a front door over an engine of its own.
type lab struct {
	t    *testing.T
	e    *engine.Engine
	door http.Handler
	key  string // the access key id that requests are signed with
}

func newLab(t *testing.T) *lab {
	t.Helper()
	s, err := bolt.Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	e, err := engine.Open(t.Context(), engine.Options{
		Schema: cloud.NewSchema(tables()...), Store: s, IDs: func() cloud.IDSource { return random{} },
		Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	h, err := protocol.NewHandler(protocol.Options{Services: services(e), Identify: func(key string) (cloud.Caller, bool) { return iamdomain.Identify(e.Snapshot(), key) }})
	if err != nil {
		t.Fatal(err)
	}
	return &lab{t: t, e: e, door: h, key: "000000000000"}
}

// random makes identifiers that differ.
type random struct{}

func (random) from(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return string(b)
}
func (r random) Hex(n int) string   { return r.from("0123456789abcdef", n) }
func (r random) Alnum(n int) string { return r.from("0123456789abcdefghijklmnopqrstuvwxyz", n) }
func (r random) Upper(n int) string { return r.from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", n) }

func (l *lab) do(method, target, service, contentType, body string) (int, string) {
	l.t.Helper()
	r := httptest.NewRequest(method, "http://127.0.0.1:4566"+target, strings.NewReader(body))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+l.key+"/20260102/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=abc")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	l.door.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// field cuts the text of the first element of that name out of an answer.
func field(body, name string) string {
	_, rest, _ := strings.Cut(body, "<"+name+">")
	text, _, _ := strings.Cut(rest, "</"+name+">")
	return text
}

// addVPC puts a VPC into the cloud.
func (l *lab) addVPC(id, account, region string) {
	l.t.Helper()
	err := l.e.Run(l.t.Context(), cloud.Caller{}, func(tx *cloud.Tx) error {
		vpc.VPCs.Put(tx, vpc.VPC{ID: id, Scope: cloud.Scope{Account: account, Region: region}})
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

const namespace = ` xmlns="https://route53.amazonaws.com/doc/2013-04-01/"`

// post sends an XML document of that root element.
func (l *lab) post(path, root, inner string) (int, string) {
	l.t.Helper()
	return l.do(http.MethodPost, "/2013-04-01/"+path, "route53", "application/xml", "<"+root+namespace+">"+inner+"</"+root+">")
}

func (l *lab) get(path string) (int, string) {
	l.t.Helper()
	return l.do(http.MethodGet, "/2013-04-01/"+path, "route53", "", "")
}

func (l *lab) want(status int, body string, parts ...string) func(int, string) string {
	return func(got int, text string) string {
		l.t.Helper()
		if got != status {
			l.t.Fatalf("%d %s\nwant %d", got, text, status)
		}
		for _, p := range append(parts, body) {
			if !strings.Contains(text, p) {
				l.t.Errorf("no %s in\n%s", p, text)
			}
		}
		return text
	}
}

func (l *lab) zone(name, reference, vpc string) string {
	l.t.Helper()
	inner := "<Name>" + name + "</Name>"
	if vpc != "" {
		inner += "<VPC><VPCRegion>ap-northeast-1</VPCRegion><VPCId>" + vpc + "</VPCId></VPC>"
	}
	inner += "<CallerReference>" + reference + "</CallerReference><HostedZoneConfig><Comment>c</Comment></HostedZoneConfig>"
	body := l.want(201, "<Status>PENDING</Status>")(l.post("hostedzone", "CreateHostedZoneRequest", inner))
	_, id, _ := strings.Cut(body, "<Id>/hostedzone/")
	id, _, _ = strings.Cut(id, "<")
	return id
}

func change(action, set string) string {
	return "<Change><Action>" + action + "</Action><ResourceRecordSet>" + set + "</ResourceRecordSet></Change>"
}

func simple(name, typ, value string) string {
	return "<Name>" + name + "</Name><Type>" + typ + "</Type><TTL>300</TTL><ResourceRecords><ResourceRecord><Value>" + value + "</Value></ResourceRecord></ResourceRecords>"
}

func (l *lab) batch(zone string, changes ...string) (int, string) {
	l.t.Helper()
	return l.post("hostedzone/"+zone+"/rrset/", "ChangeResourceRecordSetsRequest", "<ChangeBatch><Changes>"+strings.Join(changes, "")+"</Changes></ChangeBatch>")
}

func TestPrivateZone(t *testing.T) {
	l := newLab(t)
	l.addVPC("vpc-a", "000000000000", "ap-northeast-1")
	l.addVPC("vpc-b", "000000000000", "ap-northeast-1")
	l.addVPC("vpc-x", "111111111111", "ap-northeast-1")
	z := l.zone("example.internal", "ref", "vpc-a")
	l.want(200, "<VPCs><VPC><VPCId>vpc-a</VPCId><VPCRegion>ap-northeast-1</VPCRegion></VPC></VPCs>", "<Name>example.internal.</Name>",
		"<PrivateZone>true</PrivateZone>", "<ResourceRecordSetCount>2</ResourceRecordSetCount>", "<CallerReference>ref</CallerReference>")(l.get("hostedzone/" + z))
	l.want(409, "<Code>HostedZoneAlreadyExists</Code>")(l.post("hostedzone", "CreateHostedZoneRequest", "<Name>a.b</Name><CallerReference>ref</CallerReference>"))
	l.want(400, "<Code>InvalidVPCId</Code>")(l.post("hostedzone", "CreateHostedZoneRequest", "<Name>a.b</Name><VPC><VPCRegion>us-east-1</VPCRegion><VPCId>vpc-a</VPCId></VPC><CallerReference>r</CallerReference>"))
	l.want(404, "<Code>NoSuchHostedZone</Code>", "No hosted zone found with ID: ZNONE")(l.get("hostedzone/ZNONE"))
	l.want(400, "<Code>InvalidArgument</Code>", "Operation is unsupported for private")(l.get("hostedzone/" + z + "/dnssec"))

	associate := func(op, vpc string) (int, string) {
		root := map[string]string{"Associate": "AssociateVPCWithHostedZoneRequest", "Disassociate": "DisassociateVPCFromHostedZoneRequest"}[op]
		return l.post("hostedzone/"+z+"/"+strings.ToLower(op)+"vpc", root, "<VPC><VPCRegion>ap-northeast-1</VPCRegion><VPCId>"+vpc+"</VPCId></VPC>")
	}
	body := l.want(200, "<ChangeInfo>")(associate("Associate", "vpc-b"))
	l.want(200, "<Status>INSYNC</Status>")(l.get(strings.TrimPrefix(field(body, "Id"), "/")))
	l.want(404, "<Code>NoSuchChange</Code>")(l.get("change/CNONE"))
	l.want(200, "<HostedZoneId>"+z+"</HostedZoneId>", "<OwningAccount>000000000000</OwningAccount>")(l.get("hostedzonesbyvpc?vpcid=vpc-b&vpcregion=ap-northeast-1"))
	l.want(403, "is not owned by you")(l.get("hostedzonesbyvpc?vpcid=vpc-x&vpcregion=ap-northeast-1"))
	l.want(200, "")(associate("Disassociate", "vpc-b"))
	l.want(400, "<Code>LastVPCAssociation</Code>")(associate("Disassociate", "vpc-a"))
	l.want(404, "<Code>VPCAssociationNotFound</Code>")(associate("Disassociate", "vpc-b"))
	l.want(401, "<Code>NotAuthorizedException</Code>")(associate("Associate", "vpc-x"))

	l.want(200, "")(l.post("tags/hostedzone/"+z, "ChangeTagsForResourceRequest", "<AddTags><Tag><Key>k</Key><Value>v</Value></Tag></AddTags>"))
	l.want(200, "<Tags><Tag><Key>k</Key><Value>v</Value></Tag></Tags>", "<ResourceId>"+z+"</ResourceId>")(l.get("tags/hostedzone/" + z))
	l.want(200, "<Comment>new</Comment>")(l.post("hostedzone/"+z, "UpdateHostedZoneCommentRequest", "<Comment>new</Comment>"))
	l.want(200, "")(l.do(http.MethodDelete, "/2013-04-01/hostedzone/"+z, "route53", "", ""))
	l.want(404, "")(l.get("hostedzone/" + z))
}

func TestPublicZones(t *testing.T) {
	l := newLab(t)
	var ids []string
	for i := range 3 {
		ids = append(ids, l.zone(fmt.Sprintf("z%d.example.com", 2-i), fmt.Sprint(i), ""))
	}
	l.want(200, "<DelegationSet><NameServers><NameServer>ns-", "<PrivateZone>false</PrivateZone>")(l.get("hostedzone/" + ids[0]))
	l.want(200, "<ServeSignature>NOT_SIGNING</ServeSignature>")(l.get("hostedzone/" + ids[0] + "/dnssec"))
	l.want(200, "<HostedZoneCount>3</HostedZoneCount>")(l.get("hostedzonecount"))
	body := l.want(200, "<IsTruncated>true</IsTruncated>", "<Name>z0.example.com.</Name>", "<NextDNSName>z2.example.com.</NextDNSName>")(l.get("hostedzonesbyname?maxitems=2"))
	l.want(200, "<IsTruncated>false</IsTruncated>", "<Name>z2.example.com.</Name>")(l.get("hostedzonesbyname?dnsname=z2.example.com&hostedzoneid=" + field(body, "NextHostedZoneId")))
	body = l.want(200, "<IsTruncated>true</IsTruncated>")(l.get("hostedzone?maxitems=2"))
	l.want(200, "<IsTruncated>false</IsTruncated>", "<HostedZones><HostedZone>")(l.get("hostedzone?marker=" + field(body, "NextMarker")))
	l.key = "111111111111"
	l.want(200, "<HostedZones></HostedZones>")(l.get("hostedzone"))
	l.want(403, "<Code>AccessDenied</Code>")(l.get("hostedzone/" + ids[0]))
}

func TestRecords(t *testing.T) {
	l := newLab(t)
	l.addVPC("vpc-a", "000000000000", "ap-northeast-1")
	z := l.zone("a.test", "ref", "vpc-a")
	alias := "<Name>nlb.a.test</Name><Type>A</Type><AliasTarget><HostedZoneId>Z31USIVHYNEOWT</HostedZoneId><DNSName>Web.elb.ap-northeast-1.amazonaws.com</DNSName><EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>"
	l.want(200, "<Status>PENDING</Status>")(l.batch(z, change("CREATE", simple("*.a.test", "A", "10.0.0.1")), change("UPSERT", alias),
		change("CREATE", strings.Replace(simple("w.a.test", "TXT", `"one"`), "<TTL>", "<SetIdentifier>1</SetIdentifier><Weight>0</Weight><TTL>", 1)),
		change("CREATE", strings.Replace(simple("m.a.test", "TXT", `"one"`), "<TTL>", "<SetIdentifier>m</SetIdentifier><MultiValueAnswer>true</MultiValueAnswer><TTL>", 1))))
	l.want(200, `<Name>\052.a.test.</Name>`, "<DNSName>web.elb.ap-northeast-1.amazonaws.com.</DNSName>", "<EvaluateTargetHealth>true</EvaluateTargetHealth>",
		"<SetIdentifier>1</SetIdentifier>", "<Weight>0</Weight>", "<MultiValueAnswer>true</MultiValueAnswer>", "<ResourceRecordSets><ResourceRecordSet>", "<ResourceRecord><Value>10.0.0.1</Value></ResourceRecord>")(l.get("hostedzone/" + z + "/rrset"))
	body := l.want(200, "<NextRecordType>A</NextRecordType>", "<IsTruncated>true</IsTruncated>", "<MaxItems>1</MaxItems>")(l.get("hostedzone/" + z + "/rrset?name=a.test&type=SOA&maxitems=1"))
	if next := field(body, "NextRecordName"); next != `\052.a.test.` {
		t.Errorf("next: %s", next)
	}
	body = l.want(200, "<Name>nlb.a.test.</Name>")(l.get(`hostedzone/` + z + `/rrset?name=nlb.a.test&type=A&maxitems=1`))
	if strings.Contains(body, "052") {
		t.Errorf("the list starts too early: %s", body)
	}

	l.want(400, "<Code>InvalidChangeBatch</Code>", "<Message>[Tried to create resource record set [name='\\052.a.test.', type='A'] but it already exists, "+
		"RRSet with DNS name b.test. is not permitted in zone a.test.]</Message>")(l.batch(z, change("CREATE", simple("*.a.test", "A", "10.0.0.2")), change("CREATE", simple("b.test", "A", "10.0.0.2"))))
	l.want(400, "<Code>InvalidInput</Code>", "Missing field")(l.batch(z, change("CREATE", "<Name>x.a.test</Name><Type>A</Type><TTL>3</TTL>")))
	l.want(400, "Geoproximity routing is not served by Musubi")(l.batch(z, change("CREATE", strings.Replace(simple("g.a.test", "A", "10.0.0.1"), "<TTL>", "<SetIdentifier>1</SetIdentifier><GeoProximityLocation><AWSRegion>us-east-1</AWSRegion></GeoProximityLocation><TTL>", 1))))
	l.want(400, "<Code>HostedZoneNotEmpty</Code>")(l.do(http.MethodDelete, "/2013-04-01/hostedzone/"+z, "route53", "", ""))
	l.want(200, "")(l.batch(z, change("DELETE", alias)))
}

func TestAcrossAccounts(t *testing.T) {
	l := newLab(t)
	l.addVPC("vpc-a", "000000000000", "ap-northeast-1")
	l.addVPC("vpc-x", "111111111111", "us-east-1")
	z := l.zone("a.test", "ref", "vpc-a")
	theirs := "<VPC><VPCRegion>us-east-1</VPCRegion><VPCId>vpc-x</VPCId></VPC>"
	as := func(account string) { l.key = account }
	associate := func(op string) (int, string) {
		return l.post("hostedzone/"+z+"/"+strings.ToLower(op)+"vpc", map[string]string{"Associate": "AssociateVPCWithHostedZoneRequest", "Disassociate": "DisassociateVPCFromHostedZoneRequest"}[op], theirs)
	}
	as("111111111111")
	l.want(401, "<Code>NotAuthorizedException</Code>")(associate("Associate"))
	as("000000000000")
	l.want(200, "<HostedZoneId>"+z+"</HostedZoneId>", "<VPCId>vpc-x</VPCId>")(l.post("hostedzone/"+z+"/authorizevpcassociation", "CreateVPCAssociationAuthorizationRequest", theirs))
	l.want(200, "<VPCs><VPC><VPCId>vpc-x</VPCId><VPCRegion>us-east-1</VPCRegion></VPC></VPCs>")(l.get("hostedzone/" + z + "/authorizevpcassociation"))
	as("111111111111")
	change := field(l.want(200, "<Status>PENDING</Status>")(associate("Associate")), "Id")
	l.want(200, "<Status>INSYNC</Status>")(l.get(strings.TrimPrefix(change, "/")))
	l.want(200, "<OwningAccount>000000000000</OwningAccount>")(l.get("hostedzonesbyvpc?vpcid=vpc-x&vpcregion=us-east-1"))
	l.want(403, "<Code>AccessDenied</Code>")(l.get("hostedzone/" + z))
	as("000000000000")
	l.want(200, "")(l.post("hostedzone/"+z+"/deauthorizevpcassociation", "DeleteVPCAssociationAuthorizationRequest", theirs))
	l.want(404, "<Code>VPCAssociationAuthorizationNotFound</Code>")(l.post("hostedzone/"+z+"/deauthorizevpcassociation", "DeleteVPCAssociationAuthorizationRequest", theirs))
	l.want(200, "<VPCId>vpc-x</VPCId>", "<VPCId>vpc-a</VPCId>")(l.get("hostedzone/" + z))
	as("111111111111")
	l.want(200, "")(associate("Disassociate"))
	l.want(400, "<Code>InvalidVPCId</Code>")(l.get("hostedzonesbyvpc?vpcid=vpc-0&vpcregion=us-east-1"))
}

func TestHealthChecks(t *testing.T) {
	l := newLab(t)
	create := func(reference, config string) (int, string) {
		return l.post("healthcheck", "CreateHealthCheckRequest", "<CallerReference>"+reference+"</CallerReference><HealthCheckConfig>"+config+"</HealthCheckConfig>")
	}
	const http = "<IPAddress>198.18.0.5</IPAddress><Type>HTTPS</Type><FullyQualifiedDomainName>web.test</FullyQualifiedDomainName>"
	body := l.want(201, "<HealthCheckVersion>1</HealthCheckVersion>", "<Port>443</Port>", "<EnableSNI>true</EnableSNI>", "<RequestInterval>30</RequestInterval>", "<FailureThreshold>3</FailureThreshold>",
		"<MeasureLatency>false</MeasureLatency>", "<Inverted>false</Inverted>", "<CallerReference>one</CallerReference>")(create("one", http))
	id := field(body, "Id")
	l.want(409, "<Code>HealthCheckAlreadyExists</Code>")(create("one", "<IPAddress>198.18.0.6</IPAddress><Type>HTTP</Type>"))
	l.want(400, "<Code>InvalidInput</Code>")(create("two", "<IPAddress>10.0.0.1</IPAddress><Type>HTTP</Type>"))
	l.want(400, "MeasureLatency is not served")(create("two", http+"<MeasureLatency>true</MeasureLatency>"))
	l.want(400, "CLOUDWATCH_METRIC is not served")(create("two", "<Type>CLOUDWATCH_METRIC</Type>"))
	body = l.want(201, "<ChildHealthChecks><ChildHealthCheck>"+id+"</ChildHealthCheck></ChildHealthChecks>", "<HealthThreshold>1</HealthThreshold>")(
		create("all", "<Type>CALCULATED</Type><HealthThreshold>1</HealthThreshold><ChildHealthChecks><ChildHealthCheck>"+id+"</ChildHealthCheck></ChildHealthChecks>"))
	calculated := field(body, "Id")
	l.want(200, "<HealthCheckCount>2</HealthCheckCount>")(l.get("healthcheckcount"))
	l.want(200, "<IsTruncated>true</IsTruncated>", "<NextMarker>")(l.get("healthcheck?maxitems=1"))
	l.want(200, "198.18.0.64/28")(l.get("checkeripranges"))
	l.want(400, "<Code>InvalidInput</Code>")(l.get("healthcheck/" + calculated + "/status"))

	err := l.e.Run(t.Context(), cloud.Caller{Internal: true}, func(tx *cloud.Tx) error {
		_, err := dns.ReportCheck{Version: 1, Result: dns.CheckResult{ID: id, Healthy: true, Observations: []dns.Observation{
			{Region: "us-east-1", Address: "198.18.0.65", Healthy: true, Status: "Success: HTTP Status Code 200, OK", LastFailure: "Failure: x"}}}}.Apply(tx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	l.want(200, "<Status>Success: HTTP Status Code 200, OK</Status>", "<Region>us-east-1</Region>")(l.get("healthcheck/" + id + "/status"))
	l.want(200, "<Status>Failure: x</Status>")(l.get("healthcheck/" + id + "/lastfailurereason"))

	update := func(inner string) (int, string) { return l.post("healthcheck/"+id, "UpdateHealthCheckRequest", inner) }
	l.want(409, "<Code>HealthCheckVersionMismatch</Code>")(update("<HealthCheckVersion>5</HealthCheckVersion>"))
	l.want(200, "<HealthCheckVersion>2</HealthCheckVersion>", "<ResourcePath>/x</ResourcePath>")(update("<HealthCheckVersion>1</HealthCheckVersion><ResourcePath>/x</ResourcePath>"))
	l.want(200, "")(l.post("tags/healthcheck/"+id, "ChangeTagsForResourceRequest", "<AddTags><Tag><Key>k</Key><Value>v</Value></Tag></AddTags>"))
	l.want(200, "<Key>k</Key>")(l.get("tags/healthcheck/" + id))
	l.want(200, "")(l.do("DELETE", "/2013-04-01/healthcheck/"+id, "route53", "", ""))
	l.want(404, "<Code>NoSuchHealthCheck</Code>")(l.get("healthcheck/" + id))
	l.want(404, "<Code>NoSuchHealthCheck</Code>")(l.get("tags/healthcheck/" + id))
}

func TestPolicies(t *testing.T) {
	l := newLab(t)
	z := l.zone("a.test", "ref", "")
	routed := func(name, fields string) string {
		return change("CREATE", strings.Replace(simple(name+".a.test", "A", "192.0.2.1"), "<TTL>", fields+"<TTL>", 1))
	}
	l.want(200, "")(l.batch(z,
		routed("l", "<SetIdentifier>1</SetIdentifier><Region>us-east-1</Region>"),
		routed("f", "<SetIdentifier>1</SetIdentifier><Failover>PRIMARY</Failover>"),
		routed("g", "<SetIdentifier>1</SetIdentifier><GeoLocation><CountryCode>US</CountryCode><SubdivisionCode>VA</SubdivisionCode></GeoLocation>")))
	l.want(200, "<Region>us-east-1</Region>", "<Failover>PRIMARY</Failover>", "<GeoLocation><CountryCode>US</CountryCode><SubdivisionCode>VA</SubdivisionCode></GeoLocation>")(l.get("hostedzone/" + z + "/rrset"))
	l.want(400, "<Code>InvalidChangeBatch</Code>", "other RRSets exist")(l.batch(z, routed("l", "<SetIdentifier>2</SetIdentifier><Weight>1</Weight>")))
	l.want(404, "<Code>NoSuchHealthCheck</Code>")(l.batch(z, routed("h", "<SetIdentifier>1</SetIdentifier><Weight>1</Weight><HealthCheckId>none</HealthCheckId>")))
}
