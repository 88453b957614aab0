package dns

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// checkSet checks a record set that is to be stored and completes it.
func (b *batch) checkSet(s *RecordSet) {
	apex := s.Name == b.zone.Name
	switch {
	case s.Type == "SOA" && !apex:
		b.refuse("RRSet of type SOA with DNS name %s is not permitted in zone %s", EscapedName(s.Name), b.zone.Name)
	case s.Type == "SOA" && len(s.Values) != 1:
		b.refuse("A HostedZone must contain exactly one SOA record.")
	case s.Type == "CNAME" && apex:
		b.refuse("RRSet of type CNAME with DNS name %s is not permitted at apex in zone %s", EscapedName(s.Name), b.zone.Name)
	case s.Type == "CNAME" && len(s.Values) > 1:
		b.refuse("RRSet of type CNAME with DNS name %s contains more than one resource record", EscapedName(s.Name))
	case s.Type == "NS" && b.zone.Private && !apex:
		b.refuse("RRSet of type NS with DNS name %s is not permitted in private zone %s", EscapedName(s.Name), b.zone.Name)
	case len(s.Values) > maxValues:
		b.refuse("Number of records limit of %d exceeded.", maxValues)
	}
	for i, v := range s.Values {
		if slices.Contains(s.Values[:i], v) {
			b.refuse("Duplicate Resource Record: '%s'", v)
		}
		if problem := checkValue(s.Type, v); problem != "" {
			b.refuse("Invalid Resource Record: 'FATAL problem: %s encountered with '%s''", problem, v)
		}
	}
	if s.Alias == nil {
		return
	}
	if s.Type == "SOA" || s.Type == "NS" {
		b.refuse("RRSet of type %s with DNS name %s can not be an alias", s.Type, EscapedName(s.Name))
	}
	name, err := CanonicalName(s.Alias.Name)
	if err != nil {
		b.refuse("%s", err)
		return
	}
	alias := *s.Alias
	alias.Name = name
	s.Alias = &alias
}

// checkValue returns what is wrong with a value of a type, in Route 53's
// words, or nothing.
func checkValue(typ, v string) string {
	switch typ {
	case "A":
		if a, err := netip.ParseAddr(v); err != nil || !a.Is4() {
			return "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"
		}
	case "AAAA":
		if a, err := netip.ParseAddr(v); err != nil || !a.Is6() || a.Zone() != "" {
			return "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)"
		}
	case "CNAME", "NS", "PTR":
		return checkTarget(v)
	case "TXT", "SPF":
		return checkStrings(v)
	default:
		return checkFields(typ, strings.Fields(v), v)
	}
	return ""
}

func checkTarget(v string) string {
	if _, err := CanonicalName(v); err != nil {
		text := strings.TrimPrefix(err.Error(), "FATAL problem: ")
		text, _, _ = strings.Cut(text, " encountered with ")
		return text
	}
	return ""
}

// checkStrings checks "…" "…", each of at most 255 characters.
func checkStrings(v string) string {
	rest := strings.Trim(v, " \t")
	if rest == "" {
		return "InvalidCharacterString (Value should be enclosed in quotation marks)"
	}
	for rest != "" {
		if rest[0] != '"' {
			return "InvalidCharacterString (Value should be enclosed in quotation marks)"
		}
		n, end := 0, 1
		for ; end < len(rest) && rest[end] != '"'; end++ {
			if rest[end] == '\\' {
				end += escapeLength(rest[end+1:])
			}
			n++
		}
		if end >= len(rest) {
			return "InvalidCharacterString (Value should be enclosed in quotation marks)"
		}
		if n > 255 {
			return "CharacterStringTooLong (Value is too long)"
		}
		rest = strings.TrimLeft(rest[end+1:], " \t")
	}
	return ""
}

// escapeLength is how many characters after a backslash belong to it: three
// digits or one other.
func escapeLength(rest string) int {
	if len(rest) >= 3 && !strings.ContainsFunc(rest[:3], func(r rune) bool { return r < '0' || r > '7' }) {
		return 3
	}
	return 1
}

// field is how one word of a value must look.
type field func(string) bool

// checkFields checks the types whose values are words.
func checkFields(typ string, words []string, v string) string {
	u8, u16, u32, name := number(8), number(16), number(32), isName
	forms := map[string][]field{
		"MX":    {u16, name},
		"SRV":   {u16, u16, u16, name},
		"SOA":   {name, name, u32, u32, u32, u32, u32},
		"NAPTR": {u16, u16, quoted, quoted, quoted, name},
		"DS":    {u16, u8, u8, isHex},
		"SSHFP": {u8, u8, isHex},
		"TLSA":  {u8, u8, u8, isHex},
	}
	switch typ {
	case "CAA":
		tag := func(s string) bool { return s == "issue" || s == "issuewild" || s == "iodef" }
		forms["CAA"] = []field{u8, tag, quoted}
		words = strings.SplitN(v, " ", 3)
	case "SVCB", "HTTPS":
		if len(words) >= 2 && u16(words[0]) && (words[1] == "." || name(words[1])) {
			return ""
		}
		return fmt.Sprintf("%sRRDATAInvalid (Value is not a valid %s value)", typ, typ)
	}
	form, known := forms[typ]
	if !known {
		return fmt.Sprintf("UnsupportedType (Type %s is not supported)", typ)
	}
	if len(words) != len(form) {
		return fmt.Sprintf("%sRRDATANot%dFields (Value does not contain %d fields)", typ, len(form), len(form))
	}
	for i, ok := range form {
		if !ok(words[i]) {
			return fmt.Sprintf("%sRRDATAInvalidField (Field %d is not valid)", typ, i+1)
		}
	}
	return ""
}

func number(bits int) field {
	return func(s string) bool {
		_, err := strconv.ParseUint(s, 10, bits)
		return err == nil
	}
}

func isName(s string) bool { return s == "." || checkTarget(s) == "" }

func isHex(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && s != ""
}

func quoted(s string) bool {
	return len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' && checkStrings(s) == ""
}
