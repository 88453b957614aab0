package protocol

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// decodeJSON reads a JSON 1.1 body into a structure.
func decodeJSON(s *shape, v reflect.Value, body []byte, unserved map[string]bool) faults {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var doc any
	if err := dec.Decode(&doc); err != nil {
		return faults{{kind: faultSyntax, limit: "The body is not valid JSON."}}
	}
	if dec.More() {
		return faults{{kind: faultSyntax, limit: "There is data after the JSON body."}}
	}
	return jsonDecoder{unserved}.value(s, v, doc, "", "", 0)
}

type jsonDecoder struct {
	unserved map[string]bool
}

func (d jsonDecoder) value(s *shape, v reflect.Value, x any, path, plain string, depth int) faults {
	if x == nil {
		return nil
	}
	bad := faults{{kind: faultMalformed, path: path, value: jsonText(x), want: s.kind}}
	if depth > maxDepth {
		return bad
	}
	switch s.kind {
	case kindStruct:
		m, ok := x.(map[string]any)
		if !ok {
			return bad
		}
		return d.structure(s, s.place(v), m, path, plain, depth)
	case kindList:
		items, ok := x.([]any)
		if !ok {
			return bad
		}
		v.Set(reflect.MakeSlice(s.typ, len(items), len(items)))
		for i, item := range items {
			if fs := d.value(s.elem, v.Index(i), item, join(path, strconv.Itoa(i+1)), plain, depth+1); fs != nil {
				return fs
			}
		}
		return nil
	case kindMap:
		return jsonMap(v, x, bad)
	}
	text, ok := jsonScalar(s.kind, x)
	if !ok || setScalar(s, v, text) != nil {
		return bad
	}
	return nil
}

func (d jsonDecoder) structure(s *shape, v reflect.Value, m map[string]any, path, plain string, depth int) faults {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		p, q := join(path, name), join(plain, name)
		if d.unserved[q] && m[name] != nil {
			return faults{{kind: faultUnserved, path: p}}
		}
		f := s.byIn[name]
		if f == nil {
			return faults{{kind: faultUnknown, path: p}}
		}
		if fs := d.value(f.shape, v.Field(f.index), m[name], p, q, depth+1); fs != nil {
			return fs
		}
	}
	return nil
}

func jsonMap(v reflect.Value, x any, bad faults) faults {
	m, ok := x.(map[string]any)
	if !ok {
		return bad
	}
	out := reflect.MakeMapWithSize(v.Type(), len(m))
	for k, e := range m {
		var member any
		switch v.Type().Elem().Kind() {
		case reflect.String:
			member, ok = e.(string)
		case reflect.Slice:
			member, ok = jsonStrings(e)
		default:
			ok = false
		}
		if !ok {
			return bad
		}
		out.SetMapIndex(reflect.ValueOf(k), reflect.ValueOf(member))
	}
	v.Set(out)
	return nil
}

func jsonStrings(x any) (list []string, ok bool) {
	items, ok := x.([]any)
	list = make([]string, len(items))
	for i, item := range items {
		text, isString := item.(string)
		list[i], ok = text, ok && isString
	}
	return list, ok
}

// jsonScalar is the text of a scalar that has the JSON type its kind wants.
func jsonScalar(k kind, x any) (string, bool) {
	switch x := x.(type) {
	case string:
		return x, k == kindString || k == kindBlob || k == kindTime
	case bool:
		return strconv.FormatBool(x), k == kindBool
	case json.Number:
		return x.String(), k == kindInt || k == kindFloat || k == kindTime
	}
	return "", false
}

func jsonText(x any) string {
	switch x := x.(type) {
	case string:
		return x
	case json.Number:
		return x.String()
	case bool:
		return strconv.FormatBool(x)
	}
	return ""
}
