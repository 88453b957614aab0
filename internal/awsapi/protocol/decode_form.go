package protocol

import (
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// maxDepth bounds how deep a request may nest.
const maxDepth = 32

// node is a form's parameters as a tree: A.1.B=c is a -> 1 -> B.
type node struct {
	value string
	set   bool
	kids  map[string]*node
}

// formTree builds the tree of all parameters but those of the protocol itself.
func formTree(params url.Values) (*node, faults) {
	root := &node{}
	for _, key := range slices.Sorted(maps.Keys(params)) {
		if ofProtocol(key) {
			continue
		}
		if strings.Count(key, ".") > maxDepth {
			return nil, faults{{kind: faultUnknown, path: key}}
		}
		n := root
		for part := range strings.SplitSeq(key, ".") {
			if n.kids == nil {
				n.kids = map[string]*node{}
			}
			if n.kids[part] == nil {
				n.kids[part] = &node{}
			}
			n = n.kids[part]
		}
		n.value, n.set = params[key][0], true
	}
	return root, nil
}

// ofProtocol reports whether a parameter belongs to the protocol or to a
// presigned URL, not to the operation.
func ofProtocol(key string) bool {
	return key == "Action" || key == "Version" || strings.HasPrefix(key, "X-Amz-")
}

// formDecoder reads the tree into a structure, in the ec2 or the query dialect.
type formDecoder struct {
	ec2      bool
	unserved map[string]bool
}

func (d formDecoder) structure(s *shape, v reflect.Value, n *node, path, plain string) faults {
	if n.set && n.value != "" {
		return faults{{kind: faultMalformed, path: path, value: n.value, want: kindStruct}}
	}
	v = s.place(v)
	for _, name := range slices.Sorted(maps.Keys(n.kids)) {
		p, q := join(path, name), join(plain, name)
		if d.unserved[q] {
			return faults{{kind: faultUnserved, path: p}}
		}
		f := s.byIn[name]
		if f == nil {
			return faults{{kind: faultUnknown, path: p + n.kids[name].firstLeaf()}}
		}
		if fs := d.value(f, f.shape, v.Field(f.index), n.kids[name], p, q); fs != nil {
			return fs
		}
	}
	return nil
}

func (d formDecoder) value(f *field, s *shape, v reflect.Value, n *node, path, plain string) faults {
	switch s.kind {
	case kindStruct:
		return d.structure(s, v, n, path, plain)
	case kindList:
		return d.list(f, s, v, n, path, plain)
	case kindMap:
		return d.stringMap(v, n, path)
	}
	if len(n.kids) > 0 {
		return faults{{kind: faultUnknown, path: path + n.firstLeaf()}}
	}
	if setScalar(s, v, n.value) != nil {
		return faults{{kind: faultMalformed, path: path, value: n.value, want: s.kind}}
	}
	return nil
}

// list reads Name.1 (ec2) or Name.member.1 (query). A name without an index is
// how clients send an empty list.
func (d formDecoder) list(f *field, s *shape, v reflect.Value, n *node, path, plain string) faults {
	if n.set && n.value != "" {
		return faults{{kind: faultMalformed, path: path, value: n.value, want: kindList}}
	}
	if len(n.kids) == 0 {
		v.Set(reflect.MakeSlice(s.typ, 0, 0))
		return nil
	}
	if !d.ec2 && !f.flat {
		item := f.item
		if item == "" {
			item = "member"
		}
		if other, fs := n.only(item, path); fs != nil {
			return fs
		} else if n = other; n.set && n.value != "" {
			return faults{{kind: faultMalformed, path: path, value: n.value, want: kindList}}
		}
		path = join(path, item)
	}
	keys, fs := n.indices(path)
	if fs != nil {
		return fs
	}
	v.Set(reflect.MakeSlice(s.typ, len(keys), len(keys)))
	for i, key := range keys {
		if fs := d.value(f, s.elem, v.Index(i), n.kids[key], join(path, key), plain); fs != nil {
			return fs
		}
	}
	return nil
}

// stringMap reads Name.entry.1.key and Name.entry.1.value.
func (d formDecoder) stringMap(v reflect.Value, n *node, path string) faults {
	out := map[string]string{}
	v.Set(reflect.ValueOf(out))
	if len(n.kids) == 0 {
		return nil
	}
	n, fs := n.only("entry", path)
	if fs != nil {
		return fs
	}
	path = join(path, "entry")
	keys, fs := n.indices(path)
	if fs != nil {
		return fs
	}
	for _, key := range keys {
		e := n.kids[key]
		k, value := e.kids["key"], e.kids["value"]
		if k == nil || value == nil || len(e.kids) != 2 {
			return faults{{kind: faultMalformed, path: join(path, key), want: kindMap}}
		}
		out[k.value] = value.value
	}
	return nil
}

// only returns the child of that name, which must be the only one.
func (n *node) only(name, path string) (*node, faults) {
	for _, k := range slices.Sorted(maps.Keys(n.kids)) {
		if k != name {
			return nil, faults{{kind: faultUnknown, path: join(path, k)}}
		}
	}
	return n.kids[name], nil
}

// indices returns the numbered children in order.
func (n *node) indices(path string) ([]string, faults) {
	keys := slices.Sorted(maps.Keys(n.kids))
	numbers := make(map[string]int, len(keys))
	for _, k := range keys {
		i, err := strconv.Atoi(k)
		if err != nil || i < 0 || k[0] == '+' {
			return nil, faults{{kind: faultUnknown, path: join(path, k)}}
		}
		numbers[k] = i
	}
	slices.SortStableFunc(keys, func(a, b string) int { return numbers[a] - numbers[b] })
	return keys, nil
}

// firstLeaf is the rest of the path to the first value below a node, for
// messages that name a parameter as the client sent it.
func (n *node) firstLeaf() string {
	path := ""
	for !n.set && len(n.kids) > 0 {
		k := slices.Min(slices.Collect(maps.Keys(n.kids)))
		path += "." + k
		n = n.kids[k]
	}
	return path
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
