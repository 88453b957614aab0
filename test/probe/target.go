package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// target answers with what it saw, unless the query asks for something else:
//
//	status=404        the status code
//	delay=1s          the time before the response
//	bytes=N&rate=R    a body of N bytes, R of them a second
//	set=NAME=VALUE    a cookie
//	header=NAME:VALUE a field
//	large=N           a field of N bytes
//	end=…             close, reset, garbage or short: no good response
type target struct {
	name string
	seen *record
}

// saw is what a target tells of a request.
type saw struct {
	Name, Method, URI, Proto, Host, Remote, Body string
	Header                                       http.Header
	Length                                       int64
	Encoding                                     []string
}

func (t *target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/websocket") {
		serveWebSocket(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	cutRequest(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	q := r.URL.Query()
	if d, err := time.ParseDuration(q.Get("delay")); err == nil {
		select {
		case <-r.Context().Done():
			return
		case <-time.After(d):
		}
	}
	if end := q.Get("end"); end != "" {
		endBadly(w, end)
		return
	}
	fields(w.Header(), q)
	status, err := strconv.Atoi(q.Get("status"))
	if err != nil {
		status = http.StatusOK
	}
	if n, err := strconv.Atoi(q.Get("bytes")); err == nil {
		rate, _ := strconv.Atoi(q.Get("rate"))
		w.Header().Set("Content-Length", strconv.Itoa(n))
		w.WriteHeader(status)
		pour(w, n, rate)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(saw{Name: t.name, Method: r.Method, URI: r.RequestURI, Proto: r.Proto, Host: r.Host,
		Remote: r.RemoteAddr, Body: string(body), Header: r.Header, Length: r.ContentLength, Encoding: r.TransferEncoding})
}

// fields sets what the query asks for.
func fields(h http.Header, q url.Values) {
	for _, c := range q["set"] {
		h.Add("Set-Cookie", c)
	}
	for _, f := range q["header"] {
		name, value, _ := strings.Cut(f, ":")
		h.Set(name, value)
	}
	if n, err := strconv.Atoi(q.Get("large")); err == nil {
		h.Set("X-Large", strings.Repeat("a", n))
	}
}

// pour writes n bytes, rate of them a second if that is given.
func pour(w http.ResponseWriter, n, rate int) {
	chunk := 64 << 10
	if rate > 0 {
		chunk = max(rate/20, 1)
	}
	zeros := make([]byte, chunk)
	for n > 0 {
		m, err := w.Write(zeros[:min(n, chunk)])
		if err != nil {
			return
		}
		n -= m
		if rate > 0 {
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Second / 20)
		}
	}
}

// endBadly is what targets do that are broken.
func endBadly(w http.ResponseWriter, how string) {
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	switch how {
	case "reset":
		if t, ok := c.(*tap); ok {
			c = t.Conn
		}
		if l, ok := c.(interface{ SetLinger(int) error }); ok {
			_ = l.SetLinger(0)
		}
	case "garbage":
		_, _ = rw.WriteString("SSH-2.0-garbage\r\n\r\n")
	case "short":
		_, _ = rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
	}
	_ = rw.Flush()
}

// serveWebSocket echoes messages.
func serveWebSocket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"echo"}})
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	c.SetReadLimit(1 << 21)
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if err := c.Write(r.Context(), kind, message); err != nil {
			return
		}
	}
}
