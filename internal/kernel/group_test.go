package kernel_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"

	"github.com/musubi-net/musubi/internal/spec"
)

func TestSecurityGroups(t *testing.T) {
	t.Parallel()
	w, ifs := newWorld(t), &interfaces{}
	v := vpc("one", 1, "10.0.0.0/16", "2001:db8:1::/56")
	ifs.guest(v, "a", []string{"sg-a"}, "10.0.1.10/24", "2001:db8:1:1::10/64")
	ifs.guest(v, "b", []string{"sg-b"}, "10.0.2.10/24", "2001:db8:1:2::10/64")
	ifs.guest(v, "c", open(), "10.0.3.10/24")
	out := rules("6 80 81 10.0.0.0/16", "6 80 81 ::/0")
	v.Groups = append(v.Groups,
		group("sg-a", nil, out),
		group("sg-b", rules("6 80 80 10.0.1.10/32", "6 90 95 0.0.0.0/0", "6 80 80 2001:db8:1:1::/64"), nil))
	w.apply(v)
	for _, at := range []string{"10.0.2.10:80", "10.0.2.10:81", "10.0.2.10:90", "[2001:db8:1:2::10]:80", "[2001:db8:1:2::10]:81"} {
		w.serve("i-b", at)
	}
	w.serve("i-a", "10.0.1.10:80")
	w.serve("i-c", "10.0.3.10:80")
	w.reaches("i-a", "10.0.2.10:80", "i-b 10.0.1.10")
	w.reaches("i-a", "[2001:db8:1:2::10]:80", "i-b 2001:db8:1:1::10")
	w.reaches("i-c", "10.0.2.10:90", "i-b 10.0.3.10")
	w.blocked("i-a", "10.0.2.10:81")          // b's ingress
	w.blocked("i-a", "[2001:db8:1:2::10]:81") // b's ingress, IPv6
	w.blocked("i-a", "10.0.2.10:90")          // a's egress
	w.blocked("i-c", "10.0.2.10:80")          // not the peer
	w.blocked("i-c", "10.0.1.10:80")          // a has no ingress
	w.blocked("i-b", "10.0.3.10:80")          // b has no egress

	t.Run("changed live", func(t *testing.T) {
		kept, _, err := w.dial(patience, "i-a", "10.0.2.10:80")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = kept.Close() }()
		v := clone(v)
		v.Groups[2] = group("sg-b", rules("6 81 81 10.0.1.0/24"), nil)
		w.apply(v)
		w.blocked("i-a", "10.0.2.10:80")
		w.reaches("i-a", "10.0.2.10:81", "i-b 10.0.1.10")
		if err := w.echo(kept); err != nil {
			t.Errorf("a tracked connection ended: %v", err)
		}
	})
	t.Run("swapped live", func(t *testing.T) {
		v := clone(v)
		v.Interfaces[1].GroupIDs = []string{"sg-a", "sg-open"}
		w.apply(v)
		w.reaches("i-a", "10.0.2.10:81", "i-b 10.0.1.10")
		w.reaches("i-b", "10.0.3.10:80", "i-c 10.0.2.10")
		v = clone(v)
		v.Interfaces[1].GroupIDs = []string{"sg-a"}
		w.apply(v)
		w.blocked("i-a", "10.0.2.10:81")
	})
}

func TestICMPRules(t *testing.T) {
	t.Parallel()
	w, ifs := newWorld(t), &interfaces{}
	v := vpc("one", 1, "10.0.0.0/16")
	ifs.guest(v, "a", open(), "10.0.1.10/24")
	ifs.guest(v, "b", []string{"sg-ping"}, "10.0.2.10/24")
	v.Groups = append(v.Groups, group("sg-ping", rules("1 2048 2303 0.0.0.0/0"), nil)) // echo, any code
	w.apply(v)
	if !w.ping("i-a", "10.0.1.10", "10.0.2.10", patience) {
		t.Error("no answer")
	}
	v = clone(v)
	v.Groups[1] = group("sg-ping", rules("1 0 255 0.0.0.0/0"), nil) // echo reply
	w.apply(v)
	if w.ping("i-a", "10.0.1.10", "10.0.2.10", silence) {
		t.Error("an answer")
	}
	if w.ping("i-a", "10.0.1.10", "10.0.1.1", silence) {
		t.Error("the gateway answers")
	}
}

