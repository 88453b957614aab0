package h1

import (
	"bytes"
	"errors"
	"io"
)

// Errors of reading a head. An io.EOF before the first byte is io.EOF.
var (
	ErrLineTooLong  = errors.New("h1: first line too long")
	ErrFieldTooLong = errors.New("h1: header field too long")
	ErrHeadTooLong  = errors.New("h1: head too long")
)

// Limits bound a head; zero means no limit of its own.
type Limits struct{ Line, Field, Head int }

// Reader is a buffer over a connection that keeps the head in place while the body
// behind it is read.
type Reader struct {
	src  io.Reader
	buf  []byte
	r, w int
	// pin is the end of the head: nothing before it is overwritten.
	pin int
}

// NewReader makes a reader with a buffer of its own.
func NewReader(src io.Reader, size int) *Reader {
	return &Reader{src: src, buf: make([]byte, size)}
}

// Reset makes the reader read from src and forget what it holds.
func (b *Reader) Reset(src io.Reader) { b.src, b.r, b.w, b.pin = src, 0, 0, 0 }

// Buffered returns what is read and not consumed.
func (b *Reader) Buffered() []byte { return b.buf[b.r:b.w] }

// Discard consumes n buffered bytes.
func (b *Reader) Discard(n int) { b.r += n }

// Fill reads once more from the source, behind what is buffered.
func (b *Reader) Fill() error {
	if b.r == b.w {
		b.r, b.w = b.pin, b.pin
	}
	if len(b.buf)-b.w < 512 {
		b.room()
	}
	for range 100 {
		n, err := b.src.Read(b.buf[b.w:])
		b.w += n
		if n > 0 {
			return nil // an error with it comes again
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// room makes room behind what is buffered. A head that is in use stays where it
// is, in the old buffer.
func (b *Reader) room() {
	if b.r > b.pin && b.pin+b.w-b.r <= len(b.buf)/2 {
		n := copy(b.buf[b.pin:], b.buf[b.r:b.w])
		b.r, b.w = b.pin, b.pin+n
		return
	}
	size := len(b.buf)
	if b.w-b.r > size/2 {
		size *= 2
	}
	grown := make([]byte, size)
	n := copy(grown, b.buf[b.r:b.w])
	b.buf, b.r, b.w, b.pin = grown, 0, n, 0
}

// Head reads until the empty line and returns everything up to and with it. What
// an earlier call returned is overwritten.
func (b *Reader) Head(l Limits) ([]byte, error) {
	b.pin = 0
	if b.r > 0 {
		n := copy(b.buf, b.buf[b.r:b.w])
		b.r, b.w = 0, n
	}
	line, seen := 0, false // start of the current line, whether a first line was seen
	for scan := 0; ; {
		for {
			i := bytes.IndexByte(b.buf[scan:b.w], '\n')
			if i < 0 {
				scan = b.w
				break
			}
			end := scan + i
			if blank(b.buf[line:end]) {
				if seen {
					if l.Head > 0 && end >= l.Head {
						return nil, ErrHeadTooLong
					}
					b.r, b.pin = end+1, end+1
					return b.buf[:end+1], nil
				}
			} else if err := tooLong(end-line, seen, l); err != nil {
				return nil, err
			} else {
				seen = true
			}
			scan, line = end+1, end+1
		}
		if err := tooLong(b.w-line, seen, l); err != nil {
			return nil, err
		}
		if l.Head > 0 && b.w > l.Head {
			return nil, ErrHeadTooLong
		}
		if err := b.Fill(); err != nil {
			if errors.Is(err, io.EOF) && b.w > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// Empty reports that nothing is buffered.
func (b *Reader) Empty() bool { return b.r == b.w }

func tooLong(n int, seen bool, l Limits) error {
	if !seen && l.Line > 0 && n > l.Line {
		return ErrLineTooLong
	}
	if seen && l.Field > 0 && n > l.Field {
		return ErrFieldTooLong
	}
	return nil
}

// blank reports an empty line, with or without its carriage return.
func blank(line []byte) bool { return len(line) == 0 || len(line) == 1 && line[0] == '\r' }
