package share

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

func TestListener(t *testing.T) {
	below, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Listener(below, Limits{Client: 2, All: 3})
	defer func() { _ = l.Close() }()
	accepted := make(chan net.Conn, 8)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func(source string) net.Conn {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}, Timeout: 5 * time.Second}
		c, err := d.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	closed := func(c net.Conn) {
		t.Helper()
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || !errors.Is(err, io.EOF) && !isReset(err) {
			t.Errorf("one too many is not closed: %v", err)
		}
	}
	dial("127.0.0.2")
	first := <-accepted
	dial("127.0.0.2")
	<-accepted
	closed(dial("127.0.0.2"))
	dial("127.0.0.3") // another client
	<-accepted
	closed(dial("127.0.0.4")) // all are taken
	_, _ = first.Close(), first.Close()
	dial("127.0.0.2")
	<-accepted
	closed(dial("127.0.0.2"))
}

func isReset(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && !n.Timeout()
}
