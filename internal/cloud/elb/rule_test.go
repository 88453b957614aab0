package elb

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
)

func path(values ...string) []Condition { return []Condition{{Field: FieldPath, Values: values}} }

func (w *world) httpListener() Listener {
	l := must(w, internalALB("subnet-a", "subnet-c"))
	return must(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: "HTTP", Port: 80, Action: fixed()})
}

func priorities(r cloud.Reader, listener string) []int {
	var out []int
	for _, rule := range RulesOf(r, listener) {
		out = append(out, rule.Priority)
	}
	return out
}

func TestRules(t *testing.T) {
	w := newWorld(t)
	x := w.httpListener()
	group := w.group("one", "HTTP", "HTTP1")
	low := must(w, CreateRule{ListenerARN: x.ARN, Priority: 200, Conditions: path("/a/*"), Actions: fixed()})
	high := must(w, CreateRule{ListenerARN: x.ARN, Priority: 3, Conditions: path("/b/*"), Actions: forward(group), Tags: cloud.Tags{"a": "b"}})
	if !strings.HasPrefix(low.ARN, strings.Replace(x.ARN, ":listener/", ":listener-rule/", 1)+"/") || low.LoadBalancerARN != x.LoadBalancerARN {
		t.Errorf("rule %+v", low)
	}
	if got := priorities(w.db.Snapshot(), x.ARN); !slices.Equal(got, []int{3, 200}) {
		t.Errorf("priorities %v", got)
	}
	_, err := try(w, CreateRule{ListenerARN: x.ARN, Priority: 3, Conditions: path("/c"), Actions: fixed()})
	refused(t, err, "PriorityInUse", "'3'")
	must(w, SetRulePriorities{Set: []RulePriority{{low.ARN, 3}, {high.ARN, 200}}})
	if got := RulesOf(w.db.Snapshot(), x.ARN); got[0].ARN != low.ARN {
		t.Errorf("rules %+v", got)
	}
	_, err = try(w, SetRulePriorities{Set: []RulePriority{{low.ARN, 200}}})
	refused(t, err, "PriorityInUse", "'200'")
	_, err = try(w, SetRulePriorities{Set: []RulePriority{{low.ARN, 5}, {high.ARN, 5}}})
	refused(t, err, "ValidationError", "'5' was provided multiple times")

	got := must(w, ModifyRule{ARN: high.ARN, Conditions: path("/z")})
	if got.Conditions[0].Values[0] != "/z" || got.Actions[0].Forward == nil {
		t.Errorf("modified %+v", got)
	}
	_, err = try(w, ModifyRule{ARN: high.ARN})
	refused(t, err, "ValidationError", "Either conditions or actions")

	other := internalALB("subnet-a", "subnet-c")
	other.Name = "other"
	_, err = try(w, CreateListener{LoadBalancerARN: must(w, other).ARN, Protocol: "HTTP", Port: 80, Action: forward(group)})
	refused(t, err, "TargetGroupAssociationLimit", "more than one load balancer")

	must(w, DeleteRule{ARN: low.ARN})
	_, err = try(w, DeleteRule{ARN: low.ARN})
	refused(t, err, "RuleNotFound", "not found")
	must(w, DeleteListener{ARN: x.ARN})
	if _, ok := Rules.Get(w.db.Snapshot(), high.ARN); ok {
		t.Error("a rule outlived its listener")
	}
}

func TestDefaultRule(t *testing.T) {
	w := newWorld(t)
	x := w.httpListener()
	arn := DefaultRuleARN(x)
	_, err := try(w, DeleteRule{ARN: arn})
	refused(t, err, "OperationNotPermitted", "cannot be deleted")
	_, err = try(w, ModifyRule{ARN: arn, Actions: fixed()})
	refused(t, err, "OperationNotPermitted", "cannot be modified")
	_, err = try(w, SetRulePriorities{Set: []RulePriority{{arn, 1}}})
	refused(t, err, "OperationNotPermitted", "Default rule")
	must(w, ChangeTags{ARNs: []string{arn}, Set: cloud.Tags{"a": "b"}})
	if tags, err := TagsOf(w.db.Snapshot(), scope, arn); err != nil || tags["a"] != "b" {
		t.Errorf("tags %v, %v", tags, err)
	}
}

func TestTooManyRules(t *testing.T) {
	w := newWorld(t)
	x := w.httpListener()
	for i := range maxRules {
		must(w, CreateRule{ListenerARN: x.ARN, Priority: i + 1, Conditions: path(fmt.Sprintf("/%d", i)), Actions: fixed()})
	}
	_, err := try(w, CreateRule{ListenerARN: x.ARN, Priority: 1000, Conditions: path("/x"), Actions: fixed()})
	refused(t, err, "TooManyRules", "limit")
}

