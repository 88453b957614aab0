package reconcile

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/miekg/dns"

	"github.com/musubi-net/musubi/internal/dataplane/dnsd"
)

// Errors of a look-up.
var (
	ErrNoSuchName = errors.New("no such name")
	ErrNoResolver = errors.New("has no resolver: its DNS support is off")
)

// Visitor is the address from which a person on the host looks into a VPC, and
// whether the VPC exists in the world. The address is invalid without a subnet.
func (r *Reconciler) Visitor(vpcID string) (netip.Addr, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.vpcs[vpcID]
	if v == nil {
		return netip.Addr{}, false
	}
	return v.Visitor, true
}

// Lookup returns a name's addresses as a VPC's resolver has them, IPv4 first;
// without a VPC those that resolve everywhere.
func (r *Reconciler) Lookup(_ context.Context, vpcID, name string) ([]netip.Addr, error) {
	server := dnsd.New(dnsd.Options{Public: r.public})
	if vpcID != "" {
		r.mu.Lock()
		s, v := r.services[vpcID], r.vpcs[vpcID]
		r.mu.Unlock()
		if s == nil || v == nil || len(v.Resolver) == 0 {
			return nil, ErrNoResolver
		}
		server = s.resolver
	}
	var out []netip.Addr
	exists := false
	for _, typ := range []uint16{dns.TypeA, dns.TypeAAAA} {
		w := &asked{}
		server.ServeDNS(w, new(dns.Msg).SetQuestion(dns.Fqdn(name), typ))
		if w.reply == nil || w.reply.Rcode != dns.RcodeSuccess {
			continue
		}
		exists = true
		for _, rr := range w.reply.Answer {
			switch x := rr.(type) {
			case *dns.A:
				out = appendAddress(out, x.A)
			case *dns.AAAA:
				out = appendAddress(out, x.AAAA)
			}
		}
	}
	if !exists || len(out) == 0 {
		return nil, ErrNoSuchName
	}
	return out, nil
}

func appendAddress(out []netip.Addr, ip net.IP) []netip.Addr {
	if a, ok := netip.AddrFromSlice(ip); ok {
		return append(out, a.Unmap())
	}
	return out
}

// DialFrom connects from a namespace of the world, from the local address if that
// is valid.
func (r *Reconciler) DialFrom(ctx context.Context, ns string, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	return r.o.World.DialTCP(ctx, ns, local, remote)
}

// asked is a question that comes from this process.
type asked struct{ reply *dns.Msg }

// WriteMsg keeps the reply.
func (a *asked) WriteMsg(m *dns.Msg) error { a.reply = m; return nil }

// LocalAddr and RemoteAddr are TCP's, so that replies are whole.
func (a *asked) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4zero} }
func (a *asked) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero} }

// The rest of dns.ResponseWriter is not used.
func (a *asked) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }
func (a *asked) Close() error              { return nil }
func (a *asked) TsigStatus() error         { return nil }
func (a *asked) TsigTimersOnly(bool)       {}
func (a *asked) Hijack()                   {}
