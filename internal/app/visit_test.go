package app

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/control"
	"github.com/musubi-net/musubi/internal/plan/plantest"
	"github.com/musubi-net/musubi/internal/reconcile"
)

// fakeInside resolves names by VPC ("" everywhere) and keeps what was dialled.
type fakeInside struct {
	names map[string]map[string]string
	dial  func(ns string, local netip.Addr, remote netip.AddrPort) (net.Conn, error)
}

func (f fakeInside) Visitor(vpcID string) (netip.Addr, bool) {
	return netip.MustParseAddr("10.0.1.1"), vpcID != "vpc-unbuilt"
}

func (f fakeInside) Lookup(_ context.Context, vpcID, name string) ([]netip.Addr, error) {
	a := f.names[vpcID][name]
	if a == "" {
		a = f.names[""][name]
	}
	if a == "" {
		return nil, reconcile.ErrNoSuchName
	}
	return []netip.Addr{netip.MustParseAddr(a)}, nil
}

func (f fakeInside) DialFrom(_ context.Context, ns string, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	return f.dial(ns, local, remote)
}

// seeded is a visitor of the examples' cloud.
func seeded(t *testing.T) visitor {
	t.Helper()
	db, err := cloud.NewDB(plantest.Schema())
	if err != nil {
		t.Fatal(err)
	}
	tx := db.Begin(cloud.Env{Now: plantest.Began})
	plantest.Seed(tx)
	for id, name := range map[string]string{"vpc-1": "consumer", "vpc-2": "provider"} {
		x, _ := vpc.VPCs.Get(tx, id)
		x.Tags = cloud.Tags{"Name": name}
		vpc.VPCs.Put(tx, x)
	}
	vpc.VPCs.Put(tx, vpc.VPC{ID: "vpc-unbuilt", Scope: plantest.Scope, Number: 9})
	i, _ := compute.Instances.Get(tx, "i-web-a")
	i.Tags = cloud.Tags{"Name": "web"}
	compute.Instances.Put(tx, i)
	i.ID, i.State = "i-stopped", compute.Stopped
	compute.Instances.Put(tx, i)
	facing, _ := elb.LoadBalancers.Get(tx, plantest.BalancerARN)
	facing.Name = "nlb"
	elb.LoadBalancers.Put(tx, facing)
	facing.ARN, facing.Name, facing.Scheme, facing.DNSName = "arn:facing", "facing", "internet-facing", "facing.elb.amazonaws.com"
	elb.LoadBalancers.Put(tx, facing)
	facing.ARN, facing.Name = "arn:web", "web"
	elb.LoadBalancers.Put(tx, facing)
	tx.Publish()
	return visitor{db.Snapshot(), fakeInside{names: map[string]map[string]string{
		"":      {"public.example.com": "198.18.0.7", plantest.BalancerName: "10.0.1.9"},
		"vpc-1": {"both.example.local": "10.0.1.50", "one.example.local": "10.0.1.50"},
		"vpc-2": {"both.example.local": "10.0.1.51"},
	}}}
}

