package hostproxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"time"

	"github.com/musubi-net/musubi/internal/control"
)

// queue is a listener of connections that somebody else accepted.
type queue struct {
	in   chan net.Conn
	done chan struct{}
}

func newQueue() *queue { return &queue{in: make(chan net.Conn), done: make(chan struct{})} }

// put hands over a connection, unless the queue or the context ends before.
func (q *queue) put(ctx context.Context, c net.Conn) bool {
	if c.SetReadDeadline(time.Time{}) != nil {
		return false
	}
	select {
	case q.in <- c:
		return true
	case <-q.done:
	case <-ctx.Done():
	}
	return false
}

// Accept returns the next connection.
func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.in:
		return c, nil
	case <-q.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept. The HTTP server calls it once.
func (q *queue) Close() error { close(q.done); return nil }

// Addr is no address.
func (q *queue) Addr() net.Addr { return &net.TCPAddr{} }

// insideKey finds the connections to the inside of a client's connection.
type insideKey struct{}

// httpServer serves clients that speak HTTP. What one client sends on one
// connection goes inside on connections of its own, as if there were no proxy:
// another client reaches a load balancer anew.
func (s *Server) httpServer() *http.Server {
	var transports closer
	return &http.Server{
		Handler:           http.HandlerFunc(s.serveHTTP),
		ReadHeaderTimeout: greeting,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			t := s.transport()
			transports.add(c, t.CloseIdleConnections)
			return context.WithValue(ctx, insideKey{}, t)
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			if state == http.StateClosed || state == http.StateHijacked {
				transports.close(c)
			}
		},
	}
}

func (s *Server) transport() *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			host, port, err := hostPort(address)
			if err != nil {
				return nil, err
			}
			return s.dial(ctx, host, port)
		},
		DisableCompression: true,
		Protocols:          http1(),
	}
}

func http1() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return p
}

func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodConnect:
		s.connect(w, r)
	case r.URL.Host == "":
		s.refuse(w, http.StatusBadRequest, "this is a proxy: use it with, for example, curl -x http://"+r.Host+" http://name/")
	case r.URL.Scheme != "http":
		s.refuse(w, http.StatusBadRequest, "scheme "+strconv.Quote(r.URL.Scheme)+" is not proxied; for https, clients use CONNECT")
	default:
		s.pass(w, r)
	}
}

// connect serves CONNECT.
func (s *Server) connect(w http.ResponseWriter, r *http.Request) {
	host, port, err := hostPort(r.Host)
	if err != nil {
		s.refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	remote, err := s.dial(r.Context(), host, port)
	if err != nil {
		s.failed(w, err)
		return
	}
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = remote.Close()
		return
	}
	defer func() { _ = client.Close() }()
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		_ = remote.Close()
		return
	}
	s.join(control.NewStream(client, buffered.Reader), remote)
}

// pass serves a request with an absolute URI. Nothing is added and nothing taken
// away that is not this hop's.
func (s *Server) pass(w http.ResponseWriter, r *http.Request) {
	inside, ok := r.Context().Value(insideKey{}).(*http.Transport)
	if !ok {
		s.refuse(w, http.StatusInternalServerError, "no connection")
		return
	}
	proxy := httputil.ReverseProxy{
		Transport:     inside,
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.Host = p.In.Host
			p.Out.URL.RawQuery = p.In.URL.RawQuery
			for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
				if v, ok := p.In.Header[h]; ok {
					p.Out.Header[h] = v
				}
			}
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				s.failed(w, err)
			}
		},
	}
	proxy.ServeHTTP(w, r)
}

// failed answers that there is no connection, and why.
func (s *Server) failed(w http.ResponseWriter, err error) {
	s.tell(err)
	status := http.StatusBadGateway
	if r, ok := errors.AsType[*control.Refusal](err); ok {
		err = r
		if r.Reason == control.ReasonTimeout {
			status = http.StatusGatewayTimeout
		}
	}
	s.refuse(w, status, err.Error())
}

// refuse answers with a sentence that cannot be taken for a server's inside.
func (s *Server) refuse(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Connection", "close")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "musubi proxy: "+sentence+"\n")
}

// hostPort splits host:port.
func hostPort(address string) (string, uint16, error) {
	host, port, err := net.SplitHostPort(address)
	n, perr := strconv.ParseUint(port, 10, 16)
	if err != nil || perr != nil || n == 0 || host == "" {
		return "", 0, fmt.Errorf("%q: want HOST:PORT", address)
	}
	return host, uint16(n), nil
}
