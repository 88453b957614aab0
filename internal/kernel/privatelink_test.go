package kernel_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// pair is a consumer and a provider with the same range, joined by an endpoint.
//
//	i-client 10.0.1.10 -- vpc-consumer -- endpoint 10.0.1.50
//	                                          |  fabric
//	i-target 10.0.1.10 -- vpc-provider -- node 10.0.1.100
type pair struct {
	*world
	*interfaces
	consumer, provider *spec.VPC
	vip                netip.Addr
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{world: newWorld(t), interfaces: &interfaces{}}
	p.consumer = vpc("consumer", 1, "10.0.0.0/16", "2001:db8:1::/56")
	p.provider = vpc("provider", 2, "10.0.0.0/16", "2001:db8:1::/56")
	p.guest(p.consumer, "client", open(), "10.0.1.10/24", "2001:db8:1:1::10/64")
	p.guest(p.provider, "target", open(), "10.0.1.10/24", "2001:db8:1:1::10/64")
	p.vip = p.endpoint(p.consumer, "10.0.1.50", "sg-open")
	vip6 := p.endpoint(p.consumer, "2001:db8:1:1::50", "sg-open")
	targets(p.provider, "tg", "10.0.1.10:8080", "[2001:db8:1:1::10]:8080")
	listen(p.provider, p.vip, addr("10.0.1.100"), 6, 443, "tg", false)
	listen(p.provider, p.vip, addr("10.0.1.100"), 17, 443, "tg", false)
	listen(p.provider, vip6, addr("2001:db8:1:1::100"), 6, 443, "tg", true)
	p.join(p.consumer, p.provider) // before the VPCs exist: the routes follow
	p.apply(p.consumer, p.provider)
	return p
}

func TestPrivateLinkBetweenEqualRanges(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.serve("i-target", "10.0.1.10:8080")
	p.serve("i-target", "[2001:db8:1:1::10]:8080")
	p.serve("i-client", "10.0.1.10:8080")
	p.reaches("i-client", "10.0.1.50:443", "i-target 10.0.1.100")
	p.reaches("i-client", "[2001:db8:1:1::50]:443", "i-target 2001:db8:1:1::100")
	t.Run("no listener", func(t *testing.T) { p.blocked("i-client", "10.0.1.50:80") })
	t.Run("provider to consumer", func(t *testing.T) {
		p.blocked("i-target", "10.0.1.50:443")
		p.blocked("i-target", p.consumer.Endpoints[0].Source.String()+":8080")
		p.blocked("i-target", spec.RouterAddress(1).String()+":8080")
	})
	t.Run("client to fabric", func(t *testing.T) {
		p.blocked("i-client", p.vip.String()+":443")
		p.blocked("i-target", p.vip.String()+":443")
	})
	t.Run("large answers", func(t *testing.T) {
		for _, to := range []string{"10.0.1.50:443", "[2001:db8:1:1::50]:443"} {
			p.download("i-client", to, 8<<20)
		}
	})
}

// download sends and gets back n bytes.
func (w *world) download(ns, to string, n int) {
	w.t.Helper()
	c, _, err := w.dial(patience, ns, to)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(patience))
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(make([]byte, n))
		sent <- err
	}()
	b := make([]byte, 1<<16)
	for got := 0; got < n; {
		k, err := c.Read(b)
		if err != nil {
			w.t.Errorf("%s after %d bytes: %v", to, got, err)
			break
		}
		got += k
	}
	if err := <-sent; err != nil {
		w.t.Error(err)
	}
}

