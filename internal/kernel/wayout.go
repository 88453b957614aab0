package kernel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/kernel/nft"
)

// outTable is the nftables table of the internet's namespace; there is none while
// nothing leads out of it.
const outTable = "musubi_out"

// WayOut are the sockets that get what is sent to addresses of the internet that
// nobody in the world has.
type WayOut struct {
	w     *World
	rules *nft.Conn
	tcp   net.Listener
	udp   *net.UDPConn
}

// OpenWayOut makes TCP and UDP that go to IPv4 addresses of the internet, but for
// the closed ranges, arrive at sockets of this process. All else vanishes, and all
// does once the sockets are closed. It can be opened once.
func (w *World) OpenWayOut(ctx context.Context, closed []netip.Prefix) (*WayOut, error) {
	o := &WayOut{w: w}
	ns, err := w.enter(InternetNS, netip.Addr{})
	if err != nil {
		return nil, err
	}
	defer func() { _ = ns.Close() }()
	err = ns.Do(func() error { return o.listen(ctx) })
	if err == nil {
		err = w.internet.lead()
	}
	if err == nil {
		o.rules, err = nft.Open(w.internet.ns)
	}
	if err == nil {
		err = o.rules.Replace(outRules(closed, addrPort(o.tcp.Addr()), addrPort(o.udp.LocalAddr())))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("way out: %w", err), o.Close())
	}
	return o, nil
}

// listen opens the two sockets, on an address that no packet from a VPC can have.
func (o *WayOut) listen(ctx context.Context) (err error) {
	c := net.ListenConfig{KeepAlive: -1, Control: transparent}
	c.SetMultipathTCP(false)
	if o.tcp, err = c.Listen(ctx, "tcp4", "127.0.0.1:0"); err != nil {
		return err
	}
	p, err := c.ListenPacket(ctx, "udp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	o.udp = p.(*net.UDPConn)
	return nil
}

// transparent lets a socket have addresses that are not the namespace's own, and
// tells where what it receives was sent to.
func transparent(network, _ string, c syscall.RawConn) error {
	var result error
	err := c.Control(func(fd uintptr) {
		result = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_TRANSPARENT, 1)
		if network == "udp4" && result == nil {
			result = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_RECVORIGDSTADDR, 1)
		}
	})
	return errors.Join(err, os.NewSyscallError("setsockopt", result))
}

// Accept waits for a connection, whose local address is what the client wanted to
// reach.
func (o *WayOut) Accept() (net.Conn, error) { return o.tcp.Accept() }

// Receive waits for a packet, and tells who sent it where.
func (o *WayOut) Receive(b []byte) (n int, from, to netip.AddrPort, err error) {
	oob := make([]byte, 64)
	n, oobn, _, from, err := o.udp.ReadMsgUDPAddrPort(b, oob)
	if err != nil {
		return 0, from, to, err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return 0, from, to, err
	}
	for i := range messages {
		if a, err := unix.ParseOrigDstAddr(&messages[i]); err == nil {
			if in4, ok := a.(*unix.SockaddrInet4); ok {
				to = netip.AddrPortFrom(netip.AddrFrom4(in4.Addr), uint16(in4.Port))
			}
		}
	}
	return n, unmapped(from), to, nil
}

// Answer opens a socket that speaks to a client as the address that the client
// sends packets to. What comes later from the client arrives there.
func (o *WayOut) Answer(as, client netip.AddrPort) (net.Conn, error) {
	ns, err := o.w.enter(InternetNS, netip.Addr{})
	if err != nil {
		return nil, err
	}
	defer func() { _ = ns.Close() }()
	fd := -1
	err = ns.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		return err
	})
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), "flow")
	defer func() { _ = f.Close() }()
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_TRANSPARENT, 1),
		// Each client of an address has a socket of its own on it.
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
	)
	if err == nil {
		err = unix.Bind(fd, sockaddr(as))
	}
	if err == nil {
		err = unix.Connect(fd, sockaddr(client))
	}
	if err != nil {
		return nil, fmt.Errorf("speak to %s as %s: %w", client, as, err)
	}
	return net.FileConn(f)
}

// Close closes the sockets. Connections that were accepted go on.
func (o *WayOut) Close() error {
	var errs []error
	if o.rules != nil {
		o.rules.Close()
	}
	if o.tcp != nil {
		errs = append(errs, o.tcp.Close())
	}
	if o.udp != nil {
		errs = append(errs, o.udp.Close())
	}
	return errors.Join(errs...)
}

func addrPort(a net.Addr) netip.AddrPort {
	p, _ := netip.ParseAddrPort(a.String()) // it is one
	return p
}

// outRules make the table that takes packets out.
func outRules(closed []netip.Prefix, tcp, udp netip.AddrPort) *nft.Table {
	t := nft.New(outTable)
	t.Base("out", nft.Hook{Type: "filter", Point: nft.Prerouting, Priority: -150})
	t.Chain("out", nft.R(nft.From("lo"), nft.Do(nft.Accept)))
	for _, p := range closed {
		t.Chain("out", nft.R(nft.Family(false), nft.Within(nft.DAddr(false), p), nft.Do(nft.Accept)))
	}
	take := func(protocol byte, a netip.AddrPort) {
		t.Chain("out", nft.R(nft.Family(false), nft.Protocol(protocol), nft.Intercept(a), nft.MarkPacket(localMark), nft.Do(nft.Accept)))
	}
	take(unix.IPPROTO_TCP, tcp)
	take(unix.IPPROTO_UDP, udp)
	return t
}
