package control

import (
	"context"
	"net/url"
	"strconv"
	"time"
)

// Notification is one message of a topic of the SNS stand-in: a row of GET
// /v1/notifications.
type Notification struct {
	// Number orders the messages of all topics.
	Number    uint32    `json:"number"`
	ID        string    `json:"id"`
	Topic     string    `json:"topic"` // ARN
	Publisher string    `json:"publisher"`
	Subject   string    `json:"subject,omitempty"`
	Message   string    `json:"message"`
	At        time.Time `json:"at"`
}

// Notifications is the answer to GET /v1/notifications.
type Notifications struct {
	// Topics are the ARNs of the topics that were asked for.
	Topics   []string       `json:"topics"`
	Messages []Notification `json:"messages"`
	// Dropped counts, by topic, the messages that the topic's policy did not let
	// in.
	Dropped map[string]int `json:"dropped"`
}

// Notifications lists the messages of a topic, by name or ARN, or of all topics,
// with numbers above after.
func (c *Client) Notifications(ctx context.Context, topic string, after uint32) (Notifications, error) {
	var n Notifications
	err := c.get(ctx, "/v1/notifications?"+url.Values{"topic": {topic}, "after": {strconv.FormatUint(uint64(after), 10)}}.Encode(), &n)
	return n, err
}
