package l4

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// tune sets what AWS does on its connections: keepalives with TLS, else none, so
// that only the peers' own traffic keeps a connection from being idle.
func tune(c net.Conn, keep bool) {
	if t, ok := c.(*net.TCPConn); ok {
		// A connection that is gone already shows when it is used.
		_ = t.SetKeepAliveConfig(net.KeepAliveConfig{Enable: keep, Idle: keepAlive, Interval: keepAlive})
	}
}

// sinceData is how long ago a connection received its last byte; 0 if the kernel
// does not say.
func sinceData(c net.Conn) time.Duration {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return 0
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return 0
	}
	var since time.Duration
	if err := raw.Control(func(fd uintptr) {
		if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			since = time.Duration(info.Last_data_recv) * time.Millisecond
		}
	}); err != nil {
		return 0
	}
	return since
}
