package worldtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/engine"
	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/plan/plantest"
	"github.com/musubi-net/musubi/internal/reconcile"
	"github.com/musubi-net/musubi/internal/spec"
	"github.com/musubi-net/musubi/internal/store"
	"github.com/musubi-net/musubi/test/lab"
)

func TestMain(m *testing.M) { lab.Main(m) }

// memory is a store that keeps nothing.
type memory struct{}

func (memory) Load(context.Context, func(store.Record) error) (uint64, error) { return 0, nil }
func (memory) Commit(_ context.Context, base uint64, _ []store.Record) (uint64, error) {
	return base + 1, nil
}
func (memory) Close() error { return nil }

// listeners are guests that are fake: each is a listener on port 80 that says
// its instance's id.
type listeners struct {
	world *kernel.World
	mu    sync.Mutex
	open  map[string]net.Listener
	done  sync.WaitGroup
}

func (g *listeners) Start(ctx context.Context, s spec.Guest, _ string) error {
	l, err := g.world.ListenTCP(ctx, s.InstanceID, netip.MustParseAddrPort("0.0.0.0:80"))
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.open[s.InstanceID] = l
	g.mu.Unlock()
	g.done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = fmt.Fprint(c, s.InstanceID, " ", c.RemoteAddr().(*net.TCPAddr).IP)
			_ = c.Close()
		}
	})
	return nil
}

func (g *listeners) Stop(_ context.Context, id string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l := g.open[id]; l != nil {
		delete(g.open, id)
		return l.Close()
	}
	return nil
}

func (g *listeners) Remove(ctx context.Context, id string) error { return g.Stop(ctx, id) }
func (g *listeners) List(context.Context, string) ([]reconcile.GuestStatus, error) {
	return nil, nil
}
func (g *listeners) Next(ctx context.Context) (string, bool) {
	<-ctx.Done()
	return "", false
}

type system struct {
	t      *testing.T
	engine *engine.Engine
	world  *kernel.World
	guests *listeners
	r      *reconcile.Reconciler
}

func newSystem(t *testing.T) *system {
	t.Helper()
	w, err := kernel.Open(t.Context(), kernel.Options{Dir: lab.Dir(t)})
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(t.Context(), engine.Options{Schema: plantest.Schema(), Store: memory{}, Now: time.Now,
		IDs: func() cloud.IDSource { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	s := &system{t: t, engine: e, world: w, guests: &listeners{world: w, open: map[string]net.Listener{}}}
	s.r = reconcile.New(reconcile.Options{Engine: e, World: w, Guests: s.guests, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Watch: func() (reconcile.Watch, *cloud.Snapshot) { return e.Watch() }})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
		for _, id := range slices.Collect(maps.Keys(s.guests.open)) {
			_ = s.guests.Stop(context.Background(), id)
		}
		s.guests.done.Wait()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *system) do(f func(tx *cloud.Tx)) {
	s.t.Helper()
	if err := s.engine.Run(s.t.Context(), cloud.Caller{}, func(tx *cloud.Tx) error { f(tx); return nil }); err != nil {
		s.t.Fatal(err)
	}
}

// until tries a condition until it holds.
func (s *system) until(what string, ok func() bool) {
	s.t.Helper()
	deadline, tick := time.After(20*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("%s: not in time; %+v", what, s.r.Status())
		}
	}
}

// ask opens a connection from an instance and returns what it is told.
func (s *system) ask(from, to string) (string, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 300*time.Millisecond)
	defer cancel()
	c, err := s.world.DialTCP(ctx, from, netip.Addr{}, netip.MustParseAddrPort(to))
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		return "", err
	}
	b, err := io.ReadAll(c)
	return string(b), err
}

// answering are the instances that answer behind an address, and their clients'
// addresses as they see them.
func (s *system) answering(from, to string) (instances, clients string) {
	i, c := map[string]bool{}, map[string]bool{}
	for range 40 {
		text, err := s.ask(from, to)
		if err != nil {
			return err.Error(), ""
		}
		instance, client, _ := strings.Cut(text, " ")
		i[instance], c[client] = true, true
	}
	return strings.Join(slices.Sorted(maps.Keys(i)), " "), strings.Join(slices.Sorted(maps.Keys(c)), " ")
}

// provisioning is the seed before anything exists, with quick health checks and
// a second client outside the endpoint's security group.
func provisioning(tx *cloud.Tx) {
	plantest.Seed(tx)
	plantest.AddGroup(tx, "sg-other", 1)
	plantest.AddInstance(tx, "i-other", 1, 60, 1, 60, "sg-other")
	for i := range compute.Instances.All(tx) {
		i.State = compute.Pending
		compute.Instances.Put(tx, i)
	}
	for t := range elb.Targets.All(tx) {
		t.Health = elb.Initial
		elb.Targets.Put(tx, t)
	}
	g, _ := elb.TargetGroups.Get(tx, plantest.GroupARN)
	g.HealthCheck.IntervalSeconds, g.HealthCheck.TimeoutSeconds, g.HealthCheck.HealthyThreshold, g.HealthCheck.UnhealthyThreshold = 1, 1, 1, 1
	elb.TargetGroups.Put(tx, g)
	lb, _ := elb.LoadBalancers.Get(tx, plantest.BalancerARN)
	lb.State = elb.Provisioning
	elb.LoadBalancers.Put(tx, lb)
}

func (s *system) settled() bool {
	r := s.engine.Snapshot()
	for t := range elb.Targets.All(r) {
		if t.Health != elb.Healthy {
			return false
		}
	}
	lb, _ := elb.LoadBalancers.Get(r, plantest.BalancerARN)
	e, _ := privatelink.Endpoints.Get(r, "vpce-1")
	return lb.State == elb.Active && e.State == privatelink.Available
}

