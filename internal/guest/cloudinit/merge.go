package cloudinit

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// defaultMerge is how a cloud-config is merged with those before it unless it
// says otherwise: a key of a later one replaces that of an earlier one whole.
const defaultMerge = "dict(replace)+list()+str()"

// merger merges by one kind of value, with its options.
type merger map[string][]string // dict, list, str

func (m merger) has(kind string, options ...string) bool {
	return slices.ContainsFunc(options, func(o string) bool { return slices.Contains(m[kind], o) })
}

// takeMergers finds how a part wants to be merged and takes that out of it.
func takeMergers(config map[string]any, header string) (merger, error) {
	how := config["merge_how"]
	if how == nil {
		how = config["merge_type"]
	}
	delete(config, "merge_how")
	delete(config, "merge_type")
	m := merger{}
	if list, ok := how.([]any); ok {
		for _, e := range list {
			name, options, err := mergerEntry(e)
			if err != nil {
				return nil, err
			}
			m.add(name, options)
		}
	}
	own, _ := how.(string)
	for _, s := range []string{own, header} {
		if err := m.parse(s); err != nil {
			return nil, err
		}
	}
	if len(m) == 0 {
		return m, m.parse(defaultMerge)
	}
	return m, nil
}

// mergerEntry is {name: list, settings: [append]} or [list, append].
func mergerEntry(e any) (string, []string, error) {
	var name string
	var options any
	switch e := e.(type) {
	case map[string]any:
		name, _ = text(e["name"])
		options = e["settings"]
	case []any:
		if len(e) > 0 {
			name, _ = text(e[0])
			options = e[1:]
		}
	}
	if name == "" {
		return "", nil, fmt.Errorf("merge_how: %v names no merger", e)
	}
	return name, texts(options, ","), nil
}

// add keeps the first merger of a kind: that is the one which is asked.
func (m merger) add(name string, options []string) {
	name = strings.ToLower(strings.TrimSpace(name))
	if _, there := m[name]; !there {
		m[name] = options
	}
}

var mergerSyntax = regexp.MustCompile(`^([a-z_][a-z0-9_]*)\((.*?)\)$`)

func (m merger) parse(s string) error {
	for word := range strings.SplitSeq(s, "+") {
		word = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(word)), "-", "_")
		if word == "" {
			continue
		}
		f := mergerSyntax.FindStringSubmatch(word)
		if f == nil {
			return fmt.Errorf("matcher identifier '%s' is not in the right format", word)
		}
		if !slices.Contains([]string{"dict", "list", "str"}, f[1]) {
			return fmt.Errorf("could not find merger module named 'm_%s'", f[1])
		}
		m.add(f[1], texts(f[2], ","))
	}
	return nil
}

// merge merges b into a, by a's type.
func (m merger) merge(a, b any) any {
	switch a := a.(type) {
	case map[string]any:
		if _, ok := m["dict"]; ok {
			return m.dicts(a, b)
		}
	case []any:
		if _, ok := m["list"]; ok {
			return m.lists(a, b)
		}
	case string:
		if b, ok := b.(string); ok && m.has("str", "append") {
			return a + b
		}
		if _, ok := b.(string); ok {
			return b
		}
	}
	return a
}

func (m merger) dicts(a map[string]any, b any) any {
	with, ok := b.(map[string]any)
	if !ok {
		return a
	}
	replace := m.has("dict", "replace") && !m.has("dict", "no_replace")
	out := maps.Clone(a)
	for k, v := range with {
		old, there := out[k]
		switch {
		case there && v == nil && m.has("dict", "allow_delete"):
			delete(out, k)
		case !there || replace:
			out[k] = v
		default:
			out[k] = m.same("dict", old, v)
		}
	}
	return out
}

// same merges what stands at one key.
func (m merger) same(kind string, old, v any) any {
	switch v.(type) {
	case []any:
		if m.has(kind, "recurse_array", "recurse_list") {
			return m.merge(old, v)
		}
	case string:
		if m.has(kind, "recurse_str") {
			return m.merge(old, v)
		}
	case map[string]any:
		if kind == "dict" || m.has(kind, "recurse_dict") {
			return m.merge(old, v)
		}
	}
	if kind == "list" {
		return v
	}
	return old
}

func (m merger) lists(a []any, b any) any {
	with, ok := b.([]any)
	switch {
	case !ok && !m.has("list", "append", "prepend", "no_replace"):
		return b
	case !ok:
		return a
	case m.has("list", "append"):
		return append(slices.Clone(a), with...)
	case m.has("list", "prepend"):
		return append(slices.Clone(with), a...)
	}
	out := slices.Clone(a)
	for i := range min(len(out), len(with)) {
		if !m.has("list", "no_replace") {
			out[i] = m.same("list", out[i], with[i])
		}
	}
	return out
}
