package ssm

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// defaults are the values of a parameter that is not given; nil for none.
func (p DocParameter) defaults() []string {
	switch d := p.Default.(type) {
	case nil:
		return nil
	case []any:
		list := make([]string, len(d))
		for i, x := range d {
			list[i] = text(x)
		}
		return list
	default:
		return []string{text(d)}
	}
}

// text is a scalar of a document as it stands in scripts.
func text(x any) string {
	switch x := x.(type) {
	case nil:
		return ""
	case string:
		return x
	case float64, bool:
		data, err := json.Marshal(x)
		if err != nil {
			return ""
		}
		return string(data)
	}
	return fmt.Sprint(x)
}

// values checks what was given for a parameter.
func (p DocParameter) values(name string, given []string) ([]string, error) {
	if p.Type == "String" && len(given) != 1 {
		return nil, invalid("InvalidParameters", "Parameter \"%s\" is of type String and must have exactly one value.", name)
	}
	if n := float64(len(given)); p.Type == "StringList" && (p.MinItems != nil && n < *p.MinItems || p.MaxItems != nil && n > *p.MaxItems) {
		return nil, invalid("InvalidParameters", "Parameter \"%s\" has %d items, which is not allowed.", name, len(given))
	}
	for _, v := range given {
		if err := p.value(name, v); err != nil {
			return nil, err
		}
	}
	return given, nil
}

func (p DocParameter) value(name, v string) error {
	if n := float64(len([]rune(v))); p.MinChars != nil && n < *p.MinChars || p.MaxChars != nil && n > *p.MaxChars {
		return invalid("InvalidParameters", "Parameter \"%s\" has a value of %d characters, which is not allowed.", name, int(n))
	}
	if len(p.AllowedValues) > 0 && !slices.ContainsFunc(p.AllowedValues, func(a any) bool { return text(a) == v }) {
		return invalid("InvalidParameters", "Parameter \"%s\" has a value that is not one of its allowedValues.", name)
	}
	if p.AllowedPattern == "" {
		return nil
	}
	if match, err := regexp.Compile("^(?:" + p.AllowedPattern + ")$"); err != nil || !match.MatchString(v) {
		return invalid("InvalidParameters", "Parameter \"%s\" has value \"%s\" not matching \"%s\".", name, v, p.AllowedPattern)
	}
	return nil
}

// arguments are the values of all parameters: those given, and the defaults.
func (c *Content) arguments(document string, given map[string][]string) (map[string][]string, error) {
	if len(c.Parameters) == 0 && len(given) > 0 {
		return nil, invalid("InvalidParameters", "document %s does not support parameters.", document)
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, ok := c.Parameters[name]; !ok {
			return nil, invalid("InvalidParameters", "document %s does not support parameter %s.", document, name)
		}
	}
	all := map[string][]string{}
	for _, name := range c.order {
		p := c.Parameters[name]
		values, ok := given[name]
		if !ok {
			if values = p.defaults(); values == nil {
				return nil, invalid("InvalidParameters", "Parameter \"%s\" requires a value: it has no default.", name)
			}
		}
		checked, err := p.values(name, values)
		if err != nil {
			return nil, err
		}
		all[name] = checked
	}
	return all, nil
}

var reference = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{\{\s*([a-zA-Z][a-zA-Z0-9_]*)\s*\}\}`) })

// fill puts the values of parameters into what a document says, at any depth. A
// string that is nothing but a reference to a list becomes that list.
func (c *Content) fill(x any, values map[string][]string) any {
	switch x := x.(type) {
	case string:
		return c.fillText(x, values)
	case []any:
		var out []any
		for _, e := range x {
			filled := c.fill(e, values)
			if list, ok := filled.([]any); ok {
				if _, was := e.(string); was {
					out = append(out, list...)
					continue
				}
			}
			out = append(out, filled)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, e := range x {
			out[k] = c.fill(e, values)
		}
		return out
	}
	return x
}

func (c *Content) fillText(s string, values map[string][]string) any {
	if m := reference().FindStringSubmatch(strings.TrimSpace(s)); m != nil && m[0] == strings.TrimSpace(s) && c.Parameters[m[1]].Type == "StringList" {
		out := []any{}
		for _, v := range values[m[1]] {
			out = append(out, v)
		}
		return out
	}
	return reference().ReplaceAllStringFunc(s, func(ref string) string {
		name := reference().FindStringSubmatch(ref)[1]
		p, ok := c.Parameters[name]
		if !ok {
			return ref
		}
		if p.Type == "StringList" {
			data, err := json.Marshal(values[name])
			if err != nil {
				return ref
			}
			return string(data)
		}
		return strings.Join(values[name], "")
	})
}
