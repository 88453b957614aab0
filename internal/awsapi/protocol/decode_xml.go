package protocol

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
)

// element is an XML element: either text or children.
type element struct {
	name string
	text []byte
	kids []*element
}

// parseXML reads a document. Document type declarations are refused, so that
// no entity is ever expanded.
func parseXML(body []byte) (*element, error) {
	dec := xml.NewDecoder(bytes.NewReader(body))
	var root *element
	var open []*element
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := tok.(type) {
		case xml.Directive:
			return nil, errors.New("DOCTYPE is disallowed")
		case xml.StartElement:
			e := &element{name: t.Name.Local}
			switch {
			case len(open) == maxDepth:
				return nil, errors.New("elements are nested too deeply")
			case len(open) > 0:
				parent := open[len(open)-1]
				parent.kids = append(parent.kids, e)
			case root != nil:
				return nil, errors.New("there is more than one root element")
			default:
				root = e
			}
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				e := open[len(open)-1]
				e.text = append(e.text, t...)
			}
		}
	}
	if root == nil {
		return nil, errors.New("premature end of file")
	}
	return root, nil
}

// xmlDecoder reads an element into a structure.
type xmlDecoder struct {
	unserved map[string]bool
}

func (d xmlDecoder) structure(s *shape, v reflect.Value, e *element, path, plain string) faults {
	if text := strings.TrimSpace(string(e.text)); text != "" {
		return faults{{kind: faultMalformed, path: path, value: text, want: kindStruct}}
	}
	v = s.place(v)
	seen := map[string]bool{}
	for _, kid := range e.kids {
		p, q := join(path, kid.name), join(plain, kid.name)
		if d.unserved[q] {
			return faults{{kind: faultUnserved, path: p}}
		}
		f := s.byIn[kid.name]
		if f == nil || f.loc != "" && f.loc != "payload" || seen[kid.name] && !f.flat {
			return invalidXML("Invalid content was found starting with element '%s'.", kid.name)
		}
		seen[kid.name] = true
		if fs := d.value(f, f.shape, v.Field(f.index), kid, p, q); fs != nil {
			return fs
		}
	}
	return nil
}

func (d xmlDecoder) value(f *field, s *shape, v reflect.Value, e *element, path, plain string) faults {
	switch s.kind {
	case kindStruct:
		return d.structure(s, v, e, path, plain)
	case kindList:
		return d.list(f, s, v, e, path, plain)
	case kindMap:
		return d.stringMap(v, e, path)
	}
	if len(e.kids) > 0 {
		return invalidXML("Element '%s' must have no element children.", e.name)
	}
	text := string(e.text)
	if s.kind != kindString {
		text = strings.TrimSpace(text)
	}
	if setScalar(s, v, text) != nil {
		return faults{{kind: faultMalformed, path: path, value: text, want: s.kind}}
	}
	return nil
}

func (d xmlDecoder) list(f *field, s *shape, v reflect.Value, e *element, path, plain string) faults {
	items := e.kids
	if f.flat {
		items = []*element{e}
	} else {
		v.Set(reflect.MakeSlice(s.typ, 0, len(items)))
	}
	item := f.item
	if item == "" {
		item = "member"
	}
	for _, x := range items {
		if !f.flat && x.name != item {
			return invalidXML("Invalid content was found starting with element '%s'.", x.name)
		}
		v.Set(reflect.Append(v, reflect.Zero(s.typ.Elem())))
		i := v.Len() - 1
		if fs := d.value(f, s.elem, v.Index(i), x, join(path, strconv.Itoa(i+1)), plain); fs != nil {
			return fs
		}
	}
	return nil
}

func (d xmlDecoder) stringMap(v reflect.Value, e *element, path string) faults {
	out := map[string]string{}
	v.Set(reflect.ValueOf(out))
	for _, x := range e.kids {
		if x.name != "entry" || len(x.kids) != 2 || x.kids[0].name != "key" || x.kids[1].name != "value" {
			return faults{{kind: faultMalformed, path: path, want: kindMap}}
		}
		out[string(x.kids[0].text)] = string(x.kids[1].text)
	}
	return nil
}

func invalidXML(format string, args ...any) faults {
	return faults{{kind: faultSyntax, limit: "Invalid XML ; " + fmt.Sprintf(format, args...)}}
}
