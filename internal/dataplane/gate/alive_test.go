package gate

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The kernel gives a client that has gone fifteen seconds.
func TestAlive(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	s, err := alive{l}.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	get := func(level, option int) (value int) {
		raw, err := s.(syscall.Conn).SyscallConn()
		if err == nil {
			var inner error
			err = raw.Control(func(fd uintptr) { value, inner = unix.GetsockoptInt(int(fd), level, option) })
			err = errors.Join(err, inner)
		}
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	if get(unix.SOL_SOCKET, unix.SO_KEEPALIVE) == 0 {
		t.Fatal("there is no keep-alive")
	}
	seconds := get(unix.IPPROTO_TCP, unix.TCP_KEEPIDLE) + get(unix.IPPROTO_TCP, unix.TCP_KEEPINTVL)*get(unix.IPPROTO_TCP, unix.TCP_KEEPCNT)
	if seconds > 15 {
		t.Errorf("a client that is gone is noticed after %d s", seconds)
	}
}
