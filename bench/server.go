package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// serve answers on both ports until in ends.
func serve(at netip.Addr, in io.Reader, out io.Writer) error {
	sink, err := net.Listen("tcp", netip.AddrPortFrom(at, sinkPort).String())
	if err != nil {
		return err
	}
	defer func() { _ = sink.Close() }()
	listener, err := listenEcho(netip.AddrPortFrom(at, echoPort))
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	go func() { failed <- swallowAll(sink) }()
	go func() { failed <- pollAll(listener, echo) }()
	go func() {
		_, err := io.Copy(io.Discard, in)
		failed <- err
	}()
	if _, err := fmt.Fprintln(out, "ready"); err != nil {
		return err
	}
	return <-failed
}

// swallowAll reads all that comes.
func swallowAll(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer func() { _ = c.Close() }()
			b := make([]byte, chunk)
			for {
				if _, err := c.Read(b); err != nil {
					return
				}
			}
		}()
	}
}

func listenEcho(at netip.AddrPort) (int, error) {
	fd, err := newSocket() // TCP_NODELAY passes on to what is accepted
	if err != nil {
		return -1, err
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.Bind(fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}),
		unix.Listen(fd, 1024),
	)
	if err != nil {
		return -1, fmt.Errorf("listen on %s: %w", at, err)
	}
	return fd, nil
}

// pollAll accepts connections, and calls answer for each with something to read.
func pollAll(listener int, answer func(fd int, b []byte)) error {
	p, err := newPoller()
	if err != nil {
		return err
	}
	defer p.close()
	if err := p.add(listener, unix.EPOLLIN, listener); err != nil {
		return err
	}
	b := make([]byte, 1<<12)
	for {
		events, err := p.wait(-1)
		if err != nil {
			return err
		}
		for _, v := range events {
			fd := int(v.Fd)
			if fd != listener {
				answer(fd, b)
				continue
			}
			if err := accept(p, listener); err != nil {
				return err
			}
		}
	}
}

// accept takes all connections that wait.
func accept(p *poller, listener int) error {
	for {
		fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		switch {
		case err == nil:
			if err := p.add(fd, unix.EPOLLIN, fd); err != nil {
				return err
			}
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED):
		default:
			return os.NewSyscallError("accept", err)
		}
	}
}

// echo answers once, or closes the connection, which also ends its watch.
func echo(fd int, b []byte) {
	n, err := unix.Read(fd, b)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return
	}
	if err == nil && n > 0 {
		_, err = unix.Write(fd, b[:n])
	}
	if err != nil || n == 0 {
		_ = unix.Close(fd)
	}
}