func TestPrivateLinkOverUDP(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	server, err := p.ListenUDP(t.Context(), "i-target", netip.MustParseAddrPort("10.0.1.10:8080"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	client, err := p.ListenUDP(t.Context(), "i-client", netip.MustParseAddrPort("10.0.1.10:5000"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	for range 2 {
		if _, err := client.WriteTo([]byte("ping"), net.UDPAddrFromAddrPort(netip.MustParseAddrPort("10.0.1.50:443"))); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 16)
		_ = server.SetDeadline(time.Now().Add(patience))
		n, from, err := server.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		if host, _, _ := net.SplitHostPort(from.String()); host != "10.0.1.100" {
			t.Errorf("the target sees %s", from)
		}
		if _, err := server.WriteTo(b[:n], from); err != nil {
			t.Fatal(err)
		}
		_ = client.SetDeadline(time.Now().Add(patience))
		if _, from, err = client.ReadFrom(b); err != nil || from.String() != "10.0.1.50:443" {
			t.Errorf("answer from %v: %v", from, err)
		}
	}
}

func TestEndpointGroupsAndState(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.serve("i-target", "10.0.1.10:8080")
	p.reaches("i-client", "10.0.1.50:443", "i-target 10.0.1.100")
	kept, _, err := p.dial(patience, "i-client", "10.0.1.50:443")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = kept.Close() }()
	narrow := clone(p.consumer)
	narrow.Groups = append(narrow.Groups, group("sg-narrow", rules("6 443 443 10.0.2.0/24"), nil))
	narrow.Endpoints[0].GroupIDs = []string{"sg-narrow"}
	p.apply(narrow)
	p.blocked("i-client", "10.0.1.50:443")
	if err := p.echo(kept); err != nil {
		t.Errorf("an established connection ended: %v", err)
	}
	wide := clone(narrow)
	wide.Groups[1] = group("sg-narrow", rules("6 443 443 10.0.2.0/24", "6 443 443 10.0.1.10/32"), nil)
	p.apply(wide)
	p.reaches("i-client", "10.0.1.50:443", "i-target 10.0.1.100")
	closed := clone(wide)
	closed.Endpoints[0].Open = false
	p.apply(closed)
	p.blocked("i-client", "10.0.1.50:443")
}

func TestTargetsChange(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.guest(p.provider, "other", open(), "10.0.2.10/24")
	p.apply(p.provider)
	p.serve("i-target", "10.0.1.10:8080")
	p.serve("i-other", "10.0.2.10:8080")
	kept, _, err := p.dial(patience, "i-client", "10.0.1.50:443")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = kept.Close() }()
	only := clone(p.provider)
	targets(only, "tg", "10.0.2.10:8080")
	p.apply(only)
	for range 20 {
		p.reaches("i-client", "10.0.1.50:443", "i-other 10.0.1.100")
	}
	both := clone(only)
	targets(both, "tg", "10.0.1.10:8080", "10.0.2.10:8080")
	p.apply(both)
	seen := map[string]int{}
	for range 60 {
		c, who, err := p.dial(patience, "i-client", "10.0.1.50:443")
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		seen[who]++
	}
	if len(seen) != 2 || seen["i-other 10.0.1.100"] < 10 || seen["i-target 10.0.1.100"] < 10 {
		t.Errorf("shares: %v", seen)
	}
	none := clone(both)
	targets(none, "tg")
	p.apply(none)
	p.blocked("i-client", "10.0.1.50:443")
	if err := p.echo(kept); err != nil {
		t.Errorf("an established connection ended: %v", err)
	}
	p.apply(both)
	flow := spec.Flow{Entrance: netip.AddrPortFrom(p.vip, 443), Protocol: 6, Target: netip.MustParseAddrPort("10.0.1.10:8080")}
	other := flow
	other.Entrance = netip.AddrPortFrom(p.vip, 444)
	if err := p.ResetFlows(t.Context(), "vpc-provider", []spec.Flow{other}); err != nil {
		t.Fatal(err)
	}
	if err := p.echo(kept); err != nil {
		t.Errorf("a connection ended with those of another listener: %v", err)
	}
	if err := p.ResetFlows(t.Context(), "vpc-provider", []spec.Flow{flow}); err != nil {
		t.Fatal(err)
	}
	if err := p.echo(kept); err == nil {
		t.Error("a connection outlived its reset")
	}
}

func TestServiceOfTheSameVPC(t *testing.T) {
	t.Parallel()
	w, ifs := newWorld(t), &interfaces{}
	v := vpc("one", 1, "10.0.0.0/16")
	ifs.guest(v, "client", open(), "10.0.1.10/24")
	ifs.guest(v, "target", open(), "10.0.2.10/24")
	vip := ifs.endpoint(v, "10.0.1.50", "sg-open")
	targets(v, "tg", "10.0.2.10:80")
	listen(v, vip, addr("10.0.2.100"), 6, 80, "tg", false)
	w.apply(v)
	w.join(v, v)
	w.serve("i-target", "10.0.2.10:80")
	w.reaches("i-client", "10.0.1.50:80", "i-target 10.0.2.100")
}

func TestReopenKeepsConnections(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.serve("i-target", "10.0.1.10:8080")
	kept, _, err := p.dial(patience, "i-client", "10.0.1.50:443")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = kept.Close() }()
	stop, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(failed)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := p.echo(kept); err != nil {
				failed <- err
				return
			}
		}
	}()
	for range 3 {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		p.open()
		p.join(p.consumer, p.provider)
		p.apply(p.provider, p.consumer)
	}
	p.reaches("i-client", "10.0.1.50:443", "i-target 10.0.1.100")
	close(stop)
	if err := <-failed; err != nil {
		t.Errorf("the connection broke: %v", err)
	}
}
