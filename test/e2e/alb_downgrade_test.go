package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// downgrades are requests in HTTP/2 that would become something else, or two, when
// they are written as HTTP/1.1 for the target. The header is names and values;
// a body follows if there is one.
var downgrades = []struct {
	name   string
	header []string
	body   string
	good   bool
	begun  bool // forwarded when the header has come: the body is what is wrong
}{
	{name: "ordinary", header: []string{"foo", "a"}, good: true},
	{name: "ordinary with a body", header: []string{":method", "POST", "content-length", "3"}, body: "abc", good: true},
	{name: "field in a value", header: []string{"foo", "a\r\ntransfer-encoding: chunked"}},
	{name: "LF in a value", header: []string{"foo", "a\nbar: b"}},
	{name: "NUL in a value", header: []string{"foo", "a\x00b"}},
	{name: "field in a name", header: []string{"foo: a\r\nbar", "b"}},
	{name: "colon in a name", header: []string{"foo:bar", "b"}},
	{name: "space in a name", header: []string{"transfer-encoding ", "chunked"}},
	{name: "capitals in a name", header: []string{"Foo", "a"}},
	{name: "transfer-encoding", header: []string{":method", "POST", "transfer-encoding", "chunked"}, body: "0\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n"},
	{name: "connection", header: []string{"connection", "close"}},
	{name: "upgrade", header: []string{"upgrade", "websocket"}},
	{name: "content-length too short", header: []string{":method", "POST", "content-length", "0"}, body: "GET /next HTTP/1.1\r\nHost: a\r\n\r\n", begun: true},
	{name: "two content-lengths", header: []string{":method", "POST", "content-length", "3", "content-length", "5"}, body: "abc"},
	{name: "content-length without a body", header: []string{":method", "POST", "content-length", "5"}},
	{name: "request in the path", header: []string{":path", "/first HTTP/1.1\r\nHost: a\r\n\r\nGET /next"}},
	{name: "space in the path", header: []string{":path", "/first HTTP/1.1"}, good: true}, // becomes %20
	{name: "request in the method", header: []string{":method", "GET /next HTTP/1.1\r\nHost: a\r\n\r\nGET"}},
	{name: "field in the authority", header: []string{":authority", "a\r\ntransfer-encoding: chunked"}},
	{name: "two paths", header: []string{":path", "/a", ":path", "/b"}},
	{name: "pseudo-header after a field", header: []string{"foo", "a", ":scheme", "http"}},
	{name: "unknown pseudo-header", header: []string{":foo", "a"}},
}

// framed is a connection with one request. What the header does not say is that of
// an ordinary one.
func framed(path string, header []string, body string) ([]byte, error) {
	var block, out bytes.Buffer
	e := hpack.NewEncoder(&block)
	write := func(name, value string) error { return e.WriteField(hpack.HeaderField{Name: name, Value: value}) }
	var errs []error
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":path", path}, {":authority", serviceName}} {
		given := false
		for i := 0; i < len(header); i += 2 {
			if header[i] == f[0] && f[0] != ":scheme" {
				given = true
				errs = append(errs, write(f[0], header[i+1]))
			}
		}
		if !given {
			errs = append(errs, write(f[0], f[1]))
		}
	}
	for i := 0; i < len(header); i += 2 {
		switch header[i] {
		case ":method", ":path", ":authority":
		default:
			errs = append(errs, write(header[i], header[i+1]))
		}
	}
	out.WriteString(http2.ClientPreface)
	f := http2.NewFramer(&out, nil)
	f.AllowIllegalWrites = true
	errs = append(errs, f.WriteSettings(), f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: body == ""}))
	if body != "" {
		errs = append(errs, f.WriteData(1, true, []byte(body)))
	}
	return out.Bytes(), errors.Join(errs...)
}

// answered says in words what frames say to a request.
func answered(frames []byte) string {
	var out []string
	f := http2.NewFramer(io.Discard, bytes.NewReader(frames))
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return strings.Join(out, ", ")
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			out = append(out, frame.PseudoValue("status"))
		case *http2.RSTStreamFrame:
			out = append(out, frame.ErrCode.String())
		case *http2.GoAwayFrame:
			out = append(out, "GOAWAY "+frame.ErrCode.String())
		}
	}
}

// downgrade: none of these becomes a request, in any mode.
func (l *smuggling) downgrade() {
	for _, mode := range modes {
		var attempts []rawAttempt
		for i, d := range downgrades {
			b, err := framed(fmt.Sprintf("/first-%d.", i), d.header, d.body)
			if err != nil {
				l.t.Fatal(err)
			}
			attempts = append(attempts, rawAttempt{Address: l.at[mode] + ":443", ServerName: serviceName, Protocol: "h2", Send: b, Silence: 1000})
		}
		l.seen("target")
		out := l.raw("client", attempts...)
		seen := l.seen("target")
		expected := 0
		for i, d := range downgrades {
			got := answered(out[i].Received)
			switch {
			case d.good && got != "200":
				l.t.Errorf("%s, %s: %q", mode, d.name, got)
			case !d.good && got != "400" && !strings.Contains(got, "PROTOCOL_ERROR"):
				l.t.Errorf("%s, %s: %q %q", mode, d.name, got, out[i].Received)
			}
			if d.good || d.begun {
				expected++
			}
		}
		for _, s := range seen {
			line, _, _ := strings.Cut(s, "\r\n")
			if f := strings.Fields(line); len(f) != 3 || strings.Contains(s, "/next") || f[0] != "GET" && f[0] != "POST" || !strings.HasPrefix(f[1], "/first") {
				l.t.Errorf("%s: the target got %q", mode, s)
			}
		}
		if len(seen) != expected {
			l.t.Errorf("%s: the target got %d requests, want %d: %q", mode, len(seen), expected, seen)
		}
	}
}
