package spec

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// Dump returns the stable text of a value of this package (or a slice, map or
// pointer of them): one line per structure, its scalar fields as Name=value,
// its nested structures indented below it. Zero fields are left out, map keys
// are sorted. Equal values have equal texts.
func Dump(v any) string {
	var b strings.Builder
	rv := reflect.ValueOf(v)
	for rv.Kind() == reflect.Pointer && !rv.IsNil() {
		rv = rv.Elem()
	}
	if !rv.IsValid() || rv.Kind() == reflect.Pointer {
		return "none\n"
	}
	name := rv.Type().Name()
	if name == "" && (rv.Kind() == reflect.Slice || rv.Kind() == reflect.Map) {
		name = rv.Type().Elem().Name()
	}
	dumpField(&b, "", name, rv)
	return b.String()
}

// dumpField writes a value that needs lines of its own.
func dumpField(b *strings.Builder, indent, name string, v reflect.Value) {
	switch {
	case isScalar(v.Type()):
		fmt.Fprintf(b, "%s%s %s\n", indent, name, scalar(v))
	case v.Kind() == reflect.Pointer:
		if !v.IsNil() {
			dumpField(b, indent, name, v.Elem())
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			dumpField(b, indent, name, v.Index(i))
		}
	case v.Kind() == reflect.Map:
		for _, k := range sortedKeys(v) {
			dumpField(b, indent, strings.TrimLeft(name+"["+scalar(k)+"]", " "), v.MapIndex(k))
		}
	default:
		dumpStruct(b, indent, name, v)
	}
}

func dumpStruct(b *strings.Builder, indent, name string, v reflect.Value) {
	b.WriteString(indent + name)
	t := v.Type()
	for i := range t.NumField() {
		if f := v.Field(i); isInline(f.Type()) && !isEmpty(f) {
			fmt.Fprintf(b, " %s=%s", t.Field(i).Name, scalar(f))
		}
	}
	b.WriteByte('\n')
	for i := range t.NumField() {
		f := v.Field(i)
		if isInline(f.Type()) || f.Kind() == reflect.Struct && f.IsZero() {
			continue
		}
		// A pointer that is set says so even when all it leads to is zero.
		dumpField(b, indent+"  ", t.Field(i).Name, f)
	}
}

// isScalar reports whether a value has a text of its own: plain kinds, bytes
// and netip's types.
func isScalar(t reflect.Type) bool {
	if t.Implements(reflect.TypeFor[fmt.Stringer]()) {
		return true
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Pointer:
		return false
	case reflect.Slice:
		return t.Elem().Kind() == reflect.Uint8
	}
	return true
}

// isInline reports whether a field goes on its structure's line: a scalar, or a
// slice of short ones.
func isInline(t reflect.Type) bool {
	return isScalar(t) || t.Kind() == reflect.Slice && isScalar(t.Elem())
}

func isEmpty(v reflect.Value) bool {
	return v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0
}

func scalar(v reflect.Value) string {
	if !v.Type().Implements(reflect.TypeFor[fmt.Stringer]()) && v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8 {
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = scalar(v.Index(i))
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	if raw, ok := v.Interface().([]byte); ok {
		if !utf8.Valid(raw) {
			return fmt.Sprintf("%x", raw)
		}
		return quote(string(raw))
	}
	return quote(fmt.Sprint(v.Interface()))
}

// quote leaves words as they are and quotes what would blur the line.
func quote(s string) string {
	if s == "" || strings.ContainsAny(s, " \t\n\r\"[]") {
		return fmt.Sprintf("%q", s)
	}
	return s
}

func sortedKeys(m reflect.Value) []reflect.Value {
	keys := m.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(scalar(a), scalar(b)) })
	return keys
}
