package protocol

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// validate checks a decoded request against the constraints of its model and
// returns all that is wrong, as AWS does.
func validate(s *shape, v reflect.Value, ec2 bool) faults {
	c := checker{ec2: ec2}
	c.structure(s, v, "")
	return c.found
}

type checker struct {
	ec2   bool
	found faults
}

// member is the path of a member: EC2 shows the parameter's name, the others
// the Java property behind it.
func (c *checker) member(path string, f *field) string {
	name := f.in
	if !c.ec2 {
		name = strings.ToLower(name[:1]) + name[1:]
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

func (c *checker) element(path string, i int) string {
	if c.ec2 {
		return path + "." + strconv.Itoa(i+1)
	}
	return path + "." + strconv.Itoa(i+1) + ".member"
}

func (c *checker) structure(s *shape, v reflect.Value, path string) {
	if s.ptr {
		v = v.Elem()
	}
	for i := range s.fields {
		f := &s.fields[i]
		if f.in == "" {
			continue
		}
		fv, p := v.Field(f.index), c.member(path, f)
		if absent(fv) {
			if f.must {
				c.found = append(c.found, fault{kind: faultMissing, path: p, limit: "Member must not be null"})
			}
			continue
		}
		c.limits(f, fv, p)
		c.inside(f.shape, fv, p)
	}
}

func (c *checker) inside(s *shape, v reflect.Value, path string) {
	switch s.kind {
	case kindStruct:
		c.structure(s, v, path)
	case kindList:
		if s.elem.kind != kindStruct && s.elem.kind != kindList {
			return
		}
		for i := range v.Len() {
			c.inside(s.elem, v.Index(i), c.element(path, i))
		}
	}
}

func (c *checker) limits(f *field, v reflect.Value, path string) {
	l := &f.limits
	var size float64
	noun, text := "length", ""
	switch f.shape.kind {
	case kindString:
		text = scalarText(f.shape, v, "")
		size = float64(utf8.RuneCountInString(text))
	case kindInt:
		noun, text, size = "value", scalarText(f.shape, v, ""), float64(reflect.Indirect(v).Int())
	case kindFloat:
		noun, text, size = "value", scalarText(f.shape, v, ""), reflect.Indirect(v).Float()
	case kindList, kindMap, kindBlob:
		size = float64(v.Len())
		text = fmt.Sprint(v.Interface())
		if f.shape.kind == kindList && f.shape.elem.kind == kindStruct {
			text = fmt.Sprintf("[%d members]", v.Len())
		}
		if f.shape.kind == kindBlob { // as AWS shows it, and no secret
			text = fmt.Sprintf("java.nio.HeapByteBuffer[pos=0 lim=%d cap=%[1]d]", v.Len())
		}
	default:
		return
	}
	broken := func(sentence string) {
		c.found = append(c.found, fault{kind: faultLimit, path: path, value: text, limit: sentence})
	}
	if l.enum != nil && !slices.Contains(l.enum, text) {
		broken("Member must satisfy enum value set: [" + strings.Join(l.enum, ", ") + "]")
	}
	if l.max != nil && size > *l.max {
		broken(fmt.Sprintf("Member must have %s less than or equal to %v", noun, *l.max))
	}
	if l.min != nil && size < *l.min {
		broken(fmt.Sprintf("Member must have %s greater than or equal to %v", noun, *l.min))
	}
	if l.match != nil && !l.match.MatchString(text) {
		broken("Member must satisfy regular expression pattern: " + l.pattern)
	}
}
