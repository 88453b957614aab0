package nft

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Table is a table of the inet family.
type Table struct {
	Name   string
	Chains map[string]*Chain
	Sets   map[string]*Set
	// Timeouts are by name. What a name stands for never changes.
	Timeouts map[string]Timeout
}

// New returns an empty table.
func New(name string) *Table {
	return &Table{Name: name, Chains: map[string]*Chain{}, Sets: map[string]*Set{}, Timeouts: map[string]Timeout{}}
}

// Timeout is how long idle connections of a protocol are remembered.
type Timeout struct {
	Protocol byte
	Seconds  uint32
}

// Chain is a list of rules; with a Hook it is where packets enter.
type Chain struct {
	Hook  *Hook
	Rules []Rule
}

// all are the rules as the kernel gets them. The last one of a chain that drops
// is not its policy, which would drop everything in the moment in which the
// chain is taken away.
func (c *Chain) all() []Rule {
	if c.Hook == nil || !c.Hook.Drop {
		return c.Rules
	}
	return append(slices.Clone(c.Rules), R(Do(Drop)))
}

// Hook is where and when packets enter a chain, and whether those that no rule
// decides are dropped.
type Hook struct {
	Type     string // filter, nat
	Point    Point
	Priority int32
	Drop     bool
}

// Point is a place in the kernel's packet path.
type Point uint32

// The points in use.
const (
	Prerouting  Point = 0
	Input       Point = 1
	Forward     Point = 2
	Output      Point = 3
	Postrouting Point = 4
)

func (p Point) String() string {
	return map[Point]string{Prerouting: "prerouting", Input: "input", Forward: "forward", Output: "output", Postrouting: "postrouting"}[p]
}

// Set is a set, a map (with Data), a verdict map or a map of timeouts' names.
type Set struct {
	Key, Data []Datatype
	Verdicts  bool
	Timeouts  bool
	// Interval sets hold ranges, which must not overlap.
	Interval bool
	elements map[string]Element
}

// Element is an element of a set.
type Element struct {
	Key, End []byte
	Data     []byte
	Verdict  Verdict
	Timeout  string
}

// Verdict is what becomes of a packet.
type Verdict struct {
	Kind  int32
	Chain string
}

// The verdicts.
var (
	Accept = Verdict{Kind: 1}
	Drop   = Verdict{Kind: 0}
	Return = Verdict{Kind: -5}
)

// Jump goes to a chain and comes back, Goto does not.
func Jump(chain string) Verdict { return Verdict{Kind: -3, Chain: chain} }

// Goto goes on in a chain.
func Goto(chain string) Verdict { return Verdict{Kind: -4, Chain: chain} }

func (v Verdict) String() string {
	switch v.Kind {
	case 1:
		return "accept"
	case 0:
		return "drop"
	case -3:
		return "jump " + v.Chain
	case -4:
		return "goto " + v.Chain
	case -5:
		return "return"
	}
	return fmt.Sprintf("verdict %d", v.Kind)
}

// Chain adds rules to a chain, which it makes if need be.
func (t *Table) Chain(name string, rules ...Rule) *Chain {
	c := t.Chains[name]
	if c == nil {
		c = &Chain{}
		t.Chains[name] = c
	}
	c.Rules = append(c.Rules, rules...)
	return c
}

// Base makes a chain with a hook.
func (t *Table) Base(name string, h Hook) { t.Chain(name).Hook = &h }

// Set returns the set, which it makes as described if need be.
func (t *Table) Set(name string, like Set) *Set {
	s := t.Sets[name]
	if s == nil {
		s = NewSet(like)
		t.Sets[name] = s
	}
	return s
}

// NewSet makes an empty set as described.
func NewSet(like Set) *Set {
	like.elements = map[string]Element{}
	return &like
}

// Has tells whether the set exists.
func (t *Table) Has(set string) bool { return t.Sets[set] != nil }

// Add adds an element. One with the same key is replaced.
func (s *Set) Add(e Element) { s.elements[string(e.Key)+string(e.End)] = e }

// Len is the number of elements.
func (s *Set) Len() int { return len(s.elements) }

// Dump prints the table in a stable form.
func (t *Table) Dump() string {
	var b strings.Builder
	fmt.Fprintf(&b, "table inet %s\n", t.Name)
	for _, name := range slices.Sorted(maps.Keys(t.Timeouts)) {
		o := t.Timeouts[name]
		fmt.Fprintf(&b, "ct timeout %s { protocol %d; %d s }\n", name, o.Protocol, o.Seconds)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Sets)) {
		t.Sets[name].dump(&b, name)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Chains)) {
		c := t.Chains[name]
		fmt.Fprintf(&b, "chain %s\n", name)
		if h := c.Hook; h != nil {
			policy := Accept
			if h.Drop {
				policy = Drop
			}
			fmt.Fprintf(&b, "  type %s hook %s priority %d; policy %s\n", h.Type, h.Point, h.Priority, policy)
		}
		for _, r := range c.Rules {
			fmt.Fprintf(&b, "  %s\n", r.text)
		}
	}
	return b.String()
}

func (s *Set) dump(b *strings.Builder, name string) {
	kind := "set"
	value := ""
	switch {
	case s.Verdicts:
		kind, value = "map", " : verdict"
	case s.Timeouts:
		kind, value = "map", " : ct timeout"
	case s.Data != nil:
		kind, value = "map", " : "+names(s.Data)
	}
	fmt.Fprintf(b, "%s %s { %s%s }\n", kind, name, names(s.Key), value)
	for _, k := range slices.Sorted(maps.Keys(s.elements)) {
		e := s.elements[k]
		fmt.Fprintf(b, "  %s", text(s.Key, e.Key, e.End))
		switch {
		case s.Verdicts:
			fmt.Fprintf(b, " : %s", e.Verdict)
		case s.Timeouts:
			fmt.Fprintf(b, " : %s", e.Timeout)
		case s.Data != nil:
			fmt.Fprintf(b, " : %s", text(s.Data, e.Data, nil))
		}
		b.WriteByte('\n')
	}
}

// Holds tells whether the set has an element with the key.
func (s *Set) Holds(key, end []byte) bool {
	_, ok := s.elements[string(key)+string(end)]
	return ok
}
