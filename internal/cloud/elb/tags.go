package elb

import (
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

const maxTags = 50

// ChangeTags sets and removes tags of load balancers, listeners, rules, target
// groups and trust stores, by ARN.
type ChangeTags struct {
	ARNs   []string
	Set    cloud.Tags
	Remove []string
}

// Apply implements cloud.Command.
func (c ChangeTags) Apply(tx *cloud.Tx) (cloud.None, error) {
	if err := CheckTags(c.Set); err != nil {
		return cloud.None{}, err
	}
	for _, arn := range c.ARNs {
		old, put, err := tagsAt(tx, tx.Caller.Scope, arn)
		if err != nil {
			return cloud.None{}, err
		}
		t := old.With(c.Set)
		for _, k := range c.Remove {
			delete(t, k)
		}
		if len(t) > maxTags {
			return cloud.None{}, tooManyTags()
		}
		put(tx, t)
	}
	return cloud.None{}, nil
}

// TagsOf returns the tags of a resource.
func TagsOf(r cloud.Reader, scope cloud.Scope, arn string) (cloud.Tags, error) {
	t, _, err := tagsAt(r, scope, arn)
	return t, err
}

// tagsAt finds a resource's tags, and how to replace them.
func tagsAt(r cloud.Reader, scope cloud.Scope, arn string) (cloud.Tags, func(*cloud.Tx, cloud.Tags), error) {
	switch {
	case strings.Contains(arn, ":loadbalancer/"):
		l, err := Find(r, scope, arn)
		return l.Tags, func(tx *cloud.Tx, t cloud.Tags) { l.Tags = t; LoadBalancers.Put(tx, l) }, err
	case strings.Contains(arn, ":listener/"):
		x, err := FindListener(r, scope, arn)
		return x.Tags, func(tx *cloud.Tx, t cloud.Tags) { x.Tags = t; Listeners.Put(tx, x) }, err
	case strings.Contains(arn, ":listener-rule/"):
		return ruleTags(r, scope, arn)
	case strings.Contains(arn, ":truststore/"):
		s, err := FindTrustStore(r, scope, arn)
		return s.Tags, func(tx *cloud.Tx, t cloud.Tags) { s.Tags = t; TrustStores.Put(tx, s) }, err
	case strings.Contains(arn, ":targetgroup/"):
		g, err := FindTargetGroup(r, scope, arn)
		return g.Tags, func(tx *cloud.Tx, t cloud.Tags) { g.Tags = t; TargetGroups.Put(tx, g) }, err
	}
	return nil, nil, invalid("tag", "'%s' is not a valid resource ARN", arn)
}

// ruleTags finds a rule's tags. A default rule is no record of its own: its
// listener keeps them.
func ruleTags(r cloud.Reader, scope cloud.Scope, arn string) (cloud.Tags, func(*cloud.Tx, cloud.Tags), error) {
	if x, ok := DefaultRuleOf(r, scope, arn); ok {
		return x.RuleTags, func(tx *cloud.Tx, t cloud.Tags) { x.RuleTags = t; Listeners.Put(tx, x) }, nil
	}
	x, err := FindRule(r, scope, arn)
	return x.Tags, func(tx *cloud.Tx, t cloud.Tags) { x.Tags = t; Rules.Put(tx, x) }, err
}

// CheckTags applies AWS's limits to new tags.
func CheckTags(t cloud.Tags) error {
	if len(t) > maxTags {
		return tooManyTags()
	}
	for k, v := range t {
		switch {
		case k == "" || len([]rune(k)) > 128:
			return invalid("tag", "1 validation error detected: Value '%s' at 'tags.1.member.key' failed to satisfy constraint: "+
				"Member must have length between 1 and 128", k)
		case len([]rune(v)) > 256:
			return invalid("tag", "1 validation error detected: Value '%s' at 'tags.1.member.value' failed to satisfy constraint: "+
				"Member must have length less than or equal to 256", v)
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return invalid("tag", "Tag keys that begin with 'aws:' are reserved: '%s'", k)
		}
	}
	return nil
}

func tooManyTags() error {
	return cloud.Errorf(cloud.KindLimit, "tag", "TooManyTags", "You've reached the limit on the number of tags for this resource")
}
