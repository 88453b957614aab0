package l7

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socket is a TCP connection whose reads and writes are not announced to Go's
// scheduler as calls that may take long. They never wait, but a write does much of
// the way of its packets, through the namespaces to the other end; the scheduler
// would often take the processor away from it and give that to another thread.
// That, and the watch for it, costs more than all that we do with a small request.
type socket struct {
	*net.TCPConn
	raw     syscall.RawConn
	in, out transfer
}

// last says that the connection ends after the next writes: they leave together
// with its end.
func (s *socket) last() {
	s.out.mu.Lock()
	s.out.flags |= unix.MSG_MORE
	s.out.mu.Unlock()
}

// transfer is a read or a write.
type transfer struct {
	mu    sync.Mutex
	b     []byte
	n     int
	err   error
	flags uintptr
	do    func(fd uintptr) bool
}

// quick makes a TCP connection a socket; others stay as they are.
func quick(c net.Conn) net.Conn {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return c
	}
	s := &socket{TCPConn: t, raw: raw, out: transfer{flags: unix.MSG_NOSIGNAL}}
	s.in.do, s.out.do = s.in.receive, s.out.send
	return s
}

// tcp is the connection itself.
func tcp(c net.Conn) (*net.TCPConn, bool) {
	if s, ok := c.(*socket); ok {
		return s.TCPConn, true
	}
	t, ok := c.(*net.TCPConn)
	return t, ok
}

func (s *socket) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	t := &s.in
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begin(b)
	n, err := t.end(s.raw.Read(t.do))
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

func (s *socket) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	t := &s.out
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begin(b)
	return t.end(s.raw.Write(t.do))
}

func (t *transfer) begin(b []byte) { t.b, t.n, t.err = b, 0, nil }

func (t *transfer) end(err error) (int, error) {
	if err == nil {
		err = t.err
	}
	t.b = nil
	return t.n, err
}

// receive reads what there is, and reports whether there was something.
func (t *transfer) receive(fd uintptr) bool {
	for {
		n, _, e := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&t.b[0])), uintptr(len(t.b)), 0, 0, 0)
		switch e {
		case 0:
			t.n = int(n)
			return true
		case syscall.EAGAIN:
			return false
		case syscall.EINTR:
		default:
			t.err = os.NewSyscallError("recvfrom", e)
			return true
		}
	}
}

// send writes what fits, and reports whether that was all.
func (t *transfer) send(fd uintptr) bool {
	for t.n < len(t.b) {
		rest := t.b[t.n:]
		n, _, e := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&rest[0])), uintptr(len(rest)), t.flags, 0, 0)
		switch e {
		case 0:
			t.n += int(n)
		case syscall.EAGAIN:
			return false
		case syscall.EINTR:
		default:
			t.err = os.NewSyscallError("sendto", e)
			return true
		}
	}
	return true
}
