package messages

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

// maxJobs is how many jobs may wait for an agent.
const maxJobs = 1000

// job is a job that an agent has not acknowledged.
type job struct {
	sessionwire.Job
	frame [16]byte // id
	raw   []byte
	sent  time.Time // zero: not over what the agent reads from now
}

// due are the jobs that are to be sent now; they count as sent. The mutex is held.
func (a *agent) due(again time.Duration, kinds []string) []*job {
	var out []*job
	now := time.Now()
	for _, j := range a.jobs {
		if (kinds == nil || slices.Contains(kinds, j.Kind)) && (j.sent.IsZero() || now.Sub(j.sent) >= again) {
			j.sent = now
			out = append(out, j)
		}
	}
	return out
}

// enqueue adds a job for an instance's agent, once.
func (h *Hub) enqueue(instanceID string, wire sessionwire.Job) error {
	payload, err := json.Marshal(wire)
	if err != nil {
		return err
	}
	if len(payload) > sessionwire.MaxPayload {
		return errors.New("the job is too large")
	}
	f := frame(sessionwire.TypeJob, 0, payload)
	h.mu.Lock()
	defer h.mu.Unlock()
	a, err := h.agentOf(instanceID)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(a.jobs, func(j *job) bool { return j.ID == wire.ID && j.Kind == wire.Kind }) {
		return nil
	}
	if len(a.jobs) >= maxJobs {
		return ErrTooMany
	}
	a.jobs = append(a.jobs, &job{Job: wire, frame: f.ID, raw: f.Encode()})
	a.change()
	return nil
}

// acknowledge drops jobs that an agent has, or is to have no more.
func (h *Hub) acknowledge(instanceID string, which func(*job) bool) (dropped int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.agents[instanceID]
	if a == nil {
		return 0
	}
	n := len(a.jobs)
	a.jobs = slices.DeleteFunc(a.jobs, which)
	return n - len(a.jobs)
}

// withdraw drops a job, whether it was sent or not; delivered tells that it was.
func (h *Hub) withdraw(instanceID, kind, id string) (waiting, delivered bool) {
	h.acknowledge(instanceID, func(j *job) bool {
		is := j.Kind == kind && j.ID == id
		if is {
			waiting, delivered = true, !j.sent.IsZero()
		}
		return is
	})
	return waiting, delivered
}

// finished notes that an agent works on a job.
func (h *Hub) finished(instanceID, kind, id string) {
	h.acknowledge(instanceID, func(j *job) bool { return j.Kind == kind && j.ID == id })
}

// Run queues a command for an instance's agent, which gets it when it can.
func (h *Hub) Run(_ context.Context, c sessionwire.Command) error {
	return h.enqueue(c.InstanceID, sessionwire.Job{ID: c.ID, Kind: sessionwire.JobCommand, Command: &c})
}

// Cancel ends a command of an instance. One that its agent does not have yet is
// reported as cancelled at once; else the agent is asked.
func (h *Hub) Cancel(_ context.Context, instanceID, commandID string) error {
	if waiting, delivered := h.withdraw(instanceID, sessionwire.JobCommand, commandID); waiting && !delivered {
		if h.begin() {
			go func() { // whoever cancels may hold what Report needs
				defer h.done.Done()
				h.o.Report(Event{Kind: Replied, InstanceID: instanceID,
					Reply: sessionwire.Reply{JobID: commandID, InstanceID: instanceID, Status: sessionwire.StatusCancelled}})
			}()
		}
		return nil
	}
	return h.enqueue(instanceID, sessionwire.Job{ID: commandID, Kind: sessionwire.JobCancel})
}

// Reply takes an agent's report on a command. Agents speak for their own instance
// only.
func (h *Hub) Reply(instanceID string, r sessionwire.Reply) {
	r.InstanceID = instanceID
	h.finished(instanceID, sessionwire.JobCommand, r.JobID)
	if r.Status != sessionwire.StatusInProgress {
		h.finished(instanceID, sessionwire.JobCancel, r.JobID)
	}
	h.o.Report(Event{Kind: Replied, InstanceID: instanceID, Reply: r})
}

// Receive waits, for a while, for commands for an agent that has no control
// channel. What it returns is returned again if it is not acknowledged.
func (h *Hub) Receive(ctx context.Context, instanceID string) ([]sessionwire.Job, error) {
	limit := time.NewTimer(h.o.Poll)
	defer limit.Stop()
	for {
		h.mu.Lock()
		a, err := h.agentOf(instanceID)
		if err != nil {
			h.mu.Unlock()
			return nil, err
		}
		a.seen, a.lost = time.Now(), false
		due, changed := a.due(h.o.Redelivery, []string{sessionwire.JobCommand, sessionwire.JobCancel}), a.changed
		h.mu.Unlock()
		if len(due) > 0 {
			out := make([]sessionwire.Job, len(due))
			for i, j := range due {
				out[i] = j.Job
			}
			return out, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-h.ctx.Done():
			return nil, errClosed
		case <-limit.C:
			return nil, nil
		case <-changed:
		}
	}
}

// Acknowledge notes that an agent has a job.
func (h *Hub) Acknowledge(instanceID, kind, jobID string) { h.finished(instanceID, kind, jobID) }

// Withdraw takes back a command that was not delivered.
func (h *Hub) Withdraw(instanceID, commandID string) {
	h.finished(instanceID, sessionwire.JobCommand, commandID)
}
