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
	messages []message
	err      error
	setID    uint32
}

func (c *change) add(m ...message) { c.messages = append(c.messages, m...) }

// replace makes the table anew, whatever was there.
func replace(want *Table) *change {
	c := &change{}
	c.add(newTable(want.Name), deleteTable(want.Name), newTable(want.Name))
	c.grow(New(want.Name), want)
	return c
}

// diff takes have to want.
func diff(have, want *Table) *change {
	for name, old := range have.Chains {
		if n := want.Chains[name]; n != nil && !sameHook(old.Hook, n.Hook) {
			return replace(want)
		}
	}
	for name, old := range have.Sets {
		if n := want.Sets[name]; n != nil && !sameType(old, n) {
			return replace(want)
		}
	}
	c := &change{}
	c.grow(have, want)
	return c
}

func (c *change) grow(have, want *Table) {
	t := want.Name
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
		c.elements(t, name, have.Sets[name], want.Sets[name])
	}
	for _, name := range chains {
		c.rules(t, name, have.Chains[name], want.Chains[name])
	}
	c.shrink(have, want)
}

func (c *change) shrink(have, want *Table) {
	var chains, sets []string
	for _, name := range slices.Sorted(maps.Keys(have.Chains)) {
		if want.Chains[name] == nil {
			chains = append(chains, name)
			if len(have.Chains[name].Rules) > 0 {
				c.add(deleteRules(want.Name, name))
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
		c.add(deleteSet(want.Name, name))
	}
	for _, name := range chains {
		c.add(deleteChain(want.Name, name))
	}
}

func (c *change) elements(table, name string, have, want *Set) {
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
	c.add(changeElements(unix.NFT_MSG_DELSETELEM, 0, table, name, want, gone)...)
	c.add(changeElements(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE, table, name, want, fresh)...)
}

func (c *change) rules(table, name string, have, want *Chain) {
	if have == want || have != nil && slices.EqualFunc(have.Rules, want.Rules, func(a, b Rule) bool { return a.text == b.text }) {
		return
	}
	if have != nil && len(have.Rules) > 0 {
		c.add(deleteRules(table, name))
	}
	for _, r := range want.Rules {
		m, err := newRule(table, name, r)
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

func sameValue(a, b Element) bool { return bytes.Equal(a.Data, b.Data) && a.Verdict == b.Verdict }

func sameHook(a, b *Hook) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func sameType(a, b *Set) bool {
	return a.flags() == b.flags() && magic(a.Key) == magic(b.Key) && magic(a.Data) == magic(b.Data) && a.Verdicts == b.Verdicts
}
