package kernel_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/spec"
	"github.com/musubi-net/musubi/test/lab"
)

// patience is how long something that must happen may take; silence how long to
// wait for something that must not.
const (
	patience = 10 * time.Second
	silence  = 250 * time.Millisecond
)

// world is a world under test, and the sockets in it.
type world struct {
	*kernel.World
	t   *testing.T
	dir string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: lab.Dir(t)}
	w.open()
	t.Cleanup(func() { w.tearDown() })
	return w
}

func (w *world) open() {
	w.t.Helper()
	k, err := kernel.Open(w.t.Context(), kernel.Options{Dir: w.dir})
	if err != nil {
		w.t.Fatal(err)
	}
	w.World = k
}

func (w *world) tearDown() {
	ctx := context.Background()
	ids, err := w.VPCs()
	if err != nil {
		w.t.Error(err)
	}
	for _, id := range ids {
		if err := w.RemoveVPC(ctx, id); err != nil {
			w.t.Error(err)
		}
	}
	guests, err := w.Guests()
	if err != nil {
		w.t.Error(err)
	}
	for _, id := range guests {
		if err := w.RemoveGuest(ctx, id); err != nil {
			w.t.Error(err)
		}
	}
	if err := w.Close(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) apply(vpcs ...*spec.VPC) {
	w.t.Helper()
	for _, v := range vpcs {
		if err := w.ApplyVPC(w.t.Context(), v); err != nil {
			w.t.Fatal(err)
		}
	}
}

// join makes the fabric's routes for the endpoints of one VPC to a provider.
func (w *world) join(consumer, provider *spec.VPC) {
	w.t.Helper()
	f := &spec.Fabric{}
	for _, e := range consumer.Endpoints {
		f.Routes = append(f.Routes, spec.FabricRoute{Address: e.VIP, VPC: provider.Number}, spec.FabricRoute{Address: e.Source, VPC: consumer.Number})
	}
	if err := w.ApplyFabric(w.t.Context(), f); err != nil {
		w.t.Fatal(err)
	}
}

// serve starts a TCP server that tells each client its own name and the client's
// address, and then sends back what it gets.
func (w *world) serve(ns, at string) {
	w.t.Helper()
	l, err := w.ListenTCP(w.t.Context(), ns, netip.MustParseAddrPort(at))
	if err != nil {
		w.t.Fatal(err)
	}
	var clients sync.WaitGroup
	clients.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			clients.Go(func() {
				defer func() { _ = c.Close() }()
				stop := context.AfterFunc(w.t.Context(), func() { _ = c.Close() })
				defer stop()
				from, _, _ := net.SplitHostPort(c.RemoteAddr().String())
				_, _ = fmt.Fprintf(c, "%s %s\n", ns, from)
				_, _ = io.Copy(c, c)
			})
		}
	})
	w.t.Cleanup(func() {
		_ = l.Close()
		clients.Wait()
	})
}

// dial connects within the time and returns the server's first line.
func (w *world) dial(within time.Duration, ns, to string) (net.Conn, string, error) {
	w.t.Helper()
	return w.dialFrom(within, ns, netip.Addr{}, to)
}

func (w *world) dialFrom(within time.Duration, ns string, from netip.Addr, to string) (net.Conn, string, error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), within)
	defer cancel()
	c, err := w.DialTCP(ctx, ns, from, netip.MustParseAddrPort(to))
	if err != nil {
		return nil, "", err
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		_ = c.Close()
		return nil, "", err
	}
	return c, strings.TrimSpace(line), nil
}

// reaches expects a connection, and the server's name and the address that it
// sees.
func (w *world) reaches(ns, to, want string) {
	w.t.Helper()
	c, got, err := w.dial(patience, ns, to)
	if err != nil {
		w.t.Errorf("%s -> %s: %v", ns, to, err)
		return
	}
	_ = c.Close()
	if got != want {
		w.t.Errorf("%s -> %s: %q, want %q", ns, to, got, want)
	}
}

// blocked expects that packets vanish without a word.
func (w *world) blocked(ns, to string) {
	w.t.Helper()
	c, got, err := w.dial(silence, ns, to)
	if err == nil {
		_ = c.Close()
		w.t.Errorf("%s -> %s got through: %q", ns, to, got)
	} else if !strings.Contains(err.Error(), "deadline") && ns != kernel.InternetNS {
		w.t.Errorf("%s -> %s: not silent: %v", ns, to, err)
	}
}

// echo sends something over an open connection and expects it back.
func (w *world) echo(c net.Conn) error {
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, "ping"); err != nil {
		return err
	}
	b := make([]byte, 4)
	_, err := io.ReadFull(c, b)
	return err
}
