package dnsd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// outside is a name server of the host's, and how often it was asked.
type outside struct {
	address string
	asked   atomic.Int32
	broken  atomic.Bool
	network sync.Map
}

func (o *outside) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	o.asked.Add(1)
	o.network.Store(w.LocalAddr().Network(), true)
	m := new(dns.Msg)
	m.SetReply(q)
	if o.broken.Load() {
		m.Rcode = dns.RcodeServerFailure
		_ = w.WriteMsg(m)
		return
	}
	add := func(text string) {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	switch name := q.Question[0].Name; {
	case name == "www.example.com." && q.Question[0].Qtype == dns.TypeA:
		add("www.example.com. 30 IN CNAME edge.example.net.")
		add("edge.example.net. 20 IN A 93.184.216.34")
	case name == "large.example.com.":
		for i := range 100 {
			add(fmt.Sprintf("large.example.com. 60 IN A 93.184.216.%d", i))
		}
	case strings.HasPrefix(name, "n") && strings.HasSuffix(name, ".many.com."):
		add(name + " 3600 IN A 93.184.216.34")
	default:
		m.Rcode = dns.RcodeNameError
		soa, _ := dns.NewRR("com. 900 IN SOA ns.com. root.com. 1 1 1 1 10")
		m.Ns = []dns.RR{soa}
	}
	if w.LocalAddr().Network() == "udp" {
		m.Truncate(forwardSize)
	}
	_ = w.WriteMsg(m)
}

func newOutside(t *testing.T) *outside {
	t.Helper()
	o := &outside{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	o.address = l.Addr().String()
	for _, s := range []*dns.Server{{Listener: l, Handler: o}, {PacketConn: c, Handler: o}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() { _ = s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	return o
}

// clock is one that is set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func forwarding(t *testing.T, servers ...*outside) (string, *clock) {
	t.Helper()
	s := server(0)
	c := &clock{at: time.Unix(1e9, 0)}
	s.o.Public.Forward(NewForwarder(ForwarderOptions{Now: c.now, Dial: func(ctx context.Context, network string, n int) (net.Conn, error) {
		if n >= len(servers) {
			return nil, errors.New("no more")
		}
		return new(net.Dialer).DialContext(ctx, network, servers[n].address)
	}}))
	return start(t, s), c
}

func TestForward(t *testing.T) {
	o := newOutside(t)
	addr, clock := forwarding(t, o)
	want := func(name string, typ uint16, answer string, asked int32) {
		t.Helper()
		if got, _ := ask(t, addr, "udp", name, typ); got != answer {
			t.Errorf("%s: %q, want %q", name, got, answer)
		}
		if n := o.asked.Swap(0); n != asked {
			t.Errorf("%s: asked %d times, want %d", name, n, asked)
		}
	}
	want("www.example.com.", dns.TypeA, "NOERROR; www.example.com. 30 IN CNAME edge.example.net.; edge.example.net. 20 IN A 93.184.216.34", 1)
	clock.add(5 * time.Second)
	want("WWW.example.com.", dns.TypeA, "NOERROR; WWW.example.com. 25 IN CNAME edge.example.net.; edge.example.net. 15 IN A 93.184.216.34", 0)
	clock.add(15 * time.Second)
	want("www.example.com.", dns.TypeA, "NOERROR; www.example.com. 30 IN CNAME edge.example.net.; edge.example.net. 20 IN A 93.184.216.34", 1)
	want("nope.example.com.", dns.TypeA, "NXDOMAIN", 1)
	want("nope.example.com.", dns.TypeA, "NXDOMAIN", 0)
	clock.add(10 * time.Second)
	want("nope.example.com.", dns.TypeA, "NXDOMAIN", 1)
	// What this cloud has, or alone can have, is never asked for.
	for _, name := range []string{
		"b.example.local.", "gone.elb.ap-northeast-1.amazonaws.com.", "x.us-east-1.elb.amazonaws.com.", "vpce-9.vpce-svc-9.us-east-1.vpce.amazonaws.com.",
		"ec2-198-18-1-9.compute-1.amazonaws.com.", "ip-10-0-9-9.ec2.internal.", "printer.local.", "host.", "x.localhost.", "9.9.0.10.in-addr.arpa.",
		"1.1.18.198.in-addr.arpa.", "1.0.64.100.in-addr.arpa.", "10.in-addr.arpa.", "1.0.0.127.in-addr.arpa.",
	} {
		want(name, dns.TypeA, "NXDOMAIN", 0)
	}
	want(endpoint, dns.TypeTXT, "NOERROR", 0)
	want("34.216.184.93.in-addr.arpa.", dns.TypePTR, "NXDOMAIN", 1)
	o.broken.Store(true)
	want("other.example.com.", dns.TypeA, "SERVFAIL", forwardRounds)
	want("other.example.com.", dns.TypeA, "SERVFAIL", forwardRounds)
}

func TestForwardLarge(t *testing.T) {
	o := newOutside(t)
	addr, _ := forwarding(t, o)
	if _, m := ask(t, addr, "tcp", "large.example.com.", dns.TypeA); len(m.Answer) != 100 {
		t.Errorf("%d records", len(m.Answer))
	}
	if _, tcp := o.network.Load("tcp"); !tcp {
		t.Error("not asked by TCP")
	}
}

func TestForwardSecondServer(t *testing.T) {
	bad, good := newOutside(t), newOutside(t)
	bad.broken.Store(true)
	addr, _ := forwarding(t, bad, good)
	if got, _ := ask(t, addr, "udp", "n1.many.com.", dns.TypeA); got != "NOERROR; n1.many.com. 3600 IN A 93.184.216.34" {
		t.Error(got)
	}
	none, _ := forwarding(t)
	if got, _ := ask(t, none, "udp", "n1.many.com.", dns.TypeA); got != "SERVFAIL" {
		t.Errorf("without a server: %s", got)
	}
}

func TestForwardRoom(t *testing.T) {
	f := NewForwarder(ForwarderOptions{Dial: func(context.Context, string, int) (net.Conn, error) { return nil, errors.New("none") }})
	for i := range 2 * maxCached {
		q := dns.Question{Name: fmt.Sprintf("n%d.many.com.", i), Qtype: dns.TypeA}
		rr, err := dns.NewRR(q.Name + " 60 IN A 1.2.3.4")
		if err != nil {
			t.Fatal(err)
		}
		m := new(dns.Msg)
		m.Answer = []dns.RR{rr}
		f.remember(q, m)
	}
	if n := len(f.cache); n > maxCached || n < maxCached/2 {
		t.Errorf("%d are remembered", n)
	}
}
