package h2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
)

func body(t *testing.T, r *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func echo(w http.ResponseWriter, r *http.Request) {
	_, _ = fmt.Fprintf(w, "%s %s %s %q %v", r.Method, r.Host, r.URL.Path, r.UserAgent(), r.TLS != nil)
}

func TestRoundTrip(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprint("TLS ", secure), func(t *testing.T) {
			s := serve(t, ServerOptions{}, nil, echo)
			if secure {
				s = serve(t, ServerOptions{}, tlsConfig(t, "h2"), echo)
			}
			tr, e := newTransport(t), s.endpoint()
			e.TLS = secure
			for range 3 {
				r := get(t, "/a")
				if secure {
					r.URL.Scheme = "https"
				}
				res, err := tr.RoundTrip(e, r)
				if got, want := body(t, res, err), fmt.Sprintf(`GET service.example /a "" %v`, secure); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
			if n := s.count(); n != 1 {
				t.Errorf("three requests took %d connections", n)
			}
			e.Local = netip.MustParseAddr("127.0.0.2")
			res, err := tr.RoundTrip(e, get(t, "/a"))
			_ = body(t, res, err)
			if n := s.count(); n != 2 {
				t.Errorf("another node shares a connection: %d", n)
			}
		})
	}
}

func TestStreamsBothWaysWithTrailers(t *testing.T) {
	s := serve(t, ServerOptions{}, nil, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		b := make([]byte, 10)
		for {
			n, err := r.Body.Read(b)
			_, _ = w.Write([]byte(strings.ToUpper(string(b[:n]))))
			_ = http.NewResponseController(w).Flush()
			if err != nil {
				break
			}
		}
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		w.Header().Set(http.TrailerPrefix+"Seen", r.Trailer.Get("Sum"))
	})
	in, out := io.Pipe()
	r := get(t, "/")
	r.Method, r.Body, r.ContentLength = "POST", in, -1
	r.Header.Set("Te", "trailers")
	r.Trailer = http.Header{"Sum": nil}
	res, err := newTransport(t).RoundTrip(s.endpoint(), r)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"one", "two"} {
		if _, err := out.Write([]byte(word)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 3)
		if _, err := io.ReadFull(res.Body, b); err != nil || string(b) != strings.ToUpper(word) {
			t.Fatalf("got %q, %v", b, err)
		}
	}
	r.Trailer.Set("Sum", "42")
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if got := body(t, res, nil); got != "" {
		t.Errorf("then %q", got)
	}
	if res.Trailer.Get("Grpc-Status") != "0" || res.Trailer.Get("Seen") != "42" {
		t.Errorf("trailers %v", res.Trailer)
	}
}

func TestCancel(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan struct{})
	s := serve(t, ServerOptions{}, nil, func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		close(ended)
	})
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	tr := newTransport(t)
	go func() {
		failed <- fails(tr, s.endpoint(), get(t, "/").WithContext(ctx))
	}()
	wait(t, "the request arrives", begun)
	cancel()
	wait(t, "the target hears of it", ended)
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestStaleConnections(t *testing.T) {
	s := serve(t, ServerOptions{MaxRequests: 2}, nil, echo)
	tr := newTransport(t)
	for i := range 20 {
		r := get(t, "/")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader("x")), 1
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("x")), nil }
		res, err := tr.RoundTrip(s.endpoint(), r)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		_ = body(t, res, nil)
	}
	if n := s.count(); n < 5 {
		t.Errorf("connections of two requests: %d for 20", n)
	}
}

func TestMoreStreamsThanOneConnectionHas(t *testing.T) {
	const n = maxStreams + 50
	var all sync.WaitGroup
	all.Add(n)
	together := make(chan struct{})
	s := serve(t, ServerOptions{}, nil, func(w http.ResponseWriter, r *http.Request) {
		all.Done()
		select {
		case <-together:
		case <-r.Context().Done():
		}
	})
	tr := newTransport(t)
	var clients sync.WaitGroup
	for range n {
		r := get(t, "/")
		clients.Go(func() {
			res, err := tr.RoundTrip(s.endpoint(), r)
			if err != nil {
				t.Error(err)
				return
			}
			_ = res.Body.Close()
		})
	}
	arrived := make(chan struct{})
	go func() { all.Wait(); close(arrived) }()
	wait(t, "all arrive", arrived)
	close(together)
	clients.Wait()
	if got := s.count(); got != 2 {
		t.Errorf("%d requests at once took %d connections, want 2", n, got)
	}
}

func TestDrain(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	s := serve(t, ServerOptions{}, nil, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(begun)
			<-release
		}
		echo(w, r)
	})
	tr := newTransport(t)
	got := make(chan struct{})
	slow := get(t, "/slow")
	go func() {
		defer close(got)
		if res, err := tr.RoundTrip(s.endpoint(), slow); err != nil {
			t.Error(err)
		} else {
			_ = res.Body.Close()
		}
	}()
	wait(t, "the request arrives", begun)
	tr.Drain(s.addr)
	res, err := tr.RoundTrip(s.endpoint(), get(t, "/"))
	_ = body(t, res, err)
	if n := s.count(); n != 2 {
		t.Errorf("a new request after draining: %d connections, want 2", n)
	}
	close(release)
	wait(t, "what was under way is answered", got)
}

func TestConnectErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := l.Addr().(*net.TCPAddr).AddrPort()
	_ = l.Close()
	tr := newTransport(t)
	var failed *ConnectError
	err = fails(tr, Endpoint{Local: netip.MustParseAddr("127.0.0.1"), Remote: refused}, get(t, "/"))
	if !errors.As(err, &failed) || failed.Handshake || failed.Timeout() {
		t.Errorf("refused: %v", err)
	}
	s := serve(t, ServerOptions{}, tlsConfig(t, "http/1.1"), echo)
	e := s.endpoint()
	e.TLS = true
	if err = fails(tr, e, get(t, "/")); !errors.As(err, &failed) || !failed.Handshake {
		t.Errorf("no h2: %v", err)
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	if err = fails(tr, e, get(t, "/")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestOneRequestGivingUpDoesNotEndTheDialOfOthers(t *testing.T) {
	s := serve(t, ServerOptions{}, nil, echo)
	dialing, proceed := make(chan struct{}), make(chan struct{})
	tr := NewTransport(TransportOptions{Dial: func(ctx context.Context, _ string, _ netip.Addr, a netip.AddrPort) (net.Conn, error) {
		close(dialing)
		<-proceed
		return (&net.Dialer{}).DialContext(ctx, "tcp", a.String())
	}})
	defer func() { _ = tr.Close() }()
	ctx, cancel := context.WithCancel(context.Background())
	gaveUp := make(chan error, 1)
	first := get(t, "/").WithContext(ctx)
	go func() {
		_, err := tr.RoundTrip(s.endpoint(), first)
		gaveUp <- err
	}()
	wait(t, "the dial", dialing)
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(proceed)
	res, err := tr.RoundTrip(s.endpoint(), get(t, "/")) // a second dial would panic
	_ = body(t, res, err)
}

// fails makes a request that should fail, and returns why.
func fails(tr *Transport, e Endpoint, r *http.Request) error {
	answer, err := tr.RoundTrip(e, r)
	if err == nil {
		_ = answer.Body.Close()
	}
	return err
}
