package broker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// policy decides what is dialled.
type policy struct {
	internet bool
	// own tells whether an address is one of this host's.
	own func(netip.Addr) (bool, error)
	// servers are the host's name servers.
	servers func() ([]string, error)
}

// target is what to dial for a request. The error wraps ErrForbidden if it is not
// to be dialled.
func (p policy) target(r request) (string, error) {
	if r.Network != "tcp" && r.Network != "udp" {
		return "", fmt.Errorf("%w: %q is no network", ErrForbidden, r.Network)
	}
	switch r.Kind {
	case Service:
		_, _, err := net.SplitHostPort(r.Address)
		return r.Address, err
	case Internet, Resolver:
		if !p.internet {
			return "", fmt.Errorf("%w: musubi up --internet host opens the internet", ErrForbidden)
		}
		if r.Kind == Resolver {
			return p.resolver(r.Address)
		}
		return p.outside(r.Address)
	}
	return "", fmt.Errorf("%w: %q is no kind of address", ErrForbidden, r.Kind)
}

// outside checks an address on the internet.
func (p policy) outside(address string) (string, error) {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrForbidden, err)
	}
	if a.Port() == 0 || !Public(a.Addr()) {
		return "", fmt.Errorf("%w: %s is not on the internet", ErrForbidden, a)
	}
	own, err := p.own(a.Addr())
	if err != nil {
		return "", fmt.Errorf("addresses of this host: %w", err)
	}
	if own {
		return "", fmt.Errorf("%w: %s is the host's own", ErrForbidden, a)
	}
	return a.String(), nil
}

func (p policy) resolver(number string) (string, error) {
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return "", fmt.Errorf("%w: %q is no number of a name server", ErrForbidden, number)
	}
	servers, err := p.servers()
	if err != nil {
		return "", err
	}
	if n >= len(servers) {
		return "", fmt.Errorf("this host has %d name servers", len(servers))
	}
	return net.JoinHostPort(servers[n], "53"), nil
}

// Public tells whether an address may be anybody's on the internet: IPv4, and of
// none of the ranges that are kept for something else, the public addresses of this
// cloud (198.18.0.0/15) among them.
func Public(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	for _, p := range Reserved() {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// Reserved are the ranges of IPv4 that nothing is carried to.
func Reserved() []netip.Prefix {
	var out []netip.Prefix
	for _, p := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
	} {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// ownAddress tells whether an address is this host's: of an interface, a broadcast
// address of its network, or one that a route makes local.
func ownAddress(a netip.Addr) (bool, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return false, err
	}
	for _, x := range all {
		p, err := netip.ParsePrefix(x.String())
		if err != nil {
			continue
		}
		if p.Addr().Unmap() == a || p.Addr().Is4() && p.Bits() < 31 && p.Contains(a) && (last(p) == a || p.Masked().Addr() == a) {
			return true, nil
		}
	}
	return bindable(a)
}

// last is the last address of an IPv4 network.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

// bindable tells whether the kernel takes an address for one of its own, where it
// can be asked that way.
func bindable(a netip.Addr) (bool, error) {
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_nonlocal_bind"); err == nil && strings.TrimSpace(string(text)) != "0" {
		return false, nil
	}
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
	if errors.Is(err, unix.EADDRNOTAVAIL) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, c.Close()
}

// nameServers are those of the host's resolv.conf.
func nameServers() ([]string, error) {
	f, err := os.Open("/etc/resolv.conf")
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var out []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if w := strings.Fields(lines.Text()); len(w) > 1 && w[0] == "nameserver" {
			if a, err := netip.ParseAddr(w[1]); err == nil {
				out = append(out, a.String())
			}
		}
	}
	return out, lines.Err()
}

// dial connects for a request.
func (p policy) dial(ctx context.Context, r request) (net.Conn, error) {
	address, err := p.target(r)
	if err != nil {
		return nil, err
	}
	c, err := new(net.Dialer).DialContext(ctx, r.Network, address)
	if err != nil || r.Kind != Internet {
		return c, err
	}
	// An address may become the host's own at any time.
	if local, remote := host(c.LocalAddr()), host(c.RemoteAddr()); local == remote || !Public(remote) {
		return nil, errors.Join(fmt.Errorf("%w: %s is the host's own", ErrForbidden, remote), c.Close())
	}
	return c, nil
}

func host(a net.Addr) netip.Addr {
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr().Unmap()
}

// refusal is how an error travels.
func refusal(id uint64, err error) reply {
	r := reply{ID: id, Error: err.Error(), Forbidden: errors.Is(err, ErrForbidden)}
	if errno, ok := errors.AsType[syscall.Errno](err); ok && !r.Forbidden {
		r.Errno = int(errno)
	}
	if t, ok := errors.AsType[net.Error](err); ok && r.Errno == 0 {
		r.Timeout = t.Timeout()
	}
	return r
}
