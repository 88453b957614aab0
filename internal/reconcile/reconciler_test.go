package reconcile

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/engine"
	"github.com/musubi-net/musubi/internal/plan/plantest"
)

// lab is a reconciler between a real engine and a fake world.
type lab struct {
	t      *testing.T
	engine *engine.Engine
	world  *fakeWorld
	guests *fakeGuests
	images Images
	r      *Reconciler
}

func newLab(t *testing.T, before func(tx *cloud.Tx)) *lab {
	t.Helper()
	e, err := engine.Open(t.Context(), engine.Options{Schema: plantest.Schema(), Store: &memory{}, Now: time.Now,
		IDs: func() cloud.IDSource { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, engine: e, world: newWorld(), guests: newGuests()}
	if before != nil {
		l.do(before)
	}
	return l
}

// start runs the reconciler until the test ends.
func (l *lab) start() {
	l.r = New(Options{Engine: l.engine, World: l.world, Guests: l.guests, Images: l.images,
		Watch: func() (Watch, *cloud.Snapshot) { return l.engine.Watch() }})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.r.Run(ctx) }()
	l.t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			l.t.Errorf("Run ended with %v", err)
		}
	})
}

// do changes the cloud, as a command would.
func (l *lab) do(f func(tx *cloud.Tx)) {
	l.t.Helper()
	err := l.engine.Run(l.t.Context(), cloud.Caller{}, func(tx *cloud.Tx) error { f(tx); return nil })
	if err != nil {
		l.t.Fatal(err)
	}
}

// until waits for a condition of the cloud or the world.
func (l *lab) until(what string, ok func(s *cloud.Snapshot) bool) {
	l.t.Helper()
	w, s := l.engine.Watch()
	defer w.Close()
	deadline, tick := time.After(10*time.Second), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for {
		l.world.mu.Lock()
		changed := l.world.changed
		good := ok(s)
		l.world.mu.Unlock()
		if good {
			return
		}
		select {
		case <-changed:
		case <-w.Ready():
		case <-tick.C: // the fake guests do not tell
		case <-deadline:
			l.t.Fatalf("%s: not within ten seconds; %+v", what, l.r.Status())
		}
		s = l.engine.Snapshot()
	}
}

func (l *lab) targets(zone string) []string {
	var out []string
	if v := l.world.vpcs["vpc-2"]; v != nil {
		for _, s := range v.TargetSets {
			if strings.HasSuffix(s.Name, zone) {
				for _, t := range s.Targets {
					out = append(out, t.String())
				}
			}
		}
	}
	return out
}

func state(s *cloud.Snapshot, id string) compute.InstanceState {
	i, _ := compute.Instances.Get(s, id)
	return i.State
}

func setState(tx *cloud.Tx, id string, to compute.InstanceState) {
	i, _ := compute.Instances.Get(tx, id)
	i.State = to
	if to == compute.Pending {
		i.Boot++
	}
	compute.Instances.Put(tx, i)
}

// provisioning is the seed before anything exists.
func provisioning(tx *cloud.Tx) {
	plantest.Seed(tx)
	for i := range compute.Instances.All(tx) {
		i.State = compute.Pending
		compute.Instances.Put(tx, i)
	}
	for t := range elb.Targets.All(tx) {
		t.Health = elb.Initial
		elb.Targets.Put(tx, t)
	}
	lb, _ := elb.LoadBalancers.Get(tx, plantest.BalancerARN)
	lb.State = elb.Provisioning
	elb.LoadBalancers.Put(tx, lb)
}

func settled(s *cloud.Snapshot) bool {
	for i := range compute.Instances.All(s) {
		if i.State != compute.Running {
			return false
		}
	}
	for t := range elb.Targets.All(s) {
		if t.Health != elb.Healthy {
			return false
		}
	}
	lb, _ := elb.LoadBalancers.Get(s, plantest.BalancerARN)
	e, _ := privatelink.Endpoints.Get(s, "vpce-1")
	return lb.State == elb.Active && e.State == privatelink.Available
}

