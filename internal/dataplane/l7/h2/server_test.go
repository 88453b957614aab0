package h2

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// client is a client that does as it is told.
type client struct {
	t    *testing.T
	c    net.Conn
	fr   *http2.Framer
	text bytes.Buffer
	enc  *hpack.Encoder
}

func connect(t *testing.T, s *served) *client {
	t.Helper()
	c, err := net.Dial("tcp", s.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return begin(t, c)
}

func begin(t *testing.T, c net.Conn) *client {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	out := &client{t: t, c: c, fr: http2.NewFramer(c, c)}
	out.enc = hpack.NewEncoder(&out.text)
	if _, err := c.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	out.do(out.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 100}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20}))
	return out
}

func (c *client) do(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// request sends a GET with further fields, in frames of at most so many bytes.
func (c *client) request(id uint32, size int, fields ...string) {
	c.t.Helper()
	scheme := "http"
	if _, ok := c.c.(*tls.Conn); ok {
		scheme = "https"
	}
	all := append([]string{":method", "GET", ":scheme", scheme, ":path", "/", ":authority", "a.b"}, fields...)
	c.text.Reset()
	for i := 0; i < len(all); i += 2 {
		c.do(c.enc.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1]}))
	}
	b := c.text.Bytes()
	n := min(size, len(b))
	c.do(c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: b[:n], EndStream: true, EndHeaders: n == len(b), PadLength: 7,
		Priority: http2.PriorityParam{Weight: 3, StreamDep: 0}}))
	for b = b[n:]; len(b) > 0; b = b[n:] {
		n = min(size, len(b))
		c.do(c.fr.WriteContinuation(id, n == len(b), b[:n]))
	}
}

// until reads frames until one is as wanted.
func (c *client) until(what string, f func(http2.Frame) bool) {
	c.t.Helper()
	for {
		fr, err := c.fr.ReadFrame()
		if err != nil {
			c.t.Fatalf("%s: %v", what, err)
		}
		if f(fr) {
			return
		}
	}
}

func (c *client) untilReset(id uint32, code http2.ErrCode) {
	c.t.Helper()
	c.until("reset", func(f http2.Frame) bool {
		r, ok := f.(*http2.RSTStreamFrame)
		if ok && (r.StreamID != id || r.ErrCode != code) {
			c.t.Errorf("stream %d was reset with %v", r.StreamID, r.ErrCode)
		}
		return ok
	})
}

func (c *client) untilAnswer(id uint32) {
	c.t.Helper()
	c.until("answer", func(f http2.Frame) bool {
		if r, ok := f.(*http2.RSTStreamFrame); ok {
			c.t.Fatalf("stream %d was reset with %v", r.StreamID, r.ErrCode)
		}
		return f.Header().StreamID == id && f.Header().Flags.Has(http2.FlagDataEndStream)
	})
}

func (c *client) untilGoAway() {
	c.t.Helper()
	c.until("GOAWAY", func(f http2.Frame) bool {
		g, ok := f.(*http2.GoAwayFrame)
		if ok && g.ErrCode != http2.ErrCodeNo {
			c.t.Errorf("GOAWAY with %v", g.ErrCode)
		}
		return ok
	})
}

// untilClosed reads until the server ends the connection in order.
func (c *client) untilClosed() {
	c.t.Helper()
	for {
		if _, err := c.fr.ReadFrame(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			c.t.Fatal(err)
		}
	}
}

func TestConnectionFieldsMakeRequestsMalformed(t *testing.T) {
	c := connect(t, serve(t, ServerOptions{}, nil, echo))
	id := uint32(1)
	for _, size := range []int{1 << 14, 5} {
		for _, bad := range []string{"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te"} {
			c.request(id, size, bad, "close", "x-more", "kept in the table")
			c.untilReset(id, http2.ErrCodeProtocol)
			c.request(id+2, size, "te", "trailers", "x-more", "kept in the table")
			c.untilAnswer(id + 2)
			id += 4
		}
	}
}

func TestLengthsThatContradictMakeRequestsMalformed(t *testing.T) {
	c := connect(t, serve(t, ServerOptions{}, nil, echo))
	id := uint32(1)
	for _, bad := range [][]string{{"5"}, {"0", "5"}, {"x"}, {""}, {"+0"}, {"0, 0"}} {
		var fields []string
		for _, v := range bad {
			fields = append(fields, "content-length", v)
		}
		c.request(id, 1<<14, fields...)
		c.untilReset(id, http2.ErrCodeProtocol)
		c.request(id+2, 1<<14, "content-length", "0")
		c.untilAnswer(id + 2)
		id += 4
	}
}

