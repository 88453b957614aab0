package agent

import (
	"context"
	"sync"
	"time"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

// rememberJobs is how many jobs are known to have been taken: they may come again.
const rememberJobs = 1000

// replyAgain is how long an acknowledgement of a reply is waited for.
const replyAgain = 10 * time.Second

// jobs are what this agent works on.
type jobs struct {
	api   *api
	users *users
	run   *runner
	log   *logger
	out   *replies

	ctx context.Context // ends with the agent
	wg  sync.WaitGroup

	mu      sync.Mutex // guards what follows
	taken   []string
	cancels map[string]context.CancelCauseFunc
}

// take begins a job, once.
func (j *jobs) take(job sessionwire.Job) {
	j.mu.Lock()
	defer j.mu.Unlock()
	key := job.Kind + " " + job.ID
	for _, t := range j.taken {
		if t == key {
			return
		}
	}
	if len(j.taken) >= rememberJobs {
		j.taken = append([]string(nil), j.taken[len(j.taken)/2:]...)
	}
	j.taken = append(j.taken, key)
	switch {
	case job.Kind == sessionwire.JobSession && job.Session != nil:
		s := &session{wire: *job.Session, api: j.api, users: j.users, log: j.log}
		j.log.file("session %s (%s) begins", s.wire.ID, s.wire.Type)
		j.wg.Go(func() {
			s.serve(j.ctx)
			j.log.file("session %s is over", s.wire.ID)
		})
	case job.Kind == sessionwire.JobCommand && job.Command != nil:
		j.command(*job.Command)
	case job.Kind == sessionwire.JobCancel:
		if cancel, ok := j.cancels[job.ID]; ok {
			cancel(errCancelled)
			return
		}
		j.out.add(sessionwire.Reply{JobID: job.ID, InstanceID: j.api.id.InstanceID, Status: sessionwire.StatusCancelled})
	}
}

// command runs a command. mu is held.
func (j *jobs) command(c sessionwire.Command) {
	ctx, cancel := context.WithCancelCause(j.ctx)
	if j.cancels == nil {
		j.cancels = map[string]context.CancelCauseFunc{}
	}
	j.cancels[c.ID] = cancel
	j.log.file("command %s (%s) begins", c.ID, c.Document)
	j.wg.Go(func() {
		defer cancel(nil)
		reply := j.run.run(ctx, c, j.out.add)
		j.mu.Lock()
		delete(j.cancels, c.ID)
		j.mu.Unlock()
		j.log.file("command %s: %s", c.ID, reply.Status)
		j.out.add(reply)
	})
}

// replies wait until the service has them. Of a command only the last one counts.
type replies struct {
	mu      sync.Mutex
	waiting []*pending
	changed chan struct{} // closed, and made anew, when one is added
	// messages are the ids of the messages that commands came in, by job; those
	// that came over a control channel have none.
	messages map[string]string
}

// pending is a reply that the service has not acknowledged.
type pending struct {
	sessionwire.Reply
	frame [16]byte
	sent  time.Time
}

func newReplies() *replies {
	return &replies{changed: make(chan struct{}), messages: map[string]string{}}
}

// came notes which message a job came in.
func (r *replies) came(job, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.messages) >= rememberJobs {
		clear(r.messages) // they can be told from the jobs
	}
	r.messages[job] = message
}

// message is the id of the message that a job came in, or would have.
func (r *replies) message(job, instance string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id, ok := r.messages[job]; ok {
		return id
	}
	return "aws.ssm." + sessionwire.JobCommand + "." + job + "." + instance
}

func (r *replies) add(reply sessionwire.Reply) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &pending{Reply: reply, frame: newUUID()}
	close(r.changed)
	r.changed = make(chan struct{})
	for i, w := range r.waiting {
		if w.JobID == reply.JobID {
			r.waiting[i] = p
			return
		}
	}
	r.waiting = append(r.waiting, p)
}

// due are those that are to be sent now; they count as sent. later fires when to
// ask again, and is nil if nothing waits: an idle agent does not wake.
func (r *replies) due() (now []pending, later <-chan time.Time, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.waiting {
		if time.Since(p.sent) > replyAgain {
			p.sent = time.Now()
			now = append(now, *p)
		}
	}
	if len(r.waiting) > 0 {
		later = time.After(replyAgain / 2)
	}
	return now, later, r.changed
}

// again makes all due: the connection that they were sent over is gone.
func (r *replies) again() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.waiting {
		p.sent = time.Time{}
	}
}

// done drops a reply that the service has.
func (r *replies) done(frame [16]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, p := range r.waiting {
		if p.frame == frame {
			r.waiting = append(r.waiting[:i], r.waiting[i+1:]...)
			return
		}
	}
}
