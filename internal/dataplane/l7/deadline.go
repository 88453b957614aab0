package l7

import (
	"net"
	"sync/atomic"
	"time"
)

// deadline keeps a connection's deadline between one and nine eighths of a timeout
// ahead, so that it is moved seldom: moving it costs as much as a small write.
type deadline struct{ until atomic.Int64 }

// extend makes the connection live for at least d from now.
func (t *deadline) extend(c net.Conn, now int64, d time.Duration) {
	if left := time.Duration(t.until.Load() - now); left < d || left > 2*d {
		t.set(c, now+int64(d+d/8))
	}
}

func (t *deadline) set(c net.Conn, until int64) {
	t.until.Store(until)
	_ = c.SetDeadline(time.Unix(0, until)) // fails only on a closed connection, which the next call reports
}
