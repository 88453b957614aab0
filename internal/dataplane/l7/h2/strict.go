package h2

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// strict stands between a client and x/net's server and makes up for what that
// does otherwise than the specification or AWS wants:
//
//   - Header fields that belong to a connection (and a TE other than trailers)
//     make a request malformed: a stream error, where x/net answers 400.
//   - So do lengths that contradict each other or the absence of a body, of which
//     x/net takes the first.
//   - A header of more than 8 KB compressed ends the connection, as AWS says.
//   - SETTINGS that name a parameter twice are allowed; x/net ends the connection.
//   - A connection is closed so that what was sent last arrives.
//
// It reads frames and decodes header blocks along with x/net. Since it can not
// answer by itself, it makes x/net do it: a malformed request is handed on with
// one more field, whose name no request may have.
type strict struct {
	net.Conn
	in      *bufio.Reader
	preface bool
	raw     bool   // frames are no longer looked at: x/net is about to refuse them
	out     []byte // to be read first
	rest    int    // then so much of in
	buf     []byte // a frame's header and payload

	block   *hpack.Decoder
	bad     bool   // the block has a field that it must not have
	length  string // its content-length
	last    bool   // nothing follows the block
	tooLong func()

	writing atomic.Int32
	closed  atomic.Bool
}

const (
	frameHeader  = 9
	maxFrame     = 16 << 10 // the specification's least, which is also AWS's
	maxField     = 8 << 10  // compressed
	lingerTime   = 500 * time.Millisecond
	lingerAmount = 1 << 20
)

// newStrict wraps a connection. TooLong is called when a header is.
func newStrict(c net.Conn, tooLong func()) *strict {
	s := &strict{Conn: c, in: bufio.NewReaderSize(c, 4096), tooLong: tooLong}
	s.block = hpack.NewDecoder(4096, s.field)
	s.block.SetMaxStringLength(maxHeaderList) // as x/net
	return s
}

// conn is the connection for x/net, which asks TLS connections for their state.
func (s *strict) conn() net.Conn {
	if c, ok := s.Conn.(*tls.Conn); ok {
		return strictTLS{s, c}
	}
	return s
}

type strictTLS struct {
	*strict
	tls *tls.Conn
}

// ConnectionState is what http2 looks for.
func (s strictTLS) ConnectionState() tls.ConnectionState { return s.tls.ConnectionState() }

func (s *strict) Read(p []byte) (int, error) {
	if len(s.out) == 0 && s.rest == 0 {
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	if len(s.out) > 0 {
		n := copy(p, s.out)
		s.out = s.out[n:]
		return n, nil
	}
	n, err := s.in.Read(p[:min(len(p), s.rest)])
	s.rest -= n
	return n, err
}

// next looks at the frame that comes.
func (s *strict) next() error {
	if !s.preface {
		s.preface, s.rest = true, len(http2.ClientPreface)
		return nil
	}
	s.buf = append(s.buf[:0], make([]byte, frameHeader)...)
	if _, err := io.ReadFull(s.in, s.buf); err != nil {
		return err
	}
	s.out = s.buf
	size := int(s.buf[0])<<16 | int(s.buf[1])<<8 | int(s.buf[2])
	kind := http2.FrameType(s.buf[3])
	s.raw = s.raw || size > maxFrame
	if s.raw || kind != http2.FrameHeaders && kind != http2.FrameContinuation && kind != http2.FrameSettings {
		s.rest = size
		return nil
	}
	s.buf = append(s.buf, make([]byte, size)...)
	if _, err := io.ReadFull(s.in, s.buf[frameHeader:]); err != nil {
		return err
	}
	if kind == http2.FrameSettings {
		s.out = once(s.buf)
		return nil
	}
	s.out = s.headers(kind)
	return nil
}

// headers decodes a part of a header block.
func (s *strict) headers(kind http2.FrameType) []byte {
	flags := http2.Flags(s.buf[4])
	fragment, ok := s.buf[frameHeader:], true
	if kind == http2.FrameHeaders {
		s.bad, s.length, s.last = false, "", flags.Has(http2.FlagHeadersEndStream)
		fragment, ok = unpad(fragment, flags)
	}
	if !ok {
		s.raw = true
		return s.buf
	}
	_, err := s.block.Write(fragment)
	ends := flags.Has(http2.FlagHeadersEndHeaders) // the same bit in CONTINUATION
	if err == nil && ends {
		err = s.block.Close()
	}
	if err != nil {
		s.raw = true
		return s.buf
	}
	missing := s.last && strings.Trim(s.length, "0") != ""
	if ends && (s.bad || missing) {
		return poison(s.buf)
	}
	return s.buf
}

// unpad cuts the padding and the priority off a HEADERS frame's payload.
func unpad(p []byte, flags http2.Flags) ([]byte, bool) {
	padding := 0
	if flags.Has(http2.FlagHeadersPadded) {
		if len(p) == 0 {
			return nil, false
		}
		padding, p = int(p[0]), p[1:]
	}
	if flags.Has(http2.FlagHeadersPriority) {
		if len(p) < 5 {
			return nil, false
		}
		p = p[5:]
	}
	if padding > len(p) {
		return nil, false
	}
	return p[:len(p)-padding], true
}

// poison makes a block malformed without a change to what the decoder's table
// will be: a CONTINUATION follows with a field named X, never indexed.
func poison(frame []byte) []byte {
	frame[4] &^= byte(http2.FlagHeadersEndHeaders)
	field := []byte{0x10, 1, 'X', 0}
	head := []byte{0, 0, byte(len(field)), byte(http2.FrameContinuation), byte(http2.FlagContinuationEndHeaders)}
	return append(append(append(frame, head...), frame[5:frameHeader]...), field...)
}

// field looks at a decoded header field.
func (s *strict) field(f hpack.HeaderField) {
	switch f.Name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		s.bad = true
	case "content-length":
		s.bad = s.bad || f.Value == "" || strings.Trim(f.Value, "0123456789") != "" || s.length != "" && s.length != f.Value
		s.length = f.Value
	case "te":
		s.bad = s.bad || f.Value != "trailers"
	}
	if len(f.Value) > maxField && hpack.HuffmanEncodeLength(f.Value) > maxField {
		s.bad = true
		s.tooLong()
	}
}

// once leaves out parameters that are named again later in a SETTINGS frame.
func once(frame []byte) []byte {
	p := frame[frameHeader:]
	const size, most = 6, 100 // x/net refuses more
	if len(p)%size != 0 || len(p) > size*most {
		return frame
	}
	kept := frame[:frameHeader]
	for ; len(p) > 0; p = p[size:] {
		again := false
		for later := p[size:]; len(later) > 0 && !again; later = later[size:] {
			again = binary.BigEndian.Uint16(later) == binary.BigEndian.Uint16(p)
		}
		if !again {
			kept = append(kept, p[:size]...)
		}
	}
	n := len(kept) - frameHeader
	kept[0], kept[1], kept[2] = 0, byte(n>>8), byte(n)
	return kept
}
