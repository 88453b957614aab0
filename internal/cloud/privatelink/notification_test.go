package privatelink

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/sns"
)

const openPolicy = `{"Statement":{"Effect":"Allow","Principal":{"Service":"vpce.amazonaws.com"},"Action":"SNS:Publish","Resource":"*",` +
	`"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:ec2:*:*:vpc-endpoint*/*"}}}}`

func (w *world) topic(who cloud.Caller, name string) string {
	w.t.Helper()
	return must(w, who, sns.CreateTopic{Name: name, Attributes: map[string]string{"Policy": openPolicy}}).ARN
}

// told are the events that a topic was told, in order.
func (w *world) told(arn string) string {
	w.t.Helper()
	var events []string
	for _, m := range sns.Read(w.db.Snapshot(), 0, func(t sns.Topic) bool { return t.ARN == arn }) {
		var body map[string]string
		if err := json.Unmarshal([]byte(m.Body), &body); err != nil {
			w.t.Fatal(err)
		}
		if m.Publisher != "vpce.amazonaws.com" || !strings.HasPrefix(body["VpcEndpointId"], "vpce-") {
			w.t.Errorf("message %+v", m)
		}
		events = append(events, body["ConnectionEvent"]+" "+body["VpcEndpointState"])
	}
	return strings.Join(events, ", ")
}

func TestNotifications(t *testing.T) {
	w := newWorld(t)
	s := w.open(true)
	mine, theirs := w.topic(provider, "mine"), w.topic(consumer, "theirs")
	c := CreateNotification{ServiceID: s.ID, TopicARN: mine, Events: []string{"Reject", "Accept", "Connect", "Delete"}, ClientToken: "once"}
	n := must(w, provider, c)
	if again := must(w, provider, c); again.ID != n.ID || !slices.Equal(n.Events, []string{"Accept", "Connect", "Delete", "Reject"}) {
		t.Errorf("got %+v, then %+v", n, again)
	}
	c.Events = []string{"Accept"}
	_, err := try(w, provider, c)
	refused(t, err, "IdempotentParameterMismatch", "")

	e := must(w, consumer, interfaceEndpoint(s, "c-a"))
	must(w, consumer, CreateNotification{EndpointID: e.ID, TopicARN: theirs, Events: []string{"Reject"}})
	accept, reject := AcceptConnections{ServiceID: s.ID, EndpointIDs: []string{e.ID}}, RejectConnections{ServiceID: s.ID, EndpointIDs: []string{e.ID}}
	must(w, provider, accept)
	must(w, provider, reject)
	if failed := must(w, provider, reject); len(failed) != 0 {
		t.Errorf("rejected again: %+v", failed)
	}
	must(w, provider, ModifyNotification{ID: n.ID, Events: []string{"Delete"}})
	must(w, provider, accept)
	must(w, consumer, DeleteEndpoints{IDs: []string{e.ID}})
	must(w, consumer, DeleteEndpoints{IDs: []string{e.ID}})
	if got := w.told(mine); got != "Connect pendingAcceptance, Accept pending, Reject rejected, Delete deleting" {
		t.Errorf("the provider was told %s", got)
	}
	if got := w.told(theirs); got != "Reject rejected" {
		t.Errorf("the consumer was told %s", got)
	}
	if _, ok := Notifications.First(w.db.Snapshot(), ByScope, consumer.Key()); ok {
		t.Error("the notification of a deleted endpoint stayed")
	}
	failed := must(w, provider, DeleteNotifications{IDs: []string{n.ID, "vpce-nfn-x"}})
	if len(failed) != 1 || failed[0].Code != "InvalidConnectionNotification" {
		t.Errorf("failed %+v", failed)
	}
}

func TestNotificationRefusals(t *testing.T) {
	w := newWorld(t)
	s := w.open(true)
	arn := w.topic(provider, "t")
	all := []string{"Accept"}
	for _, x := range []struct {
		c          CreateNotification
		code, part string
	}{
		{CreateNotification{TopicARN: arn, Events: all}, "InvalidParameterCombination", "Exactly one"},
		{CreateNotification{ServiceID: s.ID, EndpointID: "vpce-1", TopicARN: arn, Events: all}, "InvalidParameterCombination", "Exactly one"},
		{CreateNotification{ServiceID: "vpce-svc-x", TopicARN: arn, Events: all}, "InvalidVpcEndpointServiceId.NotFound", ""},
		{CreateNotification{EndpointID: "vpce-x", TopicARN: arn, Events: all}, "InvalidVpcEndpointId.NotFound", ""},
		{CreateNotification{ServiceID: s.ID, TopicARN: "topic", Events: all}, "InvalidConnectionNotification", "not valid"},
		{CreateNotification{ServiceID: s.ID, TopicARN: arn + "x", Events: all}, "InvalidConnectionNotification", "does not exist"},
		{CreateNotification{ServiceID: s.ID, TopicARN: arn, Events: []string{"Party"}}, "InvalidParameter", "Party"},
		{CreateNotification{ServiceID: s.ID, TopicARN: arn}, "MissingParameter", ""},
	} {
		_, err := try(w, provider, x.c)
		refused(t, err, x.code, x.part)
	}
	_, err := try(w, consumer, ModifyNotification{ID: "vpce-nfn-x"})
	refused(t, err, "InvalidConnectionNotification", "does not exist")
}

func TestDeparture(t *testing.T) {
	w := newWorld(t)
	e := must(w, consumer, interfaceEndpoint(w.open(false), "c-a"))
	must(w, consumer, DeleteEndpoints{IDs: []string{e.ID}})
	must(w, internal(), ReportDeleted{ID: e.ID})
	d, ok := Departures.First(w.db.Snapshot(), ByService, e.ServiceID)
	if !ok || d.Endpoint.State != Deleted || d.At.IsZero() {
		t.Errorf("got %+v", d)
	}
}

// A connection that comes back finds its load balancer gone: it is pinned to
// another.
func TestRepin(t *testing.T) {
	w := newWorld(t)
	s := w.open(true)
	e := must(w, consumer, interfaceEndpoint(s, "c-a"))
	must(w, provider, RejectConnections{ServiceID: s.ID, EndpointIDs: []string{e.ID}})
	second := w.balancer("second", "p-a").ARN
	must(w, provider, ModifyService{ID: s.ID, AddLoadBalancers: []string{second}, RemoveLoadBalancers: []string{w.lb}})
	must(w, provider, elb.DeleteLoadBalancer{ARN: w.lb})
	must(w, provider, AcceptConnections{ServiceID: s.ID, EndpointIDs: []string{e.ID}})
	if got := w.endpoint(e.ID).Interfaces[0].LoadBalancerARN; got != second {
		t.Errorf("pinned to %s", got)
	}
}
