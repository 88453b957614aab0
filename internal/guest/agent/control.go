package agent

import (
	"context"
	"encoding/json"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musubi-net/musubi/internal/guest/frugal"
	"github.com/musubi-net/musubi/internal/sessionwire"
)

// tellEvery is how often an instance without a control channel says that it is
// there: it may be managed all the same.
const tellEvery = 30 * time.Second

// control holds the control channel.
type control struct {
	api  *api
	jobs *jobs
	log  *logger
	up   atomic.Bool   // there is one
	news chan struct{} // has something when there is a new one, or none any more
}

// jobAck is the payload of an agent_job_ack.
type jobAck struct {
	JobID string
	Kind  string
}

// run opens one control channel after the other until ctx ends.
func (c *control) run(ctx context.Context) {
	wait := backoff{least: time.Second, most: 8 * time.Second}
	path := "/v1/control-channel/" + url.PathEscape(c.api.id.InstanceID)
	var told time.Time
	for {
		conn, err := c.api.channel(ctx, path, "role=subscribe&stream=input")
		if err == nil {
			began := time.Now()
			k := newSocket(conn, controlPingEvery)
			err = c.serve(ctx, k)
			if time.Since(began) > pingEvery {
				wait.reset()
			}
		}
		if ctx.Err() != nil {
			return
		}
		c.log.change("not connected to Systems Manager", err.Error())
		if time.Since(told) > tellEvery {
			c.tell()
			told = time.Now()
		}
		if !wait.wait(ctx) {
			return
		}
	}
}

// serve serves one connection. That it is good is known by the service's first
// word, or that it has not hung up for a moment.
func (c *control) serve(ctx context.Context, k *socket) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	c.jobs.out.again()
	wg.Go(func() { c.reply(ctx, k) })
	wg.Go(func() {
		if pause(ctx, time.Second) {
			c.up.Store(true)
			c.tell()
			c.log.change("connected to Systems Manager", "")
			frugal.Rest()
		}
	})
	defer c.up.Store(false)
	return k.run(ctx, func(f sessionwire.Frame) { c.take(k, f) })
}

// tell tells of a change.
func (c *control) tell() {
	select {
	case c.news <- struct{}{}:
	default:
	}
}

func (c *control) take(k *socket, f sessionwire.Frame) {
	switch f.Type {
	case sessionwire.TypeJob:
		var job sessionwire.Job
		if err := json.Unmarshal(f.Payload, &job); err != nil {
			c.log.file("a job that cannot be read: %v", err)
			return
		}
		payload, err := json.Marshal(jobAck{JobID: job.ID, Kind: job.Kind})
		if err != nil {
			return // cannot be
		}
		ack := frame(sessionwire.TypeJobAck, 0, payload)
		ack.ID = f.ID
		_ = k.send(ack.Encode()) // without it the job comes again
		c.jobs.take(job)
	case sessionwire.TypeAcknowledge:
		var a sessionwire.Acknowledge
		if json.Unmarshal(f.Payload, &a) == nil {
			c.jobs.out.acknowledged(a.ID)
		}
	}
}

// acknowledged drops the reply that a frame's id is that of.
func (r *replies) acknowledged(id string) {
	r.mu.Lock()
	var found *pending
	for _, p := range r.waiting {
		if sessionwire.IDString(p.frame) == id {
			found = p
		}
	}
	r.mu.Unlock()
	if found != nil {
		r.done(found.frame)
	}
}

// reply sends replies until the connection ends, again if they are not
// acknowledged.
func (c *control) reply(ctx context.Context, k *socket) {
	for {
		due, later, changed := c.jobs.out.due()
		for _, p := range due {
			payload, err := json.Marshal(p.Reply)
			if err != nil {
				continue // cannot be
			}
			f := frame(sessionwire.TypeJobReply, 0, payload)
			f.ID = p.frame
			if k.send(f.Encode()) != nil {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-later:
		}
	}
}
