package h1

// classes of bytes, one bit each.
const (
	tchar   = 1 << iota // RFC 9110's token characters
	value               // allowed in a field's value
	uri                 // allowed in a request target
	bad                 // NUL, CR, LF: never part of a line
	plain               // names that drop_invalid_header_fields keeps
	letters             // letters and digits
)

var class = classes()

func classes() (t [256]byte) {
	for i := range t {
		c := byte(i)
		alnum := c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if alnum {
			t[i] |= tchar | plain | letters
		}
		if c == '-' {
			t[i] |= plain
		}
		if c >= 0x20 && c != 0x7f || c == '\t' {
			t[i] |= value
		}
		if c > 0x20 && c != 0x7f {
			t[i] |= uri
		}
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] |= tchar
	}
	t[0], t['\r'], t['\n'] = bad, bad, bad
	return t
}

// all reports whether every byte is of a class.
func all(s []byte, of byte) bool {
	for _, c := range s {
		if class[c]&of == 0 {
			return false
		}
	}
	return true
}

// has reports whether any byte is of a class.
func has(s []byte, of byte) bool {
	for _, c := range s {
		if class[c]&of != 0 {
			return true
		}
	}
	return false
}

// trim cuts spaces and tabs at both ends.
func trim(s []byte) []byte {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// Equal compares with a lower-case ASCII name without regard to case.
func Equal(s []byte, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range len(lower) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// Plain reports whether a field's name is one that drop_invalid_header_fields keeps.
func Plain(name []byte) bool { return len(name) > 0 && all(name, plain) }

// Tokens calls f with each element of a comma-separated list until it returns false.
func Tokens(list []byte, f func([]byte) bool) {
	for len(list) > 0 {
		i := 0
		for i < len(list) && list[i] != ',' {
			i++
		}
		if t := trim(list[:i]); len(t) > 0 && !f(t) {
			return
		}
		if i == len(list) {
			return
		}
		list = list[i+1:]
	}
}

// HasToken reports whether a comma-separated list has an element.
func HasToken(list []byte, lower string) (found bool) {
	if len(list) == len(lower) {
		return Equal(list, lower)
	}
	Tokens(list, func(t []byte) bool {
		found = Equal(t, lower)
		return !found
	})
	return found
}
