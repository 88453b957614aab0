package l4

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/musubi-net/musubi/internal/dataplane/tlsconf"
	"github.com/musubi-net/musubi/internal/spec"
)

// carry is the life of one connection.
func (b *balancer) carry(c *config, client net.Conn) {
	f := &flow{client: client}
	defer f.close()
	if !b.add(f) {
		f.reset()
		return
	}
	defer b.remove(f)
	tune(client, c.tls != nil)
	outer, err := c.greet(b.ctx, client)
	if err != nil {
		b.log.Debug("TLS handshake with a client", "client", client.RemoteAddr(), "error", err)
		return
	}
	inner, err := b.reach(c, f, outer)
	if err != nil {
		b.log.Debug("connection not carried", "client", client.RemoteAddr(), "error", err)
		f.reset()
		return
	}
	relay(f, outer, inner, c.idle)
}

// stream is a connection that can be closed for writing alone.
type stream interface {
	net.Conn
	CloseWrite() error
}

// greet does what is due with the client before there is a target.
func (c *config) greet(ctx context.Context, client net.Conn) (net.Conn, error) {
	if c.tls == nil {
		return client, nil
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	t := tls.Server(client, c.tls)
	return t, t.HandshakeContext(ctx)
}

// reach chooses a target and connects to it; what is due with the target before
// the client's own bytes is done then.
func (b *balancer) reach(c *config, f *flow, outer net.Conn) (net.Conn, error) {
	peer := addrPort(f.client.RemoteAddr())
	to, ok := c.choose(peer)
	if !ok {
		return nil, errors.New("no target")
	}
	ctx, cancel := context.WithTimeout(b.ctx, connectTimeout)
	defer cancel()
	remote, err := b.dial(ctx, c, to, peer)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", to.target.Address, err)
	}
	if !f.attach(remote, to, c.address.Zone) {
		return nil, net.ErrClosed
	}
	tune(remote, c.tls != nil)
	if to.group.ProxyProtocol {
		if _, err := remote.Write(b.header(ctx, c, peer)); err != nil {
			return nil, fmt.Errorf("proxy protocol header: %w", err)
		}
	}
	if to.group.Protocol != "TLS" {
		return remote, nil
	}
	t := tls.Client(remote, c.towards(outer))
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS handshake with %s: %w", to.target.Address, err)
	}
	return t, nil
}

// dial connects to a target, as the client where that is asked for and possible.
func (b *balancer) dial(ctx context.Context, c *config, to choice, peer netip.AddrPort) (net.Conn, error) {
	target := to.target.Address
	node := sourceFor(c.address, target.Addr())
	if to.group.KeepClient && b.s.o.DialAs != nil && !onFabric(peer.Addr()) && peer.Addr().Is4() == target.Addr().Is4() {
		return b.s.o.DialAs(ctx, c.vpc, node, peer, target)
	}
	return b.s.o.Dial(ctx, c.vpc, node, target)
}

// towards is the TLS configuration to a target: with the name and the protocol
// that the client came for.
func (c *config) towards(outer net.Conn) *tls.Config {
	name, policy := "", ""
	var alpn []string
	if t, ok := outer.(*tls.Conn); ok {
		s := t.ConnectionState()
		name, policy = s.ServerName, c.listener.TLS.Policy
		if s.NegotiatedProtocol != "" {
			alpn = []string{s.NegotiatedProtocol}
		}
	}
	return tlsconf.Client(policy, name, alpn)
}

// header is what proxy protocol tells a target. A client behind an endpoint has
// the address that it has in its own VPC.
func (b *balancer) header(ctx context.Context, c *config, peer netip.AddrPort) []byte {
	node := netip.AddrPortFrom(c.address.Address, c.listener.Port)
	if !onFabric(peer.Addr()) {
		return proxyHeader(peer, node, "")
	}
	e, ok := c.entrances[peer.Addr()]
	if !ok || b.s.o.Client == nil {
		return proxyHeader(peer, node, e.Endpoint)
	}
	real, err := b.s.o.Client(ctx, e.Consumer, peer, netip.AddrPortFrom(e.VIP, c.listener.Port))
	if err != nil {
		b.log.Warn("client behind an endpoint not known", "endpoint", e.Endpoint, "error", err)
		real = peer
	}
	return proxyHeader(real, node, e.Endpoint)
}

func onFabric(a netip.Addr) bool {
	return spec.FabricPrefix.Contains(a) || spec.FabricPrefix6.Contains(a)
}

// addrPort is a TCP address as netip has it.
func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := t.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}
