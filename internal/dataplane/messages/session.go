package messages

import (
	"net/http"
	"sync"
	"time"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

const (
	// flushTime is how long the two sides of a session that ends have to take what
	// is still for them.
	flushTime = 5 * time.Second
	// checks is how many times it is looked, within the time that a session lives
	// without one side, whether it is over.
	checks = 40
)

// side is one of the two that a session connects.
type side struct {
	q     *queue
	peer  *peer     // nil: away
	since time.Time // since when it is there, or away
	acked acked     // what it has acknowledged of the other's frames
	token secret    // what the next connection has to show
}

// session is a session that has not ended.
type session struct {
	h       *Hub
	wire    sessionwire.Session
	started time.Time
	over    chan struct{} // closed when it has ended
	opening chan struct{} // connections that have not shown their token

	mu            sync.Mutex
	agent, client side
	met           bool // both sides were there
	ended         bool
	reason        string
	script        *transcript
	nag           nag
}

func newSession(h *Hub, wire sessionwire.Session, started time.Time) *session {
	now := time.Now()
	s := &session{h: h, wire: wire, started: started, over: make(chan struct{}), opening: make(chan struct{}, maxOpening),
		agent: side{q: newQueue(), since: now}, client: side{q: newQueue(), since: now}}
	if wire.Transcript {
		s.script = &transcript{}
	}
	return s
}

func (s *session) other(d *side) *side {
	if d == &s.agent {
		return &s.client
	}
	return &s.agent
}

// resume gives the client a new token.
func (s *session) resume(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.client.token = secretOf(token)
	return true
}

// DataToken makes the token that the agent of an instance opens the data channel
// of a session with; false if the session is none of the instance's.
func (h *Hub) DataToken(instanceID, sessionID string) (token string, ok bool) {
	s, ok := h.session(sessionID)
	if !ok || s.wire.InstanceID != instanceID {
		return "", false
	}
	token = newToken()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.agent.token = secretOf(token)
	return token, !s.ended
}

// ServeData makes a request a side of a session's data channel, and returns when
// that has ended. The token tells which side it is. The instance is that of the
// signer; empty if it is none: agents sign.
func (h *Hub) ServeData(w http.ResponseWriter, r *http.Request, sessionID, instanceID string) {
	if !h.begin() {
		refuse(w, http.StatusServiceUnavailable, "The service has ended.")
		return
	}
	defer h.done.Done()
	s, ok := h.session(sessionID)
	opening := h.strange
	if ok {
		opening = s.opening
	}
	p, open, err := h.accept(w, r, opening)
	if err != nil {
		h.o.Log.Debug("data channel refused", "session", sessionID, "error", err)
		return
	}
	defer p.cancel()
	if !ok {
		p.refuse("There is no such session.")
		return
	}
	d := s.admit(open.TokenValue, instanceID)
	if d == nil || !s.attach(d, p) {
		p.refuse("The token is not valid.")
		return
	}
	p.serve(h.o.Ping, h.o.Gone, func() { s.write(d, p) }, func() { s.read(d, p) })
	s.detach(d, p)
}

// admit finds whose token it is; it is good once.
func (s *session) admit(token, instanceID string) *side {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case fits(s.client.token, token):
		s.client.token = nil
		return &s.client
	case instanceID == s.wire.InstanceID && fits(s.agent.token, token):
		s.agent.token = nil
		return &s.agent
	}
	return nil
}

// attach makes a peer a side, in place of the one that was there.
func (s *session) attach(d *side, p *peer) bool {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return false
	}
	old := d.peer
	d.peer, d.since = p, time.Now()
	o := s.other(d)
	s.publication(d, o.peer != nil)
	if o.peer != nil {
		s.publication(o, true)
	}
	first := !s.met && o.peer != nil
	s.met = s.met || first
	s.mu.Unlock()
	if old != nil {
		old.cancel()
		<-old.done // one at a time takes from the queue
	}
	if d == &s.agent {
		s.h.finished(s.wire.InstanceID, sessionwire.JobSession, s.wire.ID)
	}
	if first {
		s.h.o.Report(Event{Kind: Connected, SessionID: s.wire.ID, InstanceID: s.wire.InstanceID})
	}
	return true
}

