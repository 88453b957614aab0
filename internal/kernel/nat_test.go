package kernel_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/spec"
)

// behindNAT is a world with two instances behind a NAT gateway that has a number of
// ports for each destination; 0 is as many as AWS's.
func behindNAT(t *testing.T, ports int) *world {
	t.Helper()
	w, ifs := newWorld(t), &interfaces{}
	v := vpc("one", 1, "10.0.0.0/16")
	v.RouteTables = []spec.RouteTable{{Number: 1, Routes: []spec.Route{
		{Destination: prefix("0.0.0.0/0"), Kind: spec.RouteNAT, Source: addr("198.18.0.7"), Ports: ports},
	}}}
	ifs.guest(v, "a", open(), "10.0.1.10/24").RouteTable = 1
	ifs.guest(v, "b", open(), "10.0.1.11/24").RouteTable = 1
	v.Internet = &spec.InternetGateway{Public: []spec.PublicAddress{{Public: addr("198.18.0.7")}}}
	w.apply(v)
	in := &spec.Internet{Routes: []spec.InternetRoute{{Address: addr("198.18.0.7"), VPCID: v.ID}}}
	if err := w.ApplyInternet(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) portErrors() uint64 {
	w.t.Helper()
	n, err := w.PortErrors(w.t.Context(), "vpc-one")
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func TestNATPorts(t *testing.T) {
	t.Parallel()
	w := behindNAT(t, 2)
	w.serve(kernel.InternetNS, "203.0.113.9:80")
	w.serve(kernel.InternetNS, "203.0.113.9:81")
	var held []net.Conn
	hold := func(ns, to string) error {
		c, _, err := w.dial(patience, ns, to)
		if err == nil {
			held = append(held, c)
		}
		return err
	}
	defer func() {
		for _, c := range held {
			_ = c.Close()
		}
	}()
	for _, ns := range []string{"i-a", "i-b"} {
		if err := hold(ns, "203.0.113.9:80"); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.portErrors(); n != 0 {
		t.Errorf("%d errors before it is full", n)
	}
	// One more is dropped; those that are go on, as do others.
	w.blocked("i-a", "203.0.113.9:80")
	if w.portErrors() == 0 {
		t.Error("the drop was not counted")
	}
	for _, c := range held {
		if err := w.echo(c); err != nil {
			t.Errorf("an established connection: %v", err)
		}
	}
	w.reaches("i-a", "203.0.113.9:81", kernel.InternetNS+" 198.18.0.7")
	// A connection that ends gives its port back, if with some delay; one that is
	// reset does at once.
	_ = held[0].(*net.TCPConn).SetLinger(0)
	_ = held[0].Close()
	held = held[1:]
	for end := time.Now().Add(2 * patience); ; {
		c, _, err := w.dial(time.Second, "i-b", "203.0.113.9:80")
		if err == nil {
			held = append(held, c)
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the port is not free again: %v", err)
		}
	}
}

func TestNATPortsUDP(t *testing.T) {
	t.Parallel()
	w := behindNAT(t, 2)
	echo, err := w.ListenUDP(t.Context(), kernel.InternetNS, netip.MustParseAddrPort("203.0.113.9:53"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = echo.Close() }()
	go func() {
		b := make([]byte, 100)
		for {
			_, from, err := echo.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = echo.WriteTo([]byte(from.String()), from)
		}
	}()
	seen := map[string]bool{}
	for i := range 4 {
		c, err := w.ListenUDP(t.Context(), []string{"i-a", "i-b"}[i%2], netip.AddrPortFrom(addr(fmt.Sprintf("10.0.1.%d", 10+i%2)), uint16(4000+i/2)))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if _, err := c.WriteTo([]byte("x"), net.UDPAddrFromAddrPort(netip.MustParseAddrPort("203.0.113.9:53"))); err != nil && !errors.Is(err, syscall.EPERM) {
			t.Fatal(err)
		}
		within := patience
		if i > 1 {
			within = silence
		}
		_ = c.SetReadDeadline(time.Now().Add(within))
		b := make([]byte, 100)
		n, _, err := c.ReadFrom(b)
		switch {
		case i > 1 && !errors.Is(err, os.ErrDeadlineExceeded):
			t.Errorf("one more got through, as %s: %v", b[:n], err)
		case i < 2 && err != nil:
			t.Error(err)
		case i < 2 && seen[string(b[:n])]:
			t.Errorf("%s is used twice", b[:n])
		}
		seen[string(b[:n])] = true
	}
}

func TestNATSamePort(t *testing.T) {
	t.Parallel()
	w := behindNAT(t, 0)
	w.serve(kernel.InternetNS, "203.0.113.9:80")
	ports := map[uint16]bool{}
	var open []net.Conn
	for _, ns := range []string{"i-a", "i-b"} {
		c := w.dialFromPort(ns, 40000, "203.0.113.9:80")
		defer func() { _ = c.Close() }()
		if err := w.echo(c); err != nil {
			t.Errorf("%s: %v", ns, err)
		}
		open = append(open, c)
	}
	for _, f := range w.translated("vpc-one") {
		if f < spec.NATFirstPort || int(f) >= spec.NATFirstPort+spec.NATPorts {
			t.Errorf("port %d", f)
		}
		ports[f] = true
	}
	if len(ports) != 2 {
		t.Errorf("ports %v", ports)
	}
	for _, f := range w.flows("vpc-one") {
		if f.seconds > 350 || f.seconds < 340 {
			t.Errorf("idle for %d s", f.seconds)
		}
	}
	w.blocked(kernel.InternetNS, "198.18.0.7:40000")
	// What was idle for too long is forgotten, and is told so.
	w.in("vpc-one", func() error {
		h, err := netlink.NewHandle(unix.NETLINK_NETFILTER)
		if err != nil {
			return err
		}
		defer h.Close()
		return h.ConntrackTableFlush(netlink.ConntrackTable)
	})
	for _, c := range open {
		if err := w.echo(c); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("forgotten: %v", err)
		}
	}
}

// dialFromPort connects from a port.
func (w *world) dialFromPort(ns string, port int, to string) (c net.Conn) {
	w.t.Helper()
	w.in(ns, func() (err error) {
		c, err = (&net.Dialer{LocalAddr: &net.TCPAddr{Port: port}, Timeout: patience}).Dial("tcp4", to)
		return err
	})
	if c == nil {
		w.t.FailNow()
	}
	_, _ = c.Read(make([]byte, 100)) // the greeting
	return c
}

// translated are the ports that a VPC's connections leave with.
func (w *world) translated(ns string) (out []uint16) {
	w.t.Helper()
	w.in(ns, func() error {
		h, err := netlink.NewHandle(unix.NETLINK_NETFILTER)
		if err != nil {
			return err
		}
		defer h.Close()
		list, err := h.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
		for _, f := range list {
			out = append(out, f.Reverse.DstPort)
		}
		return err
	})
	return out
}
