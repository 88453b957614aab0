package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/musubi-net/musubi/internal/awsapi/ec2messages"
	"github.com/musubi-net/musubi/internal/awsapi/ssmmessages"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/ssm"
	"github.com/musubi-net/musubi/internal/dataplane/messages"
	"github.com/musubi-net/musubi/internal/engine"
	"github.com/musubi-net/musubi/internal/sessionwire"
)

const (
	// sweepEvery is how often it is looked for commands whose time is over and for
	// sessions whose instance is gone.
	sweepEvery = 2 * time.Second
	// forgetEvery is how often what is too old is dropped.
	forgetEvery = time.Hour
)

// sessions joins Systems Manager's message service to the engine.
type sessions struct {
	engine engine.Runner
	hub    *messages.Hub
	dir    string // stands for S3
	log    *slog.Logger
	// running tells which guests run.
	running func(ctx context.Context) (map[string]bool, error)
	boots   map[string]uint32 // the boot of its instance that a session was seen in
}

// newSessions makes the message service of a daemon, with what was under way
// before it. Close the hub at the end.
func newSessions(ctx context.Context, d *daemon) (*sessions, error) {
	s := &sessions{engine: d.engine, dir: bucketsDir(), log: d.log, running: d.runningGuests, boots: map[string]uint32{}}
	s.hub = messages.New(messages.Options{Report: s.report, Log: d.log})
	if err := s.restore(ctx); err != nil {
		s.hub.Close()
		return nil, fmt.Errorf("sessions: %w", err)
	}
	return s, nil
}

func (d *daemon) runningGuests(ctx context.Context) (map[string]bool, error) {
	list, err := d.guests.List(ctx)
	out := map[string]bool{}
	for _, g := range list {
		out[g.InstanceID] = g.Running
	}
	return out, err
}

// internalCaller is this program as a caller.
func internalCaller() cloud.Caller { return cloud.Caller{Internal: true} }

// restore brings back what an earlier daemon served. A session lives as long as
// its guest: with the guests of an earlier Musubi their sessions have ended.
func (s *sessions) restore(ctx context.Context) error {
	running, err := s.running(ctx)
	if err != nil {
		return err
	}
	var back []messages.Restored
	snapshot := s.engine.Snapshot()
	for x := range ssm.Sessions.All(snapshot) {
		switch {
		case x.Status == ssm.Terminated || x.Status == ssm.SessionFails:
		case x.Status.Ended() || !running[x.Target]:
			if err := s.ended(ctx, messages.Event{SessionID: x.ID, InstanceID: x.Target}); err != nil {
				return err
			}
		default:
			back = append(back, messages.Restored{Started: x.StartedAt, Session: x.Wire()})
		}
	}
	errs := []error{s.hub.Restore(back)}
	for n := range ssm.Nodes.All(snapshot) {
		for _, c := range ssm.PendingFor(snapshot, n.Agent.InstanceID) {
			errs = append(errs, s.hub.Run(ctx, c))
		}
	}
	return errors.Join(errs...)
}

// instanceOf is the instance that a caller's credentials were issued to, if it
// is one of the caller's account and region.
func (s *sessions) instanceOf(c cloud.Caller) (string, bool) {
	r := s.engine.Snapshot()
	i, ok := compute.Instances.Get(r, c.Instance)
	gone := i.State == compute.Terminated || i.State == compute.ShuttingDown
	return i.ID, ok && !gone && ssm.Own(r, c, i.ID) == nil
}

// messages and polls are the two entrances for agents.
func (s *sessions) messages() *ssmmessages.API {
	return ssmmessages.New(ssmmessages.Options{Hub: s.hub, Instance: s.instanceOf})
}

func (s *sessions) polls() *ec2messages.API {
	return ec2messages.New(ec2messages.Options{Hub: s.hub, Instance: s.instanceOf})
}

// report turns what happens into records.
func (s *sessions) report(e messages.Event) {
	ctx := context.Background() // what has happened is kept, whoever ends
	var err error
	switch e.Kind {
	case messages.Connected:
		_, err = engine.Do(ctx, s.engine, internalCaller(), ssm.ReportSession{ID: e.SessionID, Status: ssm.Connected})
	case messages.Ended:
		err = s.ended(ctx, e)
	case messages.Replied:
		err = s.replied(ctx, e.Reply)
	}
	if err != nil {
		s.log.Error("systems manager: report", "session", e.SessionID, "instance", e.InstanceID, "error", err)
	}
}

// ended keeps a session's transcript and says that it is over.
func (s *sessions) ended(ctx context.Context, e messages.Event) error {
	done := ssm.ReportSession{ID: e.SessionID, Status: ssm.Terminated, Details: e.Reason}
	var kept error
	if x, ok := ssm.Sessions.Get(s.engine.Snapshot(), e.SessionID); ok && x.Bucket != "" {
		done.NoTranscript = true
		if len(e.Transcript) > 0 {
			kept = putObject(s.dir, x.Bucket, x.Key, e.Transcript)
			done.NoTranscript = kept != nil
		}
	}
	_, err := engine.Do(ctx, s.engine, internalCaller(), done)
	return errors.Join(kept, err)
}

// replied keeps an agent's report on a command, and the output where it is to go.
func (s *sessions) replied(ctx context.Context, r sessionwire.Reply) error {
	i, err := engine.Do(ctx, s.engine, internalCaller(), ssm.ReportInvocation{Reply: r})
	if err != nil || r.Status == sessionwire.StatusInProgress || !i.Ended() {
		return err
	}
	for _, o := range ssm.Outputs(s.engine.Snapshot(), i) {
		err = errors.Join(err, putObject(s.dir, o.Bucket, o.Key, o.Data))
	}
	return err
}

// run sweeps until ctx ends.
func (s *sessions) run(ctx context.Context) error {
	sweep, forget := time.NewTicker(sweepEvery), time.NewTicker(forgetEvery)
	defer sweep.Stop()
	defer forget.Stop()
	defer s.hub.Close()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-sweep.C:
			s.leave()
			err = s.expire(ctx)
		case <-forget.C:
			_, err = engine.Do(ctx, s.engine, internalCaller(), ssm.Forget{})
		}
		if err != nil && ctx.Err() == nil {
			s.log.Error("systems manager: sweep", "error", err)
		}
	}
}

// leave ends the sessions of instances that do not run any more, or have been
// started anew.
func (s *sessions) leave() {
	r, open := s.engine.Snapshot(), s.hub.Sessions()
	for id, instance := range open {
		i, ok := compute.Instances.Get(r, instance)
		boot, seen := s.boots[id]
		if !seen {
			s.boots[id] = i.Boot
		}
		if !ok || i.State != compute.Running || seen && boot != i.Boot {
			_ = s.hub.Terminate(id, "The instance does not run any more.") // it may have ended
		}
	}
	maps.DeleteFunc(s.boots, func(id string, _ uint32) bool { _, there := open[id]; return !there })
}

// expire ends commands whose time is over. Those that were not delivered are not
// to be any more.
func (s *sessions) expire(ctx context.Context) error {
	now := time.Now()
	r := s.engine.Snapshot()
	if !ssm.Expirable(r, now) {
		return nil
	}
	for i := range ssm.Invocations.All(r) {
		if late, _ := i.Late(now); late {
			s.hub.Withdraw(i.InstanceID, i.CommandID)
		}
	}
	_, err := engine.Do(ctx, s.engine, internalCaller(), ssm.ExpireCommands{})
	return err
}
