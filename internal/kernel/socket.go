package kernel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/kernel/netns"
)

// enter opens the namespace of a VPC ("vpc-…"), a guest ("i-…"), InternetNS or
// FabricNS. In the internet, an address that somebody uses comes to exist.
func (w *World) enter(name string, a netip.Addr) (*netns.NS, error) {
	if name == InternetNS && a.IsValid() && !a.IsUnspecified() {
		if err := w.internet.own(a); err != nil {
			return nil, err
		}
	}
	return w.dir.Open(name)
}

// ListenTCP listens on an address of a namespace. The listener stays in it.
func (w *World) ListenTCP(ctx context.Context, ns string, a netip.AddrPort) (net.Listener, error) {
	return listen(w, ns, a, func() (net.Listener, error) {
		// What is accepted has keep-alive from the listener, at no cost of its own;
		// a listener for multipath TCP makes each connection dearer.
		c := net.ListenConfig{KeepAlive: -1, Control: keepAlive}
		c.SetMultipathTCP(false)
		return c.Listen(ctx, "tcp", a.String())
	})
}

// keepAlive sets what net sets on each connection otherwise.
func keepAlive(_, _ string, c syscall.RawConn) error {
	var result error
	err := c.Control(func(fd uintptr) {
		result = os.NewSyscallError("setsockopt", errors.Join(
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 15),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 15),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 9),
		))
	})
	return errors.Join(err, result)
}

// ListenUDP opens a UDP socket at an address of a namespace.
func (w *World) ListenUDP(ctx context.Context, ns string, a netip.AddrPort) (net.PacketConn, error) {
	return listen(w, ns, a, func() (net.PacketConn, error) {
		return new(net.ListenConfig).ListenPacket(ctx, "udp", a.String())
	})
}

func listen[T any](w *World, name string, a netip.AddrPort, open func() (T, error)) (out T, err error) {
	ns, err := w.enter(name, a.Addr())
	if err != nil {
		return out, err
	}
	defer func() { _ = ns.Close() }()
	err = ns.Do(func() (err error) { out, err = open(); return err })
	if err != nil {
		return out, fmt.Errorf("listen in %s: %w", name, err)
	}
	return out, nil
}

// DialTCP connects from a namespace, from the local address if that is valid.
// Only the making of the socket holds a thread.
func (w *World) DialTCP(ctx context.Context, ns string, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	return w.dial(ctx, ns, local, remote, func(fd int) error {
		if !local.IsValid() {
			return nil
		}
		return bindAddress(fd, local)
	})
}

// dial connects a socket that is prepared and bound by a function. In the
// internet, the local address comes to exist.
func (w *World) dial(ctx context.Context, ns string, local netip.Addr, remote netip.AddrPort, bind func(fd int) error) (net.Conn, error) {
	space, err := w.enter(ns, local)
	if err != nil {
		return nil, err
	}
	defer func() { _ = space.Close() }()
	domain := unix.AF_INET
	if remote.Addr().Is6() {
		domain = unix.AF_INET6
	}
	fd := -1
	err = space.Do(func() (err error) {
		fd, err = unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("socket in %s: %w", ns, err)
	}
	f := os.NewFile(uintptr(fd), "socket")
	defer func() { _ = f.Close() }()
	c, err := connect(ctx, f, remote, bind)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(remote), Err: err}
	}
	return c, nil
}

func connect(ctx context.Context, f *os.File, remote netip.AddrPort, bind func(fd int) error) (net.Conn, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	begun := false
	stop := context.AfterFunc(ctx, func() { _ = f.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var result error
	err = raw.Write(func(fd uintptr) (done bool) {
		if !begun {
			begun = true
			if result = bind(int(fd)); result == nil {
				result = unix.Connect(int(fd), sockaddr(remote))
			}
			return !errors.Is(result, unix.EINPROGRESS)
		}
		result = outcome(int(fd))
		return !errors.Is(result, unix.EINPROGRESS)
	})
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	case result != nil:
		return nil, os.NewSyscallError("connect", result)
	}
	return net.FileConn(f)
}

// bindAddress binds to an address. The port is chosen by connect, which may
// share it between peers.
func bindAddress(fd int, a netip.Addr) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return err
	}
	return unix.Bind(fd, sockaddr(netip.AddrPortFrom(a, 0)))
}

// outcome tells how a connection attempt ended.
func outcome(fd int) error {
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	if code != 0 {
		return syscall.Errno(code)
	}
	if _, err := unix.Getpeername(fd); err != nil {
		return unix.EINPROGRESS
	}
	return nil
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is6() {
		return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	}
	return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
}
