package elb

import (
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

// balanced is a world with a load balancer in zones a and c and a group of the
// three instances behind its listener.
func balanced(t *testing.T) (*world, LoadBalancer, TargetGroup) {
	w := newWorld(t)
	l := must(w, internalNLB("subnet-a", "subnet-c"))
	g := must(w, tcpGroup("tg"))
	must(w, RegisterTargets{GroupARN: g.ARN, Targets: []TargetRef{{ID: "i-a"}, {ID: "i-c"}, {ID: "i-d", Port: 8080}}})
	return w, l, g
}

func (w *world) health(g TargetGroup, id string, port int) [2]string {
	w.t.Helper()
	r := w.db.Snapshot()
	t, ok := Targets.Get(r, TargetKey(g.ARN, id, port))
	if !ok {
		return [2]string{"gone", ""}
	}
	state, reason, _ := HealthOf(r, t)
	return [2]string{state, reason}
}

func (w *world) setInstance(id string, s compute.InstanceState) {
	w.change(func(tx *cloud.Tx) {
		i, _ := compute.Instances.Get(tx, id)
		i.State = s
		compute.Instances.Put(tx, i)
	})
}

func TestHealthOf(t *testing.T) {
	w, l, g := balanced(t)
	check := func(step, id string, port int, want [2]string) {
		t.Helper()
		if got := w.health(g, id, port); got != want {
			t.Errorf("%s: %s is %v, want %v", step, id, got, want)
		}
	}
	check("no listener", "i-a", 80, [2]string{"unused", "Target.NotInUse"})
	x := must(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: "TCP", Port: 80, Action: forward(g.ARN)})
	check("provisioning", "i-a", 80, [2]string{"initial", "Elb.RegistrationInProgress"})
	report(w, ReportActive{ARN: l.ARN})
	check("active", "i-a", 80, [2]string{"initial", "Elb.InitialHealthChecking"})
	check("zone not enabled", "i-d", 8080, [2]string{"unused", "Target.NotInUse"})
	key := TargetKey(g.ARN, "i-a", 80)
	report(w, ReportHealth{Key: key, Health: Healthy})
	check("probed", "i-a", 80, [2]string{"healthy", ""})
	report(w, ReportHealth{Key: key, Health: Unhealthy, Reason: "Target.FailedHealthChecks"})
	check("failed", "i-a", 80, [2]string{"unhealthy", "Target.FailedHealthChecks"})

	w.setInstance("i-a", compute.Stopped)
	check("stopped", "i-a", 80, [2]string{"unused", "Target.InvalidState"})
	w.setInstance("i-a", compute.Running)
	must(w, DeleteListener{ARN: x.ARN})
	must(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: "TCP", Port: 80, Action: forward(g.ARN)})
	check("new listener", "i-a", 80, [2]string{"initial", "Elb.InitialHealthChecking"})

	must(w, DeregisterTargets{GroupARN: g.ARN, Targets: []TargetRef{{ID: "i-a"}, {ID: "i-d", Port: 8080}, {ID: "i-never"}}})
	check("deregistered", "i-a", 80, [2]string{"draining", "Target.DeregistrationInProgress"})
	check("deregistered unused", "i-d", 8080, [2]string{"gone", ""})
	must(w, RegisterTargets{GroupARN: g.ARN, Targets: []TargetRef{{ID: "i-a"}}})
	check("registered again", "i-a", 80, [2]string{"initial", "Elb.InitialHealthChecking"})
	report(w, ReportDrained{Key: key})
	check("not drained", "i-a", 80, [2]string{"initial", "Elb.InitialHealthChecking"})

	w.setInstance("i-a", compute.Terminated)
	check("terminated", "i-a", 80, [2]string{"unused", "Target.InvalidState"})
	report(w, ReportDrained{Key: key})
	check("departed", "i-a", 80, [2]string{"gone", ""})
}

func TestDescribeHealthOfUnregistered(t *testing.T) {
	w, _, g := balanced(t)
	all := DescribeHealth(w.db.Snapshot(), g, nil)
	some := DescribeHealth(w.db.Snapshot(), g, []TargetRef{{ID: "i-d"}, {ID: "i-c"}})
	if len(all) != 3 || len(some) != 2 || some[0].Reason != "Target.NotRegistered" || some[0].Target.Port != 80 || some[1].Target.ID != "i-c" {
		t.Errorf("all %+v, some %+v", all, some)
	}
}

