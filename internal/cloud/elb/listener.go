package elb

import (
	"reflect"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
)

// CreateListener makes a listener. The same settings again return what exists.
type CreateListener struct {
	LoadBalancerARN string
	Protocol        string
	Port            int
	// Action is the list of default actions.
	Action []Action
	TLS    TLSParams
	Tags   cloud.Tags
}

// Apply implements cloud.Command.
func (c CreateListener) Apply(tx *cloud.Tx) (Listener, error) {
	l, err := Find(tx, tx.Caller.Scope, c.LoadBalancerARN)
	if err != nil {
		return Listener{}, err
	}
	if err := CheckTags(c.Tags); err != nil {
		return Listener{}, err
	}
	x := Listener{Scope: l.Scope, LoadBalancerARN: l.ARN, Port: c.Port, Protocol: c.Protocol, Tags: c.Tags.Clone()}
	if err := checkListener(l, x); err != nil {
		return Listener{}, err
	}
	if err := x.setTLS(tx, l, c.TLS); err != nil {
		return Listener{}, err
	}
	if err := x.setActions(tx, l, c.Action); err != nil {
		return Listener{}, err
	}
	var n int
	for old := range Listeners.By(tx, ByLB, l.ARN) {
		n++
		if old.Port != x.Port {
			continue
		}
		if sameListener(old, x) {
			return old, nil
		}
		return Listener{}, duplicateListener(l.ARN)
	}
	if n >= maxListeners {
		return Listener{}, cloud.Errorf(cloud.KindLimit, subjectListener, "TooManyListeners",
			"The maximum number of listeners has been reached on load balancer '%s'", l.ARN)
	}
	x.ARN = arnPrefix(l.Scope) + "listener/" + l.path() + "/" + tx.IDs.Hex(16)
	x.Attributes = defaultListenerAttributes(x.Protocol)
	if err := checkUniqueGroups(tx, l, x.ARN, ActionsOf(x)); err != nil {
		return Listener{}, err
	}
	startChecks(tx, ActionsOf(x))
	Listeners.Put(tx, x)
	return x, nil
}

// sameListener compares what a request may set.
func sameListener(a, b Listener) bool {
	return a.Protocol == b.Protocol && slices.Equal(a.Targets, b.Targets) && reflect.DeepEqual(a.Actions, b.Actions) &&
		a.SSLPolicy == b.SSLPolicy && a.CertificateARN == b.CertificateARN && a.ALPN == b.ALPN && reflect.DeepEqual(a.Mutual, b.Mutual)
}

// duplicateListener: a port has one listener, whatever the protocols; TCP_UDP
// is there to serve both.
func duplicateListener(arn string) error {
	return cloud.Errorf(cloud.KindExists, subjectListener, "DuplicateListener",
		"A listener already exists on this port for this load balancer '%s'", arn)
}

// FindListener returns the caller's listener with that ARN.
func FindListener(r cloud.Reader, scope cloud.Scope, arn string) (Listener, error) {
	x, ok := Listeners.Get(r, arn)
	if !ok || x.Scope != scope {
		return Listener{}, noListener(arn)
	}
	return x, nil
}

// ModifyListener changes what is set: Port 0, Protocol "", no actions and the
// zero TLS mean no change.
type ModifyListener struct {
	ARN      string
	Port     int
	Protocol string
	Action   []Action
	TLS      TLSParams
}

// Apply implements cloud.Command.
func (c ModifyListener) Apply(tx *cloud.Tx) (Listener, error) {
	x, err := FindListener(tx, tx.Caller.Scope, c.ARN)
	if err != nil {
		return x, err
	}
	l, err := Find(tx, x.Scope, x.LoadBalancerARN)
	if err != nil {
		return x, err
	}
	if c.Port != 0 {
		x.Port = c.Port
	}
	if c.Protocol != "" && c.Protocol != x.Protocol {
		x.Protocol = c.Protocol
		x.Attributes = keepAttributes(x.Protocol, x.Attributes)
	}
	if err := checkListener(l, x); err != nil {
		return x, err
	}
	if !endsTLS(x.Protocol) && c.TLS.Policy == x.SSLPolicy {
		// Terraform repeats the policy of a listener that ends TLS no more.
		c.TLS.Policy = ""
	}
	if err := x.setTLS(tx, l, c.TLS); err != nil {
		return x, err
	}
	actions := c.Action
	if len(actions) == 0 {
		actions = ActionsOf(x)
	}
	if err := x.setActions(tx, l, actions); err != nil {
		return x, err
	}
	if err := checkRulesFit(tx, l, x); err != nil {
		return x, err
	}
	for old := range Listeners.By(tx, ByLB, l.ARN) {
		if old.ARN != x.ARN && old.Port == x.Port {
			return x, duplicateListener(l.ARN)
		}
	}
	if err := checkUniqueGroups(tx, l, x.ARN, ActionsOf(x)); err != nil {
		return x, err
	}
	startChecks(tx, ActionsOf(x))
	Listeners.Put(tx, x)
	return x, nil
}

// checkRulesFit says whether a listener's rules are legal for what it became.
func checkRulesFit(r cloud.Reader, l LoadBalancer, x Listener) error {
	for _, rule := range RulesOf(r, x.ARN) {
		if _, err := checkActions(r, l, x, "actions", rule.Actions); err != nil {
			return err
		}
	}
	return nil
}

// DeleteListener deletes a listener with its rules.
type DeleteListener struct{ ARN string }

// Apply implements cloud.Command.
func (c DeleteListener) Apply(tx *cloud.Tx) (cloud.None, error) {
	if _, err := FindListener(tx, tx.Caller.Scope, c.ARN); err != nil {
		return cloud.None{}, err
	}
	removeListener(tx, c.ARN)
	return cloud.None{}, nil
}

func removeListener(tx *cloud.Tx, arn string) {
	for _, rule := range RulesOf(tx, arn) {
		Rules.Delete(tx, rule.ARN)
	}
	Listeners.Delete(tx, arn)
}

// startChecks puts the targets of groups that come into use back to initial: an
// older result is of another time.
func startChecks(tx *cloud.Tx, actions []Action) {
	for _, arn := range groupsOfActions(actions) {
		if forwardedTo(tx, arn) {
			continue
		}
		for _, t := range slices.Collect(Targets.By(tx, ByGroup, arn)) {
			t.Health, t.Reason, t.Detail = Initial, "", ""
			Targets.Put(tx, t)
		}
	}
}

// forwardedTo reports whether a listener or a rule forwards to a target group.
func forwardedTo(r cloud.Reader, groupARN string) bool {
	if _, ok := Listeners.First(r, ByGroup, groupARN); ok {
		return true
	}
	_, ok := Rules.First(r, ByGroup, groupARN)
	return ok
}
