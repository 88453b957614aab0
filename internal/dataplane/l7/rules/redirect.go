package rules

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/musubi-net/musubi/internal/spec"
)

// Location is the answer of a redirect: its status and its Location header.
// Scheme and port are those of the listener. Parts that the action leaves empty
// keep the request's, but for the query, which is then dropped: that is the only
// part that may be empty in AWS. Nothing is percent-encoded. As in AWS the port
// is always named.
func Location(a *spec.RedirectAction, r *Request, scheme string, port uint16) (status int, location string) {
	x := expander{protocol: strings.ToLower(scheme), host: Hostname(r.Host), port: strconv.Itoa(int(port)),
		path: strings.TrimPrefix(r.Path, "/"), query: r.RawQuery}
	var b strings.Builder
	b.WriteString(strings.ToLower(x.expand(cmp.Or(a.Protocol, "#{protocol}"))))
	b.WriteString("://")
	b.WriteString(x.expand(cmp.Or(a.Host, "#{host}")))
	b.WriteByte(':')
	b.WriteString(x.expand(cmp.Or(a.Port, "#{port}")))
	b.WriteString(x.expand(cmp.Or(a.Path, "/#{path}")))
	if q := x.expand(a.Query); q != "" {
		b.WriteByte('?')
		b.WriteString(q)
	}
	return cmp.Or(a.Status, 302), printable(b.String())
}

// expander has the values of AWS's placeholders.
type expander struct {
	protocol, host, port, path, query string
}

// expand replaces placeholders in one pass, so that what a client sends is never
// taken for one.
func (x *expander) expand(s string) string {
	if !strings.Contains(s, "#{") {
		return s
	}
	var b strings.Builder
	for s != "" {
		before, rest, found := strings.Cut(s, "#{")
		b.WriteString(before)
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		value, known := x.value(name)
		if !closed || !known {
			b.WriteString("#{")
			s = rest
			continue
		}
		b.WriteString(value)
		s = after
	}
	return b.String()
}

func (x *expander) value(name string) (string, bool) {
	switch name {
	case "protocol":
		return x.protocol, true
	case "host":
		return x.host, true
	case "port":
		return x.port, true
	case "path":
		return x.path, true
	case "query":
		return x.query, true
	}
	return "", false
}

// printable leaves out control characters, which would end the header.
func printable(s string) string {
	control := func(r rune) bool { return r < 0x20 || r == 0x7f }
	if strings.IndexFunc(s, control) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if control(r) {
			return -1
		}
		return r
	}, s)
}
