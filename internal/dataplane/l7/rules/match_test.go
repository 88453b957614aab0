package rules

import (
	"net/netip"
	"testing"

	"github.com/musubi-net/musubi/internal/spec"
)

func values(field string, v ...string) spec.Condition { return spec.Condition{Field: field, Values: v} }

func header(name string, v ...string) spec.Condition {
	return spec.Condition{Field: "http-header", Header: name, Values: v}
}

func query(pairs ...string) spec.Condition {
	c := spec.Condition{Field: "query-string"}
	for i := 0; i < len(pairs); i += 2 {
		c.Pairs = append(c.Pairs, spec.QueryPair{Key: pairs[i], Value: pairs[i+1]})
	}
	return c
}

func source(p ...string) spec.Condition {
	c := spec.Condition{Field: "source-ip"}
	for _, s := range p {
		c.Prefixes = append(c.Prefixes, netip.MustParsePrefix(s))
	}
	return c
}

func request(edit func(*Request)) *Request {
	r := &Request{Method: "GET", Host: "api.example.com:8080", Path: "/img/a.png", RawQuery: "",
		Source: netip.MustParseAddr("10.0.1.7"), Header: HeaderMap{"X-Env": {"dev", "Prod-2"}}}
	if edit != nil {
		edit(r)
	}
	return r
}

func TestConditions(t *testing.T) {
	raw := func(q string) func(*Request) { return func(r *Request) { r.RawQuery = q } }
	from := func(a string) func(*Request) { return func(r *Request) { r.Source = netip.MustParseAddr(a) } }
	host := func(h string) func(*Request) { return func(r *Request) { r.Host = h } }
	path := func(p string) func(*Request) { return func(r *Request) { r.Path = p } }
	for _, c := range []struct {
		name string
		cond spec.Condition
		edit func(*Request)
		want bool
	}{
		{"host without port and case", values("host-header", "API.Example.com"), nil, true},
		{"host in capitals", values("host-header", "api.example.com"), host("API.EXAMPLE.COM"), true},
		{"host with star", values("host-header", "*.example.com"), nil, true},
		{"star needs its dot", values("host-header", "*.example.com"), host("example.com"), false},
		{"one character", values("host-header", "ap?.example.com"), nil, true},
		{"not none", values("host-header", "api?.example.com"), nil, false},
		{"one of several", values("host-header", "a.b", "api.example.com"), nil, true},
		{"IPv6 host", values("host-header", "[fd00::1]"), host("[fd00::1]:80"), true},
		{"path", values("path-pattern", "/img/*"), nil, true},
		{"path has case", values("path-pattern", "/IMG/*"), nil, false},
		{"star crosses slashes", values("path-pattern", "/*.png"), nil, true},
		{"two stars", values("path-pattern", "/*/a.*"), path("/x/y/a.b"), true},
		{"star at the end may be empty", values("path-pattern", "/img/a.png*"), nil, true},
		{"whole path", values("path-pattern", "/img"), nil, false},
		{"path without query", values("path-pattern", "/img/a.png"), raw("x=1"), true},
		{"path is not decoded", values("path-pattern", "/a b"), path("/a%20b"), false},
		{"method", values("http-request-method", "POST", "GET"), nil, true},
		{"method has case", values("http-request-method", "get"), nil, false},
		{"method has no wildcards", values("http-request-method", "G*"), nil, false},
		{"header, each value", header("x-env", "prod*"), nil, true},
		{"header, no value", header("x-env", "test"), nil, false},
		{"header, not there", header("x-other", "*"), nil, false},
		{"query pair", query("version", "v1"), raw("a=b&version=v1"), true},
		{"query without case", query("VERSION", "V1"), raw("version=v1"), true},
		{"query, any key", query("", "*example*"), raw("q=an+example"), true},
		{"query, or", query("a", "1", "b", "2"), raw("b=2"), true},
		{"query, both in one parameter", query("a", "1"), raw("a=2&b=1"), false},
		{"query, decoded", query("name", "a b"), raw("name=a%20b"), true},
		{"query, plus", query("name", "a b"), raw("name=a+b"), true},
		{"query, as sent", query("name", "a%20b"), raw("name=a%20b"), true},
		{"query, bad escape", query("name", "100%"), raw("name=100%"), true},
		{"query, literal star", query("q", `\*`), raw("q=*"), true},
		{"query, literal star only", query("q", `\*`), raw("q=x"), false},
		{"query, literal question mark", query("q", `a\?`), raw("q=a%3F"), true},
		{"query, backslash", query("q", `a\b`), raw(`q=a\b`), true},
		{"query, key only", query("debug", "*"), raw("debug"), true},
		{"query, none", query("", "*"), nil, false},
		{"source", source("10.0.0.0/16"), nil, true},
		{"other source", source("10.1.0.0/16", "fd00::/8"), nil, false},
		{"mapped source", source("10.0.0.0/16"), from("::ffff:10.0.0.1"), true},
		{"IPv6 source", source("10.1.0.0/16", "fd00::/8"), from("fd00::1"), true},
		{"unknown", spec.Condition{Field: "moon-phase", Values: []string{"*"}}, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Compile([]spec.BalancerRule{{ARN: "rule", Priority: 1, Conditions: []spec.Condition{c.cond}}, {ARN: "default"}})
			if got := s.Match(request(c.edit)).ARN == "rule"; got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestFirstRuleWithAllConditions(t *testing.T) {
	s := Compile([]spec.BalancerRule{
		{Priority: 10, Conditions: []spec.Condition{values("path-pattern", "/img/*"), values("http-request-method", "POST")}},
		{Priority: 20, Conditions: []spec.Condition{values("path-pattern", "/img/*"), values("http-request-method", "GET")}},
		{Priority: 30, Conditions: []spec.Condition{values("path-pattern", "/img/*")}},
		{},
	})
	if got := s.Match(request(nil)).Priority; got != 20 {
		t.Errorf("got rule %d, want 20", got)
	}
	if got := s.Match(request(func(r *Request) { r.Path = "/" })).Priority; got != 0 {
		t.Errorf("got rule %d, want the default", got)
	}
	if got := Compile(nil).Match(request(nil)); got != nil {
		t.Errorf("no rules match %v", got)
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	s, r := manyRules(), request(func(r *Request) { r.RawQuery = "a=1&b=2" })
	if n := testing.AllocsPerRun(100, func() { s.Match(r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func manyRules() *Set {
	var in []spec.BalancerRule
	for i := range 100 {
		in = append(in, spec.BalancerRule{Priority: i + 1, Conditions: []spec.Condition{
			values("host-header", "*.example.com"), header("X-Env", "prod*"), query("a", "1"), values("path-pattern", "/none/*")}})
	}
	return Compile(append(in, spec.BalancerRule{}))
}

func BenchmarkMatch100(b *testing.B) {
	s, r := manyRules(), request(func(r *Request) { r.RawQuery = "a=1&b=2" })
	b.ReportAllocs()
	for b.Loop() {
		s.Match(r)
	}
}