func TestFromNothing(t *testing.T) {
	l := newLab(t, nil)
	l.start()
	l.do(provisioning)
	l.until("everything is reported", settled)
	l.until("the fabric", func(*cloud.Snapshot) bool { return len(l.world.fabric.Routes) == 2 && l.r.Status().Ready })
	if s := l.r.Status(); s.VPCs != 2 || s.Guests != 4 || s.Errors != 0 {
		t.Errorf("status %+v", s)
	}
	l.resolves("provider-nlb.example.local.", "10.0.1.50")
}

// resolves asks the consumer's resolver.
func (l *lab) resolves(name, want string) {
	l.t.Helper()
	var at string
	l.until("the resolver's socket", func(*cloud.Snapshot) bool {
		at = l.world.sockets["udp vpc-1 10.0.0.2:53"]
		return at != ""
	})
	l.until(name, func(*cloud.Snapshot) bool {
		q := new(dns.Msg)
		q.SetQuestion(name, dns.TypeA)
		m, err := dns.Exchange(q, at)
		return err == nil && len(m.Answer) == 1 && strings.HasSuffix(m.Answer[0].String(), want)
	})
}

func TestRestartChangesNothing(t *testing.T) {
	l := newLab(t, plantest.Seed)
	for _, id := range []string{"i-client", "i-web-a", "i-web-c", "i-web-d"} {
		l.guests.guests[id] = GuestStatus{InstanceID: id, Boot: 1, Running: true}
		l.world.namespaces[id] = true
	}
	l.world.namespaces["i-gone"] = true
	l.guests.guests["i-gone"] = GuestStatus{InstanceID: "i-gone", Boot: 3, Running: true}
	l.world.vpcs["vpc-gone"] = nil
	l.guests.refuse = 100 // none may be started
	l.start()
	l.until("leftovers are gone", func(*cloud.Snapshot) bool {
		_, vpcLeft := l.world.vpcs["vpc-gone"]
		_, guestLeft := l.guests.status("i-gone")
		return !vpcLeft && !guestLeft && !l.world.namespaces["i-gone"] && len(l.world.vpcs) == 2 && l.r.Status().Ready
	})
	if s := l.r.Status(); s.Errors != 0 {
		t.Errorf("status %+v", s)
	}
	if l.world.applies["vpc-1"] != 1 || l.world.applies["vpc-2"] != 1 {
		t.Errorf("applied more than once: %v", l.world.applies)
	}
}

func TestReadyOnceTheInstancesRunAgain(t *testing.T) {
	l := newLab(t, plantest.Seed)
	l.start()
	l.until("ready", func(*cloud.Snapshot) bool { return l.r.Status().Ready })
	if s := l.r.Status(); s.Guests != 4 || s.Errors != 0 {
		t.Errorf("status %+v", s)
	}
}

func TestFailureIsRetriedAndHoldsUpNobody(t *testing.T) {
	l := newLab(t, provisioning)
	l.world.refuse["vpc-1"] = 3
	l.start()
	l.until("everything is reported", settled)
	if s := l.r.Status(); s.Errors != 3 || !strings.Contains(s.LastError, "the fake kernel refuses") {
		t.Errorf("status %+v", s)
	}
}

