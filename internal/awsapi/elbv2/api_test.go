package elbv2

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/acm"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

const (
	region      = "ap-northeast-1"
	certificate = "arn:aws:acm:ap-northeast-1:111111111111:certificate/1"
)

type counterIDs struct{ n *int }

func (c counterIDs) Hex(n int) string   { *c.n++; return fmt.Sprintf("%0*x", n, *c.n) }
func (c counterIDs) Alnum(n int) string { return c.Hex(n) }
func (c counterIDs) Upper(n int) string { return c.Hex(n) }

// memory is an engine without a store.
type memory struct {
	db *cloud.DB
	n  int
}

func (m *memory) Snapshot() *cloud.Snapshot { return m.db.Snapshot() }

func (m *memory) Run(_ context.Context, c cloud.Caller, apply func(*cloud.Tx) error) error {
	tx := m.db.Begin(cloud.Env{Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), IDs: counterIDs{&m.n}, Caller: c})
	defer tx.Abort()
	if err := apply(tx); err != nil {
		return err
	}
	tx.Publish()
	return nil
}

// client asks the API over HTTP, as the AWS CLI would.
type client struct {
	t      *testing.T
	server *httptest.Server
}

func newClient(t *testing.T) *client {
	t.Helper()
	var tables []cloud.AnyTable
	for _, family := range [][]cloud.AnyTable{vpc.Tables(), compute.Tables(), elb.Tables(), privatelink.Tables(), acm.Tables(), iam.Tables()} {
		tables = append(tables, family...)
	}
	db, err := cloud.NewDB(cloud.NewSchema(tables...))
	if err != nil {
		t.Fatal(err)
	}
	m := &memory{db: db}
	scope := cloud.Scope{Account: "111111111111", Region: region}
	if err := m.Run(t.Context(), cloud.Caller{Scope: scope}, func(tx *cloud.Tx) error {
		vpc.VPCs.Put(tx, vpc.VPC{ID: "vpc-1", Scope: scope, DefaultGroupID: "sg-1", CIDRs: []vpc.CIDRAssociation{{Prefix: netip.MustParsePrefix("10.0.0.0/16")}}})
		vpc.SecurityGroups.Put(tx, vpc.SecurityGroup{ID: "sg-1", Scope: scope, VPCID: "vpc-1", Name: "default"})
		acm.Certificates.Put(tx, acm.Certificate{ARN: certificate, Scope: scope, Status: acm.Issued})
		for i, z := range cloud.Zones(region)[:2] {
			vpc.Subnets.Put(tx, vpc.Subnet{ID: fmt.Sprintf("subnet-%d", i), Scope: scope, VPCID: "vpc-1", Zone: z.Name, ZoneID: z.ID,
				CIDR: netip.MustParsePrefix(fmt.Sprintf("10.0.%d.0/24", i)), AvailableIPv4: 251})
		}
		compute.Instances.Put(tx, compute.Instance{ID: "i-1", Scope: scope, State: compute.Running, VPCID: "vpc-1", Zone: cloud.Zones(region)[0].Name})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	files := objects(map[string]string{"bundles/ca.pem": bundle(t), "bundles/text": "text"})
	h, err := protocol.NewHandler(protocol.Options{Services: []protocol.Service{New(Options{Engine: m, Objects: files}).Service()}})
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, server: httptest.NewServer(h)}
	t.Cleanup(c.server.Close)
	return c
}

// ask sends a request with parameters "Name=value" and returns status and body.
func (c *client) ask(action string, params ...string) (int, string) {
	c.t.Helper()
	form := url.Values{"Action": {action}, "Version": {"2015-12-01"}}
	for _, p := range params {
		k, v, _ := strings.Cut(p, "=")
		form.Add(k, v)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.server.URL+"/", strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=111111111111/20260102/"+region+
		"/elasticloadbalancing/aws4_request, SignedHeaders=host;x-amz-date, Signature=00")
	r.Header.Set("X-Amz-Date", "20260102T030405Z")
	resp, err := c.server.Client().Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// ok asks and wants success with these pieces in the answer.
func (c *client) ok(want []string, action string, params ...string) string {
	c.t.Helper()
	status, body := c.ask(action, params...)
	if status != http.StatusOK {
		c.t.Fatalf("%s: %d %s", action, status, body)
	}
	for _, w := range want {
		if !strings.Contains(body, w) {
			c.t.Errorf("%s: no %q in %s", action, w, body)
		}
	}
	return body
}

// refused asks and wants an error code with a part of its sentence.
func (c *client) refused(code, part, action string, params ...string) {
	c.t.Helper()
	status, body := c.ask(action, params...)
	if status < 400 || !strings.Contains(body, "<Code>"+code+"</Code>") || !strings.Contains(body, part) {
		c.t.Errorf("%s: %d %s, want %s with %q", action, status, body, code, part)
	}
}

func field(t *testing.T, body, name string) string {
	t.Helper()
	m := regexp.MustCompile("<" + name + ">([^<]*)</" + name + ">").FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("no %s in %s", name, body)
	}
	return m[1]
}

// nlb makes a load balancer, a target group and a listener, and returns their
// ARNs.
func (c *client) nlb() (lb, group, listener string) {
	c.t.Helper()
	lb = field(c.t, c.ok(nil, "CreateLoadBalancer", "Name=nlb", "Type=network", "Scheme=internal", "Subnets.member.1=subnet-0",
		"Tags.member.1.Key=Name", "Tags.member.1.Value=x"), "LoadBalancerArn")
	group = field(c.t, c.ok(nil, "CreateTargetGroup", "Name=tg", "Protocol=TCP", "Port=80", "VpcId=vpc-1", "TargetType=instance"), "TargetGroupArn")
	listener = field(c.t, c.ok(nil, "CreateListener", "LoadBalancerArn="+lb, "Protocol=TCP", "Port=80",
		"DefaultActions.member.1.Type=forward", "DefaultActions.member.1.TargetGroupArn="+group), "ListenerArn")
	return lb, group, listener
}

func TestLoadBalancerOnTheWire(t *testing.T) {
	c := newClient(t)
	lb, group, listener := c.nlb()
	body := c.ok([]string{"<Code>provisioning</Code>", "<Type>network</Type>", "<ZoneName>ap-northeast-1a</ZoneName>",
		"<CreatedTime>2026-01-02T03:04:05", "<CanonicalHostedZoneId>Z31USIVHYNEOWT<"}, "DescribeLoadBalancers", "LoadBalancerArns.member.1="+lb)
	if strings.Contains(body, "PrivateIPv4Address") {
		t.Errorf("shows an address that nobody chose: %s", body)
	}
	c.ok([]string{"<Key>zonal_shift.config.enabled</Key><Value>false</Value>", "<Key>access_logs.s3.bucket</Key><Value></Value>"},
		"DescribeLoadBalancerAttributes", "LoadBalancerArn="+lb)
	c.ok([]string{"<Key>load_balancing.cross_zone.enabled</Key><Value>true</Value>"}, "ModifyLoadBalancerAttributes", "LoadBalancerArn="+lb,
		"Attributes.member.1.Key=load_balancing.cross_zone.enabled", "Attributes.member.1.Value=true")
	c.ok([]string{"<Key>Name</Key><Value>x</Value>"}, "DescribeTags", "ResourceArns.member.1="+lb)
	c.ok([]string{"DescribeCapacityReservationResult"}, "DescribeCapacityReservation", "LoadBalancerArn="+lb)
	c.ok([]string{"<ForwardConfig><TargetGroups><member>", "<TargetGroupArn>" + group}, "DescribeListeners", "LoadBalancerArn="+lb)
	c.ok([]string{"<Key>tcp.idle_timeout.seconds</Key><Value>350</Value>"}, "DescribeListenerAttributes", "ListenerArn="+listener)
	rule := field(t, c.ok([]string{"<IsDefault>true</IsDefault>"}, "DescribeRules", "ListenerArn="+listener), "RuleArn")
	c.ok([]string{"<Priority>default</Priority>"}, "DescribeRules", "RuleArns.member.1="+rule)
	c.refused("ResourceInUse", "is currently in use by a listener or a rule", "DeleteTargetGroup", "TargetGroupArn="+group)
	c.ok(nil, "DeleteLoadBalancer", "LoadBalancerArn="+lb)
	c.refused("LoadBalancerNotFound", "not found", "DescribeLoadBalancers", "Names.member.1=nlb")
	c.refused("ListenerNotFound", "not found", "DescribeListeners", "ListenerArns.member.1="+listener)
}

func TestTargetsOnTheWire(t *testing.T) {
	c := newClient(t)
	_, group, _ := c.nlb()
	c.ok(nil, "RegisterTargets", "TargetGroupArn="+group, "Targets.member.1.Id=i-1", "Targets.member.1.Port=8080")
	c.ok([]string{"<Id>i-1</Id>", "<Port>8080</Port>", "<HealthCheckPort>8080</HealthCheckPort>", "<State>initial</State>",
		"<Reason>Elb.RegistrationInProgress</Reason>"}, "DescribeTargetHealth", "TargetGroupArn="+group)
	c.ok(nil, "DeregisterTargets", "TargetGroupArn="+group, "Targets.member.1.Id=i-1", "Targets.member.1.Port=8080")
	c.ok([]string{"<State>draining</State>"}, "DescribeTargetHealth", "TargetGroupArn="+group,
		"Targets.member.1.Id=i-1", "Targets.member.1.Port=8080")
	c.refused("TargetGroupNotFound", "not found", "DescribeTargetHealth", "TargetGroupArn=arn:x")
	c.ok([]string{"<LoadBalancerArns><member>", "<HealthCheckTimeoutSeconds>10<", "<HealthCheckEnabled>true<"},
		"DescribeTargetGroups", "Names.member.1=tg")
}

func TestRefusalsOnTheWire(t *testing.T) {
	c := newClient(t)
	lb, group, _ := c.nlb()
	c.refused("UnsupportedOperation", "gateway", "CreateLoadBalancer", "Name=gwlb", "Type=gateway", "Subnets.member.1=subnet-0")
	c.refused("ValidationError", "At least two subnets", "CreateLoadBalancer", "Name=alb", "Subnets.member.1=subnet-0")
	c.refused("InvalidLoadBalancerAction", "fixed-response", "CreateListener", "LoadBalancerArn="+lb, "Protocol=TCP", "Port=81",
		"DefaultActions.member.1.Type=fixed-response")
	c.refused("ValidationError", "Certificate ARN 'arn:c' is not valid", "CreateListener", "LoadBalancerArn="+lb, "Protocol=TLS", "Port=443",
		"Certificates.member.1.CertificateArn=arn:c", "DefaultActions.member.1.Type=forward", "DefaultActions.member.1.TargetGroupArn="+group)
	c.refused("ValidationError", "SSL policy", "CreateListener", "LoadBalancerArn="+lb, "Protocol=TCP", "Port=443",
		"SslPolicy=p", "DefaultActions.member.1.Type=forward", "DefaultActions.member.1.TargetGroupArn="+group)
	c.refused("ValidationError", "healthyThresholdCount", "CreateTargetGroup", "Name=x", "Protocol=TCP", "Port=80", "VpcId=vpc-1", "HealthyThresholdCount=1")
	c.refused("ValidationError", "is not recognized", "ModifyLoadBalancerAttributes", "LoadBalancerArn="+lb,
		"Attributes.member.1.Key=idle_timeout.timeout_seconds", "Attributes.member.1.Value=60")
	c.refused("ValidationError", "not a valid load balancer ARN", "DescribeLoadBalancers", "LoadBalancerArns.member.1=nlb")
	c.refused("ValidationError", "listener ARNs or a load balancer ARN", "DescribeListeners")
}

func TestPaging(t *testing.T) {
	c := newClient(t)
	for i := range 3 {
		c.ok(nil, "CreateTargetGroup", fmt.Sprintf("Name=tg%d", i), "Protocol=TCP", "Port=80", "VpcId=vpc-1")
	}
	var names []string
	marker := ""
	for {
		body := c.ok(nil, "DescribeTargetGroups", "PageSize=2", "Marker="+marker)
		for _, m := range regexp.MustCompile("<TargetGroupName>([^<]*)<").FindAllStringSubmatch(body, -1) {
			names = append(names, m[1])
		}
		if !strings.Contains(body, "<NextMarker>") {
			break
		}
		marker = field(t, body, "NextMarker")
	}
	if got := strings.Join(names, " "); got != "tg0 tg1 tg2" {
		t.Errorf("pages held %s", got)
	}
	c.refused("ValidationError", "marker", "DescribeTargetGroups", "Marker=%%%")
	c.refused("ValidationError", "marker", "DescribeTargetGroups", "Marker=nonsense")
	c.ok([]string{"<Name>network-load-balancers</Name>"}, "DescribeAccountLimits")
	c.ok([]string{"ELBSecurityPolicy-2016-08"}, "DescribeSSLPolicies")
	c.refused("SSLPolicyNotFound", "not found", "DescribeSSLPolicies", "Names.member.1=none")
}
