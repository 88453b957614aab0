package h2

import (
	"crypto/tls"
	"io"
	"net"
	"time"
)

// A connection that is closed while there is something unread is reset, and with
// it goes what the client had not read: the GOAWAY that says why. So x/net's
// Close only ends our direction, and linger reads on for a moment.

func (s *strict) Write(p []byte) (int, error) {
	s.writing.Add(1)
	defer s.writing.Add(-1)
	return s.Conn.Write(p)
}

// Close ends our direction. A connection that is stuck in a write is closed.
func (s *strict) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	if s.writing.Load() > 0 || !closeWrite(s.Conn) {
		return s.Conn.Close()
	}
	return s.SetReadDeadline(time.Now().Add(lingerTime))
}

func closeWrite(c net.Conn) bool {
	type halfCloser interface{ CloseWrite() error }
	if t, ok := c.(*tls.Conn); ok {
		if t.CloseWrite() != nil {
			return false
		}
		c = t.NetConn()
	}
	h, ok := c.(halfCloser)
	return ok && h.CloseWrite() == nil
}

// linger waits for the client to close, and closes.
func (s *strict) linger() {
	_ = s.SetReadDeadline(time.Now().Add(lingerTime)) // fails if it is closed
	c := s.Conn
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	_, _ = io.CopyN(io.Discard, c, lingerAmount) // nothing is of interest
	_ = s.Conn.Close()                           // it is done with either way
}
