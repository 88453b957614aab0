package vpc_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// netLab is a cloud in memory in which commands are run.
type netLab struct {
	t      *testing.T
	db     *cloud.DB
	caller cloud.Caller
	ids    *counterIDs
	now    time.Time
}

// counterIDs makes identifiers that count up.
type counterIDs struct{ n int }

func (c *counterIDs) Hex(n int) string   { c.n++; return fmt.Sprintf("%0*x", n, c.n) }
func (c *counterIDs) Alnum(n int) string { return c.Hex(n) }
func (c *counterIDs) Upper(n int) string { return strings.ToUpper(c.Hex(n)) }

func newNetLab(t *testing.T) *netLab {
	t.Helper()
	db, err := cloud.NewDB(cloud.NewSchema(vpc.Tables()...))
	if err != nil {
		t.Fatal(err)
	}
	return &netLab{t: t, db: db, ids: &counterIDs{}, now: time.Unix(1_700_000_000, 0),
		caller: cloud.Caller{Scope: cloud.Scope{Account: "000000000000", Region: "ap-northeast-1"}}}
}

func (l *netLab) begin() *cloud.Tx {
	return l.db.Begin(cloud.Env{Now: l.now, Caller: l.caller, IDs: l.ids})
}

// try runs a command and publishes what it changed.
func try[R any](l *netLab, c cloud.Command[R]) (R, error) {
	tx := l.begin()
	defer tx.Abort()
	r, err := c.Apply(tx)
	if err == nil {
		tx.Publish()
	}
	return r, err
}

// must runs a command that has to succeed.
func must[R any](l *netLab, c cloud.Command[R]) R {
	l.t.Helper()
	r, err := try(l, c)
	if err != nil {
		l.t.Fatalf("%#v: %v", c, err)
	}
	return r
}

// refused runs a command that has to fail with that AWS code, and returns the
// message.
func refused[R any](l *netLab, code string, c cloud.Command[R]) string {
	l.t.Helper()
	_, err := try(l, c)
	var e *cloud.Error
	if !errors.As(err, &e) || e.Code != code {
		l.t.Fatalf("%#v: got %v, want code %s", c, err, code)
	}
	return e.Message
}

func (l *netLab) edit(f func(tx *cloud.Tx)) {
	tx := l.begin()
	f(tx)
	tx.Publish()
}

func pfx(s string) netip.Prefix {
	if s == "" {
		return netip.Prefix{}
	}
	return netip.MustParsePrefix(s)
}

func (l *netLab) vpc(block string) vpc.VPC {
	l.t.Helper()
	return must(l, vpc.CreateVPC{CIDR: pfx(block)})
}

func (l *netLab) subnet(v vpc.VPC, block, zone string) vpc.Subnet {
	l.t.Helper()
	return must(l, vpc.CreateSubnet{VPCID: v.ID, CIDR: pfx(block), Zone: zone})
}

func (l *netLab) table(id string) vpc.RouteTable {
	l.t.Helper()
	t, ok := vpc.RouteTables.Get(l.db.Snapshot(), id)
	if !ok {
		l.t.Fatalf("no route table %s", id)
	}
	return t
}

// routes is a route table in one line.
func (l *netLab) routes(id string) string {
	var out []string
	for _, r := range l.table(id).Routes {
		target := r.GatewayID + r.NATGatewayID + r.InterfaceID
		if r.Local {
			target = "local"
		}
		out = append(out, r.Destination.String()+" "+target+" "+r.State)
	}
	return strings.Join(out, "; ")
}

