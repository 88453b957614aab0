package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
)

// answer is what a target says to every request.
var answer = []byte("HTTP/1.1 200 OK\r\nServer: target\r\nDate: Sun, 01 Nov 2026 12:00:00 GMT\r\nContent-Type: text/plain\r\n" +
	fmt.Sprintf("Content-Length: %d\r\n\r\n", bodySize) + strings.Repeat("x", bodySize))

// endOfHead ends a request without a body.
var endOfHead = []byte("\r\n\r\n")

// serveWeb is a target, until in ends.
func serveWeb(at netip.Addr, in io.Reader, out io.Writer) error {
	l, err := listenEcho(netip.AddrPortFrom(at, echoPort))
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	go func() { failed <- pollAll(l, reply) }()
	go func() {
		_, err := io.Copy(io.Discard, in)
		failed <- err
	}()
	if _, err := fmt.Fprintln(out, "ready"); err != nil {
		return err
	}
	return <-failed
}

// reply answers a request, or closes the connection. Nobody sends a request
// before the answer to the one before, so what ends as a request does is one.
func reply(fd int, b []byte) {
	n, err := unix.Read(fd, b)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return
	}
	if err == nil && bytes.HasSuffix(b[:n], endOfHead) {
		_, err = unix.Write(fd, answer)
	}
	if err != nil || n == 0 {
		_ = unix.Close(fd)
	}
}
