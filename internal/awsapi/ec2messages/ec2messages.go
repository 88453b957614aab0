// Package ec2messages is the entrance by which agents without a control channel
// ask for the commands that are for them.
//
// Agents speak for the instance whose role's credentials they sign with.
//
// It may import internal/cloud (Caller), internal/sessionwire, awsapi/model and
// awsapi/protocol.
package ec2messages

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/sessionwire"
)

// Hub is what keeps the commands.
type Hub interface {
	// Receive waits for jobs; none after a while.
	Receive(ctx context.Context, instanceID string) ([]sessionwire.Job, error)
	// Acknowledge notes that the agent has a job.
	Acknowledge(instanceID, kind, jobID string)
	// Reply takes a report.
	Reply(instanceID string, r sessionwire.Reply)
}

// Options are what the entrance is made of.
type Options struct {
	Hub Hub
	// Instance is the instance that a caller's credentials were issued to, if it
	// is one that runs in the caller's account and region.
	Instance func(c cloud.Caller) (id string, ok bool)
}

// API is the entrance.
type API struct{ o Options }

// New makes the entrance.
func New(o Options) *API { return &API{o: o} }

// Service describes what is served.
func (a *API) Service() protocol.Service {
	return protocol.Service{Model: table(), Operations: []protocol.Operation{
		protocol.Op("GetMessages", a.getMessages),
		protocol.Op("AcknowledgeMessage", a.acknowledgeMessage),
		protocol.Op("DeleteMessage", a.deleteMessage),
		protocol.Op("FailMessage", a.failMessage),
		protocol.Op("SendReply", a.sendReply),
		protocol.Op("GetEndpoint", a.getEndpoint),
	}}
}

// instance is whom a call speaks for; if it names an instance it must be that.
func (a *API) instance(call *protocol.Call, named string) (string, error) {
	id, ok := a.o.Instance(call.Caller)
	if !ok || named != "" && named != id {
		return "", &protocol.Error{Code: "AccessDeniedException", Status: http.StatusBadRequest,
			Message: "User: " + call.Caller.PrincipalARN + " is not authorized to perform: ec2messages:" + call.Operation + ": these are not the credentials of the instance"}
	}
	return id, nil
}

// messagePrefix is how the ids of messages begin: aws.ssm.<kind>.<job>.<instance>.
const messagePrefix = "aws.ssm."

func messageID(j sessionwire.Job, instanceID string) string {
	return messagePrefix + j.Kind + "." + j.ID + "." + instanceID
}

// message takes an id apart, and finds whom the call speaks for.
func (a *API) message(call *protocol.Call, id *string) (kind, job, instance string, err error) {
	parts := strings.Split(strings.TrimPrefix(*id, messagePrefix), ".")
	if len(parts) != 3 || !strings.HasPrefix(*id, messagePrefix) {
		return "", "", "", &protocol.Error{Code: "ValidationException", Message: "Invalid MessageId: " + *id}
	}
	instance, err = a.instance(call, parts[2])
	return parts[0], parts[1], instance, err
}

func (a *API) getMessages(ctx context.Context, call *protocol.Call, in *GetMessagesInput) (*GetMessagesOutput, error) {
	instance, err := a.instance(call, *in.Destination)
	if err != nil {
		return nil, err
	}
	jobs, err := a.o.Hub.Receive(ctx, instance)
	if err != nil {
		return nil, &protocol.Error{Code: "ServiceUnavailableException", Message: "Try again later.", Status: http.StatusServiceUnavailable}
	}
	out := &GetMessagesOutput{Destination: in.Destination, MessagesRequestId: in.MessagesRequestId, Messages: []Message{}}
	for _, j := range jobs {
		payload, err := json.Marshal(j)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(payload)
		out.Messages = append(out.Messages, Message{
			MessageId: new(messageID(j, instance)), Destination: &instance, CreatedDate: new(time.Now().UTC().Format("2006-01-02T15:04:05.000Z")),
			Topic:   new("aws.ssm." + map[string]string{sessionwire.JobCommand: "sendCommand", sessionwire.JobCancel: "cancelCommand"}[j.Kind]),
			Payload: new(string(payload)), PayloadDigest: new(hex.EncodeToString(sum[:])),
		})
	}
	return out, nil
}

func (a *API) acknowledgeMessage(_ context.Context, call *protocol.Call, in *AcknowledgeMessageInput) (*AcknowledgeMessageOutput, error) {
	kind, job, instance, err := a.message(call, in.MessageId)
	if err != nil {
		return nil, err
	}
	a.o.Hub.Acknowledge(instance, kind, job)
	return nil, nil
}

func (a *API) deleteMessage(_ context.Context, call *protocol.Call, in *DeleteMessageInput) (*DeleteMessageOutput, error) {
	kind, job, instance, err := a.message(call, in.MessageId)
	if err != nil {
		return nil, err
	}
	a.o.Hub.Acknowledge(instance, kind, job)
	return nil, nil
}

// failMessage reports a command that the agent can do nothing with as failed.
func (a *API) failMessage(_ context.Context, call *protocol.Call, in *FailMessageInput) (*FailMessageOutput, error) {
	kind, job, instance, err := a.message(call, in.MessageId)
	if err != nil {
		return nil, err
	}
	a.o.Hub.Acknowledge(instance, kind, job)
	if kind == sessionwire.JobCommand {
		a.o.Hub.Reply(instance, sessionwire.Reply{JobID: job, InstanceID: instance, Status: sessionwire.StatusFailed})
	}
	return nil, nil
}

func (a *API) sendReply(_ context.Context, call *protocol.Call, in *SendReplyInput) (*SendReplyOutput, error) {
	_, job, instance, err := a.message(call, in.MessageId)
	if err != nil {
		return nil, err
	}
	var r sessionwire.Reply
	if json.Unmarshal([]byte(*in.Payload), &r) != nil || r.JobID != job {
		return nil, &protocol.Error{Code: "ValidationException", Message: "Payload is no reply to message " + *in.MessageId}
	}
	a.o.Hub.Reply(instance, r)
	return nil, nil
}

func (a *API) getEndpoint(_ context.Context, call *protocol.Call, in *GetEndpointInput) (*GetEndpointOutput, error) {
	named := ""
	if in.Destination != nil {
		named = *in.Destination
	}
	if _, err := a.instance(call, named); err != nil {
		return nil, err
	}
	service := "ec2messages"
	if in.Protocol != nil {
		service = *in.Protocol
	}
	return &GetEndpointOutput{Endpoint: &Endpoint{Protocol: &service, Endpoint: new(service + "." + call.Caller.Region + ".amazonaws.com")}}, nil
}
