package privatelink

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/sns"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

const region = "ap-northeast-1"

var (
	provider = cloud.Caller{Scope: cloud.Scope{Account: "111111111111", Region: region}, PrincipalARN: "arn:aws:iam::111111111111:root"}
	consumer = cloud.Caller{Scope: cloud.Scope{Account: "222222222222", Region: region}, PrincipalARN: "arn:aws:sts::222222222222:assumed-role/dev/me"}
)

type counterIDs struct{ n int }

func (c *counterIDs) Hex(n int) string   { c.n++; return fmt.Sprintf("%0*x", n, c.n) }
func (c *counterIDs) Alnum(n int) string { return c.Hex(n) }
func (c *counterIDs) Upper(n int) string { return strings.ToUpper(c.Hex(n)) }

// world has the VPC vpc-p of the provider and vpc-c of the consumer, both
// 10.0.0.0/16 with the subnets p-a, p-c, p-d and c-a, c-c, c-d, and in the
// provider's a load balancer in zones a and c.
type world struct {
	t   *testing.T
	db  *cloud.DB
	ids *counterIDs
	lb  string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	var tables []cloud.AnyTable
	for _, family := range [][]cloud.AnyTable{vpc.Tables(), compute.Tables(), elb.Tables(), sns.Tables(), Tables()} {
		tables = append(tables, family...)
	}
	db, err := cloud.NewDB(cloud.NewSchema(tables...))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: db, ids: &counterIDs{}}
	w.change(func(tx *cloud.Tx) {
		w.network(tx, provider.Scope, "p")
		w.network(tx, consumer.Scope, "c")
	})
	w.lb = w.balancer("nlb", "p-a", "p-c").ARN
	return w
}

func (w *world) network(tx *cloud.Tx, s cloud.Scope, prefix string) {
	id := "vpc-" + prefix
	vpc.VPCs.Put(tx, vpc.VPC{ID: id, Scope: s, CIDRs: []vpc.CIDRAssociation{{Prefix: netip.MustParsePrefix("10.0.0.0/16")}},
		DefaultGroupID: "sg-" + prefix, EnableDNSSupport: true})
	vpc.SecurityGroups.Put(tx, vpc.SecurityGroup{ID: "sg-" + prefix, Scope: s, VPCID: id, Name: "default"})
	vpc.SecurityGroups.Put(tx, vpc.SecurityGroup{ID: "sg-" + prefix + "2", Scope: s, VPCID: id, Name: "second"})
	for i, letter := range []string{"a", "c", "d", "a"} {
		z, _ := cloud.FindZone(region, region+letter)
		sn := vpc.Subnet{ID: prefix + "-" + letter, Scope: s, VPCID: id, Zone: z.Name, ZoneID: z.ID, AvailableIPv4: 251,
			CIDR: netip.MustParsePrefix(fmt.Sprintf("10.0.%d.0/24", i))}
		if i == 3 {
			sn.ID += "2"
		}
		if letter == "a" {
			sn.IPv6CIDRs = []vpc.CIDRAssociation{{Prefix: netip.MustParsePrefix(fmt.Sprintf("2001:db8:0:%x::/64", i))}}
		}
		vpc.Subnets.Put(tx, sn)
	}
}

func (w *world) balancer(name string, subnets ...string) elb.LoadBalancer {
	w.t.Helper()
	return must(w, provider, elb.CreateLoadBalancer{Name: name, Type: "network", Scheme: "internal", Subnets: elb.Mappings(subnets)})
}

func (w *world) begin(c cloud.Caller) *cloud.Tx {
	return w.db.Begin(cloud.Env{Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), IDs: w.ids, Caller: c})
}

func (w *world) change(f func(*cloud.Tx)) {
	tx := w.begin(provider)
	f(tx)
	tx.Publish()
}

func try[R any](w *world, who cloud.Caller, c cloud.Command[R]) (R, error) {
	tx := w.begin(who)
	defer tx.Abort()
	r, err := c.Apply(tx)
	if err == nil {
		tx.Publish()
	}
	return r, err
}

func must[R any](w *world, who cloud.Caller, c cloud.Command[R]) R {
	w.t.Helper()
	r, err := try(w, who, c)
	if err != nil {
		w.t.Fatalf("%T: %v", c, err)
	}
	return r
}

func refused(t *testing.T, err error, code, part string) {
	t.Helper()
	var e *cloud.Error
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message, part) {
		t.Errorf("got %v, want %s with %q", err, code, part)
	}
}

// internal is the reconciler.
func internal() cloud.Caller { return cloud.Caller{Internal: true} }

func (w *world) endpoint(id string) Endpoint {
	w.t.Helper()
	e, ok := Endpoints.Get(w.db.Snapshot(), id)
	if !ok {
		w.t.Fatalf("no endpoint %s", id)
	}
	return e
}

// open makes a service that anyone may connect to.
func (w *world) open(acceptance bool) Service {
	w.t.Helper()
	s := must(w, provider, CreateService{LoadBalancerARNs: []string{w.lb}, AcceptanceRequired: acceptance})
	must(w, provider, ModifyPermissions{ServiceID: s.ID, Add: []string{"*"}})
	return s
}

func interfaceEndpoint(s Service, subnets ...string) CreateEndpoint {
	return CreateEndpoint{Type: "Interface", VPCID: "vpc-c", ServiceName: s.Name, SubnetIDs: subnets}
}
