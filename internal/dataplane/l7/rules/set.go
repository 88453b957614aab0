package rules

import (
	"net/netip"
	"net/textproto"

	"github.com/musubi-net/musubi/internal/spec"
)

// Set is a listener's rules, ready to be matched by any number of goroutines.
type Set struct {
	rules []rule
}

type rule struct {
	spec       spec.BalancerRule
	conditions []condition
}

// condition is met if one of its patterns, pairs or prefixes matches.
type condition struct {
	field    string
	header   string // canonical
	patterns []pattern
	pairs    []pair
	prefixes []netip.Prefix
}

// Compile prepares rules that are in order of evaluation, the default last.
func Compile(in []spec.BalancerRule) *Set {
	s := &Set{rules: make([]rule, 0, len(in))}
	for _, r := range in {
		c := rule{spec: r}
		for _, k := range r.Conditions {
			c.conditions = append(c.conditions, compileCondition(k))
		}
		s.rules = append(s.rules, c)
	}
	return s
}

func compileCondition(c spec.Condition) condition {
	out := condition{field: c.Field, header: textproto.CanonicalMIMEHeaderKey(c.Header), prefixes: c.Prefixes}
	for _, v := range c.Values {
		// Paths and methods are compared with case, hosts and headers without.
		p := compile(v, c.Field == "host-header" || c.Field == "http-header", false)
		if c.Field == "http-request-method" {
			p = pattern{text: v, head: len(v)}
		}
		out.patterns = append(out.patterns, p)
	}
	for _, q := range c.Pairs {
		out.pairs = append(out.pairs, compilePair(q))
	}
	return out
}

// Match returns the first rule whose conditions are all met, nil if there is
// none (a listener's default rule always is).
func (s *Set) Match(r *Request) *spec.BalancerRule {
	for i := range s.rules {
		if s.rules[i].met(r) {
			return &s.rules[i].spec
		}
	}
	return nil
}

func (c *rule) met(r *Request) bool {
	for i := range c.conditions {
		if !c.conditions[i].met(r) {
			return false
		}
	}
	return true
}

func (c *condition) met(r *Request) bool {
	switch c.field {
	case "host-header":
		return c.any(Hostname(r.Host))
	case "path-pattern":
		return c.any(r.Path)
	case "http-request-method":
		return c.any(r.Method)
	case "http-header":
		return c.anyHeader(r.Header)
	case "query-string":
		return c.anyPair(r.RawQuery)
	case "source-ip":
		return c.from(r.Source)
	}
	return false // a condition that is not known is never met
}

func (c *condition) any(s string) bool {
	for i := range c.patterns {
		if c.patterns[i].match(s) {
			return true
		}
	}
	return false
}

func (c *condition) anyHeader(h Headers) bool {
	if h == nil {
		return false
	}
	for i := 0; ; i++ {
		v, ok := h.Value(c.header, i)
		if !ok {
			return false
		}
		if c.any(v) {
			return true
		}
	}
}

func (c *condition) from(a netip.Addr) bool {
	a = a.Unmap()
	for _, p := range c.prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
