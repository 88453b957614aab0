package l7

import (
	"net/http"
	"strconv"
	"time"

	"github.com/musubi-net/musubi/internal/dataplane/l7/h1"
)

// reply is a response that the load balancer makes itself.
type reply struct {
	status            int
	contentType, body string
	location          string
}

// refuse answers a request after which the connection cannot go on.
func (x *exchange) refuse(f *failure) {
	x.last = true
	x.answerFailure(f)
	x.log.end(x)
}

// answerFailure answers with AWS's page for a code.
func (x *exchange) answerFailure(f *failure) {
	if f.reason != "" {
		x.log.reason = f.reason
	}
	if f.silent {
		x.last, x.aborted, x.log.status = true, true, f.status
		return
	}
	body := page(f.status)
	r := reply{status: f.status, body: body}
	if body != "" {
		r.contentType = "text/html"
	}
	x.answer(r)
}

// maxDrain is how much of a request nobody reads is read, so that the connection
// can go on.
const maxDrain = 256 << 10

// answer sends a reply and what is left of the request away.
func (x *exchange) answer(r reply) {
	x.log.status = r.status
	if x.w != nil {
		x.answerHTTP2(r)
		return
	}
	c := x.client
	if !x.drained && (x.req.Continue || x.req.Length > maxDrain) {
		x.last = true
	}
	c.out = x.appendReply(c.out[:0], r)
	c.deadline.extend(c.conn, c.s.clock.Load(), x.cfg.idle)
	if s := x.lastWrites(); s != nil {
		s.last()
	}
	n, err := c.conn.Write(c.out)
	x.log.sent += int64(n)
	if err != nil {
		x.last = true
		return
	}
	if !x.drained && !x.last {
		x.drain()
	}
}

func (x *exchange) appendReply(dst []byte, r reply) []byte {
	dst = appendStatus(dst, r.status, []byte(phrases[r.status]))
	if !x.cfg.noServer {
		dst = append(dst, "Server: awselb/2.0\r\n"...)
	}
	dst = append(dst, "Date: "...)
	dst = append(dst, x.client.s.date()...)
	dst = append(dst, "\r\n"...)
	if r.contentType != "" {
		dst = appendLine(dst, "Content-Type", r.contentType)
	}
	if r.status != 204 {
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(r.body)), 10)
		dst = append(dst, "\r\n"...)
	}
	if r.location != "" {
		dst = appendLine(dst, "Location", r.location)
	}
	dst = append(dst, x.cookies...)
	dst = append(dst, x.cfg.inject...)
	dst = x.appendConnection(dst)
	if string(x.req.Method) == "HEAD" || r.status == 204 {
		return dst
	}
	return append(dst, r.body...)
}

// drain reads what is left of a request that was answered without a target.
func (x *exchange) drain() {
	c := x.client
	if x.log.body == 0 {
		c.upload.Start(c.in, x.req.Length)
	}
	for n := 0; n < maxDrain; {
		p, err := c.upload.Next(maxDrain)
		n += len(p)
		x.log.body += int64(len(p))
		switch {
		case err != nil:
			x.last = true
			return
		case len(p) > 0:
			continue
		case c.upload.Done():
			x.drained = true
			return
		}
		c.deadline.extend(c.conn, c.s.clock.Load(), x.cfg.idle)
		if c.upload.Fill() != nil {
			x.last = true
			return
		}
	}
	x.last = true
}

// date is now as HTTP writes it, made once a second.
func (s *Server) date() []byte {
	now := s.clock.Load() / int64(time.Second)
	if d := s.dated.Load(); d != nil && d.second == now {
		return d.text
	}
	d := &dated{second: now, text: []byte(time.Unix(now, 0).UTC().Format(http.TimeFormat))}
	s.dated.Store(d)
	return d.text
}

type dated struct {
	second int64
	text   []byte
}

// answerHTTP2 sends a reply on a stream.
func (x *exchange) answerHTTP2(r reply) {
	h := x.w.Header()
	h["Date"] = []string{string(x.client.s.date())}
	if !x.cfg.noServer {
		h["Server"] = []string{"awselb/2.0"}
	}
	if r.contentType != "" {
		h["Content-Type"] = []string{r.contentType}
	}
	if r.status != 204 {
		h["Content-Length"] = []string{strconv.Itoa(len(r.body))}
	}
	if r.location != "" {
		h["Location"] = []string{r.location}
	}
	x.addLines(h, x.cookies)
	x.addLines(h, x.cfg.inject)
	x.w.WriteHeader(r.status)
	if string(x.req.Method) != "HEAD" && r.status != 204 {
		n, err := x.w.Write([]byte(r.body))
		x.log.sent += int64(n)
		x.aborted = err != nil
	}
}

// addLines adds header lines to a header; a line replaces none of the same name.
func (x *exchange) addLines(h http.Header, lines []byte) {
	for len(lines) > 0 {
		var line []byte
		line, lines = cut(lines)
		name, value, ok := h1.Split(line)
		if ok {
			h.Add(string(name), string(value))
		}
	}
}

func cut(lines []byte) (line, rest []byte) {
	for i := range lines {
		if lines[i] == '\n' {
			return lines[:max(i-1, 0)], lines[i+1:]
		}
	}
	return lines, nil
}