func TestDrainedAt(t *testing.T) {
	w, l, g := balanced(t)
	must(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: "TCP", Port: 80, Action: forward(g.ARN)})
	g = must(w, ModifyTargetGroupAttributes{ARN: g.ARN, Set: []KeyValue{{attrDelay, "20"}}})
	must(w, DeregisterTargets{GroupARN: g.ARN, Targets: []TargetRef{{ID: "i-a"}}})
	x, _ := Targets.Get(w.db.Snapshot(), TargetKey(g.ARN, "i-a", 80))
	if got := DrainedAt(g, x); !got.Equal(epoch.Add(20 * time.Second)) {
		t.Errorf("drained at %s", got)
	}
}

func TestRegisterRefusals(t *testing.T) {
	w := newWorld(t)
	w.setInstance("i-d", compute.Stopped)
	w.change(func(tx *cloud.Tx) {
		compute.Instances.Put(tx, compute.Instance{ID: "i-far", Scope: scope, State: compute.Running, VPCID: "vpc-2"})
	})
	g := must(w, tcpGroup("tg"))
	c := tcpGroup("ip")
	c.TargetType = "ip"
	ip := must(w, c)
	for _, x := range []struct {
		g          TargetGroup
		ref        TargetRef
		code, part string
	}{
		{g, TargetRef{ID: "i-d"}, "InvalidTarget", "The following targets are not in a running state and cannot be registered: 'i-d'"},
		{g, TargetRef{ID: "i-x"}, "InvalidTarget", "'i-x'"},
		{g, TargetRef{ID: "i-far"}, "InvalidTarget", "not in the target group VPC"},
		{g, TargetRef{ID: "10.0.0.9"}, "ValidationError", "Instance ID '10.0.0.9' is not valid"},
		{g, TargetRef{ID: "i-a", Port: 99999}, "ValidationError", "65535"},
		{ip, TargetRef{ID: "i-a"}, "ValidationError", "not a valid IPv4"},
		{ip, TargetRef{ID: "10.0.200.1"}, "InvalidTarget", "not within a subnet"},
		{ip, TargetRef{ID: "8.8.8.8", Zone: "all"}, "InvalidTarget", "private range"},
		{ip, TargetRef{ID: "192.168.0.1"}, "InvalidTarget", "Availability Zone"},
		{ip, TargetRef{ID: "192.168.0.1", Zone: "mars"}, "ValidationError", "'mars'"},
	} {
		_, err := try(w, RegisterTargets{GroupARN: x.g.ARN, Targets: []TargetRef{x.ref}})
		refused(t, err, x.code, x.part)
	}
	must(w, RegisterTargets{GroupARN: ip.ARN, Targets: []TargetRef{{ID: "10.0.1.9"}, {ID: "10.0.1.9", Port: 81}, {ID: "100.64.0.1", Zone: "all"}}})
	zones := map[string]string{}
	for x := range Targets.By(w.db.Snapshot(), ByGroup, ip.ARN) {
		zones[x.ID] = x.Zone
	}
	if zones["10.0.1.9"] != "ap-northeast-1c" || zones["100.64.0.1"] != "all" {
		t.Errorf("zones %v", zones)
	}
}

func TestTags(t *testing.T) {
	w, l, g := balanced(t)
	must(w, ChangeTags{ARNs: []string{l.ARN, g.ARN}, Set: cloud.Tags{"a": "1", "b": "2"}})
	must(w, ChangeTags{ARNs: []string{g.ARN}, Remove: []string{"a"}})
	got, err := TagsOf(w.db.Snapshot(), scope, g.ARN)
	if err != nil || len(got) != 1 || got["b"] != "2" {
		t.Errorf("%v %v", got, err)
	}
	_, err = try(w, ChangeTags{ARNs: []string{"arn:aws:elasticloadbalancing:r:a:loadbalancer/net/x/1"}, Set: cloud.Tags{"a": "1"}})
	refused(t, err, "LoadBalancerNotFound", "")
	_, err = try(w, ChangeTags{ARNs: []string{g.ARN}, Set: cloud.Tags{"aws:x": "1"}})
	refused(t, err, "ValidationError", "reserved")
}
