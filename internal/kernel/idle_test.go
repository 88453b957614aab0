package kernel_test

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// flow is what is left to a connection, as the kernel has it.
type flow struct {
	protocol uint8
	to       netip.AddrPort
	seconds  uint32
}

// flows lists the connections that a namespace remembers.
func (w *world) flows(ns string) (out []flow) {
	w.t.Helper()
	w.in(ns, func() error {
		h, err := netlink.NewHandle(unix.NETLINK_NETFILTER)
		if err != nil {
			return err
		}
		defer h.Close()
		for _, family := range []netlink.InetFamily{unix.AF_INET, unix.AF_INET6} {
			list, err := h.ConntrackTableList(netlink.ConntrackTable, family)
			if err != nil {
				return err
			}
			for _, f := range list {
				a, _ := netip.AddrFromSlice(f.Forward.DstIP)
				out = append(out, flow{f.Forward.Protocol, netip.AddrPortFrom(a.Unmap(), f.Forward.DstPort), f.TimeOut})
			}
		}
		return nil
	})
	return out
}

// idles expects that a namespace has one connection to the address, and how long
// it may be idle.
func (w *world) idles(ns string, protocol uint8, to string, seconds uint32) {
	w.t.Helper()
	n := 0
	for _, f := range w.flows(ns) {
		if f.protocol == protocol && f.to.String() == to {
			n++
			if f.seconds > seconds || f.seconds+10 < seconds {
				w.t.Errorf("%s: %d to %s has %d s, want %d", ns, protocol, to, f.seconds, seconds)
			}
		}
	}
	if n != 1 {
		w.t.Errorf("%s has %d connections to %s", ns, n, to)
	}
}

// forgotten waits until a namespace has no connection to the address.
func (w *world) forgotten(ns, to string) {
	w.t.Helper()
	for end := time.Now().Add(patience); ; {
		n := 0
		for _, f := range w.flows(ns) {
			if f.to.String() == to {
				n++
			}
		}
		switch {
		case n == 0:
			return
		case time.Now().After(end):
			w.t.Fatalf("%s still knows a connection to %s", ns, to)
		}
		<-time.After(100 * time.Millisecond)
	}
}

func TestIdleTimeouts(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.serve("i-target", "10.0.1.10:8080")
	p.serve("i-target", "[2001:db8:1:1::10]:8080")
	server, err := p.ListenUDP(t.Context(), "i-target", netip.MustParseAddrPort("10.0.1.10:8080"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	provider := clone(p.provider)
	for i, seconds := range []int{6000, 120, 350} {
		provider.Listeners[i].IdleSeconds = seconds
	}
	p.apply(provider)
	var open []net.Conn
	connect := func(to string) {
		t.Helper()
		c, _, err := p.dial(patience, "i-client", to)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		if err := p.echo(c); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	vip, vip6 := netip.AddrPortFrom(p.vip, 443).String(), netip.AddrPortFrom(p.consumer.Endpoints[1].VIP, 443).String()
	connect("10.0.1.50:443")
	connect("[2001:db8:1:1::50]:443")
	client, err := p.ListenUDP(t.Context(), "i-client", netip.MustParseAddrPort("10.0.1.10:5000"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if _, err := client.WriteTo([]byte("x"), net.UDPAddrFromAddrPort(netip.MustParseAddrPort("10.0.1.50:443"))); err != nil {
		t.Fatal(err)
	}
	_ = server.SetDeadline(time.Now().Add(patience))
	if _, _, err := server.ReadFrom(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		p.idles("vpc-consumer", 6, "10.0.1.50:443", 350)
		p.idles("vpc-consumer", 17, "10.0.1.50:443", 120)
		p.idles("vpc-consumer", 6, "[2001:db8:1:1::50]:443", 350)
		p.idles("vpc-provider", 6, vip, 6000)
		p.idles("vpc-provider", 17, vip, 120)
		p.idles("vpc-provider", 6, vip6, 350)
	}
	check()
	// The next packet counts from the connection's own figure, though its listener
	// has another now, and though everything is read anew.
	again := clone(provider)
	again.Listeners[0].IdleSeconds = 60
	p.apply(again)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p.open()
	p.join(p.consumer, again)
	p.apply(p.consumer, again)
	for _, c := range open {
		if err := p.echo(c); err != nil {
			t.Fatal(err)
		}
	}
	check()
	_ = open[0].Close()
	open = open[1:]
	connect("10.0.1.50:443")
	found := false
	for _, f := range p.flows("vpc-provider") {
		found = found || f.protocol == 6 && f.to.String() == vip && f.seconds > 50 && f.seconds <= 60
	}
	if !found {
		t.Errorf("a new connection does not have the new figure: %v", p.flows("vpc-provider"))
	}
}

func TestIdleConnectionsEnd(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	provider := clone(p.provider)
	provider.Listeners[0].IdleSeconds = 1
	p.apply(provider)
	p.serve("i-target", "10.0.1.10:8080")
	c, _, err := p.dial(patience, "i-client", "10.0.1.50:443")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	p.forgotten("vpc-provider", netip.AddrPortFrom(p.vip, 443).String())
	if err := p.echo(c); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after the timeout: %v", err)
	}

	t.Run("the target's side", func(t *testing.T) {
		l, err := p.ListenTCP(t.Context(), "i-target", netip.MustParseAddrPort("10.0.1.10:8081"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		v := clone(provider)
		targets(v, "tg", "10.0.1.10:8081")
		p.apply(v)
		ctx := t.Context()
		c, err := p.DialTCP(ctx, "i-client", netip.Addr{}, netip.MustParseAddrPort("10.0.1.50:443"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		p.forgotten("vpc-provider", netip.AddrPortFrom(p.vip, 443).String())
		if _, err := s.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		_ = s.SetReadDeadline(time.Now().Add(patience))
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after the timeout: %v", err)
		}
	})
}
