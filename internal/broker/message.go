package broker

import (
	"errors"
	"time"
)

// Kinds of address that the broker dials.
const (
	Service  = "service"
	Internet = "internet"
	Resolver = "resolver"
)

// Limits of one broker.
const (
	maxPending  = 256              // connections under way for one daemon
	dialTimeout = 10 * time.Second // for a connection, unless its asker has less
)

var (
	// ErrForbidden says that the broker does not connect to an address.
	ErrForbidden = errors.New("the broker does not connect to it")
	// ErrBusy says that too many connections are under way.
	ErrBusy = errors.New("too many connections are under way")
	// ErrClosed says that the broker has ended, or the connection to it.
	ErrClosed = errors.New("the broker has ended")
)

// handover is what the supervisor sends; the file is a new daemon's connection.
type handover struct{}

// request is what a daemon sends.
type request struct {
	ID      uint64
	Kind    string
	Network string
	Address string
	// Timeout is how long the asker will wait, 0 for as long as the broker does.
	Timeout time.Duration `json:",omitempty"`
}

// reply answers it; the file is the socket.
type reply struct {
	ID    uint64
	Error string `json:",omitempty"`
	// Errno is the system's error, if it is one.
	Errno     int  `json:",omitempty"`
	Forbidden bool `json:",omitempty"`
	Busy      bool `json:",omitempty"`
	Timeout   bool `json:",omitempty"`
}
