package messages

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

// agent is what is known of the agent of an instance. The hub's mutex guards it.
type agent struct {
	peer    *peer // its control channel; nil: none
	opening chan struct{}
	token   secret
	seen    time.Time     // last sign of life that did not come from the peer
	lost    bool          // its control channel ended, and nothing was heard of it since
	jobs    []*job        // that it has not acknowledged
	changed chan struct{} // closed, and made anew, when there is something to do
}

// agentOf finds or makes the agent of an instance. The mutex is held.
func (h *Hub) agentOf(instanceID string) (*agent, error) {
	if a := h.agents[instanceID]; a != nil {
		return a, nil
	}
	if len(h.agents) >= maxAgents {
		h.forget()
	}
	if len(h.agents) >= maxAgents {
		return nil, ErrTooMany
	}
	a := &agent{changed: make(chan struct{}), opening: make(chan struct{}, maxOpening)}
	h.agents[instanceID] = a
	return a, nil
}

// forget drops the agents that nothing depends on.
func (h *Hub) forget() {
	for id, a := range h.agents {
		if a.peer == nil && len(a.jobs) == 0 && time.Since(a.seen) > time.Hour {
			delete(h.agents, id)
		}
	}
}

// change wakes whoever waits for something to do.
func (a *agent) change() {
	close(a.changed)
	a.changed = make(chan struct{})
}

// Connected tells whether an instance's agent has a control channel.
func (h *Hub) Connected(instanceID string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.agents[instanceID]
	return a != nil && a.peer != nil
}

// LastPing is when an instance's agent gave its last sign of life.
func (h *Hub) LastPing(instanceID string) (time.Time, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.agents[instanceID]
	if a == nil {
		return time.Time{}, false
	}
	last := a.seen
	if a.peer != nil && a.peer.lastSeen().After(last) {
		last = a.peer.lastSeen()
	}
	return last, !last.IsZero()
}

// Lost tells whether an instance's agent lost its control channel and was not heard
// of since.
func (h *Hub) Lost(instanceID string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.agents[instanceID]
	return a != nil && a.lost
}

// Ping notes a sign of life of an instance's agent.
func (h *Hub) Ping(instanceID string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a, err := h.agentOf(instanceID); err == nil {
		a.seen, a.lost = time.Now(), false
	}
}

// ControlToken makes the token that the agent of an instance opens its control
// channel with; false if there is no room for it.
func (h *Hub) ControlToken(instanceID string) (token string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a, err := h.agentOf(instanceID)
	if err != nil {
		return "", false
	}
	token = newToken()
	a.token, a.seen = secretOf(token), time.Now()
	return token, true
}

// ServeControl makes a request the control channel of an instance's agent, in
// place of one that it has, and returns when that has ended.
func (h *Hub) ServeControl(w http.ResponseWriter, r *http.Request, instanceID string) {
	if !h.begin() {
		refuse(w, http.StatusServiceUnavailable, "The service has ended.")
		return
	}
	defer h.done.Done()
	h.mu.Lock()
	known, err := h.agentOf(instanceID)
	h.mu.Unlock()
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, "Too many agents are connected.")
		return
	}
	p, open, err := h.accept(w, r, known.opening)
	if err != nil {
		h.o.Log.Debug("control channel refused", "instance", instanceID, "error", err)
		return
	}
	defer p.cancel()
	a := h.attach(instanceID, open.TokenValue, p)
	if a == nil {
		p.refuse("The token is not valid.")
		return
	}
	h.o.Log.Debug("agent connected", "instance", instanceID)
	p.serve(h.o.ControlPing, 3*h.o.ControlPing, func() { h.deliver(a, p) }, func() { h.listen(instanceID, p) })
	h.mu.Lock()
	defer h.mu.Unlock()
	if a.peer == p {
		a.peer, a.lost = nil, true
		if last := p.lastSeen(); last.After(a.seen) {
			a.seen = last
		}
		h.o.Log.Debug("agent gone", "instance", instanceID)
	}
}

// attach makes a peer an agent's control channel if its token is good.
func (h *Hub) attach(instanceID, token string, p *peer) *agent {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.agents[instanceID]
	if a == nil || !fits(a.token, token) {
		return nil
	}
	if a.peer != nil {
		a.peer.cancel()
	}
	a.peer, a.token = p, nil
	for _, j := range a.jobs {
		j.sent = time.Time{} // the channel that it was sent over is gone
	}
	return a
}

// deliver sends jobs over a control channel, those that are not acknowledged
// again after a while.
func (h *Hub) deliver(a *agent, p *peer) {
	for {
		h.mu.Lock()
		due, changed := a.due(h.o.Redelivery, nil), a.changed
		var again <-chan time.Time // nothing waits: there is nothing to send again
		if len(a.jobs) > 0 {
			again = time.After(h.o.Redelivery)
		}
		current := a.peer == p
		h.mu.Unlock()
		if !current {
			return
		}
		for _, j := range due {
			if err := p.write(j.raw); err != nil {
				p.cancel()
				return
			}
		}
		select {
		case <-p.ctx.Done():
			return
		case <-changed:
		case <-again:
		}
	}
}

// jobAck is the payload of an agent_job_ack. Without one, the frame has the id of
// the job's.
type jobAck struct {
	JobID string
	Kind  string
}

// listen takes what an agent says over its control channel until that ends.
func (h *Hub) listen(instanceID string, p *peer) {
	for {
		raw, err := p.read()
		if err != nil {
			return
		}
		f, err := sessionwire.Decode(raw)
		if err != nil {
			h.o.Log.Debug("control channel", "instance", instanceID, "error", err)
			return
		}
		switch f.Type {
		case sessionwire.TypeJobAck:
			var a jobAck
			_ = json.Unmarshal(f.Payload, &a) // the frame's id is as good
			h.acknowledge(instanceID, func(j *job) bool {
				return j.frame == f.ID || a.JobID != "" && j.ID == a.JobID && (a.Kind == "" || j.Kind == a.Kind)
			})
		case sessionwire.TypeJobReply:
			var r sessionwire.Reply
			if json.Unmarshal(f.Payload, &r) != nil {
				continue
			}
			h.Reply(instanceID, r)
			_ = p.write(acknowledgement(f)) // without it the agent replies again
		}
	}
}
