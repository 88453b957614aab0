package cloudinit

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The values of a cloud-config are as loose as Python is: these read them as
// cloud-init does.

// text is a scalar as a text.
func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int:
		return strconv.Itoa(v), true
	case int64, uint64:
		return fmt.Sprint(v), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	case bool:
		if v {
			return "True", true
		}
		return "False", true
	case time.Time:
		if v.Equal(v.Truncate(24 * time.Hour)) {
			return v.Format(time.DateOnly), true
		}
		return v.Format(time.DateTime), true
	}
	return "", false
}

// texts is a list of texts, or one text that is split.
func texts(v any, separator string) []string {
	var out []string
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if s, ok := text(e); ok {
				out = append(out, strings.TrimSpace(s))
			}
		}
	case map[string]any:
		for _, k := range sorted(v) {
			if s, ok := text(v[k]); ok {
				out = append(out, s)
			}
		}
	default:
		s, _ := text(v)
		for word := range strings.SplitSeq(s, separator) {
			if word = strings.TrimSpace(word); word != "" {
				out = append(out, word)
			}
		}
	}
	return out
}

// truth reads what YAML 1.1 and cloud-init hold true; absent is what an absent
// or other value means.
func truth(v any, absent bool) bool {
	switch s, _ := text(v); strings.ToLower(strings.TrimSpace(s)) {
	case "true", "1", "on", "yes":
		return true
	case "false", "0", "off", "no":
		return false
	}
	return absent
}

// stringKeys makes the keys of all maps texts.
func stringKeys(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = stringKeys(e)
		}
	case map[any]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[fmt.Sprint(k)] = stringKeys(e)
		}
		return out
	case []any:
		for i, e := range v {
			v[i] = stringKeys(e)
		}
	}
	return v
}