func TestAUnitThatFailsForGood(t *testing.T) {
	l := newLab(t, provisioning)
	l.world.refuse["vpc-1"] = 1 << 30
	l.start()
	active := func(s *cloud.Snapshot) bool {
		lb, _ := elb.LoadBalancers.Get(s, plantest.BalancerARN)
		g, _ := l.guests.status("i-web-a")
		return lb.State == elb.Active && g.Running
	}
	l.until("the other VPC is built", func(s *cloud.Snapshot) bool { return active(s) && l.world.applies["vpc-1"] > 3 })
	l.do(func(tx *cloud.Tx) { plantest.SetCrossZone(tx, true) })
	l.until("the other VPC changes", func(*cloud.Snapshot) bool { return len(l.targets("1a")) == 3 })
	s := l.r.Status()
	if len(s.Failing) != 1 || !strings.Contains(s.Failing["vpc vpc-1"], "the fake kernel refuses") || s.VPCs != 1 {
		t.Errorf("status %+v", s)
	}
	l.world.do(func() { delete(l.world.refuse, "vpc-1") })
	l.until("the unit recovers", func(s *cloud.Snapshot) bool { return settled(s) && len(l.r.Status().Failing) == 0 })
}

func TestPausesGrow(t *testing.T) {
	q, k := newQueue(), key{kindVPC, "vpc-1"}
	defer q.close()
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		q.done(k, true)
		q.mu.Lock()
		left := time.Until(q.timers[k].at)
		q.timers[k].t.Stop()
		delete(q.timers, k)
		q.mu.Unlock()
		if want *= firstPause; left > want || left < want-time.Second {
			t.Errorf("pause %d: %s, want %s", i, left, want)
		}
	}
	q.done(k, false)
	if q.failed(k) != 0 {
		t.Error("a success does not forget the failures")
	}
}

func TestHealthAndResets(t *testing.T) {
	l := newLab(t, plantest.Seed)
	web := netip.MustParseAddrPort("10.0.2.10:80")
	l.start()
	l.do(func(tx *cloud.Tx) {
		g, _ := elb.TargetGroups.Get(tx, plantest.GroupARN)
		g.HealthCheck.IntervalSeconds, g.HealthCheck.UnhealthyThreshold, g.HealthCheck.HealthyThreshold = 1, 1, 1
		elb.TargetGroups.Put(tx, g)
		plantest.SetCrossZone(tx, true)
	})
	l.until("all zones serve", func(*cloud.Snapshot) bool { return len(l.targets("1a")) == 3 })
	l.world.do(func() { l.world.down[web] = true })
	l.until("the target leaves", func(*cloud.Snapshot) bool {
		return slices.Equal(l.targets("1a"), []string{"10.0.1.10:80", "10.0.3.10:80"}) && slices.Contains(l.world.resets, web)
	})
	l.world.do(func() { delete(l.world.down, web) })
	l.until("the target is back", func(*cloud.Snapshot) bool { return len(l.targets("1a")) == 3 })
}

func TestDraining(t *testing.T) {
	l := newLab(t, plantest.Seed)
	l.start()
	l.do(func(tx *cloud.Tx) {
		g, _ := elb.TargetGroups.Get(tx, plantest.GroupARN)
		g.Attributes = map[string]string{"deregistration_delay.timeout_seconds": "1", "deregistration_delay.connection_termination.enabled": "true"}
		elb.TargetGroups.Put(tx, g)
		x, _ := elb.Targets.Get(tx, elb.TargetKey(plantest.GroupARN, "i-web-a", 80))
		x.DrainingSince = tx.Now
		elb.Targets.Put(tx, x)
	})
	l.until("the target is forgotten and its connections end", func(s *cloud.Snapshot) bool {
		_, left := elb.Targets.Get(s, elb.TargetKey(plantest.GroupARN, "i-web-a", 80))
		return !left && slices.Contains(l.world.resets, netip.MustParseAddrPort("10.0.1.10:80"))
	})
}

