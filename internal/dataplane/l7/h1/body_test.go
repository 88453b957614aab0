package h1

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// readBody reads a whole body, and what is behind it.
func readBody(in *Reader, length int64) (body, trailer string, err error) {
	var b Body
	b.Start(in, length)
	var out strings.Builder
	for {
		p, err := b.Next(7)
		if err != nil {
			return out.String(), "", err
		}
		out.Write(p)
		if b.Done() {
			return out.String(), string(b.Trailer()), nil
		}
		if len(p) == 0 {
			if err := b.Fill(); err != nil {
				return out.String(), "", err
			}
		}
	}
}

func TestBody(t *testing.T) {
	for _, c := range []struct {
		in, body, trailer string
		length            int64
		err               error
	}{
		{in: "hello!", length: 5, body: "hello"},
		{in: "hell", length: 5, body: "hell", err: io.ErrUnexpectedEOF},
		{in: "hello", length: UntilClose, body: "hello"},
		{in: "5\r\nhello\r\n0\r\n\r\n", length: Chunked, body: "hello"},
		{in: "05;a=b\r\nhello\r\n1 ;x\r\n!\r\n0\r\nA: b\r\nContent-Length: 7\r\n\r\nGET", length: Chunked, body: "hello!", trailer: "A: b\r\n"},
		{in: "5\r\nhello", length: Chunked, body: "hello", err: io.ErrUnexpectedEOF},
		{in: "5\nhello\r\n0\r\n\r\n", length: Chunked, err: ErrChunk},
		{in: "5\r\nhelloX\n0\r\n\r\n", length: Chunked, body: "hello", err: ErrChunk},
		{in: "\r\n5\r\nhello\r\n0\r\n\r\n", length: Chunked, err: ErrChunk},
		{in: " 5\r\nhello\r\n0\r\n\r\n", length: Chunked, err: ErrChunk},
		{in: "0x5\r\nhello\r\n0\r\n\r\n", length: Chunked, err: ErrChunk},
		{in: "-5\r\nhello\r\n0\r\n\r\n", length: Chunked, err: ErrChunk},
		{in: "5 5\r\nhello\r\n0\r\n\r\n", length: Chunked, err: ErrChunk},
		{in: "10000000000000005\r\nhello\r\n0\r\n\r\n", length: Chunked, err: ErrChunk},
		{in: "0\r\nA\x00: b\r\n\r\n", length: Chunked, err: ErrChunk},
		{in: "0\r\n folded\r\n\r\n", length: Chunked, err: ErrChunk},
	} {
		for _, one := range []bool{false, true} {
			var src io.Reader = strings.NewReader(c.in)
			if one {
				src = iotest.OneByteReader(src)
			}
			body, trailer, err := readBody(NewReader(src, 1024), c.length)
			if body != c.body || trailer != c.trailer || !errors.Is(err, c.err) {
				t.Errorf("%q: %q %q %v", c.in, body, trailer, err)
			}
		}
	}
}

func TestResponse(t *testing.T) {
	for s, want := range map[string]int64{
		"HTTP/1.1 200 OK\r\n":                                                    UntilClose,
		"HTTP/1.1 200\r\nContent-Length: 3\r\n":                                  3,
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n":          3,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n":                      Chunked,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n": Chunked,
		"HTTP/1.1 204 No Content\r\n":                                            0,
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n":                     0,
	} {
		var r Response
		if err := r.Parse([]byte(s + "\r\n")); err != nil || r.Body(false) != want {
			t.Errorf("%q: %d %v, want %d", s, r.Body(false), err, want)
		}
	}
	for _, s := range []string{"", "HTTP/2 200 OK\r\n", "HTTP/1.1 20 OK\r\n", "HTTP/1.1 099 OK\r\n", "ICY 200 OK\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n", "HTTP/1.1 200 OK\r\nA\x00: b\r\n", "HTTP/1.1 200 OK\r\nA : b\r\n", "HTTP/1.1 200 OK\r\nnonsense\r\n"} {
		var r Response
		if err := r.Parse([]byte(s + "\r\n")); err == nil {
			t.Errorf("%q was understood", s)
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
	f.Add("POST / HTTP/1.1\nContent_Length: 5\r\n b\r\n\r\nhello")
	f.Add("\r\n\r\nGET / HTTP/1.1\r\n\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		in := NewReader(strings.NewReader(s), 512)
		head, err := in.Head(Limits{Line: 1 << 10, Field: 1 << 10, Head: 4 << 10})
		if err != nil {
			return
		}
		var r Request
		if r.Parse(head) != nil || r.Framing() != nil {
			return
		}
		if len(r.Method) == 0 || len(r.Target) == 0 || r.Length < Chunked {
			t.Fatalf("%q: %+v", s, r)
		}
		for _, f := range r.Fields {
			if f.Tier != Bad && (has(f.Name, bad) || has(f.Value, bad)) {
				t.Fatalf("%q: %q passes", s, f)
			}
		}
		_, _, _ = readBody(in, r.Length)
	})
}

func FuzzResponse(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
	f.Fuzz(func(t *testing.T, s string) {
		in := NewReader(strings.NewReader(s), 512)
		head, err := in.Head(Limits{Head: 4 << 10})
		if err != nil {
			return
		}
		var r Response
		if r.Parse(head) != nil {
			return
		}
		for _, f := range r.Fields {
			if has(f.Name, bad) || has(f.Value, bad) {
				t.Fatalf("%q: %q passes", s, f)
			}
		}
		_, _, _ = readBody(in, r.Body(false))
	})
}
