// Package ssmmessages is the entrance of the message service of Session Manager:
// agents ask it for tokens and open control channels, agents and clients open data
// channels, all of them WebSockets that the hub takes over.
//
// Agents sign; they speak for the instance whose role's credentials they sign
// with. Clients may sign or not: their token tells what they may.
//
// It may import internal/cloud (Caller), internal/sessionwire and awsapi/protocol.
package ssmmessages

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/sessionwire"
)

// Name is the service's signing name.
const Name = "ssmmessages"

// Hub is the message service itself.
type Hub interface {
	// ControlToken and DataToken make tokens for agents; false refuses.
	ControlToken(instanceID string) (token string, ok bool)
	DataToken(instanceID, sessionID string) (token string, ok bool)
	// ServeControl and ServeData take a connection over and return at its end.
	ServeControl(w http.ResponseWriter, r *http.Request, instanceID string)
	ServeData(w http.ResponseWriter, r *http.Request, sessionID, instanceID string)
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
func (a *API) Service() protocol.Plain {
	return protocol.Plain{Name: Name, Operation: operation, Open: open, Handle: a.handle}
}

// The two kinds of channels, as they stand in paths.
const (
	control = "control-channel"
	data    = "data-channel"
)

// channel reads a path: /v1/data-channel/<session>.
func channel(r *http.Request) (kind, id string) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) != 3 || parts[0] != "v1" || parts[1] != control && parts[1] != data || parts[2] == "" {
		return "", ""
	}
	return parts[1], parts[2]
}

// operation is the action of a request, as policies call it.
func operation(r *http.Request) string {
	kind, _ := channel(r)
	switch {
	case kind == control && r.Method == http.MethodPost:
		return "CreateControlChannel"
	case kind == control && r.Method == http.MethodGet:
		return "OpenControlChannel"
	case kind == data && r.Method == http.MethodPost:
		return "CreateDataChannel"
	case kind == data && r.Method == http.MethodGet:
		return "OpenDataChannel"
	}
	return ""
}

// open lets clients pass that do not sign.
func open(r *http.Request) bool {
	kind, _ := channel(r)
	return kind == data && r.Method == http.MethodGet
}

func (a *API) handle(w http.ResponseWriter, r *http.Request, call *protocol.Call) error {
	_, id := channel(r)
	instance, ok := "", false
	if call.Caller.Account != "" {
		instance, ok = a.o.Instance(call.Caller)
	}
	switch call.Operation {
	case "CreateControlChannel", "OpenControlChannel":
		ok = ok && instance == id
	case "OpenDataChannel":
		a.o.Hub.ServeData(w, r, id, instance)
		return nil
	}
	if !ok {
		return denied(call)
	}
	switch call.Operation {
	case "OpenControlChannel":
		a.o.Hub.ServeControl(w, r, instance)
		return nil
	case "CreateControlChannel":
		token, ok := a.o.Hub.ControlToken(instance)
		if !ok {
			return &protocol.Error{Code: "ThrottlingException", Message: "Rate exceeded", Status: http.StatusTooManyRequests}
		}
		return created(w, r, token)
	}
	token, ok := a.o.Hub.DataToken(instance, id)
	if !ok {
		return &protocol.Error{Code: "ResourceNotFoundException", Message: "Session " + id + " does not exist.", Status: http.StatusNotFound}
	}
	return created(w, r, token)
}

// denied refuses who is no instance, or another one.
func denied(call *protocol.Call) error {
	return &protocol.Error{Code: "AccessDeniedException", Status: http.StatusForbidden,
		Message: "User: " + call.Caller.PrincipalARN + " is not authorized to perform: " + Name + ":" + call.Operation + ": these are not the credentials of the instance"}
}

// created answers with a token.
func created(w http.ResponseWriter, r *http.Request, token string) error {
	var in sessionwire.CreateChannel
	body, err := io.ReadAll(r.Body)
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, &in)
	}
	if err != nil || in.MessageSchemaVersion != "" && in.MessageSchemaVersion != sessionwire.MessageSchemaVersion {
		return &protocol.Error{Code: "ValidationException", Message: "The body is no request of MessageSchemaVersion " + sessionwire.MessageSchemaVersion + "."}
	}
	out, err := json.Marshal(sessionwire.ChannelToken{MessageSchemaVersion: sessionwire.MessageSchemaVersion, TokenValue: token})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(out) // a client that has gone is no fault of ours
	return nil
}
