package messages

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

// Limits of what there can be at a time.
const (
	maxAgents   = 8192
	maxSessions = 2048
	// maxOpening is how many connections to one agent, to one session, or to sessions
	// that there are not, have not shown their token: nobody takes those of others.
	maxOpening = 8
)

// Why something can not be done.
var (
	ErrNotConnected = errors.New("the agent is not connected")
	ErrNoSession    = errors.New("there is no such session")
	ErrTooMany      = errors.New("there are too many")
	errClosed       = errors.New("the message service has ended")
)

// Options are what a hub is made of. Times that are zero are AWS's.
type Options struct {
	// Report is told what happens, in order for each session and each command. It
	// may block: only what it is told of waits. May be nil.
	Report func(Event)
	// Ping is how often a peer of a session is asked for a sign of life, Gone how
	// long one without any is taken for there.
	Ping, Gone time.Duration
	// ControlPing is how often an agent is asked, which is gone after three times
	// that. Every instance has one, all the time: that the path to it is gone, whoever
	// listens for its connections has the kernel's keep-alive notice sooner.
	ControlPing time.Duration
	// Away is how long a session lives that one side has left.
	Away time.Duration
	// Redelivery is how long an agent has to acknowledge a job.
	Redelivery time.Duration
	// Poll is how long Receive waits.
	Poll time.Duration
	Log  *slog.Logger
}

// Hub is the message service.
type Hub struct {
	o       Options
	ctx     context.Context
	cancel  context.CancelFunc
	done    sync.WaitGroup
	strange chan struct{} // connections to sessions that there are not

	mu       sync.Mutex
	closed   bool
	agents   map[string]*agent   // by instance
	sessions map[string]*session // that have not ended
}

// New makes a hub without channels.
func New(o Options) *Hub {
	for d, v := range map[*time.Duration]time.Duration{
		&o.Ping: 5 * time.Second, &o.Gone: 15 * time.Second, &o.ControlPing: 30 * time.Second, &o.Away: 20 * time.Minute, &o.Redelivery: 10 * time.Second, &o.Poll: 20 * time.Second,
	} {
		if *d == 0 {
			*d = v
		}
	}
	if o.Report == nil {
		o.Report = func(Event) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Hub{o: o, strange: make(chan struct{}, maxOpening), agents: map[string]*agent{}, sessions: map[string]*session{}}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// Close ends all channels and waits. Sessions are not ended: a hub that Restore
// tells of them goes on with them.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	h.done.Wait()
}

// begin counts something that Close has to wait for; its owner calls h.done.Done.
func (h *Hub) begin() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.done.Add(1)
	return true
}

// Counts is how much there is.
type Counts struct{ Agents, Sessions int }

// Counts counts the agents that are connected and the sessions that have not
// ended.
func (h *Hub) Counts() Counts {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := Counts{Sessions: len(h.sessions)}
	for _, a := range h.agents {
		if a.peer != nil {
			c.Agents++
		}
	}
	return c
}

// Sessions are those that have not ended, with their instances.
func (h *Hub) Sessions() map[string]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[string]string{}
	for id, s := range h.sessions {
		out[id] = s.wire.InstanceID
	}
	return out
}

// session finds a session that has not ended.
func (h *Hub) session(id string) (*session, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.sessions[id]
	return s, ok
}

// Open begins a session: its agent gets a job. The client has to show the token.
func (h *Hub) Open(_ context.Context, wire sessionwire.Session, token string) error {
	h.mu.Lock()
	a := h.agents[wire.InstanceID]
	connected := a != nil && a.peer != nil
	h.mu.Unlock()
	if !connected {
		return ErrNotConnected
	}
	if err := h.add(wire, token, time.Now()); err != nil {
		return err
	}
	if err := h.enqueue(wire.InstanceID, sessionwire.Job{ID: wire.ID, Kind: sessionwire.JobSession, Session: &wire}); err != nil {
		return errors.Join(err, h.Terminate(wire.ID, ""))
	}
	return nil
}

// Restored is a session that there was before.
type Restored struct {
	sessionwire.Session
	Started time.Time
}

// Restore tells of sessions that there were before: their agents come back by
// themselves, their clients once they have a new token.
func (h *Hub) Restore(list []Restored) error {
	var errs []error
	for _, r := range list {
		errs = append(errs, h.add(r.Session, "", r.Started))
	}
	return errors.Join(errs...)
}

func (h *Hub) add(wire sessionwire.Session, token string, started time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return errClosed
	case len(h.sessions) >= maxSessions || h.sessions[wire.ID] != nil:
		return ErrTooMany
	}
	s := newSession(h, wire, started)
	if token != "" {
		s.client.token = secretOf(token)
	}
	h.sessions[wire.ID] = s
	h.done.Go(s.watch)
	return nil
}

// Resume gives the client of a session a new token; the old one is good no more.
func (h *Hub) Resume(sessionID, token string) error {
	s, ok := h.session(sessionID)
	if !ok || !s.resume(token) {
		return ErrNoSession
	}
	return nil
}

// Terminate ends a session. Both sides are told, the client with the reason.
func (h *Hub) Terminate(sessionID, reason string) error {
	s, ok := h.session(sessionID)
	if !ok {
		return ErrNoSession
	}
	s.end(reason, reason)
	return nil
}

// refuse answers a request that is to have no channel.
func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(why + "\n")) // a client that has gone is no fault of ours
}
