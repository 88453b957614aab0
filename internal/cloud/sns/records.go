// Package sns is the domain of the stand-in for Amazon SNS: topics that services
// publish to and whose messages are kept, to be read on this machine. There are
// no subscriptions.
//
// It may import internal/cloud.
package sns

import (
	"fmt"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Index names.
const (
	ByScope = "scope"
	ByTopic = "topic"
)

// Kept is how many messages of a topic are kept; older ones are forgotten.
const Kept = 1000

// Topic is a standard topic.
type Topic struct {
	ARN string
	cloud.Scope
	Name string
	// Attributes are those that were set: Policy, DisplayName, DeliveryPolicy, …
	Attributes map[string]string
	// Dropped counts the messages that the topic's policy did not let in.
	Dropped   int
	CreatedAt time.Time
	Tags      cloud.Tags
}

// Topics is the table of topics.
var Topics = cloud.NewTable("sns-topic", func(t *Topic) string { return t.ARN },
	cloud.Index[Topic]{Name: ByScope, Keys: func(t *Topic) []string { return []string{t.Key()} }})

// Message is one message that a topic got.
type Message struct {
	ID string // a UUID
	// Number orders all messages of this cloud.
	Number   uint32
	TopicARN string
	Subject  string
	Body     string
	// Publisher is the principal that sent it: an ARN or a service.
	Publisher string
	At        time.Time
}

// MessageKey is the key of a message: a topic's messages follow each other in
// the order of their numbers.
func MessageKey(topicARN string, number uint32) string {
	return fmt.Sprintf("%s|%010d", topicARN, number)
}

// Messages is the table of kept messages.
var Messages = cloud.NewTable("sns-message", func(m *Message) string { return MessageKey(m.TopicARN, m.Number) },
	cloud.Index[Message]{Name: ByTopic, Keys: func(m *Message) []string { return []string{m.TopicARN} }})

// Tables lists the tables of this package.
func Tables() []cloud.AnyTable { return []cloud.AnyTable{Topics, Messages} }