func TestLongHeaderEndsTheConnection(t *testing.T) {
	c := connect(t, serve(t, ServerOptions{}, nil, echo))
	c.request(1, 1<<14, "cookie", strings.Repeat("~", 8000)) // Huffman makes it longer, so it is sent as it is
	c.untilAnswer(1)
	c.request(3, 1<<14, "cookie", strings.Repeat("~", 9000))
	reset, ended := false, false
	c.until("the end", func(f http2.Frame) bool {
		switch f.(type) {
		case *http2.RSTStreamFrame:
			reset = true
		case *http2.GoAwayFrame:
			ended = true
		}
		return reset && ended
	})
}

func TestGoAwayAfterSoManyRequests(t *testing.T) {
	c := connect(t, serve(t, ServerOptions{MaxRequests: 3}, nil, echo))
	c.request(1, 99)
	c.untilAnswer(1)
	c.request(3, 99)
	c.untilAnswer(3)
	c.request(5, 99)
	told, answered := false, false
	c.until("GOAWAY and the last answer", func(f http2.Frame) bool {
		told = told || f.Header().Type == http2.FrameGoAway
		answered = answered || f.Header().StreamID == 5 && f.Header().Flags.Has(http2.FlagDataEndStream)
		return told && answered
	})
	c.untilClosed()
}

func TestKeepAliveEnds(t *testing.T) {
	c := connect(t, serve(t, ServerOptions{KeepAlive: time.Millisecond}, nil, echo))
	c.untilGoAway()
}

func TestIdleTimeout(t *testing.T) {
	c := connect(t, serve(t, ServerOptions{IdleTimeout: 10 * time.Millisecond}, nil, echo))
	c.untilGoAway()
}

func TestGracefulEnd(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	s := serve(t, ServerOptions{}, nil, func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-release
		if r.Context().Err() != nil {
			t.Error("the request was cancelled")
		}
		echo(w, r)
	})
	c := connect(t, s)
	c.request(1, 99)
	wait(t, "the request arrives", begun)
	s.cancel()
	c.untilGoAway()
	close(release)
	c.untilAnswer(1)
	c.untilClosed()
}

func TestServeConnWaitsForHandlers(t *testing.T) {
	near, far := net.Pipe()
	begun, ended := make(chan struct{}), make(chan struct{})
	returned := false
	go func() {
		defer close(ended)
		NewServer(ServerOptions{}).ServeConn(t.Context(), near, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(begun)
			<-r.Context().Done()
			returned = true
		}))
	}()
	go func() { _, _ = io.Copy(io.Discard, far) }() // ends with the pipe
	begin(t, far).request(1, 99)
	wait(t, "the request arrives", begun)
	if err := far.Close(); err != nil {
		t.Fatal(err)
	}
	wait(t, "the end", ended)
	if !returned {
		t.Error("a handler is still running")
	}
}

func TestOversized(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*http.Request)
		want int
	}{
		"fits": {func(r *http.Request) { r.Header.Set("A", strings.Repeat("x", MaxHeader-1)) }, 0},
		"one":  {func(r *http.Request) { r.Header.Set("A", strings.Repeat("x", MaxHeader)) }, 400},
		"URI":  {func(r *http.Request) { r.RequestURI = strings.Repeat("x", MaxHeader+1) }, 414},
		"all": {func(r *http.Request) {
			r.Header["A"] = strings.Split(strings.Repeat(strings.Repeat("x", 999)+",", 66), ",")
		}, 400},
		"all, fits": {func(r *http.Request) {
			r.Header["A"] = strings.Split(strings.Repeat(strings.Repeat("x", 999)+",", 60), ",")
		}, 0},
	} {
		r := get(t, "/")
		c.edit(r)
		status, is := Oversized(r)
		if is != (c.want != 0) || is && status != c.want {
			t.Errorf("%s: got %d, %v", name, status, is)
		}
	}
}

func TestTLSStateReachesHandlers(t *testing.T) {
	state := make(chan *tls.ConnectionState, 1)
	s := serve(t, ServerOptions{}, tlsConfig(t, "h2"), func(w http.ResponseWriter, r *http.Request) { state <- r.TLS })
	raw, err := tls.Dial("tcp", s.addr.String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}, ServerName: "x.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	c := begin(t, raw)
	c.request(1, 99)
	c.untilAnswer(1)
	if got := <-state; got == nil || got.ServerName != "x.example" {
		t.Errorf("got %v", got)
	}
}
