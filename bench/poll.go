package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// poller waits for sockets, without the runtime's poller between: on the way
// that is measured each microsecond counts.
type poller struct {
	fd     int
	events [64]unix.EpollEvent
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	return &poller{fd: fd}, os.NewSyscallError("epoll_create", err)
}

func (p *poller) close() { _ = unix.Close(p.fd) }

// add watches a socket; tag comes back with its events.
func (p *poller) add(fd int, events uint32, tag int) error {
	e := unix.EpollEvent{Events: events, Fd: int32(tag)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &e))
}

// wait returns what happened; nothing for too long is an error. Without a limit
// it waits for ever.
func (p *poller) wait(limit time.Duration) ([]unix.EpollEvent, error) {
	timeout := -1
	if limit > 0 {
		timeout = int(limit.Milliseconds())
	}
	for {
		n, err := unix.EpollWait(p.fd, p.events[:], timeout)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return nil, os.NewSyscallError("epoll_wait", err)
		case n == 0 && limit > 0:
			return nil, fmt.Errorf("no answer for %s", limit)
		default:
			return p.events[:n], nil
		}
	}
}

func newSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		_ = unix.Close(fd)
		return -1, os.NewSyscallError("setsockopt", err)
	}
	return fd, nil
}

// dial begins a connection.
func dial(to netip.AddrPort) (int, error) {
	fd, err := newSocket()
	if err != nil {
		return -1, err
	}
	err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("connect to %s: %w", to, err)
	}
	return fd, nil
}

// trouble is the error that a socket has.
func trouble(fd int) error {
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	return err
}
