package sns

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/musubi-net/musubi/internal/cloud"
)

// AWS's limits.
const (
	maxMessage = 256 << 10
	maxSubject = 100
)

// Publish sends a message to a topic.
type Publish struct {
	TopicARN, Subject, Body string
	// Structure is empty, or json: then the body has a text per protocol, and the
	// one named default is kept.
	Structure string
}

// Apply implements cloud.Command.
func (c Publish) Apply(tx *cloud.Tx) (Message, error) {
	body, err := c.check()
	if err != nil {
		return Message{}, err
	}
	who := Sender{Account: tx.Caller.Account, Principal: tx.Caller.PrincipalARN}
	t, ok := Topics.Get(tx, c.TopicARN)
	switch {
	case ok && t.Region != tx.Caller.Region:
		return Message{}, invalid("TopicArn")
	case ok && t.Account != who.Account && !admits(policyOf(t), t.ARN, who):
		return Message{}, notAuthorized(tx.Caller, "Publish", c.TopicARN)
	case !ok:
		_, err := Find(tx, tx.Caller, c.TopicARN, "Publish")
		return Message{}, err
	}
	return keep(tx, t, c.Subject, body, who.Principal), nil
}

func (c Publish) check() (body string, err error) {
	switch {
	case c.Body == "":
		return "", invalid("Empty message")
	case len(c.Body) > maxMessage:
		return "", invalid("Message too long")
	case len(c.Subject) > maxSubject || strings.ContainsFunc(c.Subject, unicode.IsControl):
		return "", invalid("Subject")
	case c.Structure == "":
		return c.Body, nil
	case c.Structure != "json":
		return "", invalid("MessageStructure")
	}
	var texts map[string]any
	if json.Unmarshal([]byte(c.Body), &texts) != nil {
		return "", invalid("Message Structure - JSON message body failed to parse")
	}
	text, ok := texts["default"].(string)
	if !ok {
		return "", invalid("Message Structure - No default entry in JSON message body")
	}
	return text, nil
}

// Deliver is how a service of this cloud publishes. What the topic's policy does
// not let in is dropped, and counted.
func Deliver(tx *cloud.Tx, topicARN string, who Sender, subject, body string) {
	t, ok := Topics.Get(tx, topicARN)
	if !ok {
		return
	}
	if !admits(policyOf(t), t.ARN, who) {
		t.Dropped++
		Topics.Put(tx, t)
		return
	}
	keep(tx, t, subject, body, who.Service)
}

// keep puts a message into its topic and forgets the oldest beyond Kept.
func keep(tx *cloud.Tx, t Topic, subject, body, publisher string) Message {
	h := tx.IDs.Hex(32)
	m := Message{ID: h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], Number: tx.NextNumber("sns-message"),
		TopicARN: t.ARN, Subject: subject, Body: body, Publisher: publisher, At: tx.Now}
	Messages.Put(tx, m)
	all := slices.Collect(Messages.By(tx, ByTopic, t.ARN))
	for _, old := range all[:max(0, len(all)-Kept)] {
		Messages.Delete(tx, MessageKey(old.TopicARN, old.Number))
	}
	return m
}

// Read lists the messages of topics (of all without any) with numbers above
// after, oldest first.
func Read(r cloud.Reader, after uint32, match func(Topic) bool) []Message {
	var out []Message
	for t := range Topics.All(r) {
		if !match(t) {
			continue
		}
		for m := range Messages.By(r, ByTopic, t.ARN) {
			if m.Number > after {
				out = append(out, m)
			}
		}
	}
	slices.SortFunc(out, func(a, b Message) int { return int(a.Number) - int(b.Number) })
	return out
}
