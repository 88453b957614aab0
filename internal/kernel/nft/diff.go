package nft

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// change is what takes a table to another, in the order that the kernel wants:
// what is named comes before what names it, and goes after.
type change struct {
	table    string // its name in the kernel
	messages []message
	err      error
	setID    uint32
}

func (c *change) add(m ...message) { c.messages = append(c.messages, m...) }

// stage makes the table anew without the chains where packets enter, so that it
// does nothing yet.
func stage(name string, want *Table) *change {
	c := &change{table: name}
	c.add(newTable(name), deleteTable(name), newTable(name))
	inner := New(name)
	inner.Sets, inner.Timeouts = want.Sets, want.Timeouts
	for n, chain := range want.Chains {
		if chain.Hook == nil {
			inner.Chains[n] = chain
		}
	}
	c.grow(New(name), inner)
	return c
}

// enter makes packets enter the staged table, and no other.
func enter(name, other string, want *Table) *change {
	c := &change{table: name}
	staged := New(name)
	staged.Sets, staged.Timeouts = want.Sets, want.Timeouts
	for n, chain := range want.Chains {
		if chain.Hook == nil {
			staged.Chains[n] = chain
		}
	}
	c.grow(staged, want)
	c.add(newTable(other), deleteTable(other))
	return c
}

// diff takes have to want; nil if there is no way from one to the other.
func diff(name string, have, want *Table) *change {
	for n, old := range have.Chains {
		if now := want.Chains[n]; now != nil && !sameHook(old.Hook, now.Hook) {
			return nil
		}
	}
	for n, old := range have.Sets {
		if now := want.Sets[n]; now != nil && !sameType(old, now) {
			return nil
		}
	}
	c := &change{table: name}
	c.grow(have, want)
	return c
}

// refill makes a table have what is wanted, if it had nothing but sets and
// chains of the same names before. Timeouts that it had stay: connections would
// lose theirs with them.
func refill(name string, want *Table) *change {
	c := &change{table: name}
	c.add(newTable(name))
	empty := New(name)
	for _, n := range slices.Sorted(maps.Keys(want.Sets)) {
		c.setID++
		c.add(newSet(name, n, c.setID, want.Sets[n]), flushSet(name, n))
		empty.Sets[n] = NewSet(*want.Sets[n])
	}
	for _, n := range slices.Sorted(maps.Keys(want.Chains)) {
		c.add(newChain(name, n, want.Chains[n].Hook))
		empty.Chains[n] = &Chain{Hook: want.Chains[n].Hook}
	}
	c.add(deleteRules(name, ""))
	c.grow(empty, want)
	return c
}

func (c *change) grow(have, want *Table) {
	t := c.table
	for _, name := range slices.Sorted(maps.Keys(want.Timeouts)) {
		if _, ok := have.Timeouts[name]; !ok {
			c.add(newTimeout(t, name, want.Timeouts[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want.Sets)) {
		if have.Sets[name] == nil {
			c.setID++
			c.add(newSet(t, name, c.setID, want.Sets[name]))
		}
	}
	chains := slices.Sorted(maps.Keys(want.Chains))
	for _, name := range chains {
		if have.Chains[name] == nil {
			c.add(newChain(t, name, want.Chains[name].Hook))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want.Sets)) {
		c.elements(name, have.Sets[name], want.Sets[name])
	}
	for _, name := range chains {
		c.rules(name, have.Chains[name], want.Chains[name])
	}
	c.shrink(have, want)
}

func (c *change) shrink(have, want *Table) {
	var chains, sets []string
	for _, name := range slices.Sorted(maps.Keys(have.Chains)) {
		if want.Chains[name] == nil {
			chains = append(chains, name)
			if len(have.Chains[name].all()) > 0 {
				c.add(deleteRules(c.table, name))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have.Sets)) {
		if want.Sets[name] == nil {
			sets = append(sets, name)
		}
	}
	// A verdict map's elements name chains, so the sets go first.
	for _, name := range sets {
		c.add(deleteSet(c.table, name))
	}
	for _, name := range chains {
		c.add(deleteChain(c.table, name))
	}
}

func (c *change) elements(name string, have, want *Set) {
	if have == want {
		return
	}
	var gone, fresh []Element
	if have != nil {
		gone = without(have.elements, want.elements)
		fresh = without(want.elements, have.elements)
	} else {
		fresh = without(want.elements, nil)
	}
	c.add(changeElements(unix.NFT_MSG_DELSETELEM, 0, c.table, name, want, gone)...)
	c.add(changeElements(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE, c.table, name, want, fresh)...)
}

func (c *change) rules(name string, have, want *Chain) {
	if have == want || have != nil && slices.EqualFunc(have.all(), want.all(), func(a, b Rule) bool { return a.text == b.text }) {
		return
	}
	if have != nil && len(have.all()) > 0 {
		c.add(deleteRules(c.table, name))
	}
	for _, r := range want.all() {
		m, err := newRule(c.table, name, r)
		if err != nil && c.err == nil {
			c.err = err
		}
		c.add(m)
	}
}

// without returns the elements that are not, or not with the same value, among
// others, sorted.
func without(list, others map[string]Element) (out []Element) {
	for k, e := range list {
		if o, ok := others[k]; !ok || !sameValue(e, o) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b Element) int {
		return cmp.Or(bytes.Compare(a.Key, b.Key), bytes.Compare(a.End, b.End))
	})
	return out
}

func sameValue(a, b Element) bool {
	return bytes.Equal(a.Data, b.Data) && a.Verdict == b.Verdict && a.Timeout == b.Timeout
}

func sameHook(a, b *Hook) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func sameType(a, b *Set) bool {
	return a.flags() == b.flags() && magic(a.Key) == magic(b.Key) && magic(a.Data) == magic(b.Data) && a.Verdicts == b.Verdicts && a.Timeouts == b.Timeouts
}