// ping asks for an echo over a raw socket.
func (w *world) ping(ns, from, to string, within time.Duration) bool {
	w.t.Helper()
	conn := w.raw(ns, from)
	defer func() { _ = conn.Close() }()
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: int(time.Now().UnixNano() >> 10 & 0xffff), Seq: 1, Data: []byte("ping")}}
	b, err := m.Marshal(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := conn.WriteTo(b, &net.IPAddr{IP: netip.MustParseAddr(to).AsSlice()}); err != nil {
		w.t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(within))
	for {
		b := make([]byte, 1500)
		n, _, err := conn.ReadFrom(b)
		if err != nil {
			return false
		}
		if m, err := icmp.ParseMessage(1, b[:n]); err == nil && m.Type == ipv4.ICMPTypeEchoReply {
			return true
		}
	}
}

func TestSpoofedSources(t *testing.T) {
	t.Parallel()
	for _, check := range []bool{true, false} {
		w, ifs := newWorld(t), &interfaces{}
		v := vpc("one", 1, "10.0.0.0/16", "2001:db8:1::/56")
		ifs.guest(v, "a", open(), "10.0.1.10/24", "2001:db8:1:1::10/64").CheckSource = check
		ifs.guest(v, "b", open(), "10.0.2.10/24", "2001:db8:1:2::10/64")
		w.apply(v)
		// Addresses that the guest gives itself.
		w.addAddress("i-a", "10.0.1.11/32")
		w.addAddress("i-a", "2001:db8:1:1::11/128")
		for _, x := range []struct{ from, at string }{
			{"10.0.1.10", "10.0.2.10:1000"}, {"10.0.1.11", "10.0.2.10:1001"},
			{"2001:db8:1:1::10", "[2001:db8:1:2::10]:1000"}, {"2001:db8:1:1::11", "[2001:db8:1:2::10]:1001"},
		} {
			own := x.from == "10.0.1.10" || x.from == "2001:db8:1:1::10"
			if got := w.datagram("i-a", x.from, "i-b", x.at); got != (own || !check) {
				t.Errorf("check %v: from %s: arrived %v", check, x.from, got)
			}
		}
		if w.datagram("i-a", "10.0.1.10", "i-b", "10.0.2.10:2000") == false {
			t.Error("the guest's own address stopped working")
		}
	}
}

// datagram sends one and tells whether it arrived.
func (w *world) datagram(from, source, to, at string) bool {
	w.t.Helper()
	dst := netip.MustParseAddrPort(at)
	server, err := w.ListenUDP(w.t.Context(), to, dst)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	client, err := w.ListenUDP(w.t.Context(), from, netip.AddrPortFrom(netip.MustParseAddr(source), 0))
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if _, err := client.WriteTo([]byte("x"), net.UDPAddrFromAddrPort(dst)); err != nil {
		w.t.Fatal(err)
	}
	_ = server.SetDeadline(time.Now().Add(silence))
	_, _, err = server.ReadFrom(make([]byte, 1))
	return err == nil
}

func TestResolverAndMetadata(t *testing.T) {
	t.Parallel()
	w, ifs := newWorld(t), &interfaces{}
	v := vpc("one", 1, "10.0.0.0/16")
	v.Groups = []spec.Group{group("sg-closed", nil, nil)}
	ifs.guest(v, "a", []string{"sg-closed"}, "10.0.1.10/24")
	v.Resolver = []netip.Addr{addr("10.0.0.2"), addr("169.254.169.253")}
	v.Metadata = []netip.Addr{addr("169.254.169.254")}
	v.Local = append(v.Local, addr("10.0.0.2"), addr("169.254.169.253"), addr("169.254.169.254"))
	w.apply(v)
	for _, at := range []string{"10.0.0.2:53", "169.254.169.253:53", "169.254.169.254:80", "169.254.169.254:81", "10.0.1.1:53"} {
		w.serve(v.ID, at)
	}
	w.reaches("i-a", "10.0.0.2:53", "vpc-one 10.0.1.10")
	w.reaches("i-a", "169.254.169.253:53", "vpc-one 10.0.1.10")
	w.reaches("i-a", "169.254.169.254:80", "vpc-one 10.0.1.10")
	w.blocked("i-a", "169.254.169.254:81")
	w.blocked("i-a", "10.0.1.1:53")
}
