package privatelink

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/sns"
)

// Event is what happens to a connection.
type Event string

// The events.
const (
	Accept  Event = "Accept"
	Connect Event = "Connect"
	Delete  Event = "Delete"
	Reject  Event = "Reject"
)

// publisher is the principal that notifications come from; the topic's policy
// has to let it in.
const publisher = "vpce.amazonaws.com"

// Notification tells a topic of the events of a service's connections, or of an
// endpoint's.
type Notification struct {
	ID string // vpce-nfn-…
	cloud.Scope
	ServiceID   string
	EndpointID  string
	TopicARN    string
	Events      []string
	State       string // Enabled, Disabled
	ClientToken string
	CreatedAt   time.Time
}

// subject is what a notification is about.
func (n *Notification) subject() string { return n.ServiceID + n.EndpointID }

// Notifications is the table of notifications.
var Notifications = cloud.NewTable("endpoint-notification", func(n *Notification) string { return n.ID },
	cloud.Index[Notification]{Name: ByScope, Keys: func(n *Notification) []string { return []string{n.Key()} }},
	cloud.Index[Notification]{Name: bySubject, Keys: func(n *Notification) []string { return []string{n.subject()} }})

// bySubject is an index of Notifications: the service's or endpoint's id.
const bySubject = "subject"

func badNotification(format string, args ...any) error {
	return cloud.Errorf(cloud.KindInvalid, subjectNotification, "InvalidConnectionNotification", format, args...)
}

// FindNotification returns the caller's own notification with that id.
func FindNotification(r cloud.Reader, scope cloud.Scope, id string) (Notification, error) {
	n, ok := Notifications.Get(r, id)
	if !ok || n.Scope != scope {
		return Notification{}, &cloud.Error{Kind: cloud.KindNotFound, Subject: subjectNotification, ID: id, Code: "InvalidConnectionNotification",
			Message: "The connection notification '" + id + "' does not exist"}
	}
	return n, nil
}

// CreateNotification makes a notification for a service or an endpoint.
type CreateNotification struct {
	ServiceID, EndpointID, TopicARN string
	Events                          []string
	ClientToken                     string
}

// Apply implements cloud.Command.
func (c CreateNotification) Apply(tx *cloud.Tx) (Notification, error) {
	scope := tx.Caller.Scope
	if c.ClientToken != "" {
		for n := range Notifications.By(tx, ByScope, scope.Key()) {
			if n.ClientToken == c.ClientToken {
				if n.ServiceID != c.ServiceID || n.EndpointID != c.EndpointID || n.TopicARN != c.TopicARN || !sameSet(n.Events, c.Events) {
					return n, tokenMismatch(subjectNotification)
				}
				return n, nil
			}
		}
	}
	if (c.ServiceID == "") == (c.EndpointID == "") {
		return Notification{}, cloud.Errorf(cloud.KindInvalid, subjectNotification, "InvalidParameterCombination",
			"Exactly one of ServiceId and VpcEndpointId must be specified")
	}
	var err error
	if c.ServiceID != "" {
		_, err = FindService(tx, scope, c.ServiceID)
	} else {
		_, err = FindEndpoint(tx, scope, c.EndpointID)
	}
	if err != nil {
		return Notification{}, err
	}
	n := Notification{ID: "vpce-nfn-" + tx.IDs.Hex(17), Scope: scope, ServiceID: c.ServiceID, EndpointID: c.EndpointID, State: "Enabled",
		CreatedAt: tx.Now, ClientToken: c.ClientToken}
	if err := n.set(tx, c.TopicARN, c.Events); err != nil {
		return Notification{}, err
	}
	Notifications.Put(tx, n)
	return n, nil
}

