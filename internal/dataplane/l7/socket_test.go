package l7

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// pair is both ends of a connection; the first is a socket.
func pair(t *testing.T) (*socket, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	far, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := far.Write([]byte("first")); err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s := quick(c).(*socket)
	t.Cleanup(func() { _, _ = s.Close(), far.Close() })
	b := make([]byte, 16)
	if n, err := s.Read(b); string(b[:n]) != "first" || err != nil {
		t.Fatalf("%q %v", b[:n], err)
	}
	return s, far.(*net.TCPConn)
}

func TestSocketMovesMuch(t *testing.T) {
	s, far := pair(t)
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	sent := make(chan error, 1)
	go func() {
		n, err := s.Write(want)
		if n != len(want) && err == nil {
			err = io.ErrShortWrite
		}
		sent <- errors.Join(err, s.CloseWrite())
	}()
	got, err := io.ReadAll(far)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	go func() {
		_, err := far.Write(want)
		sent <- errors.Join(err, far.CloseWrite())
	}()
	if got, err = io.ReadAll(s); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func TestSocketEnds(t *testing.T) {
	s, far := pair(t)
	if err := s.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := s.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) || !timeout(err) {
		t.Errorf("too late: %v", err)
	}
	if err := errors.Join(far.SetLinger(0), far.Close(), s.SetReadDeadline(time.Time{})); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(b); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("reset: %v", err)
	}
	if _, err := s.Write(b); err == nil {
		t.Error("written to a connection that was reset")
	}
	_ = s.Close()
	if _, err := s.Read(b); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
