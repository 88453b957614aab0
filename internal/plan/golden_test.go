package plan

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/plan/plantest"
	"github.com/musubi-net/musubi/internal/spec"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// dump is the whole world as text, or the named units of it.
func dump(r cloud.Reader, vpcs ...string) string {
	var b strings.Builder
	section := func(name string, v any) {
		text := spec.Dump(v)
		if text != "" && text != "none\n" {
			fmt.Fprintf(&b, "== %s\n%s", name, text)
		}
	}
	for _, id := range vpcs {
		section("vpc "+id, CompileVPC(r, id))
	}
	section("fabric", CompileFabric(r))
	section("internet", CompileInternet(r))
	return b.String()
}

func TestGolden(t *testing.T) {
	tests := []struct {
		name string
		do   func(tx *cloud.Tx)
		vpcs []string
	}{
		{"cross-zone-off", func(*cloud.Tx) {}, []string{"vpc-1", "vpc-2"}},
		{"cross-zone-on", func(tx *cloud.Tx) { plantest.SetCrossZone(tx, true) }, []string{"vpc-2"}},
		{"one-unhealthy", func(tx *cloud.Tx) { plantest.SetCrossZone(tx, true); plantest.SetHealth(tx, "i-web-c", elb.Unhealthy) }, []string{"vpc-2"}},
		{"pending-acceptance", func(tx *cloud.Tx) {
			e, _ := privatelink.Endpoints.Get(tx, "vpce-1")
			e.State = privatelink.PendingAcceptance
			privatelink.Endpoints.Put(tx, e)
		}, []string{"vpc-1", "vpc-2"}},
		{"guarded", plantest.Guard, []string{"vpc-1", "vpc-2"}},
		{"guarded-without-privatelink", func(tx *cloud.Tx) { plantest.Guard(tx); plantest.SetEnforcement(tx, "off") }, []string{"vpc-1"}},
		{"internet", plantest.AddInternet, []string{"vpc-2"}},
		{"facing-internet", func(tx *cloud.Tx) {
			plantest.AddInternet(tx)
			plantest.AddGroup(tx, "sg-nlb", 2)
			lb, _ := elb.LoadBalancers.Get(tx, plantest.BalancerARN)
			lb.Scheme, lb.GroupIDs, lb.Nodes = "internet-facing", []string{"sg-nlb"}, slices.Clone(lb.Nodes[:1])
			lb.Nodes[0].PublicIP = netip.MustParseAddr("198.18.0.9")
			elb.LoadBalancers.Put(tx, lb)
			other := plantest.GroupARN + "-udp"
			elb.TargetGroups.Put(tx, elb.TargetGroup{ARN: other, Protocol: "TCP_UDP", VPCID: "vpc-2", TargetType: "ip",
				Attributes: map[string]string{"preserve_client_ip.enabled": "true"}})
			for _, x := range []elb.Target{{ID: "10.0.1.99", Zone: "ap-northeast-1a", Health: elb.Healthy}, {ID: "192.168.0.1", Zone: "all", Health: elb.Healthy}} {
				x.TargetGroupARN, x.Port = other, 53
				elb.Targets.Put(tx, x)
			}
			elb.Listeners.Put(tx, elb.Listener{ARN: plantest.ListenerARN + "5", LoadBalancerARN: plantest.BalancerARN, Port: 53, Protocol: "TCP_UDP",
				Targets: []elb.WeightedGroup{{TargetGroupARN: other, Weight: 1}}})
		}, []string{"vpc-2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			l.do(plantest.Seed)
			l.do(tt.do)
			golden(t, tt.name, dump(l.db.Snapshot(), tt.vpcs...))
		})
	}
}

func TestGoldenServices(t *testing.T) {
	l := newLab(t)
	l.do(plantest.Seed)
	l.do(plantest.AddInternet)
	r := l.db.Snapshot()
	var b strings.Builder
	b.WriteString(spec.Dump(CompileDNS(r, "vpc-1")))
	for _, o := range PublicOwners(r) {
		if p := CompilePublic(r, o); p != nil {
			b.WriteString(spec.Dump(p))
		}
	}
	b.WriteString(spec.Dump(CompileHealth(r, "vpc-2")))
	b.WriteString(spec.Dump(CompileMetadata(r, "vpc-2")[:1]))
	b.WriteString(spec.Dump(CompileGuests(r)))
	golden(t, "services", b.String())
}

func TestGone(t *testing.T) {
	l := newLab(t)
	r := l.db.Snapshot()
	if CompileVPC(r, "vpc-9") != nil || CompileDNS(r, "vpc-9") != nil || Guest(r, "i-9") != nil || CompilePublic(r, "vpce-9") != nil {
		t.Error("something was compiled for what does not exist")
	}
	l.do(plantest.Seed)
	l.do(func(tx *cloud.Tx) {
		i, _ := compute.Instances.Get(tx, "i-client")
		i.State = compute.Stopped
		compute.Instances.Put(tx, i)
	})
	r = l.db.Snapshot()
	if Guest(r, "i-client") != nil {
		t.Error("a stopped instance has a guest")
	}
	if len(CompileVPC(r, "vpc-1").Interfaces) != 1 {
		t.Error("a stopped instance lost its interface")
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs (-update rewrites it); got:\n%s", path, got)
	}
}