func TestInstanceStates(t *testing.T) {
	l := newLab(t, plantest.Seed)
	l.start()
	running := func(boot uint32) func(*cloud.Snapshot) bool {
		return func(s *cloud.Snapshot) bool {
			g, _ := l.guests.status("i-client")
			return state(s, "i-client") == compute.Running && g.Running && g.Boot == boot
		}
	}
	l.until("it runs", running(1))
	l.do(func(tx *cloud.Tx) { setState(tx, "i-client", compute.Stopping) })
	l.until("it stops", func(s *cloud.Snapshot) bool { return state(s, "i-client") == compute.Stopped })
	l.do(func(tx *cloud.Tx) { setState(tx, "i-client", compute.Pending) })
	l.until("it runs again", running(2))
	l.guests.powerOff("i-client")
	l.until("it powered off", func(s *cloud.Snapshot) bool { return state(s, "i-client") == compute.Stopped })
	l.do(func(tx *cloud.Tx) { setState(tx, "i-client", compute.Pending) })
	l.until("it runs a third time", running(3))
	l.do(func(tx *cloud.Tx) { setState(tx, "i-client", compute.ShuttingDown) })
	l.until("it is terminated, and nothing is left", func(s *cloud.Snapshot) bool {
		_, left := l.guests.status("i-client")
		return state(s, "i-client") == compute.Terminated && !left && !l.world.namespaces["i-client"]
	})
	l.do(func(tx *cloud.Tx) {
		i, _ := compute.Instances.Get(tx, "i-client")
		i.TerminatedAt = tx.Now.Add(-2 * instanceMemory)
		compute.Instances.Put(tx, i)
	})
	l.until("it is forgotten", func(s *cloud.Snapshot) bool { return state(s, "i-client") == "" })
}

func TestGuestThatNeverStarts(t *testing.T) {
	l := newLab(t, plantest.Seed)
	l.guests.refuse = 1000
	l.do(func(tx *cloud.Tx) {
		for i := range compute.Instances.All(tx) {
			if i.ID != "i-client" {
				i.State = compute.Stopped
				compute.Instances.Put(tx, i)
			}
		}
		setState(tx, "i-client", compute.Pending)
	})
	l.start()
	l.until("it is reported", func(s *cloud.Snapshot) bool { return state(s, "i-client") == compute.Stopped })
}

func TestEndpointGoes(t *testing.T) {
	l := newLab(t, plantest.Seed)
	l.start()
	l.until("available", func(s *cloud.Snapshot) bool {
		e, _ := privatelink.Endpoints.Get(s, "vpce-1")
		return e.State == privatelink.Available
	})
	l.do(func(tx *cloud.Tx) {
		e, _ := privatelink.Endpoints.Get(tx, "vpce-1")
		e.State = privatelink.Deleting
		privatelink.Endpoints.Put(tx, e)
	})
	l.until("gone", func(s *cloud.Snapshot) bool {
		_, left := privatelink.Endpoints.Get(s, "vpce-1")
		return !left && len(l.world.fabric.Routes) == 0 && len(l.world.vpcs["vpc-1"].Endpoints) == 0
	})
}

func TestGateways(t *testing.T) {
	l := newLab(t, plantest.Seed)
	l.start()
	l.do(plantest.AddInternet)
	nat := func(want string) func(s *cloud.Snapshot) bool {
		return func(s *cloud.Snapshot) bool {
			g, _ := vpc.NATGateways.Get(s, "nat-1")
			return g.State == want && len(l.world.internet.Routes) == map[string]int{"available": 2, "deleted": 1}[want]
		}
	}
	l.until("available", nat("available"))
	l.do(func(tx *cloud.Tx) {
		g, _ := vpc.NATGateways.Get(tx, "nat-1")
		g.State = "deleting"
		vpc.NATGateways.Put(tx, g)
	})
	l.until("deleted", nat("deleted"))
}

func TestVPCGoes(t *testing.T) {
	l := newLab(t, func(tx *cloud.Tx) { plantest.AddVPC(tx, 1) })
	l.start()
	l.until("it is there", func(*cloud.Snapshot) bool { return l.world.vpcs["vpc-1"] != nil })
	l.do(func(tx *cloud.Tx) { vpc.VPCs.Delete(tx, "vpc-1") })
	l.until("it is gone", func(*cloud.Snapshot) bool { return l.world.vpcs["vpc-1"] == nil && l.r.Status().VPCs == 0 })
}
