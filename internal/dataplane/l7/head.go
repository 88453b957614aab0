package l7

import (
	"bytes"
	"unsafe"

	"github.com/musubi-net/musubi/internal/dataplane/l7/h1"
)

// view is a string over bytes that stay as they are while it is used.
func view(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}

func appendField(dst, name, value []byte) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

func appendLine(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// appendRequest appends the head that the target gets.
func (x *exchange) appendRequest(dst []byte) []byte {
	cfg, r := x.cfg, x.req
	dst = append(append(dst, r.Method...), ' ')
	dst = appendTarget(dst, x.target)
	dst = append(dst, " HTTP/1.1\r\n"...)
	if cfg.http.Forwarded != "remove" && cfg.http.Forwarded != "preserve" {
		dst = x.appendForwardedFor(dst)
	}
	dst = appendLine(dst, "X-Forwarded-Proto", cfg.scheme)
	dst = appendLine(dst, "X-Forwarded-Port", cfg.portText)
	dst = x.appendHost(dst)
	dst = x.appendTrace(dst)
	dst = append(dst, x.client.tlsHeaders(cfg)...)
	dst = x.appendFields(dst)
	if x.upgrade {
		dst = appendField(append(dst, "Connection: Upgrade\r\n"...), upgradeName, r.Upgrade)
	}
	return append(dst, "\r\n"...)
}

// appendFields appends what the client sent and the target is to see, and how the
// body is framed.
func (x *exchange) appendFields(dst []byte) []byte {
	hop, encoded := x.connectionOptions(), false
	for i := range x.req.Fields {
		f := &x.req.Fields[i]
		if f.ID == h1.TransferEncoding && f.Tier != h1.Bad && x.req.Length == h1.Chunked && !encoded {
			encoded = true
			dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
		}
		if !x.passes(f) || len(hop) > 0 && f.ID == h1.Other && contains(hop, f.Name) || x.cfg.names != nil && x.ours(f.Name) {
			continue
		}
		dst = appendField(dst, f.Name, f.Value)
	}
	if x.req.Length == h1.Chunked && !encoded {
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	return dst
}

// passes reports whether a field of the client's goes on as it is: not what is
// between us and the client only, nor what we set ourselves.
func (x *exchange) passes(f *h1.Field) bool {
	cfg := x.cfg
	if f.Tier == h1.Bad || cfg.http.DropInvalid && !h1.Plain(f.Name) {
		return false
	}
	switch f.ID {
	case h1.Other, h1.Cookie, h1.UserAgent, h1.ContentType, h1.Expect, h1.Trailer, h1.Date, h1.Server, h1.SetCookie:
		return true
	case h1.ForwardedFor:
		return cfg.http.Forwarded == "preserve"
	case h1.Host:
		return cfg.http.PreserveHost
	case h1.ContentLength:
		return x.req.Length >= 0
	case h1.AmznTLS:
		return !cfg.http.TLSHeaders
	case h1.AmznMTLS:
		return cfg.mutual == ""
	}
	return false
}

var upgradeName = []byte("Upgrade")

// appendTarget appends a request target; what would not be one for everybody is
// percent-encoded.
func appendTarget(dst, target []byte) []byte {
	const hex = "0123456789ABCDEF"
	for i, c := range target {
		if c <= ' ' || c == 0x7f {
			dst = append(dst, target[:i]...)
			for _, c := range target[i:] {
				if c <= ' ' || c == 0x7f {
					dst = append(dst, '%', hex[c>>4], hex[c&15])
				} else {
					dst = append(dst, c)
				}
			}
			return dst
		}
	}
	return append(dst, target...)
}

// appendForwardedFor appends the client to the list that it sent.
func (x *exchange) appendForwardedFor(dst []byte) []byte {
	dst = append(dst, "X-Forwarded-For: "...)
	for i := range x.req.Fields {
		if f := &x.req.Fields[i]; f.ID == h1.ForwardedFor && f.Tier != h1.Bad && len(f.Value) > 0 {
			dst = append(append(dst, f.Value...), ", "...)
		}
	}
	if x.cfg.http.ForwardedPort {
		dst = append(dst, x.client.remoteText...)
	} else {
		dst = append(dst, x.client.ip...)
	}
	return append(dst, "\r\n"...)
}

// appendHost appends Host as AWS rewrites it: without a port on 80 and 443, else
// with the listener's if the client named none.
func (x *exchange) appendHost(dst []byte) []byte {
	if x.cfg.http.PreserveHost {
		return dst // with the other fields, as it came
	}
	host := x.host
	if len(host) == 0 {
		return append(dst, "Host: \r\n"...)
	}
	dst = append(dst, "Host: "...)
	port := portAt(host)
	if x.cfg.standard {
		dst = append(dst, host[:port]...)
	} else {
		dst = append(dst, host...)
		if port == len(host) {
			dst = append(append(dst, ':'), x.cfg.portText...)
		}
	}
	return append(dst, "\r\n"...)
}

// portAt is where the port begins, with its colon.
func portAt(host []byte) int {
	i := bytes.LastIndexByte(host, ':')
	if i < 0 || bytes.IndexByte(host[i:], ']') >= 0 {
		return len(host)
	}
	return i
}

// connectionOptions are the names that the Connection field says are for us only.
func (x *exchange) connectionOptions() (names [][]byte) {
	for i := range x.req.Fields {
		f := &x.req.Fields[i]
		if f.ID != h1.Connection {
			continue
		}
		h1.Tokens(f.Value, func(t []byte) bool {
			if !h1.Equal(t, "close") && !h1.Equal(t, "keep-alive") && !h1.Equal(t, "upgrade") {
				names = append(names, t)
			}
			return true
		})
	}
	return names
}

func contains(names [][]byte, name []byte) bool {
	for _, n := range names {
		if bytes.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// ours reports a name that the listener gave to a header about TLS: clients may
// not set it.
func (x *exchange) ours(name []byte) bool {
	for _, n := range x.cfg.names {
		if bytes.EqualFold([]byte(n), name) {
			return true
		}
	}
	return false
}

// appendResponse appends the head that the client gets: length is that of the body
// as it is sent.
func (x *exchange) appendResponse(dst []byte, r *h1.Response, chunked bool) []byte {
	dst = appendStatus(dst, r.Status, r.Reason)
	for i := range r.Fields {
		f := &r.Fields[i]
		switch f.ID {
		case h1.Connection, h1.KeepAlive, h1.ProxyConnection, h1.TE, h1.TransferEncoding:
			continue
		case h1.ContentLength:
			if chunked || r.Length < 0 {
				continue
			}
		case h1.Upgrade:
			if r.Status != 101 {
				continue
			}
		case h1.Other:
			if len(x.cfg.replaced) > 0 && x.cfg.replaces(f.Name) {
				continue
			}
		}
		dst = appendField(dst, f.Name, f.Value)
	}
	if r.Status < 200 {
		if r.Status == 101 {
			dst = append(dst, "Connection: upgrade\r\n"...)
		}
		return append(dst, "\r\n"...)
	}
	if chunked {
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	dst = append(dst, x.cookies...)
	dst = append(dst, x.cfg.inject...)
	return x.appendConnection(dst)
}

func (l *listener) replaces(name []byte) bool {
	for _, n := range l.replaced {
		if h1.Equal(name, n) {
			return true
		}
	}
	return false
}

func (x *exchange) appendConnection(dst []byte) []byte {
	if x.last {
		return append(dst, "Connection: close\r\n\r\n"...)
	}
	return append(dst, "Connection: keep-alive\r\n\r\n"...)
}

func appendStatus(dst []byte, status int, reason []byte) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = append(dst, byte('0'+status/100), byte('0'+status/10%10), byte('0'+status%10), ' ')
	dst = append(dst, reason...)
	return append(dst, "\r\n"...)
}