// The experiment of the examples, from the cloud's records to packets.
func TestCrossZone(t *testing.T) {
	const endpoint = "10.0.1.50:80"
	s := newSystem(t)
	s.do(provisioning)
	s.until("everything is reported", s.settled)
	// The targets' health is reported first, then the maps follow it.
	s.until("off: the zone's own target answers", func() bool {
		i, c := s.answering("i-client", endpoint)
		return i == "i-web-a" && c == "10.0.1.20"
	})
	s.do(func(tx *cloud.Tx) { plantest.SetCrossZone(tx, true) })
	s.until("all zones answer", func() bool { i, _ := s.answering("i-client", endpoint); return i == "i-web-a i-web-c i-web-d" })
	if text, err := s.ask("i-other", endpoint); err == nil {
		t.Errorf("a client outside the security group is told %q", text)
	}
	if err := s.guests.Stop(t.Context(), "i-web-c"); err != nil {
		t.Fatal(err)
	}
	s.until("the stopped one leaves", func() bool { i, _ := s.answering("i-client", endpoint); return i == "i-web-a i-web-d" })
	if err := s.guests.Start(t.Context(), spec.Guest{InstanceID: "i-web-c"}, ""); err != nil {
		t.Fatal(err)
	}
	s.until("and comes back", func() bool { i, _ := s.answering("i-client", endpoint); return i == "i-web-a i-web-c i-web-d" })
	// A client in the provider's VPC is seen with its own address.
	s.do(func(tx *cloud.Tx) { plantest.SetCrossZone(tx, false) })
	s.until("inside", func() bool {
		i, c := s.answering("i-web-d", "10.0.1.20:80")
		return i == "i-web-a" && c == "10.0.3.10"
	})
	s.resolves()
	s.tells()
	if st := s.r.Status(); st.Errors != 0 {
		t.Errorf("status %+v", st)
	}
}

// TestGuardedBalancer changes the security groups of the load balancer and its
// targets, and what PrivateLink clients meet.
func TestGuardedBalancer(t *testing.T) {
	const endpoint, node = "10.0.1.50:80", "10.0.1.20:80"
	s := newSystem(t)
	s.do(func(tx *cloud.Tx) { provisioning(tx); plantest.Guard(tx) })
	s.until("everything is reported", s.settled)
	answers := func(from, to, want string) func() bool {
		return func() bool { text, err := s.ask(from, to); return err == nil && text == want }
	}
	silent := func(from, to string) func() bool {
		return func() bool { _, err := s.ask(from, to); return err != nil }
	}
	s.until("the rule allows", answers("i-client", endpoint, "i-web-a 10.0.1.20"))
	s.until("a member of the group is allowed", answers("i-web-d", node, "i-web-a 10.0.3.10"))
	s.do(func(tx *cloud.Tx) {
		r, _ := vpc.SecurityGroupRules.Get(tx, "sgr-sg-nlb-0")
		r.CIDR = netip.MustParsePrefix("10.0.9.0/24")
		vpc.SecurityGroupRules.Put(tx, r)
	})
	s.until("the rule forbids", silent("i-client", endpoint))
	s.do(func(tx *cloud.Tx) { plantest.SetEnforcement(tx, "off") })
	s.until("the rule does not count", answers("i-client", endpoint, "i-web-a 10.0.1.20"))
	s.do(func(tx *cloud.Tx) {
		r, _ := vpc.SecurityGroupRules.Get(tx, "sgr-sg-web-0")
		r.CIDR, r.PeerGroupID = netip.Prefix{}, "sg-nlb"
		vpc.SecurityGroupRules.Put(tx, r)
	})
	s.until("the target lets nobody in", silent("i-web-d", "10.0.1.10:80"))
	s.until("but who comes by the load balancer", answers("i-web-d", node, "i-web-a 10.0.3.10"))
}

// resolves asks the VPC's resolver from an instance.
func (s *system) resolves() {
	s.t.Helper()
	const name = "provider-nlb.example.local."
	q := new(dns.Msg)
	q.SetQuestion(name, dns.TypeA)
	c, err := s.world.DialTCP(s.t.Context(), "i-client", netip.Addr{}, netip.MustParseAddrPort("10.0.0.2:53"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	conn := &dns.Conn{Conn: c}
	if err := conn.WriteMsg(q); err != nil {
		s.t.Fatal(err)
	}
	m, err := conn.ReadMsg()
	if err != nil || len(m.Answer) != 1 || !strings.HasSuffix(m.Answer[0].String(), "10.0.1.50") {
		s.t.Errorf("%s: %v %v", name, m, err)
	}
}

// tells asks the metadata service for a token from an instance.
func (s *system) tells() {
	s.t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, at string) (net.Conn, error) {
		return s.world.DialTCP(ctx, "i-client", netip.Addr{}, netip.MustParseAddrPort(at))
	}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	text := func(method, path, header, value string) string {
		r, err := http.NewRequestWithContext(s.t.Context(), method, "http://169.254.169.254/latest/"+path, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		r.Header.Set(header, value)
		resp, err := client.Do(r)
		if err != nil {
			s.t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			s.t.Fatal(err)
		}
		return string(b)
	}
	token := text("PUT", "api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if id := text("GET", "meta-data/instance-id", "X-aws-ec2-metadata-token", token); id != "i-client" {
		s.t.Errorf("instance-id: %q", id)
	}
}
