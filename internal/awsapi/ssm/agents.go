package ssm

import (
	"context"
	"time"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

// Agents are the agents of instances, as far as they are connected.
type Agents interface {
	// Connected reports whether an instance's agent has a control channel now.
	Connected(instanceID string) bool
	// Lost tells whether an agent lost its control channel and was not heard of since.
	Lost(instanceID string) bool
	// LastPing is an agent's last sign of life.
	LastPing(instanceID string) (time.Time, bool)
	// Ping says that an agent gave a sign of life.
	Ping(instanceID string)
	// Open asks an agent to serve a session; token is what the client must show.
	Open(ctx context.Context, s sessionwire.Session, token string) error
	// Resume gives a session's client a new token.
	Resume(sessionID, token string) error
	// Terminate ends a session.
	Terminate(sessionID, reason string) error
	// Run hands a command to an agent, now or as soon as it can take it.
	Run(ctx context.Context, c sessionwire.Command) error
	// Cancel ends a command on an instance.
	Cancel(ctx context.Context, instanceID, commandID string) error
}