// set checks and sets where a notification goes and for which events. Whether
// the topic's policy lets it in is found out when there is something to tell.
func (n *Notification) set(r cloud.Reader, topicARN string, events []string) error {
	parts := strings.Split(topicARN, ":")
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "sns" || parts[3] != n.Region {
		return badNotification("The connection notification ARN '%s' is not valid: it must be an SNS topic in the Region %s", topicARN, n.Region)
	}
	if _, ok := sns.Topics.Get(r, topicARN); !ok {
		return badNotification("The SNS topic '%s' does not exist", topicARN)
	}
	if len(events) == 0 {
		return cloud.Errorf(cloud.KindMissing, subjectNotification, "MissingParameter", "The request must contain the parameter ConnectionEvents")
	}
	valid := []string{string(Accept), string(Connect), string(Delete), string(Reject)}
	for _, e := range events {
		if !slices.Contains(valid, e) {
			return invalid(subjectNotification, "The connection event '%s' is not valid: it must be one of %s", e, strings.Join(valid, ", "))
		}
	}
	events = slices.Compact(slices.Sorted(slices.Values(events)))
	n.TopicARN, n.Events = topicARN, events
	return nil
}

// ModifyNotification changes what is set.
type ModifyNotification struct {
	ID, TopicARN string
	Events       []string
}

// Apply implements cloud.Command.
func (c ModifyNotification) Apply(tx *cloud.Tx) (cloud.None, error) {
	n, err := FindNotification(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	if c.TopicARN == "" {
		c.TopicARN = n.TopicARN
	}
	if len(c.Events) == 0 {
		c.Events = n.Events
	}
	if err := n.set(tx, c.TopicARN, c.Events); err != nil {
		return cloud.None{}, err
	}
	Notifications.Put(tx, n)
	return cloud.None{}, nil
}

// DeleteNotifications deletes notifications.
type DeleteNotifications struct{ IDs []string }

// Apply implements cloud.Command.
func (c DeleteNotifications) Apply(tx *cloud.Tx) ([]Unsuccessful, error) {
	var failed []Unsuccessful
	for _, id := range c.IDs {
		if _, err := FindNotification(tx, tx.Caller.Scope, id); err != nil {
			failed = append(failed, Unsuccessful{id, "InvalidConnectionNotification", err.Error()})
			continue
		}
		Notifications.Delete(tx, id)
	}
	return failed, nil
}

// forget deletes the notifications of what is gone.
func forget(tx *cloud.Tx, subject string) {
	for _, n := range slices.Collect(Notifications.By(tx, bySubject, subject)) {
		Notifications.Delete(tx, n.ID)
	}
}

// notify tells the topics of a connection's service and endpoint what happened.
func notify(tx *cloud.Tx, e Endpoint, event Event) {
	for _, subject := range []string{e.ServiceID, e.ID} {
		for _, n := range slices.Collect(Notifications.By(tx, bySubject, subject)) {
			if n.State != "Enabled" || !slices.Contains(n.Events, string(event)) {
				continue
			}
			sns.Deliver(tx, n.TopicARN, sns.Sender{Service: publisher, Account: n.Account, SourceARN: n.source()},
				"VPC Endpoint "+string(event), message(tx, n, e, event))
		}
	}
}

// source is the ARN that the topic's policy may ask for as aws:SourceArn.
func (n *Notification) source() string {
	kind := "vpc-endpoint-service/"
	if n.EndpointID != "" {
		kind = "vpc-endpoint/"
	}
	return "arn:aws:ec2:" + n.Region + ":" + n.Account + ":" + kind + n.subject()
}

// message is a notification's text: JSON, with the names that the EC2 API has
// for a connection.
func message(tx *cloud.Tx, n Notification, e Endpoint, event Event) string {
	b, err := json.Marshal(struct {
		ConnectionEvent          string
		ConnectionNotificationID string `json:"ConnectionNotificationId"`
		ServiceID                string `json:"ServiceId"`
		ServiceName              string
		EndpointID               string `json:"VpcEndpointId"`
		Owner                    string `json:"VpcEndpointOwner"`
		Region                   string `json:"VpcEndpointRegion"`
		State                    string `json:"VpcEndpointState"`
		ConnectionID             string `json:"VpcEndpointConnectionId"`
		Timestamp                string
	}{string(event), n.ID, e.ServiceID, e.ServiceName, e.ID, e.Account, e.Region, string(e.State), e.ConnectionID, tx.Now.UTC().Format(time.RFC3339)})
	if err != nil {
		panic("privatelink: message: " + err.Error())
	}
	return string(b)
}
