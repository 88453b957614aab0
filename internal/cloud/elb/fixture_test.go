package elb

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/acm"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

var (
	scope = cloud.Scope{Account: "111111111111", Region: "ap-northeast-1"}
	epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// counterIDs makes identifiers that differ and can be told apart.
type counterIDs struct{ n int }

func (c *counterIDs) Hex(n int) string   { c.n++; return fmt.Sprintf("%0*x", n, c.n) }
func (c *counterIDs) Alnum(n int) string { return c.Hex(n) }
func (c *counterIDs) Upper(n int) string { return strings.ToUpper(c.Hex(n)) }

// world is a cloud with one VPC of three private subnets (subnet-a, -c, -d) and
// an instance in each (i-a, i-c, i-d).
type world struct {
	t   *testing.T
	db  *cloud.DB
	ids *counterIDs
	now time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	var tables []cloud.AnyTable
	for _, family := range [][]cloud.AnyTable{vpc.Tables(), compute.Tables(), acm.Tables(), iam.Tables(), Tables()} {
		tables = append(tables, family...)
	}
	db, err := cloud.NewDB(cloud.NewSchema(tables...))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: db, ids: &counterIDs{}, now: epoch}
	w.change(func(tx *cloud.Tx) {
		vpc.VPCs.Put(tx, vpc.VPC{ID: "vpc-1", Scope: scope, DefaultGroupID: "sg-1", CIDRs: []vpc.CIDRAssociation{{Prefix: netip.MustParsePrefix("10.0.0.0/16")}},
			IPv6CIDRs: []vpc.CIDRAssociation{{Prefix: netip.MustParsePrefix("2001:db8::/56")}}})
		vpc.VPCs.Put(tx, vpc.VPC{ID: "vpc-2", Scope: scope, CIDRs: []vpc.CIDRAssociation{{Prefix: netip.MustParsePrefix("10.0.0.0/16")}}})
		for i, z := range []string{"a", "c", "d"} {
			w.subnet(tx, "subnet-"+z, "vpc-1", z, i)
			compute.Instances.Put(tx, compute.Instance{ID: "i-" + z, Scope: scope, State: compute.Running, VPCID: "vpc-1",
				SubnetID: "subnet-" + z, Zone: scope.Region + z})
		}
		w.subnet(tx, "subnet-a2", "vpc-1", "a", 8)
		w.subnet(tx, "subnet-other", "vpc-2", "a", 0)
		vpc.SecurityGroups.Put(tx, vpc.SecurityGroup{ID: "sg-1", Scope: scope, VPCID: "vpc-1", Name: "one"})
		vpc.SecurityGroups.Put(tx, vpc.SecurityGroup{ID: "sg-2", Scope: scope, VPCID: "vpc-1", Name: "two"})
		vpc.SecurityGroups.Put(tx, vpc.SecurityGroup{ID: "sg-other", Scope: scope, VPCID: "vpc-2", Name: "other"})
	})
	return w
}

func (w *world) subnet(tx *cloud.Tx, id, vpcID, letter string, third int) {
	z, ok := cloud.FindZone(scope.Region, scope.Region+letter)
	if !ok {
		w.t.Fatalf("no zone %s", letter)
	}
	s := vpc.Subnet{ID: id, Scope: scope, VPCID: vpcID, Zone: z.Name, ZoneID: z.ID, AvailableIPv4: 251,
		CIDR: netip.MustParsePrefix(fmt.Sprintf("10.0.%d.0/24", third))}
	if id != "subnet-a2" {
		s.IPv6CIDRs = []vpc.CIDRAssociation{{Prefix: netip.MustParsePrefix(fmt.Sprintf("2001:db8:0:%x::/64", third))}}
	}
	vpc.Subnets.Put(tx, s)
}

func (w *world) tx(internal bool) *cloud.Tx {
	return w.db.Begin(cloud.Env{Now: w.now, IDs: w.ids, Caller: cloud.Caller{Scope: scope, Internal: internal}})
}

func (w *world) change(f func(*cloud.Tx)) {
	tx := w.tx(false)
	f(tx)
	tx.Publish()
}

func try[R any](w *world, c cloud.Command[R]) (R, error) {
	tx := w.tx(false)
	defer tx.Abort()
	r, err := c.Apply(tx)
	if err == nil {
		tx.Publish()
	}
	return r, err
}

func must[R any](w *world, c cloud.Command[R]) R {
	w.t.Helper()
	r, err := try(w, c)
	if err != nil {
		w.t.Fatalf("%T: %v", c, err)
	}
	return r
}

func report[R any](w *world, c cloud.Command[R]) {
	w.t.Helper()
	tx := w.tx(true)
	defer tx.Abort()
	if _, err := c.Apply(tx); err != nil {
		w.t.Fatalf("%T: %v", c, err)
	}
	tx.Publish()
}

// refused checks the code and a part of the sentence of a refusal.
func refused(t *testing.T, err error, code, part string) {
	t.Helper()
	var e *cloud.Error
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message, part) {
		t.Errorf("got %v, want %s with %q", err, code, part)
	}
}

func internalNLB(subnets ...string) CreateLoadBalancer {
	return CreateLoadBalancer{Name: "nlb", Type: "network", Scheme: "internal", Subnets: Mappings(subnets)}
}

func tcpGroup(name string) CreateTargetGroup {
	return CreateTargetGroup{Name: name, Protocol: "TCP", Port: 80, VPCID: "vpc-1"}
}

// forward is a list of one action that forwards to target groups.
func forward(arns ...string) []Action {
	f := &Forward{}
	for _, a := range arns {
		f.Groups = append(f.Groups, WeightedGroup{TargetGroupARN: a, Weight: 1})
	}
	return []Action{{Type: ActionForward, Forward: f}}
}
