package rules

import (
	"bytes"
	"strings"
)

// pattern is text with wildcards: * is any text, also none; ? is one character.
type pattern struct {
	text string
	// wild has a '*', a '?' or a 0 for each byte of text; nil if all are literal.
	wild []byte
	head int  // how much text comes before the first wildcard
	fold bool // ASCII letters match in either case; text is in lower case
}

// compile reads a pattern. With escapes, a backslash makes *, ? and itself
// literal.
func compile(s string, fold, escapes bool) pattern {
	if fold {
		s = lower(s)
	}
	text, wild, any := make([]byte, 0, len(s)), make([]byte, 0, len(s)), false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case escapes && c == '\\' && i+1 < len(s) && strings.IndexByte(`*?\`, s[i+1]) >= 0:
			i++
			text, wild = append(text, s[i]), append(wild, 0)
		case c == '*' || c == '?':
			text, wild, any = append(text, c), append(wild, c), true
		default:
			text, wild = append(text, c), append(wild, 0)
		}
	}
	p := pattern{text: string(text), head: len(text), fold: fold}
	if any {
		p.wild = wild
		p.head = bytes.IndexFunc(wild, func(r rune) bool { return r != 0 })
	}
	return p
}

// match reports whether all of s is as the pattern says.
func (p *pattern) match(s string) bool {
	// What comes before the first wildcard settles most cases.
	if len(s) < p.head || !p.literal(s[:p.head]) {
		return false
	}
	if p.wild == nil {
		return len(s) == len(p.text)
	}
	return p.glob(s)
}

// glob is match with wildcards. A star is tried with as little as possible first;
// only the last one met is ever tried again, so the time is bounded by the
// product of the lengths.
func (p *pattern) glob(s string) bool {
	i, j, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case j < len(p.text) && p.wild[j] == '*':
			star, mark = j, i
			j++
		case j < len(p.text) && (p.wild[j] == '?' || p.wild[j] == 0 && p.char(s[i]) == p.text[j]):
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = mark, star+1
		default:
			return false
		}
	}
	for j < len(p.text) && p.wild[j] == '*' {
		j++
	}
	return j == len(p.text)
}

// literal reports whether s is how the text begins.
func (p *pattern) literal(s string) bool {
	if !p.fold {
		return s == p.text[:len(s)]
	}
	for i := range len(s) {
		if p.char(s[i]) != p.text[i] {
			return false
		}
	}
	return true
}

// char is a byte of the text as the pattern compares it.
func (p *pattern) char(c byte) byte {
	if p.fold && 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// lower is strings.ToLower for ASCII only, which is what rules compare.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
