package sticky

import (
	"net/http"
	"strings"
	"time"
)

// Headers looks into the caller's own structure: the i-th value, from 0, of the
// fields with a name in canonical form.
type Headers interface {
	Value(name string, i int) (value string, ok bool)
}

// expiry is how long clients keep cookies, whatever was configured: the duration
// is checked here, not there.
const expiry = 7 * 24 * time.Hour

// cors is what browsers want of a cookie that goes to other origins.
const cors = "; SameSite=None; Secure"

// setCookie is the value of a Set-Cookie field.
func (c *Codec) setCookie(name, value, attributes string) string {
	return name + "=" + value + "; Expires=" + c.now().Add(expiry).UTC().Format(http.TimeFormat) + "; Path=/" + attributes
}

// each calls f with the value of every cookie with a name until f returns false.
func each(h Headers, name string, f func(value string) bool) {
	if h == nil {
		return
	}
	for i := 0; ; i++ {
		line, ok := h.Value("Cookie", i)
		if !ok {
			return
		}
		for line != "" {
			var one string
			one, line, _ = strings.Cut(line, ";")
			k, v, found := strings.Cut(strings.Trim(one, " \t"), "=")
			if found && k == name && !f(strings.Trim(v, `"`)) {
				return
			}
		}
	}
}

// first is the value of the first cookie with a name.
func first(h Headers, name string) (value string, ok bool) {
	each(h, name, func(v string) bool {
		value, ok = v, true
		return false
	})
	return value, ok
}

// sets reports whether a response sets a cookie with a name.
func sets(response Headers, name string) bool {
	if response == nil {
		return false
	}
	for i := 0; ; i++ {
		line, ok := response.Value("Set-Cookie", i)
		if !ok {
			return false
		}
		k, _, found := strings.Cut(line, "=")
		if found && strings.Trim(k, " \t") == name {
			return true
		}
	}
}
