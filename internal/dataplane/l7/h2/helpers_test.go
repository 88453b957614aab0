package h2

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"
)

const deadline = 10 * time.Second

// served is a server on loopback that counts its connections.
type served struct {
	addr   netip.AddrPort
	cancel context.CancelFunc // ends connections gracefully

	mu    sync.Mutex
	conns []net.Conn
	wg    sync.WaitGroup
}

// serve starts a server; over TLS if it gets a configuration.
func serve(t *testing.T, o ServerOptions, conf *tls.Config, h http.HandlerFunc) *served {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &served{addr: l.Addr().(*net.TCPAddr).AddrPort(), cancel: cancel}
	srv := NewServer(o)
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			s.wg.Go(func() {
				if conf != nil {
					c = tls.Server(c, conf)
					if c.(*tls.Conn).Handshake() != nil {
						_ = c.Close()
						return
					}
				}
				srv.ServeConn(ctx, c, h)
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		s.cut()
		s.wg.Wait()
	})
	return s
}

// cut closes all connections and says how many there were since the last time.
func (s *served) cut() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.conns)
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.conns = nil
	return n
}

func (s *served) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func tlsConfig(t *testing.T, protos ...string) *tls.Config {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS() // makes a certificate
	defer s.Close()
	return &tls.Config{Certificates: s.TLS.Certificates, NextProtos: protos}
}

func newTransport(t *testing.T) *Transport {
	t.Helper()
	tr := NewTransport(TransportOptions{Dial: func(ctx context.Context, _ string, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))}
		return d.DialContext(ctx, "tcp", remote.String())
	}})
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	return tr
}

func (s *served) endpoint() Endpoint {
	return Endpoint{Local: netip.MustParseAddr("127.0.0.1"), Remote: s.addr}
}

func get(t *testing.T, path string) *http.Request {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", "http://service.example"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wait is for a channel, for as long as tests may take.
func wait(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(deadline):
		t.Fatalf("%s: not in time", what)
	}
}
