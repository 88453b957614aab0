package elb

import (
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
)

// ForwardAction is a listener's default action: what it forwards to.
type ForwardAction struct {
	Groups []WeightedGroup
	// Sticky and StickySeconds are the group stickiness as it was asked for.
	Sticky        bool
	StickySeconds int
}

// CreateListener makes a listener. The same settings again return what exists.
type CreateListener struct {
	LoadBalancerARN string
	Protocol        string
	Port            int
	Action          ForwardAction
	Tags            cloud.Tags
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
	x := Listener{Scope: l.Scope, LoadBalancerARN: l.ARN, Port: c.Port, Protocol: c.Protocol, Targets: c.Action.Groups,
		GroupStickinessSeconds: c.Action.StickySeconds, Tags: c.Tags.Clone()}
	if err := checkListener(tx, l, &x, c.Action); err != nil {
		return Listener{}, err
	}
	var n int
	for old := range Listeners.By(tx, ByLB, l.ARN) {
		n++
		if old.Port != x.Port {
			continue
		}
		if old.Protocol == x.Protocol && slices.Equal(old.Targets, x.Targets) {
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
	startChecks(tx, x)
	Listeners.Put(tx, x)
	return x, nil
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

// ModifyListener changes what is set: Port 0, Protocol "" and Action nil mean
// no change.
type ModifyListener struct {
	ARN      string
	Port     int
	Protocol string
	Action   *ForwardAction
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
	action := ForwardAction{Groups: x.Targets, StickySeconds: x.GroupStickinessSeconds}
	if c.Action != nil {
		action = *c.Action
	}
	if c.Port != 0 {
		x.Port = c.Port
	}
	if c.Protocol != "" && c.Protocol != x.Protocol {
		x.Protocol = c.Protocol
		x.Attributes = defaultListenerAttributes(c.Protocol)
	}
	x.Targets, x.GroupStickinessSeconds = action.Groups, action.StickySeconds
	if err := checkListener(tx, l, &x, action); err != nil {
		return x, err
	}
	for old := range Listeners.By(tx, ByLB, l.ARN) {
		if old.ARN != x.ARN && old.Port == x.Port {
			return x, duplicateListener(l.ARN)
		}
	}
	startChecks(tx, x)
	Listeners.Put(tx, x)
	return x, nil
}

// DeleteListener deletes a listener.
type DeleteListener struct{ ARN string }

// Apply implements cloud.Command.
func (c DeleteListener) Apply(tx *cloud.Tx) (cloud.None, error) {
	if _, err := FindListener(tx, tx.Caller.Scope, c.ARN); err != nil {
		return cloud.None{}, err
	}
	Listeners.Delete(tx, c.ARN)
	return cloud.None{}, nil
}

// startChecks puts the targets of groups that come into use back to initial: an
// older result is of another time.
func startChecks(tx *cloud.Tx, x Listener) {
	for _, w := range x.Targets {
		if _, used := Listeners.First(tx, ByGroup, w.TargetGroupARN); used {
			continue
		}
		for _, t := range slices.Collect(Targets.By(tx, ByGroup, w.TargetGroupARN)) {
			t.Health, t.Reason = Initial, ""
			Targets.Put(tx, t)
		}
	}
}

func defaultListenerAttributes(protocol string) map[string]string {
	if protocol == "TCP" {
		return map[string]string{attrIdleTimeout: "350"}
	}
	return map[string]string{}
}

// ModifyListenerAttributes sets some attributes of a listener.
type ModifyListenerAttributes struct {
	ARN string
	Set []KeyValue
}

// Apply implements cloud.Command.
func (c ModifyListenerAttributes) Apply(tx *cloud.Tx) (Listener, error) {
	x, err := FindListener(tx, tx.Caller.Scope, c.ARN)
	if err != nil {
		return x, err
	}
	keys := map[string]attribute{}
	if x.Protocol == "TCP" {
		keys[attrIdleTimeout] = integer(60, 6000)
	}
	m, err := setAttributes(subjectListener, "Listener", keys, x.Attributes, c.Set)
	if err != nil {
		return x, err
	}
	x.Attributes = m
	Listeners.Put(tx, x)
	return x, nil
}
