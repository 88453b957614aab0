package agent

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

const (
	// deliveryAfter is how long there is no control channel before commands are
	// asked for.
	deliveryAfter = 15 * time.Second
	pollTime      = 30 * time.Second
	deliveryName  = "EC2WindowsMessageDeliveryService."
)

// delivery asks the message delivery service for commands while there is no
// control channel, and replies over it.
type delivery struct {
	api  *api
	jobs *jobs
	up   *atomic.Bool
	log  *logger
}

// delivered is a message of GetMessages.
type delivered struct {
	MessageId string
	Payload   string
}

func (d *delivery) run(ctx context.Context) {
	wait := backoff{least: 2 * time.Second, most: 30 * time.Second}
	said := ""
	for pause(ctx, deliveryAfter) {
		for !d.up.Load() && ctx.Err() == nil {
			err := d.poll(ctx)
			now := ""
			if err != nil {
				now = err.Error()
			}
			if now != said && ctx.Err() == nil {
				said = now
				d.log.file("commands through ec2messages: %q", now)
			}
			if err == nil {
				wait.reset()
			} else if !wait.wait(ctx) {
				return
			}
		}
	}
}

// poll waits for messages once and sends the replies that are due, which for a
// command that came this way do not wait for the next poll.
func (d *delivery) poll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pollTime)
	defer cancel()
	replied := make(chan struct{})
	go func() { defer close(replied); d.reply(ctx) }()
	defer func() { cancel(); <-replied }()
	var out struct{ Messages []delivered }
	in := map[string]any{"Destination": d.api.id.InstanceID, "MessagesRequestId": newID(), "VisibilityTimeoutInSeconds": 10}
	if err := d.api.call(ctx, "ec2messages", deliveryName+"GetMessages", pollTime, in, &out); err != nil {
		return err
	}
	for _, m := range out.Messages {
		id := map[string]string{"MessageId": m.MessageId}
		var job sessionwire.Job
		if err := json.Unmarshal([]byte(m.Payload), &job); err != nil {
			if err := d.api.call(ctx, "ec2messages", deliveryName+"FailMessage", callTime,
				map[string]string{"MessageId": m.MessageId, "FailureType": "InternalHandlerException"}, nil); err != nil {
				return err
			}
			continue
		}
		if err := d.api.call(ctx, "ec2messages", deliveryName+"AcknowledgeMessage", callTime, id, nil); err != nil {
			return err
		}
		if job.Kind == sessionwire.JobCommand {
			d.jobs.out.came(job.ID, m.MessageId)
		}
		d.jobs.take(job)
	}
	return nil
}

// reply sends replies over the service until ctx ends.
func (d *delivery) reply(ctx context.Context) {
	for {
		due, later, changed := d.jobs.out.due()
		for _, p := range due {
			if err := d.send(ctx, p); err != nil {
				d.log.file("reply of %s: %v", p.JobID, err)
				continue
			}
			d.jobs.out.done(p.frame)
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-later:
		}
	}
}

func (d *delivery) send(ctx context.Context, p pending) error {
	payload, err := json.Marshal(p.Reply)
	if err != nil {
		return err
	}
	message := d.jobs.out.message(p.JobID, d.api.id.InstanceID)
	in := map[string]string{"MessageId": message, "Payload": string(payload), "ReplyId": newID()}
	if err := d.api.call(ctx, "ec2messages", deliveryName+"SendReply", callTime, in, nil); err != nil {
		return err
	}
	if p.Status == sessionwire.StatusInProgress {
		return nil
	}
	return d.api.call(ctx, "ec2messages", deliveryName+"DeleteMessage", callTime, map[string]string{"MessageId": message}, nil)
}
