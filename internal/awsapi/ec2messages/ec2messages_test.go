package ec2messages

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/sessionwire"
)

// hub records what it is told.
type hub struct {
	jobs    []sessionwire.Job
	acked   []string
	replies []sessionwire.Reply
}

func (h *hub) Receive(_ context.Context, instanceID string) ([]sessionwire.Job, error) {
	if instanceID != "i-1" {
		return nil, errors.New("another instance")
	}
	return h.jobs, nil
}

func (h *hub) Acknowledge(instanceID, kind, jobID string) {
	h.acked = append(h.acked, instanceID+" "+kind+" "+jobID)
}

func (h *hub) Reply(_ string, r sessionwire.Reply) { h.replies = append(h.replies, r) }

func newDoor(t *testing.T, h *hub) http.Handler {
	t.Helper()
	door, err := protocol.NewHandler(protocol.Options{Services: []protocol.Service{New(Options{
		Hub: h, Instance: func(c cloud.Caller) (string, bool) { return "i-1", c.Account == "111111111111" },
	}).Service()}})
	if err != nil {
		t.Fatal(err)
	}
	return door
}

func ask(t *testing.T, door http.Handler, account, action, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequest("POST", "http://127.0.0.1:4566/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", "EC2WindowsMessageDeliveryService."+action)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+account+"/20260102/eu-west-1/ec2messages/aws4_request, SignedHeaders=host;x-amz-date, Signature=abc")
	w := httptest.NewRecorder()
	door.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestMessages(t *testing.T) {
	h := &hub{jobs: []sessionwire.Job{{ID: "c-1", Kind: sessionwire.JobCommand, Command: &sessionwire.Command{ID: "c-1"}}}}
	door := newDoor(t, h)
	status, body := ask(t, door, "111111111111", "GetMessages", `{"Destination":"i-1","MessagesRequestId":"r","VisibilityTimeoutInSeconds":10}`)
	var out struct {
		Destination string
		Messages    []struct{ MessageId, Payload, Topic string }
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil || status != 200 || out.Destination != "i-1" || len(out.Messages) != 1 {
		t.Fatalf("got %d %s (%v)", status, body, err)
	}
	m := out.Messages[0]
	var j sessionwire.Job
	if err := json.Unmarshal([]byte(m.Payload), &j); err != nil || j.Command == nil || m.Topic != "aws.ssm.sendCommand" {
		t.Errorf("message %+v (%v)", m, err)
	}
	for action, body := range map[string]string{
		"AcknowledgeMessage": `{"MessageId":"` + m.MessageId + `"}`,
		"SendReply":          `{"MessageId":"` + m.MessageId + `","Payload":"{\"JobID\":\"c-1\",\"Status\":\"Success\"}","ReplyId":"x"}`,
		"GetEndpoint":        `{"Destination":"i-1","Protocol":"ec2messages"}`,
		"FailMessage":        `{"MessageId":"` + m.MessageId + `","FailureType":"NoHandlerExists"}`,
		"DeleteMessage":      `{"MessageId":"` + m.MessageId + `"}`,
	} {
		if status, got := ask(t, door, "111111111111", action, body); status != 200 {
			t.Errorf("%s: got %d %s", action, status, got)
		}
	}
	if len(h.acked) != 3 || h.acked[0] != "i-1 command c-1" || len(h.replies) != 2 {
		t.Errorf("hub has %+v", h)
	}
}

func TestRefusals(t *testing.T) {
	door := newDoor(t, &hub{})
	for name, c := range map[string]struct{ account, action, body, want string }{
		"no instance":      {"222222222222", "GetMessages", `{"Destination":"i-1"}`, "AccessDeniedException"},
		"another instance": {"111111111111", "GetMessages", `{"Destination":"i-2"}`, "AccessDeniedException"},
		"another's":        {"111111111111", "AcknowledgeMessage", `{"MessageId":"aws.ssm.command.c.i-2"}`, "AccessDeniedException"},
		"no message":       {"111111111111", "AcknowledgeMessage", `{"MessageId":"c.i-1"}`, "ValidationException"},
		"another command":  {"111111111111", "SendReply", `{"MessageId":"aws.ssm.command.c.i-1","Payload":"{}"}`, "ValidationException"},
		"no destination":   {"111111111111", "GetMessages", `{}`, "ValidationException"},
	} {
		if status, got := ask(t, door, c.account, c.action, c.body); status != 400 || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %d %s", name, status, got)
		}
	}
}
