package iam

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// conditions reports whether all conditions hold, and whether all can be judged.
// One that certainly does not hold settles the matter.
func (a Access) conditions(all map[string]map[string]oneOrMore) (holds, known bool) {
	known = true
	for operator, keys := range all {
		for key, wanted := range keys {
			h, k := a.condition(operator, strings.ToLower(key), wanted)
			switch {
			case !k:
				known = false
			case !h:
				return false, true
			}
		}
	}
	return known, known
}

func (a Access) condition(operator, key string, wanted []string) (holds, known bool) {
	value, there := a.Context[key]
	settled := there || a.Settled != nil && a.Settled(key)
	if operator == "Null" {
		return settled && slices.Contains(wanted, strconv.FormatBool(!there)), settled
	}
	// The values here are single ones: to sets they are sets of one, or none.
	base, forAll := strings.CutPrefix(operator, "ForAllValues:")
	base, forAny := strings.CutPrefix(base, "ForAnyValue:")
	base, ifExists := strings.CutSuffix(base, "IfExists")
	match, negated, ok := operatorOf(base)
	switch {
	case !ok:
		return false, false
	case there:
		found := slices.ContainsFunc(wanted, func(w string) bool {
			w, ok := a.substitute(w)
			return ok && match(w, value)
		})
		return found != negated, true
	case ifExists:
		return true, true
	case !settled:
		return false, false
	}
	// Without a value, what asks for one fails and what excludes some holds.
	return forAll || negated && !forAny, true
}

// like matches a resource with a pattern, in which policy variables stand for
// values of the request.
func (a Access) like(pattern, value string) bool {
	pattern, ok := a.substitute(pattern)
	return ok && like(pattern, value)
}

// substitute puts the values of the request in place of ${aws:userid} and the
// like; a statement with a variable that has none matches nothing.
func (a Access) substitute(pattern string) (string, bool) {
	for done := 0; ; {
		i := strings.Index(pattern[done:], "${")
		if i < 0 {
			return pattern, true
		}
		i += done
		name, rest, ok := strings.Cut(pattern[i+2:], "}")
		if !ok {
			return pattern, true
		}
		name, fallback, _ := strings.Cut(name, ",")
		value, ok := a.Context[strings.ToLower(strings.TrimSpace(name))]
		switch {
		case name == "$" || name == "*" || name == "?":
			value = name
		case !ok:
			if value = strings.Trim(strings.TrimSpace(fallback), "'"); value == "" {
				return "", false
			}
		}
		done = i + len(value)
		pattern = pattern[:i] + value + rest
	}
}

// operatorOf finds what compares a policy's value with a request's.
func operatorOf(name string) (match func(pattern, value string) bool, negated, ok bool) {
	equal := func(p, v string) bool { return p == v }
	switch name {
	case "StringEquals", "BinaryEquals":
		return equal, false, true
	case "StringNotEquals":
		return equal, true, true
	case "StringEqualsIgnoreCase", "Bool":
		return strings.EqualFold, false, true
	case "StringNotEqualsIgnoreCase":
		return strings.EqualFold, true, true
	case "StringLike", "ArnLike", "ArnEquals":
		return like, false, true
	case "StringNotLike", "ArnNotLike", "ArnNotEquals":
		return like, true, true
	case "IpAddress":
		return within, false, true
	case "NotIpAddress":
		return within, true, true
	}
	if compare, ok := strings.CutPrefix(name, "Numeric"); ok {
		return ordered(compare, number)
	}
	if compare, ok := strings.CutPrefix(name, "Date"); ok {
		return ordered(compare, date)
	}
	return nil, false, false
}

func within(pattern, value string) bool {
	a, err := netip.ParseAddr(value)
	if err != nil {
		return false
	}
	if p, err := netip.ParsePrefix(pattern); err == nil {
		return p.Contains(a)
	}
	p, err := netip.ParseAddr(pattern)
	return err == nil && p == a
}

func number(s string) (float64, bool) {
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

// date reads a time of ISO 8601 or seconds of the epoch.
func date(s string) (float64, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return float64(t.UnixNano()) / 1e9, true
		}
	}
	return number(s)
}

func ordered(name string, parse func(string) (float64, bool)) (match func(pattern, value string) bool, negated, ok bool) {
	hold, ok := map[string]func(value, limit float64) bool{
		"Equals": func(v, l float64) bool { return v == l }, "NotEquals": func(v, l float64) bool { return v == l },
		"LessThan": func(v, l float64) bool { return v < l }, "LessThanEquals": func(v, l float64) bool { return v <= l },
		"GreaterThan": func(v, l float64) bool { return v > l }, "GreaterThanEquals": func(v, l float64) bool { return v >= l },
	}[name]
	return func(pattern, value string) bool {
		l, ok1 := parse(pattern)
		v, ok2 := parse(value)
		return ok1 && ok2 && hold(v, l)
	}, name == "NotEquals", ok
}
