package l7

import (
	"net"
	"sync/atomic"
)

// tunnel relays an upgraded connection both ways until both ends are done, one
// fails, or neither sends for the idle timeout.
func (x *exchange) tunnel(u *upstream) {
	c := x.client
	x.last, x.drained, x.log.websocket = true, false, true
	c.out = x.appendResponse(c.out[:0], &u.res, false)
	c.out = append(c.out, u.in.Buffered()...)
	u.in.Discard(len(u.in.Buffered()))
	first := append([]byte(nil), c.in.Buffered()...)
	c.in.Discard(len(first))
	t := &tunnel{x: x}
	t.last.Store(c.s.clock.Load())
	done := make(chan int64)
	go func() {
		done <- t.copy(end{conn: c.conn, deadline: &c.deadline}, end{conn: u.conn, deadline: &u.deadline}, first)
	}()
	x.log.sent += t.copy(end{conn: u.conn, deadline: &u.deadline}, end{conn: c.conn, deadline: &c.deadline}, c.out)
	x.log.body += <-done
}

type tunnel struct {
	x    *exchange
	last atomic.Int64 // when something was sent in either direction
}

// copy moves bytes until the end of from, which it passes on. If it fails, it
// closes both.
func (t *tunnel) copy(from, to end, first []byte) (sent int64) {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	b := (*buf)[:cap(*buf)]
	s, idle := t.x.client.s, t.x.cfg.idle
	for p := first; ; {
		if len(p) > 0 {
			t.last.Store(s.clock.Load())
			to.deadline.extend(to.conn, s.clock.Load(), idle)
			n, err := to.conn.Write(p)
			sent += int64(n)
			if err != nil {
				break
			}
		}
		from.deadline.extend(from.conn, s.clock.Load(), idle)
		n, err := from.conn.Read(b)
		p = b[:n]
		switch {
		case n > 0 || err == nil:
			continue
		case timeout(err) && s.clock.Load()-t.last.Load() < int64(idle):
			continue // the other direction is in use
		case isEOF(err):
			if half, ok := to.conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
				return sent
			}
		}
		break
	}
	closeBoth(from.conn, to.conn)
	return sent
}

func closeBoth(a, b net.Conn) {
	_ = a.Close()
	_ = b.Close()
}
