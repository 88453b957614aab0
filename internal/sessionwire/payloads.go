package sessionwire

import (
	"encoding/json"
	"time"
)

// MessageSchemaVersion is the version of the channels' JSON messages.
const MessageSchemaVersion = "1.0"

// OpenChannel is the first message on a channel, a text message: it shows the
// token that was given out for it. Agents use it for control channels too.
type OpenChannel struct {
	MessageSchemaVersion string
	RequestId            string
	TokenValue           string
	ClientId             string
	ClientVersion        string
}

// CreateChannel is what an agent asks a token with, by POST.
type CreateChannel struct {
	MessageSchemaVersion string
	RequestId            string
	ClientId             string `json:",omitempty"`
}

// ChannelToken is the answer to CreateChannel.
type ChannelToken struct {
	MessageSchemaVersion string
	TokenValue           string
}

// Acknowledge is the payload of an acknowledge frame.
type Acknowledge struct {
	Type       string `json:"AcknowledgedMessageType"`
	ID         string `json:"AcknowledgedMessageId"`
	Sequence   int64  `json:"AcknowledgedMessageSequenceNumber"`
	Sequential bool   `json:"IsSequentialMessage"`
}

// ChannelClosed is the payload of a channel_closed frame. Clients show Output.
type ChannelClosed struct {
	MessageId     string
	CreatedDate   string
	DestinationId string
	SessionId     string
	MessageType   string
	SchemaVersion int
	Output        string
}

// Size is the payload of PayloadSize: the client's terminal.
type Size struct {
	Cols uint32 `json:"cols"`
	Rows uint32 `json:"rows"`
}

// ActionSessionType is what a handshake asks of the client: to start the plug-in
// for a type of session.
const ActionSessionType = "SessionType"

// How a client fared with an action.
const (
	ActionSuccess     = 1
	ActionFailed      = 2
	ActionUnsupported = 3
)

// HandshakeRequest is what an agent sends first.
type HandshakeRequest struct {
	AgentVersion           string
	RequestedClientActions []ClientAction
}

// ClientAction is an action of a HandshakeRequest.
type ClientAction struct {
	ActionType       string
	ActionParameters json.RawMessage
}

// SessionType are the parameters of ActionSessionType.
type SessionType struct {
	SessionType string
	Properties  json.RawMessage
}

// HandshakeResponse is the client's answer.
type HandshakeResponse struct {
	ClientVersion          string
	ProcessedClientActions []ProcessedAction
	Errors                 []string
}

// ProcessedAction is how the client fared with an action.
type ProcessedAction struct {
	ActionType   string
	ActionStatus int
	ActionResult json.RawMessage
	Error        string
}

// HandshakeComplete lets the client begin. It shows CustomerMessage.
type HandshakeComplete struct {
	HandshakeTimeToComplete time.Duration
	CustomerMessage         string
}