func TestCreateVPCMakesItsParts(t *testing.T) {
	l := newNetLab(t)
	v := must(l, vpc.CreateVPC{CIDR: pfx("10.0.0.0/16"), AmazonIPv6: true, Tags: cloud.Tags{"Name": "a"}})
	r := l.db.Snapshot()
	if !v.EnableDNSSupport || v.EnableDNSHostnames || v.State != "available" || v.Tenancy != "default" {
		t.Errorf("defaults: %+v", v)
	}
	g, ok := vpc.SecurityGroups.Get(r, v.DefaultGroupID)
	if !ok || g.Name != "default" || g.VPCID != v.ID {
		t.Errorf("default group: %+v", g)
	}
	a, ok := vpc.NetworkACLs.Get(r, v.DefaultACLID)
	if !ok || !a.IsDefault || len(a.Entries) != 8 {
		t.Errorf("default ACL: %+v", a)
	}
	d, ok := vpc.DHCPOptionSets.Get(r, v.DHCPOptionsID)
	if !ok || d.Options["domain-name"][0] != "ap-northeast-1.compute.internal" {
		t.Errorf("DHCP options: %+v", d)
	}
	want := "10.0.0.0/16 local active; " + v.IPv6CIDRs[0].Prefix.String() + " local active"
	if got := l.routes(v.MainRouteTableID); got != want {
		t.Errorf("main table: %s, want %s", got, want)
	}
	if main := l.table(v.MainRouteTableID).Associations; len(main) != 1 || !main[0].Main {
		t.Errorf("main association: %+v", main)
	}
	if v.IPv6CIDRs[0].Prefix.Bits() != 56 {
		t.Errorf("IPv6 block %s", v.IPv6CIDRs[0].Prefix)
	}
	w := must(l, vpc.CreateVPC{CIDR: pfx("10.0.0.0/16"), AmazonIPv6: true})
	if w.IPv6CIDRs[0].Prefix.Overlaps(v.IPv6CIDRs[0].Prefix) {
		t.Error("two VPCs with the same IPv6 block")
	}
	if w.DHCPOptionsID != v.DHCPOptionsID || w.Number == v.Number {
		t.Errorf("second VPC: %+v", w)
	}
	must(l, vpc.DeleteVPC{ID: v.ID})
	left := 0
	r = l.db.Snapshot()
	for range vpc.RouteTables.By(r, vpc.ByVPC, v.ID) {
		left++
	}
	for range vpc.NetworkACLs.By(r, vpc.ByVPC, v.ID) {
		left++
	}
	for range vpc.SecurityGroups.By(r, vpc.ByVPC, v.ID) {
		left++
	}
	if left != 0 {
		t.Errorf("%d parts left of a deleted VPC", left)
	}
	refused(l, "InvalidVpcID.NotFound", vpc.DeleteVPC{ID: v.ID})
}

func TestVPCBlocks(t *testing.T) {
	for block, ok := range map[string]bool{
		"10.0.0.0/16": true, "10.0.0.0/28": true, "100.64.0.0/16": true, "198.19.0.0/16": true, "8.8.8.0/24": true,
		"10.0.0.0/15": false, "10.0.0.0/29": false, "169.254.0.0/16": false, "127.0.0.0/16": false, "240.0.0.0/16": false,
	} {
		_, err := try(newNetLab(t), vpc.CreateVPC{CIDR: pfx(block)})
		if (err == nil) != ok {
			t.Errorf("%s: %v", block, err)
		}
	}
}

