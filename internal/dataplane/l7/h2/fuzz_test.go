package h2

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"

	"golang.org/x/net/http2"
)

// bytesConn is a connection that only reads.
type bytesConn struct {
	net.Conn
	io.Reader
}

func (c bytesConn) Read(p []byte) (int, error) { return c.Reader.Read(p) }

// FuzzStrict sends anything as frames. Frames that are not looked at come through
// as they are, and none get lost but for parameters that are named twice.
func FuzzStrict(f *testing.F) {
	f.Add([]byte{0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 9})
	f.Add([]byte{0, 0, 3, 1, 0x2c, 0, 0, 0, 1, 9, 0, 0})
	f.Add([]byte{0, 0, 1, 1, 4, 0, 0, 0, 1, 0x82, 0, 0, 0, 0, 1, 0, 0, 0, 1})
	f.Add([]byte{0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82, 0, 0, 1, 9, 4, 0, 0, 0, 1, 0x84})
	f.Fuzz(func(t *testing.T, in []byte) {
		in = append([]byte(http2.ClientPreface), in...)
		s := newStrict(bytesConn{Reader: bytes.NewReader(in)}, func() {})
		out, err := io.ReadAll(s)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		if !changes(in[len(http2.ClientPreface):]) && err == nil && !bytes.Equal(in, out) {
			t.Errorf("%x became %x", in, out)
		}
	})
}

// changes reports whether there may be a frame that is looked at.
func changes(in []byte) bool {
	for len(in) >= frameHeader {
		switch http2.FrameType(in[3]) {
		case http2.FrameHeaders, http2.FrameContinuation, http2.FrameSettings:
			return true
		}
		size := int(in[0])<<16 | int(in[1])<<8 | int(in[2])
		if size > len(in)-frameHeader {
			return false
		}
		in = in[frameHeader+size:]
	}
	return false
}
