package elb

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

const subjectRule = "listener-rule"

// maxRules of an application load balancer, without the default ones.
const maxRules = 100

// RulesOf lists a listener's rules in order of priority, without the default
// one.
func RulesOf(r cloud.Reader, listenerARN string) []Rule {
	return slices.SortedFunc(Rules.By(r, ByListener, listenerARN), func(a, b Rule) int { return cmp.Compare(a.Priority, b.Priority) })
}

// ruleARNPrefix is a listener's ARN as the beginning of its rules' ARNs.
func ruleARNPrefix(listenerARN string) string {
	return strings.Replace(listenerARN, ":listener/", ":listener-rule/", 1) + "/"
}

// DefaultRuleARN is the ARN of a listener's default rule. It follows from the
// listener's, since the rule is no record of its own.
func DefaultRuleARN(x Listener) string {
	sum := sha256.Sum256([]byte(x.ARN))
	return ruleARNPrefix(x.ARN) + hex.EncodeToString(sum[:8])
}

// DefaultRuleOf finds the listener whose default rule has an ARN.
func DefaultRuleOf(r cloud.Reader, scope cloud.Scope, arn string) (Listener, bool) {
	i := strings.LastIndex(arn, "/")
	if i < 0 {
		return Listener{}, false
	}
	x, err := FindListener(r, scope, strings.Replace(arn[:i], ":listener-rule/", ":listener/", 1))
	return x, err == nil && DefaultRuleARN(x) == arn
}

// FindRule returns the caller's rule with that ARN; the default rule is none.
func FindRule(r cloud.Reader, scope cloud.Scope, arn string) (Rule, error) {
	x, ok := Rules.Get(r, arn)
	if !ok || x.Scope != scope {
		return Rule{}, &cloud.Error{Kind: cloud.KindNotFound, Subject: subjectRule, ID: arn, Code: "RuleNotFound",
			Message: "One or more rules not found"}
	}
	return x, nil
}

// changeable finds a rule that the caller may change: not the default one.
func changeable(r cloud.Reader, scope cloud.Scope, arn, verb string) (Rule, error) {
	if _, ok := DefaultRuleOf(r, scope, arn); ok {
		return Rule{}, cloud.Errorf(cloud.KindForbidden, subjectRule, "OperationNotPermitted", "Default rule '%s' cannot be %s", arn, verb)
	}
	return FindRule(r, scope, arn)
}

// CreateRule makes a rule of an application listener.
type CreateRule struct {
	ListenerARN string
	Priority    int
	Conditions  []Condition
	Actions     []Action
	Tags        cloud.Tags
}

// Apply implements cloud.Command.
func (c CreateRule) Apply(tx *cloud.Tx) (Rule, error) {
	x, err := FindListener(tx, tx.Caller.Scope, c.ListenerARN)
	if err != nil {
		return Rule{}, err
	}
	l, err := Find(tx, x.Scope, x.LoadBalancerARN)
	if err != nil {
		return Rule{}, err
	}
	if !l.IsApplication() {
		return Rule{}, notServed(subjectRule, "A rule of a network load balancer's listener")
	}
	if err := CheckTags(c.Tags); err != nil {
		return Rule{}, err
	}
	rule := Rule{Scope: x.Scope, ListenerARN: x.ARN, LoadBalancerARN: l.ARN, Priority: c.Priority, Tags: c.Tags.Clone()}
	if err := checkRange(subjectRule, "priority", c.Priority, 1, 50000); err != nil {
		return Rule{}, err
	}
	if rule.Conditions, err = checkConditions(c.Conditions); err != nil {
		return Rule{}, err
	}
	if rule.Actions, err = checkActions(tx, l, x, "actions", c.Actions); err != nil {
		return Rule{}, err
	}
	for _, other := range RulesOf(tx, x.ARN) {
		if other.Priority == c.Priority {
			return Rule{}, priorityInUse(c.Priority)
		}
	}
	if count(Rules.By(tx, ByLB, l.ARN)) >= maxRules {
		return Rule{}, cloud.Errorf(cloud.KindLimit, subjectRule, "TooManyRules",
			"You've reached the limit on the number of rules per load balancer")
	}
	rule.ARN = ruleARNPrefix(x.ARN) + tx.IDs.Hex(16)
	if err := checkUniqueGroups(tx, l, rule.ARN, rule.Actions); err != nil {
		return Rule{}, err
	}
	startChecks(tx, rule.Actions)
	Rules.Put(tx, rule)
	return rule, nil
}

func priorityInUse(priority int) error {
	return cloud.Errorf(cloud.KindExists, subjectRule, "PriorityInUse", "Priority '%d' is currently in use", priority)
}

// ModifyRule replaces a rule's conditions or actions; nil is no change.
type ModifyRule struct {
	ARN        string
	Conditions []Condition
	Actions    []Action
}

// Apply implements cloud.Command.
func (c ModifyRule) Apply(tx *cloud.Tx) (Rule, error) {
	rule, err := changeable(tx, tx.Caller.Scope, c.ARN, "modified")
	if err != nil {
		return rule, err
	}
	if len(c.Conditions)+len(c.Actions) == 0 {
		return rule, invalid(subjectRule, "Either conditions or actions must be specified")
	}
	x, err := FindListener(tx, rule.Scope, rule.ListenerARN)
	if err != nil {
		return rule, err
	}
	l, err := Find(tx, x.Scope, x.LoadBalancerARN)
	if err != nil {
		return rule, err
	}
	if len(c.Conditions) > 0 {
		if rule.Conditions, err = checkConditions(c.Conditions); err != nil {
			return rule, err
		}
	}
	if len(c.Actions) > 0 {
		if rule.Actions, err = checkActions(tx, l, x, "actions", c.Actions); err != nil {
			return rule, err
		}
	}
	if err := checkUniqueGroups(tx, l, rule.ARN, rule.Actions); err != nil {
		return rule, err
	}
	startChecks(tx, rule.Actions)
	Rules.Put(tx, rule)
	return rule, nil
}

// DeleteRule deletes a rule.
type DeleteRule struct{ ARN string }

// Apply implements cloud.Command.
func (c DeleteRule) Apply(tx *cloud.Tx) (cloud.None, error) {
	rule, err := changeable(tx, tx.Caller.Scope, c.ARN, "deleted")
	if err == nil {
		Rules.Delete(tx, rule.ARN)
	}
	return cloud.None{}, err
}
