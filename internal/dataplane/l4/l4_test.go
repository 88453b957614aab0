package l4_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/dataplane/l4"
	"github.com/musubi-net/musubi/internal/spec"
)

func wantReset(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("read: %v, want a reset", err)
	}
}

// wantRefused connects and wants to be reset, which can be noticed early.
func (l *lab) wantRefused() {
	l.Helper()
	c, err := net.Dial("tcp", l.at.String())
	if errors.Is(err, syscall.ECONNRESET) {
		return
	}
	if err != nil {
		l.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		l.Fatal(err)
	}
	wantReset(l.T, c)
}

func TestCarry(t *testing.T) {
	l := newLab(t, l4.Options{})
	in := l.target("one", "a")
	l.set()
	client := l.dial()
	target := l.accepted(in)
	l.sends(client, target, "question")
	l.sends(target, client, "answer")
	// Half closed: the other way still works.
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, err := target.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Fatalf("target read %d, %v after the client's end", n, err)
	}
	l.sends(target, client, "late answer")
	if err := target.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := client.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Fatalf("client read %d, %v after the target's end", n, err)
	}
}

func TestResets(t *testing.T) {
	l := newLab(t, l4.Options{})
	in := l.target("one", "a")
	l.set()
	client, target := l.dial(), l.accepted(in)
	l.sends(client, target, "x")
	if err := errors.Join(target.SetLinger(0), target.Close()); err != nil {
		t.Fatal(err)
	}
	wantReset(t, client)
	// A port that is closed refuses.
	l.group().Targets[0].Address = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), freePort(t, netip.MustParseAddr("127.0.0.1")))
	l.set()
	l.wantRefused()
	// Nobody there.
	l.group().Targets = nil
	l.set()
	l.wantRefused()
}

func TestZonesAndHealth(t *testing.T) {
	l := newLab(t, l4.Options{})
	own, other := l.target("own", "a"), l.target("other", "b")
	sick := l.target("sick", "a")
	l.group().Targets[2].Health = "unhealthy"
	l.set()
	for range 8 {
		l.dial()
		l.accepted(own)
	}
	// Nothing healthy in the zone: all of the zone, draining ones left out.
	l.group().Targets[0].Draining = true
	l.set()
	l.dial()
	l.accepted(sick)
	l.group().CrossZone = true
	l.set()
	l.dial()
	l.accepted(other)
}

func TestStickyAndSpread(t *testing.T) {
	l := newLab(t, l4.Options{})
	first, second := l.target("first", "a"), l.target("second", "a")
	l.set()
	seen := map[string]bool{}
	for range 40 {
		l.dial()
		select {
		case <-first:
			seen["first"] = true
		case <-second:
			seen["second"] = true
		case <-time.After(patience):
			t.Fatal("no connection")
		}
	}
	if len(seen) != 2 {
		t.Fatalf("40 connections went to %v alone", seen)
	}
	l.group().Stickiness = &spec.Stickiness{Type: "source_ip"}
	l.set()
	l.dial()
	var stays <-chan net.Conn
	select {
	case <-first:
		stays = first
	case <-second:
		stays = second
	case <-time.After(patience):
		t.Fatal("no connection")
	}
	for range 10 {
		l.dial()
		l.accepted(stays)
	}
}

func TestIdle(t *testing.T) {
	l := newLab(t, l4.Options{})
	in := l.target("one", "a")
	l.listener().IdleSeconds = 1
	l.set()
	client, target := l.dial(), l.accepted(in)
	begin := time.Now()
	// What one side sends keeps both.
	for time.Since(begin) < 1500*time.Millisecond {
		l.sends(target, client, "x")
		if err := client.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(make([]byte, 1)); !isTimeout(err) {
			t.Fatalf("ended while in use: %v", err)
		}
		if err := client.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
	}
	wantReset(t, client)
	wantReset(t, target)
}

func isTimeout(err error) bool { e, ok := errors.AsType[net.Error](err); return ok && e.Timeout() }

