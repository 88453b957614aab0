package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync"
)

// record is what the target read, byte by byte, cut into requests where the
// target's server cut it. Bytes that never became a request are there too.
type record struct {
	mu    sync.Mutex
	seen  []string
	conns map[*tap]bool
}

// recorder accepts connections of which it keeps what is read.
type recorder struct {
	net.Listener
	r *record
}

func (l *recorder) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t := &tap{Conn: c, r: l.r}
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	if l.r.conns == nil {
		l.r.conns = map[*tap]bool{}
	}
	l.r.conns[t] = true
	return t, nil
}

// tap is a connection that is listened to.
type tap struct {
	net.Conn
	r   *record
	buf bytes.Buffer // guarded by r.mu
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.r.mu.Lock()
	defer t.r.mu.Unlock()
	if room := 1<<20 - t.buf.Len(); room > 0 {
		t.buf.Write(p[:min(n, room)])
	}
	return n, err
}

func (t *tap) Close() error {
	t.cut()
	t.r.mu.Lock()
	delete(t.r.conns, t)
	t.r.mu.Unlock()
	return t.Conn.Close()
}

// cut ends a request.
func (t *tap) cut() {
	t.r.mu.Lock()
	defer t.r.mu.Unlock()
	t.r.keep(t.buf.String())
	t.buf.Reset()
}

// keep adds to what was seen, but for health checks.
func (r *record) keep(s string) {
	if s != "" && !strings.Contains(s, "ELB-HealthChecker") {
		r.seen = append(r.seen, s)
	}
}

// ServeHTTP answers with what was seen since the last question.
func (r *record) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	for t := range r.conns {
		r.keep(t.buf.String())
		t.buf.Reset()
	}
	seen := r.seen
	r.seen = nil
	r.mu.Unlock()
	_ = json.NewEncoder(w).Encode(seen)
}

type tapKey struct{}

// remember lets a handler find its connection.
func remember(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, tapKey{}, c)
}

// cutRequest ends the request of a handler, if its connection is listened to.
func cutRequest(req *http.Request) {
	if t, ok := req.Context().Value(tapKey{}).(*tap); ok {
		t.cut()
	}
}
