package messages

import "github.com/musubi-net/musubi/internal/sessionwire"

// EventKind is what happened.
type EventKind int

// What Report is told.
const (
	Connected EventKind = iota // both sides of a session have met
	Ended                      // a session has ended
	Replied                    // an agent reports on a command
)

// Event is something that happened.
type Event struct {
	Kind       EventKind
	SessionID  string
	InstanceID string
	// Reason is why a session has ended, in words for people; it may be empty.
	Reason string
	// Transcript is what the session has shown, if it was to be kept.
	Transcript []byte
	// Reply is the report on a command.
	Reply sessionwire.Reply
}
