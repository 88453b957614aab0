package hostproxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Dial connects to a host and port inside.
type Dial func(ctx context.Context, host string, port uint16) (net.Conn, error)

// greeting bounds how long a client may take to say what it wants.
const greeting = 30 * time.Second

// Server takes connections on the host.
type Server struct {
	dial Dial
	// tell is told why connections were not made.
	tell func(error)
	// carry serves one connection.
	carry func(ctx context.Context, c *conn)
	web   *http.Server // nil without proxying
	queue *queue

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	ended bool
}

// NewProxy makes a proxy; tell is told why connections were not made.
func NewProxy(dial Dial, tell func(error)) *Server {
	s := newServer(dial, tell)
	s.carry = s.proxy
	s.queue = newQueue()
	s.web = s.httpServer()
	return s
}

// NewForward makes a server whose every connection leads to one host and port.
func NewForward(dial Dial, host string, port uint16, tell func(error)) *Server {
	s := newServer(dial, tell)
	s.carry = func(ctx context.Context, c *conn) {
		remote, err := dial(ctx, host, port)
		if err != nil {
			s.tell(err)
			c.reset()
			return
		}
		s.join(c, remote)
	}
	return s
}

func newServer(dial Dial, tell func(error)) *Server {
	return &Server{dial: dial, tell: tell, conns: map[net.Conn]struct{}{}}
}

// Serve takes connections until the context ends, ends them then, and waits for
// them. It closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer s.end()
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	if s.web != nil {
		s.web.BaseContext = func(net.Listener) context.Context { return ctx }
		group.Go(func() { _ = s.web.Serve(s.queue) })
		defer func() { _ = s.web.Close() }()
	}
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		group.Go(func() {
			k := &conn{Conn: c, r: bufio.NewReader(c), gone: make(chan struct{})}
			if !s.add(k) {
				_ = c.Close()
				return
			}
			defer s.remove(k)
			defer func() { _ = k.Close() }()
			s.carry(ctx, k)
		})
	}
}

func (s *Server) add(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) remove(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// end closes every connection, those to the inside too.
func (s *Server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for c := range s.conns {
		_ = c.Close()
	}
}

// proxy finds out what a client speaks.
func (s *Server) proxy(ctx context.Context, c *conn) {
	if err := c.SetReadDeadline(time.Now().Add(greeting)); err != nil {
		return
	}
	first, err := c.r.Peek(1)
	if err != nil {
		return
	}
	switch first[0] {
	case 4:
		_, _ = c.Write([]byte{0, 91, 0, 0, 0, 0, 0, 0}) // SOCKS4: refused
	case 5:
		s.socks(ctx, c)
	default:
		if s.queue.put(ctx, c) {
			select {
			case <-c.gone:
			case <-ctx.Done():
			}
		}
	}
}

// join carries bytes both ways until both have ended, or one has failed.
func (s *Server) join(client, remote net.Conn) {
	defer func() { _ = remote.Close() }()
	if !s.add(remote) {
		return
	}
	defer s.remove(remote)
	var group sync.WaitGroup
	group.Go(func() { oneWay(remote, client, client, remote) })
	oneWay(client, remote, client, remote)
	group.Wait()
}

// oneWay copies, and passes on the end; a failure ends both connections.
func oneWay(to, from net.Conn, all ...net.Conn) {
	_, err := io.Copy(to, from)
	if c, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
		err = c.CloseWrite()
	}
	if err != nil {
		for _, c := range all {
			_ = c.Close()
		}
	}
}

// conn is a client's connection, of which some bytes may have been read already.
type conn struct {
	net.Conn
	r    *bufio.Reader
	once sync.Once
	gone chan struct{}
}

// Read reads what was looked at already first.
func (c *conn) Read(b []byte) (int, error) {
	if c.r.Buffered() > 0 {
		return c.r.Read(b)
	}
	return c.Conn.Read(b)
}

// CloseWrite says that nothing more comes.
func (c *conn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// Close closes the connection and tells who waits for it.
func (c *conn) Close() error {
	c.once.Do(func() { close(c.gone) })
	return c.Conn.Close()
}

// reset closes the connection so that the client sees a failure.
func (c *conn) reset() {
	if t, ok := c.Conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}
