package sns

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/sns"
)

// memory is an engine without a store.
type memory struct {
	db *cloud.DB
	n  int
}

func (m *memory) Hex(n int) string          { m.n++; return fmt.Sprintf("%0*x", n, m.n) }
func (m *memory) Alnum(n int) string        { return m.Hex(n) }
func (m *memory) Upper(n int) string        { return strings.ToUpper(m.Hex(n)) }
func (m *memory) Snapshot() *cloud.Snapshot { return m.db.Snapshot() }

func (m *memory) Run(_ context.Context, caller cloud.Caller, apply func(*cloud.Tx) error) error {
	tx := m.db.Begin(cloud.Env{Now: time.Unix(1_700_000_000, 0), Caller: caller, IDs: m})
	defer tx.Abort()
	err := apply(tx)
	if err == nil {
		tx.Publish()
	}
	return err
}

// lab is a front door over an engine of its own.
type lab struct {
	*testing.T
	door http.Handler
}

func newLab(t *testing.T) *lab {
	t.Helper()
	db, err := cloud.NewDB(cloud.NewSchema(sns.Tables()...))
	if err != nil {
		t.Fatal(err)
	}
	door, err := protocol.NewHandler(protocol.Options{Services: []protocol.Service{New(&memory{db: db}).Service()}})
	if err != nil {
		t.Fatal(err)
	}
	return &lab{T: t, door: door}
}

// ask makes a request of name and value pairs.
func (l *lab) ask(want int, parts []string, action string, pairs ...string) string {
	l.Helper()
	v := url.Values{"Action": {action}, "Version": {"2010-03-31"}}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:4566/", strings.NewReader(v.Encode()))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=111111111111/20260102/us-east-1/sns/aws4_request, SignedHeaders=host, Signature=abc")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	w := httptest.NewRecorder()
	l.door.ServeHTTP(w, r)
	body := w.Body.String()
	if w.Code != want {
		l.Errorf("%s: %d, want %d\n%s", action, w.Code, want, body)
	}
	for _, p := range parts {
		if !strings.Contains(body, p) {
			l.Errorf("%s: no %s in\n%s", action, p, body)
		}
	}
	return body
}

func TestTopicOnTheWire(t *testing.T) {
	l := newLab(t)
	const arn = "arn:aws:sns:us-east-1:111111111111:events"
	l.ask(200, []string{"<CreateTopicResult><TopicArn>" + arn + "</TopicArn>", `xmlns="http://sns.amazonaws.com/doc/2010-03-31/"`}, "CreateTopic", "Name", "events",
		"Attributes.entry.1.key", "DisplayName", "Attributes.entry.1.value", "Events", "Tags.member.1.Key", "a", "Tags.member.1.Value", "b")
	l.ask(200, []string{"<entry><key>DisplayName</key><value>Events</value></entry>", "<key>Owner</key><value>111111111111</value>", "SNS:Publish"},
		"GetTopicAttributes", "TopicArn", arn)
	l.ask(200, nil, "SetTopicAttributes", "TopicArn", arn, "AttributeName", "DisplayName", "AttributeValue", "Other")
	l.ask(200, []string{"<value>Other</value>"}, "GetTopicAttributes", "TopicArn", arn)
	l.ask(200, nil, "TagResource", "ResourceArn", arn, "Tags.member.1.Key", "c", "Tags.member.1.Value", "d")
	l.ask(200, nil, "UntagResource", "ResourceArn", arn, "TagKeys.member.1", "a")
	if body := l.ask(200, []string{"<Key>c</Key><Value>d</Value>"}, "ListTagsForResource", "ResourceArn", arn); strings.Contains(body, "<Key>a</Key>") {
		t.Errorf("the tag stayed:\n%s", body)
	}
	l.ask(200, []string{"<MessageId>00000000-0000-0000-0000-"}, "Publish", "TopicArn", arn, "Message", "hello")
	l.ask(404, []string{"<Code>NotFound</Code>", "Topic does not exist"}, "GetTopicAttributes", "TopicArn", arn+"x")
	l.ask(404, []string{"<Code>ResourceNotFound</Code>"}, "ListTagsForResource", "ResourceArn", arn+"x")
	l.ask(400, []string{"<Code>InvalidParameter</Code>", "Empty message"}, "Publish", "TopicArn", arn, "Message", "")
	l.ask(403, []string{"<Code>AuthorizationError</Code>"}, "GetTopicAttributes", "TopicArn", "arn:aws:sns:us-east-1:222222222222:x")
	l.ask(400, []string{"Subscribe"}, "Subscribe", "TopicArn", arn, "Protocol", "email")
	l.ask(400, []string{"MessageAttributes"}, "Publish", "TopicArn", arn, "Message", "x", "MessageAttributes.entry.1.Name", "a")
	l.ask(200, nil, "DeleteTopic", "TopicArn", arn)
	l.ask(200, []string{"ListTopicsResult"}, "ListTopics")
}

func TestListTopics(t *testing.T) {
	l := newLab(t)
	for i := range topicsPage + 1 {
		l.ask(200, nil, "CreateTopic", "Name", fmt.Sprintf("t%03d", i))
	}
	first := l.ask(200, []string{":t000<", ":t099<"}, "ListTopics")
	_, token, _ := strings.Cut(first, "<NextToken>")
	token, _, ok := strings.Cut(token, "</NextToken>")
	if !ok || strings.Contains(first, ":t100<") {
		t.Fatalf("first page:\n%s", first)
	}
	if rest := l.ask(200, []string{":t100<"}, "ListTopics", "NextToken", token); strings.Contains(rest, "NextToken") || strings.Contains(rest, ":t099<") {
		t.Errorf("second page:\n%s", rest)
	}
	l.ask(400, []string{"InvalidParameter"}, "ListTopics", "NextToken", "x")
}
