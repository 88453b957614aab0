package l4_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/dataplane/l4"
	"github.com/musubi-net/musubi/internal/spec"
)

const patience = 10 * time.Second

// lab is a load balancer with one TCP listener, on loopback.
type lab struct {
	*testing.T
	server *l4.Server
	b      spec.Balancer
	at     netip.AddrPort
}

func newLab(t *testing.T, o l4.Options) *lab {
	t.Helper()
	l := &lab{T: t}
	o.Listen = func(ctx context.Context, _ string, a netip.AddrPort) (net.Listener, error) {
		return new(net.ListenConfig).Listen(ctx, "tcp", a.String())
	}
	o.Dial = func(ctx context.Context, _ string, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))}
		return d.DialContext(ctx, "tcp", remote.String())
	}
	l.server = l4.New(o)
	t.Cleanup(func() {
		if err := l.server.Close(); err != nil {
			t.Error(err)
		}
	})
	node := netip.MustParseAddr("127.0.0.2")
	l.at = netip.AddrPortFrom(node, freePort(t, node))
	l.b = spec.Balancer{ARN: "arn:lb", ID: "net/lb/1", Type: "network", VPC: "vpc-1",
		Listeners: []spec.BalancerListener{{ARN: "arn:listener", Protocol: "TCP", Port: l.at.Port(),
			Addresses: []spec.BalancerAddress{{Address: node, Zone: "a", Sources: []netip.Addr{node}}},
			Rules:     []spec.BalancerRule{{Forward: &spec.ForwardAction{Groups: []spec.ForwardGroup{{Group: "arn:group", Weight: 1}}}}}}},
		Groups: []spec.BalancerGroup{{ARN: "arn:group", Protocol: "TCP"}}}
	return l
}

func freePort(t *testing.T, a netip.Addr) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", netip.AddrPortFrom(a, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return netip.MustParseAddrPort(l.Addr().String()).Port()
}

func (l *lab) listener() *spec.BalancerListener { return &l.b.Listeners[0] }
func (l *lab) group() *spec.BalancerGroup       { return &l.b.Groups[0] }

// set hands a copy to the server, as a new description is.
func (l *lab) set() {
	l.Helper()
	b := l.b
	b.Groups = []spec.BalancerGroup{l.b.Groups[0]}
	b.Groups[0].Targets = append([]spec.BalancerTarget{}, l.b.Groups[0].Targets...)
	b.Listeners = []spec.BalancerListener{l.b.Listeners[0]}
	if err := l.server.Set(l.Context(), &b); err != nil {
		l.Fatal(err)
	}
}

// target adds a healthy target that hands its connections out.
func (l *lab) target(key, zone string) <-chan net.Conn {
	l.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { _ = listener.Close() })
	out := make(chan net.Conn, 64)
	go func() {
		defer close(out)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			out <- c
		}
	}()
	l.group().Targets = append(l.group().Targets, spec.BalancerTarget{Key: key, ID: key, Zone: zone, Health: "healthy",
		Address: netip.MustParseAddrPort(listener.Addr().String())})
	return out
}

// dial connects as a client.
func (l *lab) dial() *net.TCPConn {
	l.Helper()
	c, err := net.Dial("tcp", l.at.String())
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		l.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// accepted is the next connection at a target.
func (l *lab) accepted(in <-chan net.Conn) *net.TCPConn {
	l.Helper()
	select {
	case c := <-in:
		l.Cleanup(func() { _ = c.Close() })
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			l.Fatal(err)
		}
		return c.(*net.TCPConn)
	case <-time.After(patience):
		l.Fatal("no connection at the target")
		return nil
	}
}

// sends writes at one end and reads at the other.
func (l *lab) sends(from io.Writer, to io.Reader, text string) {
	l.Helper()
	if _, err := io.WriteString(from, text); err != nil {
		l.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(to, got); err != nil || string(got) != text {
		l.Fatalf("got %q, %v; want %q", got, err, text)
	}
}

// certificate is a self-signed certificate for a name.
func certificate(t *testing.T, name string) spec.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return spec.Certificate{ARN: name, Chain: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}),
		Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})}
}

// secure does a TLS handshake as a client.
func (l *lab) secure(c net.Conn, conf *tls.Config) *tls.Conn {
	l.Helper()
	conf.InsecureSkipVerify = true
	t := tls.Client(c, conf)
	if err := t.HandshakeContext(l.Context()); err != nil {
		l.Fatal(err)
	}
	return t
}
