package ec2

import (
	"slices"
	"strings"
	"testing"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/cloud"
)

func TestWildcard(t *testing.T) {
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"a", "a", true}, {"a", "A", false}, {"*", "", true}, {"*", "abc", true},
		{"a*c", "abbc", true}, {"a*c", "abcd", false}, {"a?c", "abc", true}, {"a?c", "ac", false},
		{"*-kernel-*-x86_64", "al2023-ami-2023.6-kernel-6.1-x86_64", true}, {"*ab", "aab", true}, {"**b", "ab", true},
		{`\*`, "*", true}, {`\*`, "a", false}, {`a\?b`, "a?b", true}, {"結*", "結び", true},
	} {
		if got := wildcard(tt.pattern, tt.s); got != tt.want {
			t.Errorf("wildcard(%q, %q) = %v", tt.pattern, tt.s, got)
		}
	}
}

func TestSelectItems(t *testing.T) {
	items := []string{"red", "green", "blue"}
	fields := filterFields[string]{"colour-name": one(func(s string) string { return s })}
	tags := func(s string) cloud.Tags { return cloud.Tags{"len": strings.Repeat("x", len(s)), s: ""} }
	filter := func(name string, values ...string) model.Filter {
		return model.Filter{Name: &name, Values: values}
	}
	for _, tt := range []struct {
		filters []model.Filter
		want    string
	}{
		{nil, "red green blue"},
		{[]model.Filter{filter("colour-name", "red", "blue")}, "red blue"},
		{[]model.Filter{filter("colourName", "*e*")}, "red green blue"},
		{[]model.Filter{filter("colour-name", "*e*"), filter("tag:len", "xxxx")}, "blue"},
		{[]model.Filter{filter("tag-key", "green")}, "green"},
		{[]model.Filter{filter("tag:none", "*")}, ""},
		{[]model.Filter{filter("colour-name")}, ""},
	} {
		got, err := selectItems(items, tt.filters, fields, tags)
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("%v: %v, %v; want %s", tt.filters, got, err, tt.want)
		}
	}
	_, err := selectItems([]string{}, []model.Filter{filter("colour-name", "x"), filter("size", "1")}, fields, tags)
	if err == nil || err.Error() != "The filter 'size' is invalid" {
		t.Errorf("unknown filter without items: %v", err)
	}
}

func TestPage(t *testing.T) {
	items := []string{"e", "a", "d", "b", "c"}
	key := func(s string) string { return s }
	var got []string
	var token *string
	for range 10 {
		part, next, err := page(items, key, new(int64(2)), token)
		if err != nil || len(part) > 2 {
			t.Fatalf("%v, %v", part, err)
		}
		got = append(got, part...)
		if token = next; token == nil {
			break
		}
	}
	if !slices.Equal(got, []string{"a", "b", "c", "d", "e"}) {
		t.Errorf("pages gave %v", got)
	}
	for _, bad := range []string{"x", "bm90IG91cnM="} {
		if _, _, err := page(items, key, nil, &bad); err == nil || err.Error() != "The token '"+bad+"' is invalid" {
			t.Errorf("token %q: %v", bad, err)
		}
	}
}
