package sns

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/musubi-net/musubi/internal/cloud"
)

const maxTags = 50

var topicName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`) })

// ARN is the name of a topic everywhere.
func ARN(s cloud.Scope, name string) string {
	return "arn:aws:sns:" + s.Region + ":" + s.Account + ":" + name
}

// Find returns the topic with that ARN, if the caller may do something to it:
// only a topic's own account may, here.
func Find(r cloud.Reader, c cloud.Caller, arn, action string) (Topic, error) {
	parts := strings.Split(arn, ":")
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "sns" {
		return Topic{}, invalid("TopicArn Reason: An ARN must have at least 6 elements, not %d", len(parts))
	}
	if parts[3] != c.Region {
		return Topic{}, invalid("TopicArn")
	}
	t, ok := Topics.Get(r, arn)
	if parts[4] != c.Account {
		return Topic{}, notAuthorized(c, action, arn)
	}
	if !ok {
		return Topic{}, noTopic(arn)
	}
	return t, nil
}

// CreateTopic makes a topic, or returns the one of that name if it has the same
// attributes and tags.
type CreateTopic struct {
	Name       string
	Attributes map[string]string
	Tags       cloud.Tags
}

// Apply implements cloud.Command.
func (c CreateTopic) Apply(tx *cloud.Tx) (Topic, error) {
	if strings.HasSuffix(c.Name, ".fifo") || c.Attributes["FifoTopic"] == "true" {
		return Topic{}, notServed("FifoTopic Reason: a FIFO topic")
	}
	if !topicName().MatchString(c.Name) {
		return Topic{}, invalid("Topic Name")
	}
	t := Topic{ARN: ARN(tx.Caller.Scope, c.Name), Scope: tx.Caller.Scope, Name: c.Name, CreatedAt: tx.Now, Tags: c.Tags.Clone()}
	for _, name := range slices.Sorted(maps.Keys(c.Attributes)) {
		if err := t.set(name, c.Attributes[name]); err != nil {
			return Topic{}, err
		}
	}
	if old, ok := Topics.Get(tx, t.ARN); ok {
		for name, v := range t.Attributes {
			if old.Attributes[name] != v {
				return Topic{}, invalid("Attributes Reason: Topic already exists with different attributes")
			}
		}
		if len(c.Tags) > 0 && !maps.Equal(old.Tags, t.Tags) {
			return Topic{}, invalid("Tags Reason: Topic already exists with different tags")
		}
		return old, nil
	}
	if err := checkTags(t.Tags); err != nil {
		return Topic{}, err
	}
	Topics.Put(tx, t)
	return t, nil
}

// DeleteTopic deletes a topic with its messages. One that does not exist is no
// error.
type DeleteTopic struct{ ARN string }

// Apply implements cloud.Command.
func (c DeleteTopic) Apply(tx *cloud.Tx) (cloud.None, error) {
	_, err := Find(tx, tx.Caller, c.ARN, "DeleteTopic")
	if cloud.IsKind(err, cloud.KindNotFound) {
		return cloud.None{}, nil
	}
	if err != nil {
		return cloud.None{}, err
	}
	for _, m := range slices.Collect(Messages.By(tx, ByTopic, c.ARN)) {
		Messages.Delete(tx, MessageKey(m.TopicARN, m.Number))
	}
	Topics.Delete(tx, c.ARN)
	return cloud.None{}, nil
}

// SetAttribute sets one attribute of a topic; empty takes it away.
type SetAttribute struct{ ARN, Name, Value string }

// Apply implements cloud.Command.
func (c SetAttribute) Apply(tx *cloud.Tx) (cloud.None, error) {
	t, err := Find(tx, tx.Caller, c.ARN, "SetTopicAttributes")
	if err != nil {
		return cloud.None{}, err
	}
	t.Attributes = maps.Clone(t.Attributes)
	if err := t.set(c.Name, c.Value); err != nil {
		return cloud.None{}, err
	}
	Topics.Put(tx, t)
	return cloud.None{}, nil
}

// Tag sets and removes tags of a topic.
type Tag struct {
	ARN  string
	Set  cloud.Tags
	Drop []string
}

// Apply implements cloud.Command.
func (c Tag) Apply(tx *cloud.Tx) (cloud.None, error) {
	t, err := FindTagged(tx, tx.Caller, c.ARN, "TagResource")
	if err != nil {
		return cloud.None{}, err
	}
	tags := t.Tags.With(c.Set)
	for _, k := range c.Drop {
		delete(tags, k)
	}
	if err := checkTags(tags); err != nil {
		return cloud.None{}, err
	}
	t.Tags = tags
	Topics.Put(tx, t)
	return cloud.None{}, nil
}

// FindTagged is Find with the refusal of the operations on tags.
func FindTagged(r cloud.Reader, c cloud.Caller, arn, action string) (Topic, error) {
	t, err := Find(r, c, arn, action)
	if cloud.IsKind(err, cloud.KindNotFound) {
		return t, noResource(arn)
	}
	return t, err
}

func checkTags(tags cloud.Tags) error {
	if len(tags) > maxTags {
		return cloud.Errorf(cloud.KindLimit, subjectTopic, "TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded")
	}
	for k := range tags {
		if strings.HasPrefix(strings.ToLower(k), "aws:") {
			return invalid("Tags Reason: aws: prefixed tag key names are not allowed for external use.")
		}
	}
	return nil
}
