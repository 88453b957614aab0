// Package share keeps one client of a listener inside the world from taking all of
// its connections: what is too much is closed at once, and the others go on.
//
// It may import nothing of the project.
package share

import (
	"net"
	"net/netip"
	"sync"
)

// Limits say how many connections there may be at a time: of a client, which is an
// address, and in all.
type Limits struct{ Client, All int }

// Listener gives out connections within limits.
func Listener(l net.Listener, limits Limits) net.Listener {
	return &listener{Listener: l, limits: limits, of: map[netip.Addr]int{}}
}

type listener struct {
	net.Listener
	limits Limits

	mu  sync.Mutex
	of  map[netip.Addr]int
	all int
}

// Accept waits for a connection that is within the limits.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		client := client(c)
		if l.take(client) {
			return &conn{Conn: c, done: sync.OnceFunc(func() { l.give(client) })}, nil
		}
		_ = c.Close() // it had its share
	}
}

func (l *listener) take(client netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= l.limits.All || l.of[client] >= l.limits.Client {
		return false
	}
	l.all++
	l.of[client]++
	return true
}

func (l *listener) give(client netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.of[client]--; l.of[client] == 0 {
		delete(l.of, client)
	}
}

func client(c net.Conn) netip.Addr {
	a, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return a.AddrPort().Addr().Unmap()
}

type conn struct {
	net.Conn
	done func()
}

// Close gives the connection's place back.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.done()
	return err
}

// NetConn is the connection below, for what needs the socket.
func (c *conn) NetConn() net.Conn { return c.Conn }