func TestConditions(t *testing.T) {
	one := func(field string, values ...string) []Condition { return []Condition{{Field: field, Values: values}} }
	header := func(name string, values ...string) []Condition {
		return []Condition{{Field: FieldHeader, Header: name, Values: values}}
	}
	query := func(pairs ...QueryPair) []Condition { return []Condition{{Field: FieldQuery, Pairs: pairs}} }
	long := strings.Repeat("a", 129)
	for name, x := range map[string]struct {
		conditions []Condition
		part       string // of the refusal; empty: legal
	}{
		"host":              {one(FieldHost, "*.Example.com", "a?.b.jp"), ""},
		"host without dot":  {one(FieldHost, "localhost"), "'localhost' is not valid"},
		"host with digits":  {one(FieldHost, "10.0.0.1"), "is not valid"},
		"long host":         {one(FieldHost, long+".com"), "the limit is '128'"},
		"path":              {one(FieldPath, `/a/*/b?_-.$~"'@:+&`), ""},
		"path with query":   {one(FieldPath, "/a=b"), "is not valid"},
		"method":            {one(FieldMethod, "GET", "M-SEARCH"), ""},
		"lower method":      {one(FieldMethod, "get"), "'get' is not valid"},
		"method wildcard":   {one(FieldMethod, "G*"), "is not valid"},
		"source":            {one(FieldSource, "10.0.0.0/8", "2001:db8::/32"), ""},
		"source address":    {one(FieldSource, "10.0.0.1"), "CIDR"},
		"header":            {header("X-Test", "a*"), ""},
		"header host":       {header("Host", "a"), "'Host'"},
		"header wildcard":   {header("X-*", "a"), "'X-*' is not valid"},
		"long header":       {header(strings.Repeat("a", 41), "a"), "the limit is '40'"},
		"no header":         {header("", "a"), "HttpHeaderName"},
		"query":             {query(QueryPair{"", "v"}, QueryPair{"k", `\*`}), ""},
		"query without":     {query(QueryPair{"k", ""}), "A value must be specified"},
		"none":              {nil, "A condition must be specified"},
		"no values":         {one(FieldPath), "A condition value must be specified"},
		"field":             {one("body", "x"), "Condition field 'body' must be one of"},
		"legacy":            {[]Condition{{Field: FieldMethod, Values: []string{"GET"}, Legacy: true}}, "'Values' field is not compatible"},
		"six values":        {one(FieldPath, "/1", "/2", "/3", "/4", "/5", "/6"), "'5' condition values"},
		"seven wildcards":   {one(FieldPath, "/*/*/*/*/*/*/*"), "'6' condition wildcards"},
		"two paths":         {append(one(FieldPath, "/a"), one(FieldPath, "/b")...), "'1' condition of type 'path-pattern'"},
		"two headers":       {append(header("A", "a"), header("B", "b")...), ""},
		"six over two":      {append(one(FieldPath, "/1", "/2", "/3"), one(FieldMethod, "A", "B", "C")...), "'5' condition values"},
		"escaped wildcards": {query(QueryPair{"k", strings.Repeat(`\*`, 9)}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := checkConditions(x.conditions)
			if x.part == "" && err != nil {
				t.Error(err)
			}
			if x.part != "" {
				refused(t, err, "ValidationError", x.part)
			}
		})
	}
}

func TestRuleRefusals(t *testing.T) {
	w := newWorld(t)
	x := w.httpListener()
	nlb := must(w, internalNLB("subnet-a"))
	tcp := must(w, CreateListener{LoadBalancerARN: nlb.ARN, Protocol: "TCP", Port: 80, Action: forward(must(w, tcpGroup("tcp")).ARN)})
	for name, c := range map[string]struct {
		c          CreateRule
		code, part string
	}{
		"network":  {CreateRule{ListenerARN: tcp.ARN, Priority: 1, Conditions: path("/"), Actions: fixed()}, "UnsupportedOperation", "network"},
		"absent":   {CreateRule{ListenerARN: "arn:x", Priority: 1}, "ListenerNotFound", "not found"},
		"priority": {CreateRule{ListenerARN: x.ARN, Priority: 50001, Conditions: path("/"), Actions: fixed()}, "ValidationError", "50000"},
		"group":    {CreateRule{ListenerARN: x.ARN, Priority: 1, Conditions: path("/"), Actions: forward("arn:x")}, "TargetGroupNotFound", "not found"},
		"actions":  {CreateRule{ListenerARN: x.ARN, Priority: 1, Conditions: path("/")}, "ValidationError", "At least one action"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := try(w, c.c)
			refused(t, err, c.code, c.part)
		})
	}
}
