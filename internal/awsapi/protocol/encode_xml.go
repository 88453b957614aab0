package protocol

import (
	"bytes"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

const xmlHeader = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// xmlWriter writes elements. It can not fail: it writes to memory.
type xmlWriter struct {
	bytes.Buffer
	item string // the name of a list's members where the model has none
}

// root opens the outermost element.
func (w *xmlWriter) root(name, namespace string) {
	w.WriteString(xmlHeader + "<" + name)
	if namespace != "" {
		w.WriteString(` xmlns="` + namespace + `"`)
	}
	w.WriteByte('>')
}

func (w *xmlWriter) open(name string) { w.WriteString("<" + name + ">") }

func (w *xmlWriter) close(name string) { w.WriteString("</" + name + ">") }

func (w *xmlWriter) leaf(name, text string) {
	w.open(name)
	w.escape(text)
	w.close(name)
}

// escape writes text. Line feeds stay as they are: policy documents hold them,
// and AWS does not encode them. What XML can not hold becomes U+FFFD.
func (w *xmlWriter) escape(text string) {
	for _, r := range text {
		switch {
		case r == '&':
			w.WriteString("&amp;")
		case r == '<':
			w.WriteString("&lt;")
		case r == '>':
			w.WriteString("&gt;")
		case r == '"':
			w.WriteString("&quot;")
		case r == '\r':
			w.WriteString("&#xD;")
		case r < ' ' && r != '\n' && r != '\t', r == 0xFFFE, r == 0xFFFF:
			w.WriteRune(utf8.RuneError)
		default:
			w.WriteRune(r)
		}
	}
}

// members writes the fields of a structure that travel in the body. With
// lists, absent lists are written empty: clients then show an empty list and
// not none at all.
func (w *xmlWriter) members(s *shape, v reflect.Value, lists bool) {
	if s.ptr {
		v = v.Elem()
	}
	for i := range s.fields {
		f := &s.fields[i]
		if f.out == "" || f.loc != "" && f.loc != "payload" {
			continue
		}
		fv := v.Field(f.index)
		if !absent(fv) || lists && f.shape.kind == kindList && !f.flat {
			w.member(f, f.out, fv)
		}
	}
}

func (w *xmlWriter) member(f *field, name string, v reflect.Value) {
	if f.shape.kind == kindList && f.flat {
		for i := range v.Len() {
			w.value(f, f.shape.elem, name, v.Index(i))
		}
		return
	}
	w.value(f, f.shape, name, v)
}

func (w *xmlWriter) value(f *field, s *shape, name string, v reflect.Value) {
	switch s.kind {
	case kindStruct:
		w.open(name)
		w.members(s, v, false)
		w.close(name)
	case kindList:
		item := f.item
		if item == "" {
			item = w.item
		}
		w.open(name)
		for i := range v.Len() {
			w.value(f, s.elem, item, v.Index(i))
		}
		w.close(name)
	case kindMap:
		w.open(name)
		w.stringMap(v.Interface().(map[string]string))
		w.close(name)
	default:
		w.leaf(name, scalarText(s, v, f.ts))
	}
}

func (w *xmlWriter) stringMap(m map[string]string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		w.open("entry")
		w.leaf("key", k)
		w.leaf("value", m[k])
		w.close("entry")
	}
}

// encodeEC2 writes <OpResponse><requestId/>members</OpResponse>; an operation
// that has nothing to say says <return>true</return>.
func (o *operation) encodeEC2(v reflect.Value, requestID string) *response {
	w := &xmlWriter{item: "item"}
	root := o.name + "Response"
	w.root(root, o.service.Namespace)
	w.leaf("requestId", requestID)
	if len(o.out.fields) == 0 || o.done != nil && absent(v.Field(o.done.index)) {
		w.leaf("return", "true")
	}
	// The …Attribute operations answer the one attribute that was asked for.
	w.members(o.out, v, !strings.HasSuffix(o.name, "Attribute"))
	w.close(root)
	return &response{status: o.model.Status, contentType: "text/xml;charset=UTF-8", body: w.Bytes()}
}

// encodeQuery writes <OpResponse><OpResult>members</OpResult><ResponseMetadata/></OpResponse>.
func (o *operation) encodeQuery(v reflect.Value, requestID string) *response {
	w := &xmlWriter{item: "member"}
	root := o.name + "Response"
	w.root(root, o.service.Namespace)
	if o.model.ResultWrapper != "" {
		w.open(o.model.ResultWrapper)
		w.members(o.out, v, true)
		w.close(o.model.ResultWrapper)
	}
	w.open("ResponseMetadata")
	w.leaf("RequestId", requestID)
	w.close("ResponseMetadata")
	w.close(root)
	return &response{status: o.model.Status, contentType: "text/xml", body: w.Bytes()}
}

// encodeREST writes the members into the headers and the body.
func (o *operation) encodeREST(v reflect.Value) *response {
	r := &response{status: o.model.Status, contentType: "text/xml", header: http.Header{}}
	w := &xmlWriter{item: "member"}
	s, root := o.out, o.model.Output
	for i := range s.fields {
		f := &s.fields[i]
		fv := v.Field(f.index)
		if f.loc == "header" && !absent(fv) {
			r.header.Set(f.out, headerText(scalarText(f.shape, fv, f.ts)))
		}
	}
	w.root(root, o.service.Namespace)
	w.members(s, v, true)
	w.close(root)
	r.body = w.Bytes()
	return r
}

// headerText keeps line breaks out of headers.
func headerText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
