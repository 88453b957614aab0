package kernel

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// DialTCPAs connects from a VPC's namespace to a target with a client's address
// as the source, for a load balancer that keeps it, and with the client's port,
// if that is free. Node is the load balancer node's address for which it does so:
// its egress rules apply, and a target that allows its group is reached. The
// VPC must be Transparent.
func (w *World) DialTCPAs(ctx context.Context, ns string, node netip.Addr, client, remote netip.AddrPort) (net.Conn, error) {
	client, remote = unmapped(client), unmapped(remote)
	if client.Addr().Is6() != remote.Addr().Is6() {
		return nil, fmt.Errorf("dial %s as %s: the address families differ", remote, client)
	}
	return w.dial(ctx, ns, netip.Addr{}, remote, func(fd int) error {
		return bindAs(fd, node, client)
	})
}

// bindAs marks a socket with the node and binds it to an address that need not
// be of the namespace.
func bindAs(fd int, node netip.Addr, client netip.AddrPort) error {
	level, option := unix.SOL_IP, unix.IP_TRANSPARENT
	if client.Addr().Is6() {
		level, option = unix.SOL_IPV6, unix.IPV6_TRANSPARENT
	}
	if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(proxyMark(node))); err != nil {
		return err
	}
	if err := unix.Bind(fd, sockaddr(client)); err == nil {
		return nil
	}
	return bindAddress(fd, client.Addr())
}