func TestCut(t *testing.T) {
	for name, c := range map[string]struct {
		prepare, change func(g *spec.BalancerGroup)
		ends            bool
	}{
		"deregistered":              {func(*spec.BalancerGroup) {}, func(g *spec.BalancerGroup) { g.Targets = g.Targets[1:] }, false},
		"deregistered, to be cut":   {func(g *spec.BalancerGroup) { g.EndOnDeregister = true }, func(g *spec.BalancerGroup) { g.Targets = g.Targets[1:] }, true},
		"draining":                  {func(g *spec.BalancerGroup) { g.EndOnDeregister = true }, func(g *spec.BalancerGroup) { g.Targets[0].Draining = true }, false},
		"unhealthy":                 {func(*spec.BalancerGroup) {}, func(g *spec.BalancerGroup) { g.Targets[0].Health = "unhealthy" }, false},
		"unhealthy, to be cut":      {func(g *spec.BalancerGroup) { g.EndOnUnhealthy = true }, func(g *spec.BalancerGroup) { g.Targets[0].Health = "unhealthy" }, true},
		"unhealthy, but open":       {func(g *spec.BalancerGroup) { g.EndOnUnhealthy = true }, func(g *spec.BalancerGroup) { g.Targets[0].Health, g.Targets[1].Health = "unhealthy", "unhealthy" }, false},
		"unhealthy, others in vain": {func(g *spec.BalancerGroup) { g.EndOnUnhealthy = true }, func(g *spec.BalancerGroup) { g.Targets[0].Health, g.Targets[1].Zone = "unhealthy", "b" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, l4.Options{})
			in := l.target("one", "a")
			l.target("two", "a")
			l.group().Targets[1].Draining = true // gets nothing for now
			c.prepare(l.group())
			l.set()
			client, target := l.dial(), l.accepted(in)
			l.sends(client, target, "x")
			l.group().Targets[1].Draining = false
			c.change(l.group())
			l.set()
			if c.ends {
				wantReset(t, client)
				wantReset(t, target)
				return
			}
			l.sends(client, target, "still")
		})
	}
}

func TestProxyProtocol(t *testing.T) {
	l := newLab(t, l4.Options{})
	in := l.target("one", "a")
	l.group().ProxyProtocol = true
	l.set()
	client, target := l.dial(), l.accepted(in)
	local := netip.MustParseAddrPort(client.LocalAddr().String())
	header := readHeader(t, target)
	if header[12] != 0x21 || header[13] != 0x11 {
		t.Fatalf("command and family %x", header[12:14])
	}
	want := append(append([]byte{}, local.Addr().AsSlice()...), l.at.Addr().AsSlice()...)
	want = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(want, local.Port()), l.at.Port())
	if !bytes.Equal(header[16:28], want) {
		t.Fatalf("addresses %x, want %x", header[16:28], want)
	}
	checkSum(t, header)
	l.sends(client, target, "payload")
}

// readHeader reads a proxy protocol header, which comes before any payload.
func readHeader(t *testing.T, c net.Conn) []byte {
	t.Helper()
	header := make([]byte, 16)
	if _, err := io.ReadFull(c, header); err != nil {
		t.Fatal(err)
	}
	if string(header[:12]) != "\r\n\r\n\x00\r\nQUIT\n" {
		t.Fatalf("signature %x", header[:12])
	}
	rest := make([]byte, binary.BigEndian.Uint16(header[14:]))
	if _, err := io.ReadFull(c, rest); err != nil {
		t.Fatal(err)
	}
	return append(header, rest...)
}

func checkSum(t *testing.T, header []byte) {
	t.Helper()
	at := bytes.Index(header[16:], []byte{0x03, 0, 4}) + 19
	sum := binary.BigEndian.Uint32(header[at:])
	zeroed := append([]byte{}, header...)
	copy(zeroed[at:], make([]byte, 4))
	if got := crc32.Checksum(zeroed, crc32.MakeTable(crc32.Castagnoli)); got != sum {
		t.Fatalf("checksum %08x, want %08x", sum, got)
	}
}

