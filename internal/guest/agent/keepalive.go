package agent

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// keepAlive lets the kernel notice within fifteen seconds that a path has gone,
// without waking this process as pings do.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 3 * time.Second, Count: 3}
}

// giveUp bounds how long what was sent goes without an acknowledgement: there are
// no keep-alives while something is.
func giveUp(_, _ string, c syscall.RawConn) error {
	var result error
	err := c.Control(func(fd uintptr) {
		result = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int((12 * time.Second).Milliseconds()))
	})
	if err == nil {
		err = result
	}
	return err
}
