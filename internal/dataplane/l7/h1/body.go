package h1

import (
	"bytes"
	"errors"
	"io"
)

// ErrChunk is a chunk that is not as the RFC has it.
var ErrChunk = errors.New("h1: malformed chunk")

// maxChunkLine bounds a chunk's size with its extensions, and a trailer.
const maxChunkLine = 4096

// maxTrailers bounds all trailers.
const maxTrailers = 16 << 10

// Body is what follows a head. It hands out what is buffered, without copying.
type Body struct {
	in *Reader
	// left is what is to come of the body or of the current chunk.
	left    int64
	kind    int8
	state   int8
	trailer []byte
}

const (
	sized int8 = iota
	chunked
	open
)

const (
	size int8 = iota // before a chunk's size
	data
	after // before the line end behind a chunk
	trailers
	done
)

// Start prepares for a body of a length, Chunked or UntilClose.
func (b *Body) Start(in *Reader, length int64) {
	*b = Body{in: in, left: length, trailer: b.trailer[:0]}
	switch length {
	case Chunked:
		b.kind, b.state, b.left = chunked, size, 0
	case UntilClose:
		b.kind, b.state = open, data
	case 0:
		b.state = done
	default:
		b.state = data
	}
}

// Done reports that the whole body was handed out.
func (b *Body) Done() bool { return b.state == done }

// Left is what is to come of a body whose length is known, else negative.
func (b *Body) Left() int64 {
	if b.kind != sized {
		return -1
	}
	return b.left
}

// Took notes that n bytes of a sized body went another way than through the
// buffer, which must be empty.
func (b *Body) Took(n int64) {
	if b.left -= n; b.left == 0 {
		b.state = done
	}
}

// Trailer returns the trailer fields, lines with their ends, once Done.
func (b *Body) Trailer() []byte { return b.trailer }

// Next returns buffered bytes of the body, at most max, and consumes them; nothing
// if Fill is needed first, or if the body is Done.
func (b *Body) Next(max int) ([]byte, error) {
	for {
		switch b.state {
		case data:
			return b.take(max), nil
		case done:
			return nil, nil
		}
		line, ok, err := b.line()
		if err != nil || !ok {
			return nil, err
		}
		if err := b.step(line); err != nil {
			return nil, err
		}
	}
}

func (b *Body) take(max int) []byte {
	p := b.in.Buffered()
	if len(p) > max {
		p = p[:max]
	}
	if b.kind != open {
		if int64(len(p)) > b.left {
			p = p[:b.left]
		}
		if b.left -= int64(len(p)); b.left == 0 {
			b.state = done
			if b.kind == chunked {
				b.state = after
			}
		}
	}
	b.in.Discard(len(p))
	return p
}

// step takes a line of a chunked body.
func (b *Body) step(line []byte) error {
	switch b.state {
	case after:
		if len(line) != 0 {
			return ErrChunk
		}
		b.state = size
	case size:
		n, ok := chunkSize(line)
		if !ok {
			return ErrChunk
		}
		b.left, b.state = n, data
		if n == 0 {
			b.state = trailers
		}
	case trailers:
		if len(line) == 0 {
			b.state = done
			return nil
		}
		return b.addTrailer(line)
	}
	return nil
}

// line returns a line, which must end with CRLF.
func (b *Body) line() (line []byte, ok bool, err error) {
	p := b.in.Buffered()
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		if len(p) > maxChunkLine {
			return nil, false, ErrChunk
		}
		return nil, false, nil
	}
	if i == 0 || p[i-1] != '\r' || i > maxChunkLine {
		return nil, false, ErrChunk
	}
	b.in.Discard(i + 1)
	return p[:i-1], true, nil
}

// forbidden are fields that must not come behind a body: those that frame, route
// or say who the client is.
func forbidden(id ID) bool {
	switch id {
	case Host, Connection, KeepAlive, ProxyConnection, TE, Trailer, TransferEncoding, ContentLength, Upgrade, Expect,
		Cookie, SetCookie, ForwardedFor, ForwardedProto, ForwardedPort, TraceID, AmznTLS, AmznMTLS, ContentType:
		return true
	}
	return false
}

func (b *Body) addTrailer(line []byte) error {
	i := bytes.IndexByte(line, ':')
	if i <= 0 || !all(line[:i], tchar) || has(line, bad) || len(b.trailer)+len(line) > maxTrailers {
		return ErrChunk
	}
	if !forbidden(Identify(line[:i])) {
		b.trailer = append(append(b.trailer, line...), '\r', '\n')
	}
	return nil
}

// Fill waits for more of the body.
func (b *Body) Fill() error {
	err := b.in.Fill()
	if errors.Is(err, io.EOF) {
		if b.kind == open {
			b.state = done
			return nil
		}
		return io.ErrUnexpectedEOF
	}
	return err
}

// chunkSize parses hexadecimal digits, before extensions, which are ignored.
func chunkSize(line []byte) (n int64, ok bool) {
	i := 0
	for ; i < len(line); i++ {
		c := line[i]
		switch {
		case digit(c):
			n = n<<4 | int64(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			n = n<<4 | int64(c|0x20-'a'+10)
		default:
			c := trim(line[i:])
			return n, i > 0 && (len(c) == 0 || c[0] == ';') && all(c, value)
		}
		if i > 14 {
			return 0, false
		}
	}
	return n, i > 0
}

// AppendChunk appends a chunk.
func AppendChunk(dst, p []byte) []byte {
	dst = AppendChunkSize(dst, len(p))
	return append(append(dst, p...), '\r', '\n')
}

// AppendChunkSize appends the line before a chunk's data.
func AppendChunkSize(dst []byte, n int) []byte {
	const hex = "0123456789abcdef"
	shift := 60
	for shift > 0 && n>>shift == 0 {
		shift -= 4
	}
	for ; shift >= 0; shift -= 4 {
		dst = append(dst, hex[n>>shift&15])
	}
	return append(dst, '\r', '\n')
}

// AppendEnd appends the end of a chunked body.
func AppendEnd(dst, trailer []byte) []byte {
	dst = append(dst, "0\r\n"...)
	dst = append(dst, trailer...)
	return append(dst, '\r', '\n')
}
