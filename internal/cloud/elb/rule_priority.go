package elb

import (
	"github.com/musubi-net/musubi/internal/cloud"
)

// RulePriority gives a rule another priority.
type RulePriority struct {
	ARN      string
	Priority int
}

// SetRulePriorities changes the priorities of some rules of a listener at once:
// they may change places.
type SetRulePriorities struct{ Set []RulePriority }

// Apply implements cloud.Command.
func (c SetRulePriorities) Apply(tx *cloud.Tx) ([]Rule, error) {
	if len(c.Set) == 0 {
		return nil, invalid(subjectRule, "At least one rule priority must be specified")
	}
	rules, err := c.rules(tx)
	if err != nil {
		return nil, err
	}
	changed := map[string]bool{}
	for _, rule := range rules {
		changed[rule.ARN] = true
	}
	for _, rule := range rules {
		for _, other := range RulesOf(tx, rule.ListenerARN) {
			if !changed[other.ARN] && other.Priority == rule.Priority {
				return nil, priorityInUse(rule.Priority)
			}
		}
	}
	for _, rule := range rules {
		Rules.Put(tx, rule)
	}
	return rules, nil
}

// rules finds the rules and gives them their new priorities.
func (c SetRulePriorities) rules(tx *cloud.Tx) ([]Rule, error) {
	var out []Rule
	arns, priorities := map[string]bool{}, map[int]bool{}
	for _, p := range c.Set {
		rule, err := changeable(tx, tx.Caller.Scope, p.ARN, "reprioritized")
		if err != nil {
			return nil, err
		}
		if err := checkRange(subjectRule, "rulePriorities.1.member.priority", p.Priority, 1, 50000); err != nil {
			return nil, err
		}
		switch {
		case arns[rule.ARN]:
			return nil, invalid(subjectRule, "Rule '%s' was provided multiple times", rule.ARN)
		case priorities[p.Priority]:
			return nil, invalid(subjectRule, "Priority '%d' was provided multiple times", p.Priority)
		case len(out) > 0 && out[0].ListenerARN != rule.ListenerARN:
			return nil, invalid(subjectRule, "All rules must belong to the same listener")
		}
		arns[rule.ARN], priorities[p.Priority] = true, true
		rule.Priority = p.Priority
		out = append(out, rule)
	}
	return out, nil
}