func TestParseCIDR(t *testing.T) {
	p, err := vpc.ParseCIDR("cidrBlock", "100.68.0.18/18")
	if err != nil || p.String() != "100.68.0.0/18" {
		t.Errorf("host bits are not masked: %s, %v", p, err)
	}
	for _, bad := range []string{"10.0.0.0", "10.0.0.0/33", "x", "", "::ffff:10.0.0.0/112"} {
		if _, err := vpc.ParseCIDR("cidrBlock", bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestSecondaryBlocks(t *testing.T) {
	for _, tt := range []struct {
		primary, secondary string
		ok                 bool
	}{
		{"10.0.0.0/16", "10.1.0.0/16", true},
		{"10.0.0.0/16", "100.64.0.0/16", true},
		{"10.0.0.0/16", "8.8.0.0/16", true},
		{"10.0.0.0/16", "10.0.128.0/20", false},
		{"10.0.0.0/16", "172.16.0.0/16", false},
		{"10.0.0.0/16", "192.168.0.0/16", false},
		{"10.0.0.0/16", "198.19.0.0/16", false},
		{"172.16.0.0/16", "172.31.0.0/16", false},
		{"172.16.0.0/16", "172.20.0.0/16", true},
		{"100.64.0.0/16", "10.0.0.0/16", false},
	} {
		l := newNetLab(t)
		v := l.vpc(tt.primary)
		_, err := try(l, vpc.AssociateVPCCIDR{VPCID: v.ID, CIDR: pfx(tt.secondary)})
		if (err == nil) != tt.ok {
			t.Errorf("%s + %s: %v", tt.primary, tt.secondary, err)
		}
		if tt.ok && !strings.Contains(l.routes(v.MainRouteTableID), tt.secondary+" local active") {
			t.Errorf("%s has no local route", tt.secondary)
		}
	}
}

func TestDisassociateVPCBlock(t *testing.T) {
	l := newNetLab(t)
	v := l.vpc("10.0.0.0/16")
	v = must(l, vpc.AssociateVPCCIDR{VPCID: v.ID, CIDR: pfx("10.1.0.0/16")})
	second := v.CIDRs[1].AssociationID
	refused(l, "OperationNotPermitted", vpc.DisassociateVPCCIDR{AssociationID: v.CIDRs[0].AssociationID})
	s := l.subnet(v, "10.1.0.0/24", "")
	refused(l, "InvalidCidrBlock.InUse", vpc.DisassociateVPCCIDR{AssociationID: second})
	must(l, vpc.DeleteSubnet{ID: s.ID})
	must(l, vpc.DisassociateVPCCIDR{AssociationID: second})
	refused(l, "InvalidVpcCidrBlockAssociationID.NotFound", vpc.DisassociateVPCCIDR{AssociationID: second})
	if got := l.routes(v.MainRouteTableID); got != "10.0.0.0/16 local active" {
		t.Errorf("routes: %s", got)
	}
	for i := range 4 {
		must(l, vpc.AssociateVPCCIDR{VPCID: v.ID, CIDR: pfx(fmt.Sprintf("10.%d.0.0/16", i+2))})
	}
	refused(l, "CidrLimitExceeded", vpc.AssociateVPCCIDR{VPCID: v.ID, CIDR: pfx("10.9.0.0/16")})
}

func TestVPCAttributes(t *testing.T) {
	l := newNetLab(t)
	v := l.vpc("10.0.0.0/16")
	must(l, vpc.ModifyVPCAttribute{VPCID: v.ID, EnableDNSHostnames: new(true)})
	if v, _ = vpc.VPCs.Get(l.db.Snapshot(), v.ID); !v.EnableDNSHostnames {
		t.Error("hostnames not enabled")
	}
	refused(l, "InvalidParameterCombination", vpc.ModifyVPCAttribute{VPCID: v.ID, EnableDNSHostnames: new(true), EnableDNSSupport: new(true)})
	refused(l, "MissingParameter", vpc.ModifyVPCAttribute{VPCID: v.ID})
	refused(l, "InvalidParameterValue", vpc.ModifyVPCTenancy{VPCID: v.ID, Tenancy: "dedicated"})
}

func TestScopesAreApart(t *testing.T) {
	l := newNetLab(t)
	v := l.vpc("10.0.0.0/16")
	l.caller.Region = "us-east-1"
	refused(l, "InvalidVpcID.NotFound", vpc.DeleteVPC{ID: v.ID})
	refused(l, "InvalidVpcId.Malformed", vpc.DeleteVPC{ID: "subnet-1"})
	refused(l, "MissingParameter", vpc.DeleteVPC{})
}

func TestDefaultVPC(t *testing.T) {
	l := newNetLab(t)
	refused(l, "DefaultVpcDoesNotExist", vpc.CreateDefaultSubnet{Zone: "ap-northeast-1a"})
	v := must(l, vpc.CreateDefaultVPC{})
	refused(l, "DefaultVpcAlreadyExists", vpc.CreateDefaultVPC{})
	var got []string
	var first vpc.Subnet
	for s := range vpc.Subnets.By(l.db.Snapshot(), vpc.ByVPC, v.ID) {
		if first.ID == "" {
			first = s
		}
		got = append(got, s.Zone+" "+s.CIDR.String())
		if !s.DefaultForAZ || !s.MapPublicIPOnLaunch || s.AvailableIPv4 != 4091 {
			t.Errorf("subnet %+v", s)
		}
	}
	want := "ap-northeast-1a 172.31.0.0/20, ap-northeast-1c 172.31.16.0/20, ap-northeast-1d 172.31.32.0/20"
	if strings.Join(got, ", ") != want {
		t.Errorf("subnets %v, want %s", got, want)
	}
	if !strings.Contains(l.routes(v.MainRouteTableID), "0.0.0.0/0 igw-") {
		t.Errorf("routes %s", l.routes(v.MainRouteTableID))
	}
	refused(l, "DefaultSubnetAlreadyExistsInAvailabilityZone", vpc.CreateDefaultSubnet{Zone: first.Zone})
	must(l, vpc.DeleteSubnet{ID: first.ID})
	if s := must(l, vpc.CreateDefaultSubnet{Zone: first.Zone}); s.CIDR != first.CIDR {
		t.Errorf("new default subnet %s", s.CIDR)
	}
	l.caller.Region = "us-east-1"
	must(l, vpc.CreateDefaultVPC{})
}

func TestDHCPOptions(t *testing.T) {
	l := newNetLab(t)
	v := l.vpc("10.0.0.0/16")
	refused(l, "InvalidParameterValue", vpc.CreateDHCPOptions{Options: map[string][]string{"colour": {"blue"}}})
	refused(l, "InvalidParameterValue", vpc.CreateDHCPOptions{Options: map[string][]string{"ntp-servers": {"pool.example"}}})
	d := must(l, vpc.CreateDHCPOptions{Options: map[string][]string{"domain-name": {"corp.example"}, "domain-name-servers": {"AmazonProvidedDNS"}}})
	must(l, vpc.AssociateDHCPOptions{VPCID: v.ID, OptionsID: d.ID})
	refused(l, "DependencyViolation", vpc.DeleteDHCPOptions{ID: d.ID})
	must(l, vpc.AssociateDHCPOptions{VPCID: v.ID, OptionsID: vpc.NoDHCPOptions})
	must(l, vpc.DeleteDHCPOptions{ID: d.ID})
	refused(l, "InvalidDhcpOptionID.NotFound", vpc.AssociateDHCPOptions{VPCID: v.ID, OptionsID: d.ID})
}