// detach notes that a side is away.
func (s *session) detach(d *side, p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.peer != p {
		return
	}
	d.peer, d.since = nil, time.Now()
	if o := s.other(d); o.peer != nil && !s.ended {
		s.publication(o, false)
	}
}

// publication tells a side whether the other one is there.
func (s *session) publication(d *side, there bool) {
	kind := sessionwire.TypePause
	if there {
		kind = sessionwire.TypeStart
	}
	d.q.put(queued{raw: frame(kind, 0, nil).Encode()})
}

// frame makes a frame of the hub's own.
func frame(kind string, sequence int64, payload []byte) sessionwire.Frame {
	return sessionwire.Frame{Type: kind, Schema: sessionwire.Schema, Created: time.Now(), Sequence: sequence,
		Flags: sessionwire.FlagSYN | sessionwire.FlagFIN, ID: newID(), Payload: payload}
}

// end ends the session, once. Both sides are told, the client with the words that
// it shows.
func (s *session) end(reason, output string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended, s.reason = true, reason
	closed := closing(s.wire, output)
	for _, d := range []*side{&s.agent, &s.client} {
		if d.peer != nil {
			d.q.put(queued{raw: closed, last: true})
		}
	}
	close(s.over)
}

// watch ends the session when its time has come, and winds it up when it has
// ended.
func (s *session) watch() {
	if !s.wait() {
		s.leave()
		return
	}
	s.h.withdraw(s.wire.InstanceID, sessionwire.JobSession, s.wire.ID)
	s.h.o.Report(s.ending())
	s.flush()
}

// ending is the event of the session's end. Its agent may still send: that is in no
// transcript any more.
func (s *session) ending() Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := Event{Kind: Ended, SessionID: s.wire.ID, InstanceID: s.wire.InstanceID, Reason: s.reason, Transcript: s.script.text()}
	s.script = nil
	return e
}

// wait waits for the session's end; false if the hub ends before.
func (s *session) wait() bool {
	tick := time.NewTicker(max(s.h.o.Away/checks, time.Millisecond))
	defer tick.Stop()
	var limit <-chan time.Time
	if s.wire.MaxMinutes > 0 {
		t := time.NewTimer(time.Until(s.started.Add(time.Duration(s.wire.MaxMinutes) * time.Minute)))
		defer t.Stop()
		limit = t.C
	}
	for {
		select {
		case <-s.h.ctx.Done():
			return false
		case <-s.over:
			s.leave()
			return true
		case <-limit:
			s.end("The session reached its maximum duration.", "Session has reached its maximum duration and is terminated.")
		case <-tick.C:
			if s.left() {
				s.end("The session was not resumed in time.", "Session timed out.")
			}
		}
	}
}

// left tells whether a side has been away for too long.
func (s *session) left() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range []*side{&s.agent, &s.client} {
		if d.peer == nil && time.Since(d.since) > s.h.o.Away {
			return true
		}
	}
	return false
}

// leave takes the session out of the hub.
func (s *session) leave() {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	delete(s.h.sessions, s.wire.ID)
}

// flush lets both sides take what is for them, within limits.
func (s *session) flush() {
	limit := time.NewTimer(flushTime)
	defer limit.Stop()
	s.mu.Lock()
	peers := []*peer{s.agent.peer, s.client.peer}
	s.mu.Unlock()
	for _, p := range peers {
		if p == nil {
			continue
		}
		select {
		case <-p.done:
			continue
		case <-limit.C:
			limit.Reset(0)
		case <-s.h.ctx.Done():
		}
		p.cancel()
		<-p.done
	}
}
