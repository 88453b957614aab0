package agent

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

const (
	idleMinutes   = 20
	handshakeTime = 5 * time.Minute
	// drainTime is how long the client has for what was not acknowledged when the
	// program ended, closeTime how long the service has to hear of the end.
	drainTime = 2 * time.Minute
	closeTime = time.Minute
)

// session is a session that this agent serves.
type session struct {
	wire   sessionwire.Session
	api    *api
	stream *stream
	users  *users
	log    *logger

	clientVersion string
	idle          *time.Timer
	stop          context.CancelCauseFunc
}

// ending is an end of a session with words for the client.
type ending string

func (e ending) Error() string { return string(e) }

// serve serves a session from its data channel's beginning to its end.
func (s *session) serve(ctx context.Context) {
	s.stream = newStream()
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	connected := make(chan struct{})
	wg.Go(func() { defer close(connected); s.connect(life) })
	wg.Go(func() { s.stream.resend(life) })
	work, stop := context.WithCancelCause(ctx)
	s.stop = stop
	wg.Go(func() {
		select {
		case <-s.stream.done:
			stop(errEnded)
		case <-work.Done():
		}
	})
	minutes := s.wire.IdleMinutes
	if minutes <= 0 {
		minutes = idleMinutes
	}
	s.idle = time.AfterFunc(time.Duration(minutes)*time.Minute, func() {
		stop(ending("Session timed out due to inactivity."))
	})
	if s.wire.MaxMinutes > 0 {
		defer time.AfterFunc(time.Duration(s.wire.MaxMinutes)*time.Minute, func() {
			stop(ending("Session has reached its maximum duration and is terminated."))
		}).Stop()
	}
	err := s.run(work)
	if err != nil && context.Cause(work) != nil {
		err = context.Cause(work)
	}
	s.idle.Stop()
	stop(nil)
	s.finish(ctx, err)
	select {
	case <-connected:
	case <-time.After(closeTime):
	case <-ctx.Done(): // the agent ends; a moment for the last frame
		pause(life, time.Second/2)
	}
	cancel()
	wg.Wait()
}

// finish lets the client take what is on its way and says why it is over.
func (s *session) finish(ctx context.Context, err error) {
	if err == nil {
		limit, cancel := context.WithTimeout(ctx, drainTime)
		_ = s.stream.drain(limit) // whoever does not read misses it
		cancel()
	}
	var words ending
	output := ""
	switch {
	case errors.As(err, &words):
		output = string(words)
	case err != nil && !errors.Is(err, errEnded) && !errors.Is(err, context.Canceled):
		output = err.Error()
	}
	s.stream.close(s.wire, output)
	if output != "" {
		s.log.file("session %s: %s", s.wire.ID, output)
	}
}

// connect holds the data channel, over one connection after the other.
func (s *session) connect(ctx context.Context) {
	wait := backoff{least: time.Second, most: 8 * time.Second}
	path := "/v1/data-channel/" + url.PathEscape(s.wire.ID)
	for {
		conn, err := s.api.channel(ctx, path, "role=publish_subscribe")
		switch {
		case err == nil:
			wait.reset()
			k := newSocket(conn, pingEvery)
			s.stream.attach(k)
			err = k.run(ctx, s.stream.take)
			s.stream.detach(k)
			s.log.file("session %s: the data channel's connection ended: %v", s.wire.ID, err)
		case gone(err):
			s.stream.abandon()
		default:
			s.log.file("session %s: no data channel: %v", s.wire.ID, err)
		}
		select {
		case <-s.stream.confirmed:
			return
		default:
		}
		if !wait.wait(ctx) {
			return
		}
	}
}

// run agrees with the client on what the session is and serves it.
func (s *session) run(ctx context.Context) error {
	if err := s.handshake(ctx); err != nil {
		return err
	}
	switch s.wire.Type {
	case "Standard_Stream", "InteractiveCommands":
		return s.interactive(ctx)
	case "NonInteractiveCommands":
		return s.nonInteractive(ctx)
	case "Port":
		return s.port(ctx)
	}
	return ending(fmt.Sprintf("Plugin with name %s not supported", s.wire.Type))
}

// handshake tells the client which of its plug-ins is wanted.
func (s *session) handshake(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	start := time.Now()
	properties := s.wire.Properties
	if len(properties) == 0 {
		properties = json.RawMessage("{}")
	}
	parameters, err := json.Marshal(sessionwire.SessionType{SessionType: s.wire.Type, Properties: properties})
	if err != nil {
		return err
	}
	err = s.stream.writeJSON(ctx, sessionwire.PayloadHandshakeRequest, sessionwire.HandshakeRequest{
		AgentVersion:           Version,
		RequestedClientActions: []sessionwire.ClientAction{{ActionType: sessionwire.ActionSessionType, ActionParameters: parameters}},
	})
	for err == nil {
		var f sessionwire.Frame
		if f, err = s.stream.read(ctx); err != nil || f.PayloadType != sessionwire.PayloadHandshakeResponse {
			continue
		}
		var r sessionwire.HandshakeResponse
		if err := json.Unmarshal(f.Payload, &r); err != nil {
			return ending("Encountered error while initiating handshake. " + err.Error())
		}
		s.clientVersion = r.ClientVersion
		for _, a := range r.ProcessedClientActions {
			if a.ActionStatus != sessionwire.ActionSuccess {
				return ending("Encountered error while initiating handshake. " + a.Error)
			}
		}
		return s.stream.writeJSON(ctx, sessionwire.PayloadHandshakeComplete,
			sessionwire.HandshakeComplete{HandshakeTimeToComplete: time.Since(start)})
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return ending("Encountered error while initiating handshake. Handshake timed out. Please ensure that you have the latest version of the session manager plugin.")
	}
	return err
}

// active notes that somebody uses the session.
func (s *session) active() {
	minutes := s.wire.IdleMinutes
	if minutes <= 0 {
		minutes = idleMinutes
	}
	s.idle.Reset(time.Duration(minutes) * time.Minute)
}

// next is the next input; the client's wish to end the session is an error.
func (s *session) next(ctx context.Context) (sessionwire.Frame, error) {
	f, err := s.stream.read(ctx)
	if err != nil {
		return f, err
	}
	switch f.PayloadType {
	case sessionwire.PayloadOutput:
		s.active()
	case sessionwire.PayloadFlag:
		if said(f) == sessionwire.SayTerminateSession {
			return f, errEnded
		}
	}
	return f, nil
}

// said is what a flag says.
func said(f sessionwire.Frame) uint32 {
	if f.PayloadType != sessionwire.PayloadFlag || len(f.Payload) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(f.Payload)
}

// say sends a flag.
func (s *session) say(ctx context.Context, flag uint32) error {
	return s.stream.write(ctx, sessionwire.PayloadFlag, binary.BigEndian.AppendUint32(nil, flag))
}

// newer tells whether the client's version is greater than one.
func newer(version, than string) bool {
	a, b := strings.Split(version, "."), strings.Split(than, ".")
	for i := range max(len(a), len(b)) {
		x, y := 0, 0
		if i < len(a) {
			x, _ = strconv.Atoi(a[i]) // what is no number is old
		}
		if i < len(b) {
			y, _ = strconv.Atoi(b[i])
		}
		if x != y {
			return x > y
		}
	}
	return false
}
