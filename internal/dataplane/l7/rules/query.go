package rules

import (
	"strings"

	"github.com/musubi-net/musubi/internal/spec"
)

// pair is a pattern for a query parameter.
type pair struct {
	key    pattern
	anyKey bool
	value  pattern
}

func compilePair(q spec.QueryPair) pair {
	return pair{key: compile(q.Key, true, true), anyKey: q.Key == "", value: compile(q.Value, true, true)}
}

// anyPair looks for a parameter that matches one of the pairs, as it was sent or
// decoded.
func (c *condition) anyPair(query string) bool {
	for query != "" {
		var param string
		param, query, _ = strings.Cut(query, "&")
		if param == "" {
			continue
		}
		key, value, _ := strings.Cut(param, "=")
		if c.pairMet(key, value) {
			return true
		}
		if strings.ContainsAny(param, "%+") && c.pairMet(unescape(key), unescape(value)) {
			return true
		}
	}
	return false
}

func (c *condition) pairMet(key, value string) bool {
	for i := range c.pairs {
		p := &c.pairs[i]
		if (p.anyKey || p.key.match(key)) && p.value.match(value) {
			return true
		}
	}
	return false
}

// unescape decodes what a form encodes. What is no valid escape stays as it is:
// a client's mistake must not keep a rule from seeing the rest.
func unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b = append(b, ' ')
		case s[i] == '%' && i+2 < len(s) && hex(s[i+1]) < 16 && hex(s[i+2]) < 16:
			b = append(b, hex(s[i+1])<<4|hex(s[i+2]))
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

// hex is the value of a hexadecimal digit, 16 for anything else.
func hex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}
