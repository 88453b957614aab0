package ec2

import (
	"strings"
	"unicode"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/cloud"
)

// filterFields are the names by which the items of a Describe call can be
// filtered, each with the item's values. Tag filters are known to every call
// that has a function for tags.
type filterFields[T any] map[string]func(T) []string

// one makes a field with one value.
func one[T any](get func(T) string) func(T) []string {
	return func(v T) []string { return []string{get(v)} }
}

// yesNo makes a field that is true or false.
func yesNo[T any](get func(T) bool) func(T) []string {
	return func(v T) []string {
		if get(v) {
			return []string{"true"}
		}
		return []string{"false"}
	}
}

// selectItems returns the items that match every filter. A name that the call
// does not know is refused even if there are no items.
func selectItems[T any](items []T, filters []model.Filter, fields filterFields[T], tags func(T) cloud.Tags) ([]T, error) {
	known := func(v *T) func(string) ([]string, bool) {
		return func(name string) ([]string, bool) {
			if tags != nil {
				if values, ok := tagValues(name, v, tags); ok {
					return values, true
				}
			}
			get, ok := fields[name]
			if !ok {
				if get, ok = fields[kebab(name)]; !ok {
					return nil, false
				}
			}
			if v == nil {
				return nil, true
			}
			return get(*v), true
		}
	}
	if _, err := matchFilters(filters, known(nil)); err != nil {
		return nil, err
	}
	var out []T
	for i := range items {
		ok, err := matchFilters(filters, known(&items[i]))
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, items[i])
		}
	}
	return out, nil
}

func tagValues[T any](name string, v *T, tags func(T) cloud.Tags) ([]string, bool) {
	key, byKey := strings.CutPrefix(name, "tag:")
	if !byKey && name != "tag-key" && name != "tag-value" {
		return nil, false
	}
	if v == nil {
		return nil, true
	}
	var values []string
	for k, val := range tags(*v) {
		switch {
		case byKey && k == key, name == "tag-value":
			values = append(values, val)
		case name == "tag-key":
			values = append(values, k)
		}
	}
	return values, true
}

// matchFilters reports whether an item matches every filter: with one of a
// filter's values, one of the item's is enough. fields returns the item's
// values of a filter name, and false for a name that the call does not know.
func matchFilters(filters []model.Filter, fields func(name string) ([]string, bool)) (bool, error) {
	match := true
	for _, f := range filters {
		have, ok := fields(val(f.Name))
		if !ok {
			return false, cloud.Errorf(cloud.KindInvalid, "filter", "InvalidParameterValue", "The filter '%s' is invalid", val(f.Name))
		}
		if match && !anyMatch(f.Values, have) {
			match = false
		}
	}
	return match, nil
}

func anyMatch(patterns, values []string) bool {
	for _, p := range patterns {
		for _, v := range values {
			if wildcard(p, v) {
				return true
			}
		}
	}
	return false
}

// wildcard matches s against a pattern in which * is any text, ? any one
// character, and a backslash takes the meaning from the next character.
func wildcard(pattern, s string) bool {
	p, t := []rune(pattern), []rune(s)
	pi, ti, star, mark := 0, 0, -1, 0
	for ti < len(t) {
		switch {
		case pi < len(p) && p[pi] == '*':
			star, mark = pi, ti
			pi++
			continue
		case pi < len(p) && p[pi] == '?':
			pi, ti = pi+1, ti+1
			continue
		case pi+1 < len(p) && p[pi] == '\\' && p[pi+1] == t[ti]:
			pi, ti = pi+2, ti+1
			continue
		case pi < len(p) && p[pi] == t[ti] && p[pi] != '\\':
			pi, ti = pi+1, ti+1
			continue
		}
		if star < 0 {
			return false
		}
		mark++
		pi, ti = star+1, mark
	}
	for pi < len(p) && p[pi] == '*' {
		pi++
	}
	return pi == len(p)
}

// kebab turns the older spelling of a filter's name (availabilityZone) into the
// documented one (availability-zone).
func kebab(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// exactValues returns the values of a filter if none has a wildcard.
func exactValues(filters []model.Filter, name string) ([]string, bool) {
	for _, f := range filters {
		if n := val(f.Name); n != name && kebab(n) != name {
			continue
		}
		for _, v := range f.Values {
			if strings.ContainsAny(v, `*?\`) {
				return nil, false
			}
		}
		return f.Values, true
	}
	return nil, false
}
