package dns

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ReverseLabels turns "www.example.com." into "com.example.www.".
func ReverseLabels(name string) string {
	l := strings.Split(strings.TrimSuffix(name, "."), ".")
	slices.Reverse(l)
	return strings.Join(l, ".") + "."
}

// CanonicalName brings a domain name into the form that records have: lower
// case, a final dot, \052 and its like replaced by their characters. The error
// is AWS's sentence about what is wrong.
func CanonicalName(name string) (string, error) {
	plain, err := unescape(name)
	if err != nil {
		return "", err
	}
	plain = strings.TrimSuffix(strings.ToLower(plain), ".")
	if plain == "" {
		return "", fmt.Errorf("FATAL problem: DomainNameEmpty (Domain name is empty) encountered with '%s'", name)
	}
	if len(plain) > 254 {
		return "", fmt.Errorf("FATAL problem: DomainNameTooLong (Domain name is too long) encountered with '%s'", name)
	}
	for _, label := range strings.Split(plain, ".") {
		switch {
		case label == "":
			return "", fmt.Errorf("FATAL problem: DomainLabelEmpty (Domain label is empty) encountered with '%s'", name)
		case len(label) > 63:
			return "", fmt.Errorf("FATAL problem: DomainLabelTooLong (Domain label is too long) encountered with '%s'", name)
		case strings.ContainsFunc(label, unsupported):
			return "", fmt.Errorf("FATAL problem: UnsupportedCharacter (Value contains unsupported characters) encountered with '%s'", name)
		}
	}
	return plain + ".", nil
}

// unsupported reports the characters that a label here may not have. AWS takes
// more of them; in a zone file they would all have to be escaped.
func unsupported(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune(`'@;()"\.`, r)
}

// unescape replaces \ooo by the character of that octal number.
func unescape(name string) (string, error) {
	if !strings.Contains(name, `\`) {
		return name, nil
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] != '\\' {
			b.WriteByte(name[i])
			continue
		}
		if i+4 > len(name) {
			return "", badEscape(name)
		}
		n, err := strconv.ParseUint(name[i+1:i+4], 8, 8)
		if err != nil || unsupported(rune(n)) {
			return "", badEscape(name)
		}
		b.WriteByte(byte(n))
		i += 3
	}
	return b.String(), nil
}

func badEscape(name string) error {
	return fmt.Errorf("FATAL problem: UnsupportedCharacter (Value contains unsupported characters) encountered with '%s'", name)
}

// EscapedName is a name as Route 53 answers it: whatever is not a letter, a
// digit, a hyphen, an underscore or a dot is \ooo.
func EscapedName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-_.", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, `\%03o`, c)
	}
	return b.String()
}

// within reports whether a name is a zone's or below it.
func within(name, zone string) bool { return name == zone || strings.HasSuffix(name, "."+zone) }