func TestPlace(t *testing.T) {
	v := seeded(t)
	for name, want := range map[string]string{"internet": "internet", "vpc-1": "vpc-1 (consumer)", "consumer": "vpc-1 (consumer)", "web": "i-web-a (web)", "i-web-a": "i-web-a (web)"} {
		if got, err := v.Place(name); err != nil || got.String() != want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	for name, want := range map[string]string{"i-stopped": "is stopped", "nobody": "there are: internet, ", "": "no VPC"} {
		if _, err := v.Place(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDestination(t *testing.T) {
	v := seeded(t)
	for _, c := range []struct{ name, from, place, host string }{
		{"nlb", "", "vpc-2", plantest.BalancerName},
		{plantest.BalancerARN, "", "vpc-2", plantest.BalancerName},
		{strings.ToUpper(plantest.BalancerName) + ".", "", "vpc-2", plantest.BalancerName},
		{"nlb", "consumer", "vpc-1", plantest.BalancerName},
		{"facing", "", "internet", "facing.elb.amazonaws.com"},
		{"i-web-a", "", "i-web-a", "localhost"},
		{"one.example.local", "", "vpc-1", "one.example.local"},
		{"both.example.local", "provider", "vpc-2", "both.example.local"},
		{"vpce-1-abcd1234-ap-northeast-1a.vpce-svc-1.ap-northeast-1.vpce.amazonaws.com", "", "vpc-1", "vpce-1-abcd1234-ap-northeast-1a.vpce-svc-1.ap-northeast-1.vpce.amazonaws.com"},
		{"public.example.com", "", "internet", "public.example.com"},
		{"198.18.0.7", "", "internet", "198.18.0.7"},
	} {
		got, err := v.Destination(t.Context(), c.name, c.from)
		if err != nil || got.Place.ID != c.place || got.Host != c.host {
			t.Errorf("%s from %q: %+v, %v", c.name, c.from, got, err)
		}
	}
	for name, want := range map[string]string{"web": "more than one", "both.example.local": "--from: vpc-1 (consumer), vpc-2 (provider)",
		"nobody": `no load balancer named "nobody"`, "i-stopped": "is stopped", "10.99.0.1": "no VPC knows"} {
		if _, err := v.Destination(t.Context(), name, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDialReasons(t *testing.T) {
	v := seeded(t)
	f := v.inside.(fakeInside)
	for _, c := range []struct {
		place, host string
		err         error
		reason      string
	}{
		{"consumer", "10.0.1.5", syscall.ECONNREFUSED, control.ReasonRefused},
		{"consumer", "10.0.1.5", syscall.EINVAL, control.ReasonUnreachable},
		{"internet", "198.18.0.7", context.DeadlineExceeded, control.ReasonTimeout},
		{"i-web-a", "localhost", syscall.ECONNREFUSED, control.ReasonRefused},
		{"consumer", "nobody.example", nil, control.ReasonUnknownName},
		{"nobody", "10.0.1.5", nil, control.ReasonUnknownPlace},
		{"vpc-unbuilt", "10.0.1.5", nil, control.ReasonUnknownPlace},
	} {
		f.dial = func(ns string, local netip.Addr, _ netip.AddrPort) (net.Conn, error) {
			if instance := strings.HasPrefix(ns, "i-"); instance == local.IsValid() {
				t.Errorf("dialled from %s of %s", local, ns)
			}
			return nil, c.err
		}
		v.inside = f
		_, err := v.Dial(t.Context(), c.place, c.host, 80)
		if r, ok := errors.AsType[*control.Refusal](err); !ok || r.Reason != c.reason {
			t.Errorf("%s to %s: %v, want %s", c.place, c.host, err, c.reason)
		}
	}
}

// TestJoin carries a stream as the control socket does.
func TestJoin(t *testing.T) {
	d := &daemon{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.answerOr(w, nil, refuse(control.ReasonRefused, "%s refused", r.FormValue("host")))
	}))
	defer server.Close()
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := control.Dial(t.Context(), c, "vpc-1", "web", 80); err == nil || err.Error() != "web refused" {
		t.Fatalf("refusal: %v", err)
	}
	client, clientEnd := tcpPair(t)
	remote, remoteEnd := tcpPair(t)
	done := make(chan struct{})
	go func() { defer close(done); join(clientEnd, nil, remoteEnd) }()
	if _, err := io.WriteString(client, "question"); err != nil {
		t.Fatal(err)
	}
	_ = client.CloseWrite()
	if b, err := io.ReadAll(remote); err != nil || string(b) != "question" {
		t.Fatalf("%q, %v", b, err)
	}
	if _, err := io.WriteString(remote, "answer"); err != nil {
		t.Fatal(err)
	}
	_ = remote.CloseWrite()
	if b, err := io.ReadAll(client); err != nil || string(b) != "answer" {
		t.Fatalf("%q, %v", b, err)
	}
	<-done
}

func tcpPair(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Close(), s.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn)
}
