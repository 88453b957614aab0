package guest

import "github.com/musubi-net/musubi/internal/spec"

// Operations that the daemon asks of the supervisor.
const (
	OpStart   = "start"
	OpStop    = "stop"
	OpRemove  = "remove"
	OpList    = "list" // of all guests, or of that of InstanceID
	OpConsole = "console"
	// OpSnapshot keeps the content of a guest's disk in the store of images.
	OpSnapshot = "snapshot"
	OpReady    = "ready" // the daemon serves
	OpFatal    = "fatal" // the daemon cannot start, and starting it again will not help
)

// Request is a message of the daemon to the supervisor.
type Request struct {
	ID         uint64
	Op         string
	InstanceID string      `json:",omitempty"`
	Guest      *spec.Guest `json:",omitempty"`
	Netns      string      `json:",omitempty"`
	Message    string      `json:",omitempty"`
}

// Reply is a message of the supervisor to the daemon: the answer to a Request,
// or an Event (ID 0).
type Reply struct {
	ID       uint64
	Error    string   `json:",omitempty"`
	Statuses []Status `json:",omitempty"`
	Console  []byte   `json:",omitempty"`
	Digest   string   `json:",omitempty"` // of a snapshot
	Size     int64    `json:",omitempty"`
	Event    *Event   `json:",omitempty"`
}

// Status is how a guest is.
type Status struct {
	InstanceID string
	Name       string `json:",omitempty"`
	Boot       uint32
	// Running is true from the start of the guest's init until its end, and while
	// it reboots by itself.
	Running bool
	// Exited is true if the guest ended by itself: powered off, or died.
	Exited     bool
	ExitReason string `json:",omitempty"`
}

// EventKind is what happened to a guest.
type EventKind string

// The kinds of Event.
const (
	EventRunning  EventKind = "running"  // its init runs
	EventRebooted EventKind = "rebooted" // it rebooted by itself: same boot, same disk
	EventExited   EventKind = "exited"   // it powered off by itself, or died
)

// Event tells what happened to a guest that was not asked for. Without an instance
// it stands for any number of them.
type Event struct {
	InstanceID string
	Boot       uint32
	Kind       EventKind
}

// Deliver puts an event into a buffered channel that only it writes to, without
// waiting. The last place is for one that stands for all that find no place.
func Deliver(c chan<- Event, e Event) {
	switch len(c) {
	case cap(c):
	case cap(c) - 1:
		c <- Event{}
	default:
		c <- e
	}
}
