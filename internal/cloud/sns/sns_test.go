package sns

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

type counterIDs struct{ n int }

func (c *counterIDs) Hex(n int) string   { c.n++; return fmt.Sprintf("%0*x", n, c.n) }
func (c *counterIDs) Alnum(n int) string { return c.Hex(n) }
func (c *counterIDs) Upper(n int) string { return strings.ToUpper(c.Hex(n)) }

var owner = cloud.Caller{Scope: cloud.Scope{Account: "111111111111", Region: "us-east-1"}, PrincipalARN: "arn:aws:iam::111111111111:root"}
var other = cloud.Caller{Scope: cloud.Scope{Account: "222222222222", Region: "us-east-1"}, PrincipalARN: "arn:aws:iam::222222222222:user/x"}

type world struct {
	*testing.T
	db  *cloud.DB
	ids *counterIDs
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := cloud.NewDB(cloud.NewSchema(Tables()...))
	if err != nil {
		t.Fatal(err)
	}
	return &world{T: t, db: db, ids: &counterIDs{}}
}

func (w *world) change(who cloud.Caller, f func(tx *cloud.Tx) error) error {
	tx := w.db.Begin(cloud.Env{Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), IDs: w.ids, Caller: who})
	defer tx.Abort()
	err := f(tx)
	if err == nil {
		tx.Publish()
	}
	return err
}

func try[R any](w *world, who cloud.Caller, c cloud.Command[R]) (r R, err error) {
	err = w.change(who, func(tx *cloud.Tx) error {
		r, err = c.Apply(tx)
		return err
	})
	return r, err
}

func must[R any](w *world, who cloud.Caller, c cloud.Command[R]) R {
	w.Helper()
	r, err := try(w, who, c)
	if err != nil {
		w.Fatalf("%T: %v", c, err)
	}
	return r
}

