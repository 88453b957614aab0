package rules

import (
	"net/netip"
	"strings"
)

// Request is what rules look at.
type Request struct {
	Method string
	// Host is the (first) Host header or the request line's authority, with its
	// port if it has one.
	Host string
	// Path is the path as it was sent, without the query and not decoded.
	Path string
	// RawQuery is what follows the question mark, not decoded.
	RawQuery string
	// Source is the other end of the TCP connection, never X-Forwarded-For.
	Source netip.Addr
	Header Headers
}

// Headers looks into the caller's own structure. Value returns the i-th value,
// from 0, of the fields with a name, in the order in which they came; the name
// is in canonical form (X-Forwarded-For) and is to be compared without case.
type Headers interface {
	Value(name string, i int) (value string, ok bool)
}

// HeaderMap is a net/http.Header as Headers.
type HeaderMap map[string][]string

// Value is Headers's; the name has to be in canonical form.
func (m HeaderMap) Value(name string, i int) (string, bool) {
	v := m[name]
	if i < 0 || i >= len(v) {
		return "", false
	}
	return v[i], true
}

// Hostname is a host without its port, and with an IPv6 address's brackets.
func Hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && i > strings.LastIndexByte(host, ']') {
		return host[:i]
	}
	return host
}
