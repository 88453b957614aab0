package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// wireIn is a member's name in requests.
func (g *generator) wireIn(name string, r *ref) string {
	if g.api.Metadata.Protocol != "ec2" {
		return wireOut(name, r)
	}
	switch {
	case r.QueryName != "":
		return r.QueryName
	case r.LocationName != "":
		return strings.ToUpper(r.LocationName[:1]) + r.LocationName[1:]
	}
	return name
}

// wireOut is a member's name in responses.
func wireOut(name string, r *ref) string {
	if r.LocationName != "" {
		return r.LocationName
	}
	return name
}

// tag collects the struct tag of a field.
type tag []string

func (t *tag) add(key, value string) {
	*t = append(*t, key+":"+strconv.Quote(value))
}

// String writes the tag as Go source.
func (t tag) String() string {
	s := strings.Join(t, " ")
	if strings.Contains(s, "`") {
		return strconv.Quote(s)
	}
	return "`" + s + "`"
}

// fieldTag makes the tag of one member of a structure.
func (g *generator) fieldTag(owner *shape, name string, r *ref, s *shape, side int) string {
	var t tag
	if side&inRequest != 0 && !r.Unserved {
		t.add("in", g.wireIn(name, r))
	}
	if side&inResponse != 0 {
		t.add("out", wireOut(name, r))
	}
	g.listTag(&t, r, s)
	switch {
	case owner.Payload == name:
		t.add("loc", "payload")
	case r.Location != "":
		t.add("loc", r.Location)
	}
	if ts := g.timestamp(r, s); ts != "" {
		t.add("ts", ts)
	}
	if side&inRequest != 0 && !r.Unserved {
		if slices.Contains(owner.Required, name) {
			t.add("must", "y")
		}
		g.constraints(&t, s)
	}
	return t.String()
}

func (g *generator) listTag(t *tag, r *ref, s *shape) {
	if s.Type != "list" {
		return
	}
	own := map[string]string{"ec2": "item"}[g.api.Metadata.Protocol]
	if own == "" {
		own = "member"
	}
	if n := s.Member.LocationName; n != "" && n != own {
		t.add("item", n)
	}
	if s.Flattened || r.Flattened {
		t.add("flat", "y")
	}
}

// timestamp names the format of a timestamp that is not in ISO 8601 with
// milliseconds: IAM and STS answer to the second.
func (g *generator) timestamp(r *ref, s *shape) string {
	if s.Type != "timestamp" {
		return ""
	}
	for _, f := range []string{r.TimestampFormat, s.TimestampFormat} {
		if f != "" && f != "iso8601" {
			return f
		}
	}
	if g.pkg == "iam" || g.pkg == "sts" {
		return "seconds"
	}
	return ""
}

// constraints adds what the front door checks. EC2 checks its parameters in
// wording of its own, which the handlers have.
func (g *generator) constraints(t *tag, s *shape) {
	if g.api.Metadata.Protocol == "ec2" {
		return
	}
	if len(s.Enum) > 0 {
		t.add("enum", strings.Join(s.Enum, ","))
	}
	if s.Min != nil && (s.Type != "string" || *s.Min > 0) {
		t.add("min", strconv.FormatFloat(*s.Min, 'f', -1, 64))
	}
	if s.Max != nil {
		t.add("max", strconv.FormatFloat(*s.Max, 'f', -1, 64))
	}
	if s.Pattern != "" && compiles(s.Pattern) {
		t.add("pattern", s.Pattern)
	}
}

// compiles reports whether a pattern can be checked: Java's regular expressions
// can look ahead, Go's can not. The front door translates \uXXXX likewise.
func compiles(pattern string) bool {
	_, err := regexp.Compile(regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`).ReplaceAllString(pattern, `\x{$1}`))
	return err == nil
}

// goType is the Go type of a member.
func (g *generator) goType(r *ref) (string, error) {
	s, err := g.api.resolve(r)
	if err != nil {
		return "", err
	}
	switch s.Type {
	case "structure":
		return "*" + exported(r.Shape), nil
	case "list":
		elem, err := g.goType(s.Member)
		return "[]" + strings.TrimPrefix(elem, "*"), err
	case "map":
		return g.mapType(r, s)
	case "blob":
		return "[]byte", nil
	}
	scalar := map[string]string{
		"string": "*string", "character": "*string", "boolean": "*bool", "integer": "*int64", "long": "*int64",
		"float": "*float64", "double": "*float64", "timestamp": "*time.Time",
	}[s.Type]
	if scalar == "" {
		return "", fmt.Errorf("shape %s: unknown type %q", r.Shape, s.Type)
	}
	return scalar, nil
}

// mapType is the Go type of a map: of strings to strings, to lists of them or,
// in responses, to numbers.
func (g *generator) mapType(r *ref, s *shape) (string, error) {
	key, err := g.goType(s.Key)
	if err != nil {
		return "", err
	}
	value, err := g.goType(s.Value)
	if err != nil {
		return "", err
	}
	value = strings.TrimPrefix(value, "*")
	if key != "*string" || value != "string" && value != "[]string" && value != "int64" {
		return "", fmt.Errorf("map %s of %s to %s is not supported", r.Shape, key, value)
	}
	return "map[string]" + value, nil
}

func exported(name string) string { return strings.ToUpper(name[:1]) + name[1:] }
