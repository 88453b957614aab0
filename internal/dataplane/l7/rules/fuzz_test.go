package rules

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// oracle is a pattern as a regular expression.
func oracle(p string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for _, r := range p {
		switch r {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return regexp.MustCompile(b.String() + `\z`)
}

func FuzzPattern(f *testing.F) {
	for _, s := range [][2]string{{"/img/*", "/img/a"}, {"*a*b?", "xaabbb"}, {"", ""}, {"***", "x"}, {"?*?", "ab"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, p, s string) {
		for _, c := range p + s {
			if c > 0x7e { // patterns are ASCII
				return
			}
		}
		c := compile(p, false, false)
		if got, want := c.match(s), oracle(p).MatchString(s); got != want {
			t.Errorf("%q matches %q: %v, want %v", p, s, got, want)
		}
	})
}

func FuzzUnescape(f *testing.F) {
	for _, s := range []string{"a+b", "%20", "%", "%2", "%zz", "%41%4a", "a%3Db"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := unescape(s)
		if want, err := url.QueryUnescape(s); err == nil && got != want {
			t.Errorf("%q is %q, want %q", s, got, want)
		}
		c := condition{pairs: []pair{{anyKey: true, value: compile("*", true, true)}}}
		if c.anyPair(s) != (strings.Trim(s, "&") != "") {
			t.Errorf("%q: any parameter matches a star", s)
		}
	})
}
