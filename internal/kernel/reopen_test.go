package kernel_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// TestReopenLosesNothing takes a world over whose tables are larger than what
// the kernel takes at once, and changes all of it, while packets pass.
func TestReopenLosesNothing(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.LimitTransactions(200 << 10) // half of what a host gives at least
	large := func(port uint16) *spec.VPC {
		v := clone(p.provider)
		for i := range 120 {
			name := fmt.Sprint("more", i)
			targets(v, name, netip.AddrPortFrom(addr("10.0.1.10"), port+uint16(i)).String(), netip.AddrPortFrom(addr("10.0.1.11"), port).String())
			v.Listeners = append(v.Listeners, spec.Listener{Address: p.vip, Protocol: 6, Port: 1000 + uint16(i), Targets: name})
		}
		return v
	}
	p.apply(large(2000))
	p.serve("i-target", "10.0.1.10:8080")
	stop := make(chan struct{})
	lost := p.exchange(stop)
	downloads := p.downloads("10.0.1.50:443", stop)
	for i := range 3 {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		p.open()
		p.LimitTransactions(200 << 10)
		p.join(p.consumer, p.provider)
		p.apply(large(2000), p.consumer)
		p.apply(large(3000 + uint16(i)*1000))
	}
	p.reaches("i-client", "10.0.1.50:443", "i-target 10.0.1.100")
	close(stop)
	if err := <-lost; err != nil {
		t.Errorf("datagrams: %v", err)
	}
	if err := <-downloads; err != nil {
		t.Errorf("the download: %v", err)
	}
}

// exchange sends datagrams and waits for each to come back, until told to stop.
// One that does not come back is the result.
func (p *pair) exchange(stop <-chan struct{}) <-chan error {
	p.t.Helper()
	server, err := p.ListenUDP(p.t.Context(), "i-target", netip.MustParseAddrPort("10.0.1.10:8080"))
	if err != nil {
		p.t.Fatal(err)
	}
	client, err := p.ListenUDP(p.t.Context(), "i-client", netip.MustParseAddrPort("10.0.1.10:5000"))
	if err != nil {
		p.t.Fatal(err)
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		b := make([]byte, 8)
		for {
			n, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = server.WriteTo(b[:n], from)
		}
	}()
	out := make(chan error, 1)
	go func() {
		defer close(out)
		defer func() { _ = client.Close(); _ = server.Close(); <-answered }()
		to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort("10.0.1.50:443"))
		b := make([]byte, 8)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			_, err := client.WriteTo([]byte("datagram"), to)
			_ = client.SetReadDeadline(time.Now().Add(patience))
			if err == nil {
				_, _, err = client.ReadFrom(b)
			}
			if err != nil {
				out <- fmt.Errorf("datagram %d: %w", n, err)
				return
			}
		}
	}()
	return out
}

// downloads gets bytes over one connection until told to stop.
func (p *pair) downloads(to string, stop <-chan struct{}) <-chan error {
	p.t.Helper()
	c, _, err := p.dial(patience, "i-client", to)
	if err != nil {
		p.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	read, sent := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(sent)
		b := make([]byte, 1<<16)
		for {
			if _, err := c.Write(b); err != nil {
				return // the reader sees why
			}
		}
	}()
	go func() {
		_, err := io.Copy(io.Discard, c)
		read <- err
	}()
	result := make(chan error, 1)
	go func() {
		defer close(result)
		select {
		case err := <-read:
			result <- fmt.Errorf("ended by itself: %w", err)
			_ = c.Close()
		case <-stop:
			_ = c.Close()
			if err := <-read; !errors.Is(err, net.ErrClosed) {
				result <- err
			}
		}
		<-sent
	}()
	return result
}
