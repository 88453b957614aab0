package protocol

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kind is what a value is on the wire.
type kind uint8

const (
	kindString kind = iota
	kindBool
	kindInt
	kindFloat
	kindTime
	kindBlob
	kindStruct
	kindList
	kindMap
)

// shape is a Go type of the generated model, read once: the codecs walk shapes
// instead of struct tags.
type shape struct {
	kind   kind
	typ    reflect.Type // without the pointer
	ptr    bool         // the value is behind a pointer
	elem   *shape       // list
	fields []field      // struct, in the order of the Go type
	byIn   map[string]*field
}

// field is a member of a structure; model's package comment has its tags.
type field struct {
	index   int
	in, out string
	item    string
	flat    bool
	loc     string
	ts      string
	must    bool
	limits  limits
	shape   *shape
}

// limits are the constraints of a parameter.
type limits struct {
	enum     []string
	pattern  string
	match    *regexp.Regexp
	min, max *float64
}

// shapes compiles types. It is filled while a Handler is made and only read
// afterwards.
type shapes map[reflect.Type]*shape

// compile returns the shape of a type.
func (c shapes) compile(t reflect.Type) (*shape, error) {
	if s := c[t]; s != nil {
		return s, nil
	}
	s := &shape{typ: t}
	c[t] = s // before its members: a structure may contain itself
	if t.Kind() == reflect.Pointer {
		s.ptr, s.typ = true, t.Elem()
	}
	switch {
	case s.typ == reflect.TypeFor[time.Time]():
		s.kind = kindTime
	case s.typ == reflect.TypeFor[[]byte]():
		s.kind = kindBlob
	case s.typ == reflect.TypeFor[map[string]string](), s.typ == reflect.TypeFor[map[string][]string](),
		s.typ == reflect.TypeFor[map[string]int64](): // the last in responses only
		s.kind = kindMap
	default:
		return s, c.fill(s)
	}
	return s, nil
}

func (c shapes) fill(s *shape) (err error) {
	switch s.typ.Kind() {
	case reflect.String:
		s.kind = kindString
	case reflect.Bool:
		s.kind = kindBool
	case reflect.Int64:
		s.kind = kindInt
	case reflect.Float64:
		s.kind = kindFloat
	case reflect.Slice:
		s.kind = kindList
		s.elem, err = c.compile(s.typ.Elem())
	case reflect.Struct:
		s.kind = kindStruct
		err = c.structure(s)
	default:
		err = fmt.Errorf("type %s can not be sent", s.typ)
	}
	return err
}

func (c shapes) structure(s *shape) error {
	s.byIn = map[string]*field{}
	s.fields = make([]field, s.typ.NumField())
	for i := range s.fields {
		sf := s.typ.Field(i)
		f, err := readField(i, sf)
		if err == nil {
			f.shape, err = c.compile(sf.Type)
		}
		if err != nil {
			return fmt.Errorf("%s.%s: %w", s.typ, sf.Name, err)
		}
		s.fields[i] = f
		if f.in != "" {
			s.byIn[f.in] = &s.fields[i]
		}
	}
	return nil
}

func readField(index int, sf reflect.StructField) (field, error) {
	get := sf.Tag.Get
	f := field{
		index: index, in: get("in"), out: get("out"), item: get("item"),
		flat: get("flat") == "y", loc: get("loc"), ts: get("ts"), must: get("must") == "y",
	}
	if e := get("enum"); e != "" {
		f.limits.enum = strings.Split(e, ",")
	}
	for key, dst := range map[string]**float64{"min": &f.limits.min, "max": &f.limits.max} {
		text := get(key)
		if text == "" {
			continue
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return f, fmt.Errorf("tag %s: %w", key, err)
		}
		*dst = &v
	}
	if f.limits.pattern = get("pattern"); f.limits.pattern != "" {
		// AWS's patterns are Java's: \uXXXX, and they match the whole value.
		p := regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`).ReplaceAllString(f.limits.pattern, `\x{$1}`)
		match, err := regexp.Compile(`^(?:` + p + `)$`)
		if err != nil {
			return f, fmt.Errorf("tag pattern: %w", err)
		}
		f.limits.match = match
	}
	return f, nil
}

// field returns the Go field named name, or nil.
func (s *shape) field(name string) *field {
	i := slices.IndexFunc(s.fields, func(f field) bool { return s.typ.Field(f.index).Name == name })
	if i < 0 {
		return nil
	}
	return &s.fields[i]
}

// place returns the settable value that v holds, made if v is a nil pointer.
func (s *shape) place(v reflect.Value) reflect.Value {
	if !s.ptr {
		return v
	}
	if v.IsNil() {
		v.Set(reflect.New(s.typ))
	}
	return v.Elem()
}
