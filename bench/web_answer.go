package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

var errClosed = errors.New("the connection was closed")

// answerReader knows when an answer is complete: its head ends, and a body of the
// known size follows.
type answerReader struct {
	head [1024]byte
	n    int
	body int // what is missing, once the head has ended
	in   bool
}

func (r *answerReader) take(b []byte) (bool, error) {
	if r.in {
		r.body -= len(b)
		return r.body <= 0, nil
	}
	k := copy(r.head[r.n:], b)
	r.n += k
	i := bytes.Index(r.head[:r.n], endOfHead)
	if i < 0 {
		if r.n == len(r.head) {
			return false, errors.New("an endless head")
		}
		return false, nil
	}
	if !bytes.HasPrefix(r.head[:r.n], []byte("HTTP/1.1 200 ")) {
		return false, fmt.Errorf("answer: %q", r.head[:r.n])
	}
	r.in, r.body = true, bodySize-(r.n-i-len(endOfHead))-(len(b)-k)
	return r.body <= 0, nil
}

// socketConn is a socket as crypto/tls wants it. Unless it waits, reading says
// again where nothing has come.
type socketConn struct {
	fd    int
	waits bool
}

// nothingYet is not an end for crypto/tls.
type nothingYet struct{}

func (nothingYet) Error() string   { return "nothing yet" }
func (nothingYet) Timeout() bool   { return true }
func (nothingYet) Temporary() bool { return true }

func again(err error) bool {
	var n nothingYet
	return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) || errors.As(err, &n)
}

func (c *socketConn) await(events int16) error {
	p := []unix.PollFd{{Fd: int32(c.fd), Events: events}}
	for {
		n, err := unix.Poll(p, int(stuck.Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return os.NewSyscallError("poll", err)
		case n == 0:
			return fmt.Errorf("nothing for %s", stuck)
		default:
			return nil
		}
	}
}

func (c *socketConn) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(c.fd, b)
		switch {
		case again(err) && c.waits:
			if err := c.await(unix.POLLIN); err != nil {
				return 0, err
			}
		case again(err):
			return 0, nothingYet{}
		case err != nil:
			return 0, err
		case n == 0:
			return 0, errClosed
		default:
			return n, nil
		}
	}
}

// Write sends little: it fits always.
func (c *socketConn) Write(b []byte) (int, error) { return unix.Write(c.fd, b) }

func (c *socketConn) Close() error                     { return nil }
func (c *socketConn) LocalAddr() net.Addr              { return nil }
func (c *socketConn) RemoteAddr() net.Addr             { return nil }
func (c *socketConn) SetDeadline(time.Time) error      { return nil }
func (c *socketConn) SetReadDeadline(time.Time) error  { return nil }
func (c *socketConn) SetWriteDeadline(time.Time) error { return nil }