func refused(t *testing.T, err error, code string) {
	t.Helper()
	var e *cloud.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestTopic(t *testing.T) {
	w := newWorld(t)
	c := CreateTopic{Name: "events", Attributes: map[string]string{"DisplayName": "Events", "FifoTopic": "false"}, Tags: cloud.Tags{"a": "b"}}
	topic := must(w, owner, c)
	if topic.ARN != "arn:aws:sns:us-east-1:111111111111:events" || topic.View()["DisplayName"] != "Events" || topic.View()["Owner"] != "111111111111" {
		t.Errorf("got %+v", topic)
	}
	if again := must(w, owner, c); again.ARN != topic.ARN {
		t.Error("made again")
	}
	c.Attributes = map[string]string{"DisplayName": "Other"}
	_, err := try(w, owner, c)
	refused(t, err, "InvalidParameter")
	for _, name := range []string{"", "a b", "x.fifo"} {
		_, err := try(w, owner, CreateTopic{Name: name})
		refused(t, err, "InvalidParameter")
	}
	for _, x := range []SetAttribute{
		{Name: "Policy", Value: "{"}, {Name: "Policy", Value: `{"Statement":[{"Effect":"Maybe"}]}`}, {Name: "KmsMasterKeyId", Value: "alias/x"},
		{Name: "SQSFailureFeedbackRoleArn", Value: "arn"}, {Name: "Nonsense"}, {Name: "SignatureVersion", Value: "2"}, {Name: "DeliveryPolicy", Value: "{"},
		{Name: "DisplayName", Value: strings.Repeat("x", 101)}, {Name: "TracingConfig", Value: "Active"},
	} {
		x.ARN = topic.ARN
		_, err := try(w, owner, x)
		refused(t, err, "InvalidParameter")
	}
	must(w, owner, SetAttribute{ARN: topic.ARN, Name: "DisplayName"})
	must(w, owner, Tag{ARN: topic.ARN, Set: cloud.Tags{"c": "d"}, Drop: []string{"a"}})
	got, err := Find(w.db.Snapshot(), owner, topic.ARN, "GetTopicAttributes")
	if err != nil || got.View()["DisplayName"] != "" || len(got.Tags) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = Find(w.db.Snapshot(), other, topic.ARN, "GetTopicAttributes")
	refused(t, err, "AuthorizationError")
	_, err = try(w, owner, Tag{ARN: topic.ARN + "x"})
	refused(t, err, "ResourceNotFound")
	must(w, owner, Publish{TopicARN: topic.ARN, Body: "x"})
	must(w, owner, DeleteTopic{ARN: topic.ARN})
	must(w, owner, DeleteTopic{ARN: topic.ARN})
	_, err = Find(w.db.Snapshot(), owner, topic.ARN, "GetTopicAttributes")
	refused(t, err, "NotFound")
	for range Messages.All(w.db.Snapshot()) {
		t.Error("a message stayed")
	}
}

func TestPublish(t *testing.T) {
	w := newWorld(t)
	topic := must(w, owner, CreateTopic{Name: "events"})
	for range Kept + 5 {
		must(w, owner, Publish{TopicARN: topic.ARN, Subject: "s", Body: "hello"})
	}
	all := Read(w.db.Snapshot(), 0, func(Topic) bool { return true })
	if len(all) != Kept || all[0].Number != 6 || all[Kept-1].Number != Kept+5 || all[0].Publisher != owner.PrincipalARN {
		t.Errorf("%d messages, first %+v", len(all), all[0])
	}
	if newer := Read(w.db.Snapshot(), Kept+3, func(Topic) bool { return true }); len(newer) != 2 {
		t.Errorf("%d newer", len(newer))
	}
	m := must(w, owner, Publish{TopicARN: topic.ARN, Body: `{"default":"text","sqs":"other"}`, Structure: "json"})
	if m.Body != "text" {
		t.Errorf("body %q", m.Body)
	}
	for _, x := range []struct {
		who  cloud.Caller
		c    Publish
		code string
	}{
		{owner, Publish{TopicARN: topic.ARN}, "InvalidParameter"},
		{owner, Publish{TopicARN: topic.ARN, Body: "x", Subject: "a\nb"}, "InvalidParameter"},
		{owner, Publish{TopicARN: topic.ARN, Body: "{", Structure: "json"}, "InvalidParameter"},
		{owner, Publish{TopicARN: topic.ARN + "x", Body: "x"}, "NotFound"},
		{other, Publish{TopicARN: topic.ARN, Body: "x"}, "AuthorizationError"},
		{owner, Publish{TopicARN: "x", Body: "x"}, "InvalidParameter"},
	} {
		_, err := try(w, x.who, x.c)
		refused(t, err, x.code)
	}
}

func TestPolicy(t *testing.T) {
	const arn = "arn:aws:sns:us-east-1:111111111111:events"
	vpce := Sender{Service: "vpce.amazonaws.com", Account: "111111111111", SourceARN: "arn:aws:ec2:us-east-1:111111111111:vpc-endpoint-service/vpce-svc-1"}
	user := Sender{Account: "222222222222", Principal: other.PrincipalARN}
	allow := func(rest string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"vpce.amazonaws.com"},"Action":"SNS:Publish","Resource":"*"` + rest + `}]}`
	}
	for name, x := range map[string]struct {
		policy string
		who    Sender
		want   bool
	}{
		"default":            {DefaultPolicy(arn, "111111111111"), vpce, false},
		"default, owner":     {DefaultPolicy(arn, "111111111111"), Sender{Account: "111111111111"}, true},
		"service":            {allow(""), vpce, true},
		"service, not users": {allow(""), user, false},
		"source":             {allow(`,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:ec2:*:*:vpc-endpoint-service/vpce-svc-1"}}`), vpce, true},
		"other source":       {allow(`,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:ec2:*:*:vpc-endpoint-service/vpce-svc-2"}}`), vpce, false},
		"account":            {allow(`,"Condition":{"StringEquals":{"aws:SourceAccount":"111111111111"}}`), vpce, true},
		"not account":        {allow(`,"Condition":{"StringNotEquals":{"aws:SourceAccount":"111111111111"}}`), vpce, false},
		"unknown key":        {allow(`,"Condition":{"StringEquals":{"aws:Moon":"full"}}`), vpce, false},
		"unknown operator":   {allow(`,"Condition":{"Bool":{"aws:SecureTransport":"true"}}`), vpce, false},
		"everybody":          {`{"Statement":{"Effect":"Allow","Principal":"*","Action":["sns:*"]}}`, vpce, true},
		"wrong action":       {`{"Statement":{"Effect":"Allow","Principal":"*","Action":"sns:Subscribe"}}`, vpce, false},
		"wrong topic":        {`{"Statement":{"Effect":"Allow","Principal":"*","Action":"sns:Publish","Resource":"arn:aws:sns:*:*:other"}}`, vpce, false},
		"denied": {`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sns:Publish"},{"Effect":"Deny","Principal":{"Service":["vpce.amazonaws.com"]},` +
			`"NotAction":"sns:Subscribe"}]}`, vpce, false},
		"account by number": {`{"Statement":{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"sns:Publish"}}`, user, true},
		"not principal":     {`{"Statement":{"Effect":"Allow","NotPrincipal":{"AWS":"222222222222"},"Action":"sns:Publish"}}`, user, false},
	} {
		if got := admits(x.policy, arn, x.who); got != x.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestDeliver(t *testing.T) {
	w := newWorld(t)
	topic := must(w, owner, CreateTopic{Name: "events"})
	who := Sender{Service: "vpce.amazonaws.com", Account: "111111111111"}
	send := func() Topic {
		if err := w.change(owner, func(tx *cloud.Tx) error { Deliver(tx, topic.ARN, who, "s", "b"); return nil }); err != nil {
			t.Fatal(err)
		}
		got, _ := Topics.Get(w.db.Snapshot(), topic.ARN)
		return got
	}
	if got := send(); got.Dropped != 1 || len(Read(w.db.Snapshot(), 0, func(Topic) bool { return true })) != 0 {
		t.Errorf("got %+v", got)
	}
	must(w, owner, SetAttribute{ARN: topic.ARN, Name: "Policy",
		Value: `{"Statement":{"Effect":"Allow","Principal":{"Service":"vpce.amazonaws.com"},"Action":"sns:Publish","Resource":"*"}}`})
	if got := send(); got.Dropped != 1 || len(Read(w.db.Snapshot(), 0, func(Topic) bool { return true })) != 1 {
		t.Errorf("got %+v", got)
	}
}
