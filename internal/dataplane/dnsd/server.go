package dnsd

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/musubi-net/musubi/internal/dataplane/share"
	"github.com/musubi-net/musubi/internal/spec"
)

// Limits of a message over UDP, in bytes: without EDNS, and the most that is
// sent whatever the client offers.
const (
	plainUDP = 512
	maxUDP   = 4096
)

// Options are what a server is made of.
type Options struct {
	// Public are the names that resolve everywhere.
	Public *Public
	// Pick returns a number below n; nil is random.
	Pick func(n int) int
	Log  *slog.Logger
}

// Server is the resolver of one VPC. It owns the sockets that it is given until
// Close.
type Server struct {
	o    Options
	view atomic.Pointer[view]

	mu      sync.Mutex
	servers map[any]*dns.Server // by socket
	done    sync.WaitGroup
}

// New makes a server that answers nothing yet.
func New(o Options) *Server {
	if o.Pick == nil {
		o.Pick = rand.IntN
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o, servers: map[any]*dns.Server{}}
	s.view.Store(&view{})
	return s
}

// Set replaces what the server answers with; nil is nothing but public names.
func (s *Server) Set(d *spec.DNS) {
	v, bad := newView(d)
	for _, err := range bad {
		s.o.Log.Warn("record left out", "error", err)
	}
	s.view.Store(v)
}

// ServeUDP answers on a socket until Close, or until the socket is closed.
func (s *Server) ServeUDP(c net.PacketConn) error {
	return s.serve(c, &dns.Server{PacketConn: c, Handler: s})
}

// ServeTCP answers on a listener until Close, or until the listener is closed.
func (s *Server) ServeTCP(l net.Listener) error {
	return s.serve(l, &dns.Server{Listener: share.Listener(l, share.Limits{Client: 64, All: 4096}), Handler: s, IdleTimeout: func() time.Duration { return 10 * time.Second }})
}

// serve returns once the server takes questions.
func (s *Server) serve(socket any, srv *dns.Server) error {
	started, ended := make(chan struct{}), make(chan error, 1)
	srv.NotifyStartedFunc = func() { close(started) }
	s.mu.Lock()
	s.servers[socket] = srv
	s.mu.Unlock()
	s.done.Go(func() {
		err := srv.ActivateAndServe()
		s.mu.Lock()
		delete(s.servers, socket)
		s.mu.Unlock()
		ended <- err
	})
	select {
	case <-started:
		return nil
	case err := <-ended:
		return err
	}
}

// Close stops the server, closes its sockets and waits for its goroutines.
func (s *Server) Close() error {
	s.mu.Lock()
	servers := make([]*dns.Server, 0, len(s.servers))
	for _, srv := range s.servers {
		servers = append(servers, srv)
	}
	s.mu.Unlock()
	// Answers take microseconds; a client that holds its connection open does not
	// hold up the end.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var errs []error
	for _, srv := range servers {
		if err := srv.ShutdownContext(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	s.done.Wait()
	return errors.Join(errs...)
}

// ServeDNS answers one message.
func (s *Server) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	reply := s.reply(q)
	size := dns.MaxMsgSize
	if w.LocalAddr().Network() == "udp" {
		size = plainUDP
		if opt := q.IsEdns0(); opt != nil {
			size = min(max(int(opt.UDPSize()), plainUDP), maxUDP)
		}
	}
	reply.Truncate(size)
	if err := w.WriteMsg(reply); err != nil {
		s.o.Log.Debug("answer not sent", "error", err)
	}
}

// reply makes the answer to one message.
func (s *Server) reply(q *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(q)
	m.RecursionAvailable = true
	m.Compress = true
	if opt := q.IsEdns0(); opt != nil {
		m.SetEdns0(maxUDP, opt.Do())
		if opt.Version() != 0 {
			m.Rcode = dns.RcodeBadVers
			return m
		}
	}
	switch {
	case q.Opcode != dns.OpcodeQuery:
		m.Rcode = dns.RcodeNotImplemented
		return m
	case len(q.Question) != 1:
		m.Rcode = dns.RcodeFormatError
		return m
	}
	question := q.Question[0]
	switch question.Qtype {
	case dns.TypeANY, dns.TypeAXFR, dns.TypeIXFR:
		m.Rcode = dns.RcodeNotImplemented
		return m
	}
	if question.Qclass != dns.ClassINET {
		m.Rcode = dns.RcodeRefused
		return m
	}
	r := resolver{view: s.view.Load(), public: s.o.Public, pick: s.o.Pick}
	a := r.resolve(question.Name, question.Qtype, 0)
	m.Rcode, m.Answer = a.rcode, a.records
	if a.soa != nil && (len(a.records) == 0 || a.rcode != dns.RcodeSuccess) {
		m.Ns = []dns.RR{a.soa}
	}
	return m
}
