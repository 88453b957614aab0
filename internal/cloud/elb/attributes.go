package elb

import (
	"slices"
	"sort"
	"strconv"
)

// Keys of attributes that this package itself reads.
const (
	attrDeletionProtection = "deletion_protection.enabled"
	attrCrossZone          = "load_balancing.cross_zone.enabled"
	attrIdleTimeout        = "tcp.idle_timeout.seconds"
	attrPreserveClient     = "preserve_client_ip.enabled"
	attrDelay              = "deregistration_delay.timeout_seconds"
	attrEndOnDeregister    = "deregistration_delay.connection_termination.enabled"
	attrEndOnUnhealthy     = "target_health_state.unhealthy.connection_termination.enabled"
	attrStickinessType     = "stickiness.type"
)

const maxAttributesPerCall = 20

// attribute describes one key: whether AWS takes the value, and whether it is
// carried out here. A nil served means every legal value is.
type attribute struct {
	legal  func(value string) bool
	served func(value string) bool
	expect string // what legal wants, for the message
}

func boolean() attribute {
	return attribute{legal: func(v string) bool { return v == "true" || v == "false" }, expect: "true or false"}
}

func integer(low, high int) attribute {
	return attribute{expect: "a number from " + strconv.Itoa(low) + " to " + strconv.Itoa(high),
		legal: func(v string) bool {
			n, err := strconv.Atoi(v)
			return err == nil && n >= low && n <= high
		}}
}

func choice(values ...string) attribute {
	a := attribute{expect: "one of "}
	for i, v := range values {
		if i > 0 {
			a.expect += ", "
		}
		a.expect += v
	}
	a.legal = func(v string) bool { return slices.Contains(values, v) }
	return a
}

func text() attribute {
	return attribute{legal: func(v string) bool { return len(v) <= 1024 }, expect: "at most 1024 characters"}
}

// either is legal where one of two attributes is.
func either(a, b attribute) attribute {
	return attribute{legal: func(v string) bool { return a.legal(v) || b.legal(v) }, expect: a.expect + " or " + b.expect}
}

// only restricts what is carried out here to some of the legal values.
func (a attribute) only(values ...string) attribute {
	a.served = func(v string) bool { return slices.Contains(values, v) }
	return a
}

// KeyValue is one attribute as it is set.
type KeyValue struct{ Key, Value string }

// Sorted lists attributes by key.
func Sorted(m map[string]string) []KeyValue {
	out := make([]KeyValue, 0, len(m))
	for k, v := range m {
		out = append(out, KeyValue{k, v})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Key < out[j].Key })
	return out
}

// setAttributes checks a modification and returns the new attributes. what is
// "Load balancer", "Target group" or "Listener".
func setAttributes(subject, what string, keys map[string]attribute, have map[string]string, set []KeyValue) (map[string]string, error) {
	if len(set) == 0 {
		return nil, invalid(subject, "At least one attribute must be specified")
	}
	if len(set) > maxAttributesPerCall {
		return nil, invalid(subject, "At most %d attributes can be modified in one call", maxAttributesPerCall)
	}
	out := cloneMap(have)
	for _, kv := range set {
		a, ok := keys[kv.Key]
		switch {
		case !ok:
			return nil, invalid(subject, "%s attribute key '%s' is not recognized", what, kv.Key)
		case !a.legal(kv.Value):
			return nil, invalid(subject, "%s attribute value '%s' for key '%s' is not valid: it must be %s", what, kv.Value, kv.Key, a.expect)
		case a.served != nil && !a.served(kv.Value) && have[kv.Key] != kv.Value:
			return nil, notServed(subject, "%s attribute '%s' with the value '%s'", what, kv.Key, kv.Value)
		}
		out[kv.Key] = kv.Value
	}
	return out, nil
}