func TestTLS(t *testing.T) {
	l := newLab(t, l4.Options{})
	in := l.target("one", "a")
	l.listener().Protocol = "TLS"
	l.listener().TLS = &spec.TLSSettings{Policy: "ELBSecurityPolicy-TLS13-1-2-2021-06", ALPN: "HTTP2Preferred",
		Certificates: []spec.Certificate{certificate(t, "default.example.com"), certificate(t, "api.example.com")}}
	l.set()
	client := l.secure(l.dial(), &tls.Config{ServerName: "api.example.com", NextProtos: []string{"http/1.1", "h2"}})
	target := l.accepted(in)
	s := client.ConnectionState()
	if got := s.PeerCertificates[0].DNSNames[0]; got != "api.example.com" || s.NegotiatedProtocol != "h2" {
		t.Fatalf("certificate %s, protocol %q", got, s.NegotiatedProtocol)
	}
	l.sends(client, target, "question")
	// Another certificate: this connection goes on, the next one sees it.
	l.listener().TLS = &spec.TLSSettings{Certificates: []spec.Certificate{certificate(t, "new.example.com")}}
	l.set()
	l.sends(target, client, "answer")
	next := l.secure(l.dial(), &tls.Config{})
	if got := next.ConnectionState().PeerCertificates[0].DNSNames[0]; got != "new.example.com" {
		t.Fatalf("certificate %s after the change", got)
	}
	// Half closed, as TLS has it.
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := target.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatalf("target: %v, want the end", err)
	}
	l.sends(target, client, "late")
	_ = target.Close()
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatalf("client: %v, want the end", err)
	}
}

func TestTLSToTarget(t *testing.T) {
	l := newLab(t, l4.Options{})
	in := l.target("one", "a")
	l.listener().Protocol = "TLS"
	l.listener().TLS = &spec.TLSSettings{ALPN: "HTTP1Only", Certificates: []spec.Certificate{certificate(t, "a.example.com")}}
	l.group().Protocol, l.group().ProxyProtocol = "TLS", true
	l.set()
	client := l.secure(l.dial(), &tls.Config{ServerName: "a.example.com", NextProtos: []string{"http/1.1"}})
	raw := l.accepted(in)
	readHeader(t, raw)
	own := certificate(t, "target")
	pair, err := tls.X509KeyPair(own.Chain, own.Key)
	if err != nil {
		t.Fatal(err)
	}
	target := tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}})
	l.sends(client, target, "question")
	if s := target.ConnectionState(); s.ServerName != "a.example.com" || s.NegotiatedProtocol != "http/1.1" {
		t.Fatalf("name %q, protocol %q", s.ServerName, s.NegotiatedProtocol)
	}
	l.sends(target, client, "answer")
}

func TestDialAs(t *testing.T) {
	as := make(chan netip.AddrPort, 1)
	l := newLab(t, l4.Options{DialAs: func(ctx context.Context, _ string, node netip.Addr, client, remote netip.AddrPort) (net.Conn, error) {
		if node != netip.MustParseAddr("127.0.0.2") {
			t.Errorf("dialled for %s", node)
		}
		as <- client
		return new(net.Dialer).DialContext(ctx, "tcp", remote.String())
	}})
	in := l.target("one", "a")
	l.group().KeepClient = true
	l.set()
	client := l.dial()
	l.accepted(in)
	if got := <-as; got.String() != client.LocalAddr().String() {
		t.Fatalf("dialled as %s, want %s", got, client.LocalAddr())
	}
}

func TestRemove(t *testing.T) {
	l := newLab(t, l4.Options{})
	in := l.target("one", "a")
	l.set()
	client, target := l.dial(), l.accepted(in)
	l.sends(client, target, "x")
	if n := l.server.Connections("arn:lb"); n != 1 {
		t.Fatalf("%d connections", n)
	}
	// Without its listener, a connection goes on.
	empty := l.b
	empty.Listeners = nil
	if err := l.server.Set(t.Context(), &empty); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", l.at.String()); err == nil {
		_ = c.Close()
		t.Fatal("still listens")
	}
	l.sends(client, target, "y")
	if err := l.server.Remove("arn:lb"); err != nil {
		t.Fatal(err)
	}
	wantReset(t, client)
	wantReset(t, target)
}

func TestRefusedSettings(t *testing.T) {
	l := newLab(t, l4.Options{})
	in := l.target("one", "a")
	l.set()
	bad := l.b
	bad.Listeners = append([]spec.BalancerListener{}, l.b.Listeners...)
	bad.Listeners[0].Protocol, bad.Listeners[0].TLS = "TLS", &spec.TLSSettings{}
	if err := l.server.Set(t.Context(), &bad); err == nil {
		t.Fatal("a TLS listener without certificate was taken")
	}
	// It stays what it was.
	l.sends(l.dial(), l.accepted(in), "x")
}
