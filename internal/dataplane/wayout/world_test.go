package wayout_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/broker"
	"github.com/musubi-net/musubi/internal/dataplane/wayout"
	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/spec"
	"github.com/musubi-net/musubi/test/lab"
)

// patience is how long something that must happen may take; silence how long to
// wait for something that must not.
const (
	patience = 10 * time.Second
	silence  = 250 * time.Millisecond
)

func TestMain(m *testing.M) {
	if os.Getenv("MUSUBI_LAB_INSIDE") != "" {
		if err := loopbackUp(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	lab.Main(m)
}

// loopbackUp makes the test's own network the host's.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
}

// silent is a port at which nobody answers.
const silent = 82

// world has a VPC with an instance behind a NAT gateway, 198.18.1.7, and one with
// a public address, 198.18.1.5.
type world struct {
	*kernel.World
	t *testing.T
	// hosts is where addresses of the internet are on the host.
	mu    sync.Mutex
	hosts map[netip.AddrPort]string
	asked []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	k, err := kernel.Open(t.Context(), kernel.Options{Dir: lab.Dir(t)})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{World: k, t: t, hosts: map[netip.AddrPort]string{}}
	t.Cleanup(w.tearDown)
	v := vpc()
	if err := w.ApplyVPC(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	in := &spec.Internet{}
	for _, p := range v.Internet.Public {
		in.Routes = append(in.Routes, spec.InternetRoute{Address: p.Public, VPCID: v.ID})
	}
	if err := w.ApplyInternet(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) tearDown() {
	ctx := context.Background()
	err := w.RemoveVPC(ctx, "vpc-one")
	for _, g := range []string{"i-private", "i-public"} {
		err = errors.Join(err, w.RemoveGuest(ctx, g))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		w.t.Error(err)
	}
}

func vpc() *spec.VPC {
	addr, all := netip.MustParseAddr, netip.MustParsePrefix("0.0.0.0/0")
	any4 := []spec.Rule{{Protocol: -1, To: 65535, Peer: all}}
	guest := func(n byte, id, a string, table uint32) spec.Interface {
		return spec.Interface{ID: fmt.Sprintf("eni-%d", n), Name: fmt.Sprintf("e%d", n), InstanceID: id, GuestName: "ens5", RouteTable: table,
			MAC: fmt.Sprintf("02:00:00:00:00:%02x", n), Gateways: []netip.Addr{addr("10.0.1.1")}, GroupIDs: []string{"sg-open"},
			CheckSource: true, Addresses: []netip.Prefix{netip.MustParsePrefix(a)}}
	}
	return &spec.VPC{
		ID: "vpc-one", Number: 1, CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}, Local: []netip.Addr{addr("10.0.1.1")},
		Groups:     []spec.Group{{ID: "sg-open", Ingress: any4, Egress: any4}},
		Interfaces: []spec.Interface{guest(1, "i-public", "10.0.1.10/24", 1), guest(2, "i-private", "10.0.1.20/24", 2)},
		RouteTables: []spec.RouteTable{
			{Number: 1, Routes: []spec.Route{{Destination: all, Kind: spec.RouteInternet}}},
			{Number: 2, Routes: []spec.Route{{Destination: all, Kind: spec.RouteNAT, Source: addr("198.18.1.7")}}},
		},
		Internet: &spec.InternetGateway{Public: []spec.PublicAddress{
			{Public: addr("198.18.1.5"), Private: addr("10.0.1.10")}, {Public: addr("198.18.1.7")},
		}},
	}
}

// carry opens the way out.
func (w *world) carry(o wayout.Options) {
	w.t.Helper()
	s, err := w.OpenWayOut(w.t.Context(), broker.Reserved())
	if err != nil {
		w.t.Fatal(err)
	}
	o.Sockets, o.Dial = s, w.host
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- wayout.New(o).Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	})
}

// host connects as the broker does, to what stands for the internet.
func (w *world) host(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
	w.mu.Lock()
	w.asked = append(w.asked, network+" "+to.String())
	at, ok := w.hosts[to]
	w.mu.Unlock()
	if to.Port() == silent {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if !ok {
		return nil, syscall.ECONNREFUSED
	}
	return new(net.Dialer).DialContext(ctx, network, at)
}

func (w *world) publish(to string, at net.Addr) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hosts[netip.MustParseAddrPort(to)] = at.String()
}

func (w *world) dial(within time.Duration, guest, to string) (net.Conn, error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), within)
	defer cancel()
	return w.DialTCP(ctx, guest, netip.Addr{}, netip.MustParseAddrPort(to))
}
