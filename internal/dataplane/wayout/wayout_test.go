package wayout_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/dataplane/wayout"
)

// upper serves TCP: what it gets until the end, in capitals.
func upper(t *testing.T) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				b, err := io.ReadAll(c)
				if err == nil {
					_, _ = c.Write([]byte(strings.ToUpper(string(b))))
				}
			}()
		}
	}()
	return l.Addr()
}

// echo serves UDP.
func echo(t *testing.T) net.Addr {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = c.WriteTo(b[:n], from)
		}
	}()
	return c.LocalAddr()
}

func TestTCP(t *testing.T) {
	w := newWorld(t)
	w.publish("93.184.216.34:80", upper(t))
	if c, err := w.dial(silence, "i-private", "93.184.216.34:80"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("before it is open: %v, %v", c, err)
	}
	w.carry(wayout.Options{})
	for _, guest := range []string{"i-private", "i-public"} {
		c, err := w.dial(patience, guest, "93.184.216.34:80")
		if err != nil {
			t.Fatalf("%s: %v", guest, err)
		}
		text := strings.Repeat("hello ", 1<<18)
		_ = c.SetDeadline(time.Now().Add(patience))
		go func() {
			_, _ = io.WriteString(c, text)
			_ = c.(*net.TCPConn).CloseWrite()
		}()
		if b, err := io.ReadAll(c); err != nil || string(b) != strings.ToUpper(text) {
			t.Errorf("%s: %d bytes, %v", guest, len(b), err)
		}
		_ = c.Close()
	}
	c, err := w.dial(patience, "i-private", "93.184.216.34:81")
	if err == nil {
		_ = c.SetDeadline(time.Now().Add(patience))
		_, err = c.Read(make([]byte, 1))
		_ = c.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody listens: %v", err)
	}
	for _, a := range []string{
		"10.9.9.9:80", "172.16.0.1:80", "192.168.1.1:80", "100.64.0.1:80", "169.254.1.1:80", "127.0.0.1:80", "198.18.9.9:80", "203.0.113.1:80", "240.0.0.9:80",
	} {
		if c, err := w.dial(silence, "i-public", a); err == nil {
			t.Errorf("%s got through", a)
			_ = c.Close()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.asked) != 3 {
		t.Errorf("asked for %q", w.asked)
	}
}

func TestUDP(t *testing.T) {
	w := newWorld(t)
	server := echo(t)
	w.publish("9.9.9.9:53", server)
	w.publish("149.112.112.112:53", server)
	w.carry(wayout.Options{IdleUDP: time.Second})
	pc, err := w.ListenUDP(t.Context(), "i-private", netip.MustParseAddrPort("10.0.1.20:5000"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pc.Close() }()
	b := make([]byte, 4096)
	for round, to := range []string{"9.9.9.9:53", "149.112.112.112:53", "9.9.9.9:53"} {
		for range 5 { // all but the first go by the flow's own socket
			_ = pc.SetDeadline(time.Now().Add(patience))
			if _, err := pc.WriteTo([]byte(to), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(to))); err != nil {
				t.Fatal(err)
			}
			n, from, err := pc.ReadFrom(b)
			if err != nil || string(b[:n]) != to || from.String() != to {
				t.Fatalf("round %d: %q from %v, %v", round, b[:n], from, err)
			}
		}
	}
	w.mu.Lock()
	if len(w.asked) != 2 {
		t.Errorf("flows: %q", w.asked)
	}
	w.mu.Unlock()
	// Once it has been idle, a flow begins anew.
	for end := time.Now().Add(patience); ; {
		_, _ = pc.WriteTo([]byte("again"), net.UDPAddrFromAddrPort(netip.MustParseAddrPort("9.9.9.9:53")))
		_ = pc.SetReadDeadline(time.Now().Add(1500 * time.Millisecond))
		_, _, err := pc.ReadFrom(b)
		for err == nil { // wait until nothing more comes
			_, _, err = pc.ReadFrom(b)
		}
		w.mu.Lock()
		n := len(w.asked)
		w.mu.Unlock()
		if n > 2 {
			break
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Now().After(end) {
			t.Fatalf("%d flows, %v", n, err)
		}
	}
	if _, err := pc.WriteTo([]byte("x"), net.UDPAddrFromAddrPort(netip.MustParseAddrPort("192.168.1.1:53"))); err != nil {
		t.Fatal(err)
	}
	_ = pc.SetReadDeadline(time.Now().Add(silence))
	if n, from, err := pc.ReadFrom(b); err == nil {
		t.Errorf("a private address answered: %q from %v", b[:n], from)
	}
}

func TestLimits(t *testing.T) {
	w := newWorld(t)
	w.publish("93.184.216.34:80", upper(t))
	w.carry(wayout.Options{MaxConnections: 4, IdleTCP: 500 * time.Millisecond})
	var held []net.Conn
	for range 2 {
		c, err := w.dial(patience, "i-private", "93.184.216.34:80")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		held = append(held, c)
	}
	ended := func(c net.Conn) error {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		_, err := c.Read(make([]byte, 1))
		return err
	}
	c, err := w.dial(patience, "i-private", "93.184.216.34:80")
	if err == nil {
		err = ended(c)
		_ = c.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("one more than its share: %v", err)
	}
	// Another client has its own share.
	c, err = w.dial(patience, "i-public", "93.184.216.34:80")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, "x")
	_ = c.(*net.TCPConn).CloseWrite()
	if b, err := io.ReadAll(c); string(b) != "X" {
		t.Errorf("%q, %v", b, err)
	}
	_ = c.Close()
	for _, c := range held { // idle
		if err := ended(c); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("idle: %v", err)
		}
	}
}

// Who calls where nobody answers keeps nobody else from calling.
func TestDials(t *testing.T) {
	w := newWorld(t)
	w.publish("93.184.216.34:80", upper(t))
	w.carry(wayout.Options{MaxDials: 2})
	var last error
	for range 2 {
		c, err := w.dial(patience, "i-private", "93.184.216.34:82")
		if err == nil {
			defer func() { _ = c.Close() }()
			_ = c.SetReadDeadline(time.Now().Add(silence))
			_, err = c.Read(make([]byte, 1))
		}
		last = err
	}
	if !errors.Is(last, syscall.ECONNRESET) {
		t.Errorf("one more than its share: %v", last)
	}
	w.mu.Lock()
	if len(w.asked) != 1 {
		t.Errorf("asked for %q", w.asked)
	}
	w.mu.Unlock()
	c, err := w.dial(patience, "i-public", "93.184.216.34:80")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, _ = io.WriteString(c, "x")
	_ = c.(*net.TCPConn).CloseWrite()
	if b, err := io.ReadAll(c); string(b) != "X" {
		t.Errorf("%q, %v", b, err)
	}
}
