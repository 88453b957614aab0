package wire

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
)

func pair(t *testing.T) (*Conn, *Conn) {
	t.Helper()
	a, f, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	b, err := FromFile(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return a, b
}

func TestMessages(t *testing.T) {
	a, b := pair(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	long := strings.Repeat("x", 1<<20)
	go func() {
		_ = a.Send("first")
		_ = a.Send(long, w, w)
		_ = a.Send("last", w)
		_, _ = w.Close(), a.Close()
	}()
	for _, want := range []struct {
		text  string
		files int
	}{{"first", 0}, {long, 2}, {"last", 1}} {
		var got string
		files, err := b.Receive(&got)
		if err != nil || got != want.text || len(files) != want.files {
			t.Fatalf("%d bytes, %d files, %v", len(got), len(files), err)
		}
		CloseAll(files)
	}
	var none string
	if _, err := b.Receive(&none); !errors.Is(err, io.EOF) {
		t.Errorf("end: %v", err)
	}
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a descriptor is still open: %v", err)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x02\x00{}"))
	f.Add([]byte("\xff\xff\xff\xff\xff"))
	f.Add([]byte("\x00\x00\x00\x02\x01{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, theirs, err := Pair()
		if err != nil {
			t.Skip()
		}
		defer func() { _ = a.Close() }()
		c, err := net.FileConn(theirs)
		_ = theirs.Close()
		if err != nil {
			t.Skip()
		}
		go func() {
			_, _ = c.Write(data)
			_ = c.Close()
		}()
		for {
			var v any
			if _, err := a.Receive(&v); err != nil {
				return
			}
		}
	})
}
