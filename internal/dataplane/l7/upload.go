package l7

import "time"

// grace is how long a client may go on sending after it has its response.
const grace = time.Second

// finish waits for an upload, and reports whether all of it was sent. With abort,
// or when it takes too long, it ends it, and the connection with it.
func (up *upload) finish(x *exchange, abort bool) (clean bool) {
	if up == nil {
		return true
	}
	c := x.client
	if !abort {
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case <-up.done:
		case <-t.C:
			abort = true
		}
	}
	if abort {
		x.last = true
		_ = c.raw.SetReadDeadline(time.Unix(1, 0))
		if u := c.waiting.Load(); u != nil {
			_ = u.raw.SetWriteDeadline(time.Unix(1, 0))
		}
	}
	<-up.done
	if abort {
		c.deadline.set(c.conn, c.s.clock.Load()+int64(x.cfg.idle))
	}
	x.drained = up.clean
	if !up.clean {
		x.last = true
	}
	return up.clean
}

// failed is why the client did not send the whole body, nil if it did or if that
// is not why the exchange failed.
func (up *upload) failed() error {
	if up == nil || up.err == nil || timeout(up.err) {
		return nil
	}
	return up.err
}
