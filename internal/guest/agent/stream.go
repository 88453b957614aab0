package agent

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

// The figures are those of the plugin, but for the window: it bounds what was
// sent and is not acknowledged.
const (
	windowBytes  = 512 << 10
	windowFrames = 512
	maxEarly     = 10000 // input frames kept out of order
	maxInput     = 10000 // input frames that nobody has taken yet

	firstTimeout  = 200 * time.Millisecond
	clock         = 10 * time.Millisecond
	maxTimeout    = time.Second
	resendTick    = 100 * time.Millisecond
	chunk         = 16 << 10 // bytes of output in a frame
	minRTT        = 100 * time.Millisecond
	rttShare      = 1.0 / 8
	variationPart = 1.0 / 4
)

// errEnded says that the session is over.
var errEnded = errors.New("the session has ended")

// wireConn sends one frame; it is a WebSocket.
type wireConn interface {
	send(frame []byte) error
}

// sent is an output frame without an acknowledgement.
type sent struct {
	sequence int64
	raw      []byte
	last     time.Time // when it was sent
	again    bool      // it was sent more than once: no measure of the way
}

// stream numbers output, sends it again until it is acknowledged, and puts input
// into order. It outlives its connections.
type stream struct {
	mu      sync.Mutex
	conn    wireConn
	paused  bool
	changed chan struct{} // closed, and made anew, when room, input or the end comes

	next     int64
	unacked  []*sent
	bytes    int
	rtt      float64
	variance float64
	timeout  time.Duration
	resends  int // of the oldest frame, in a row

	expected int64
	early    map[int64]sessionwire.Frame
	input    []sessionwire.Frame

	ended     bool
	done      chan struct{} // closed at the end
	closing   []byte        // the frame that tells the other side
	confirmed chan struct{} // closed when the other side says that it is over
	heard     bool
}

func newStream() *stream {
	return &stream{
		changed: make(chan struct{}), done: make(chan struct{}), confirmed: make(chan struct{}),
		early: map[int64]sessionwire.Frame{}, rtt: float64(minRTT), timeout: firstTimeout,
	}
}

// change wakes all who wait. mu is held.
func (s *stream) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// attach gives the stream a connection, over which everything that was not
// acknowledged is sent again.
func (s *stream) attach(c wireConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn, s.paused = c, false
	s.resendAll()
	s.change()
}

// detach takes a connection that has ended away.
func (s *stream) detach(c wireConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == c {
		s.conn = nil
	}
}

func (s *stream) resendAll() {
	now := time.Now()
	s.resends = 0
	for _, u := range s.unacked {
		u.again = u.again || !u.last.IsZero()
		u.last = now
		s.put(u.raw)
	}
	if s.closing != nil {
		s.put(s.closing)
	}
}

// put sends; what fails is sent again over the next connection. mu is held, which
// keeps frames in order.
func (s *stream) put(raw []byte) {
	if s.conn == nil {
		return
	}
	if err := s.conn.send(raw); err != nil {
		s.conn = nil
	}
}

func frame(kind string, payloadType uint32, payload []byte) sessionwire.Frame {
	return sessionwire.Frame{Type: kind, Schema: sessionwire.Schema, Created: time.Now(), ID: newUUID(), PayloadType: payloadType, Payload: payload}
}

// write sends output, waiting for room in the window.
func (s *stream) write(ctx context.Context, payloadType uint32, payload []byte) error {
	for {
		s.mu.Lock()
		if s.ended {
			s.mu.Unlock()
			return errEnded
		}
		if len(s.unacked) == 0 || len(s.unacked) < windowFrames && s.bytes+len(payload) <= windowBytes {
			s.push(payloadType, payload)
			s.mu.Unlock()
			return nil
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// push numbers a frame and sends it unless the client is away.
func (s *stream) push(payloadType uint32, payload []byte) {
	f := frame(sessionwire.TypeOutput, payloadType, payload)
	f.Sequence = s.next
	if s.next == 0 {
		f.Flags = sessionwire.FlagSYN
	}
	s.next++
	u := &sent{sequence: f.Sequence, raw: f.Encode()}
	s.unacked = append(s.unacked, u)
	s.bytes += len(u.raw)
	if !s.paused && s.conn != nil {
		u.last = time.Now()
		s.put(u.raw)
	}
}

// writeJSON sends a payload of JSON.
func (s *stream) writeJSON(ctx context.Context, payloadType uint32, v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.write(ctx, payloadType, payload)
}

// drain waits until everything is acknowledged.
func (s *stream) drain(ctx context.Context) error {
	for {
		s.mu.Lock()
		done, ended, changed := len(s.unacked) == 0, s.ended, s.changed
		s.mu.Unlock()
		switch {
		case done:
			return nil
		case ended:
			return errEnded
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// read takes the next frame of input.
func (s *stream) read(ctx context.Context) (sessionwire.Frame, error) {
	for {
		s.mu.Lock()
		if s.ended {
			s.mu.Unlock()
			return sessionwire.Frame{}, errEnded
		}
		if len(s.input) > 0 {
			f := s.input[0]
			s.input[0] = sessionwire.Frame{}
			s.input = s.input[1:]
			s.mu.Unlock()
			return f, nil
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return sessionwire.Frame{}, ctx.Err()
		case <-changed:
		}
	}
}

// take handles a frame of the connection.
func (s *stream) take(f sessionwire.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f.Type {
	case sessionwire.TypeInput:
		s.takeInput(f)
	case sessionwire.TypeAcknowledge:
		var a sessionwire.Acknowledge
		if json.Unmarshal(f.Payload, &a) == nil {
			s.acknowledged(a.Sequence)
		}
	case sessionwire.TypePause:
		s.paused = true
	case sessionwire.TypeStart:
		if s.paused {
			s.paused = false
			s.resendAll()
		}
	case sessionwire.TypeClosed:
		s.over()
	}
}

// takeInput acknowledges what it keeps: what is next, what is early, and what it
// had before. What there is no room for comes again.
func (s *stream) takeInput(f sessionwire.Frame) {
	switch {
	case f.Sequence < s.expected:
		s.acknowledge(f)
	case f.Sequence > s.expected:
		if _, there := s.early[f.Sequence]; !there {
			if len(s.early) >= maxEarly {
				return
			}
			s.early[f.Sequence] = f
		}
		s.acknowledge(f)
	case len(s.input) < maxInput:
		s.acknowledge(f)
		for ok := true; ok; f, ok = s.early[s.expected] {
			delete(s.early, s.expected)
			s.input = append(s.input, f)
			s.expected++
		}
		s.change()
	}
}

func (s *stream) acknowledge(f sessionwire.Frame) {
	payload, err := json.Marshal(sessionwire.Acknowledge{
		Type: f.Type, ID: sessionwire.IDString(f.ID), Sequence: f.Sequence, Sequential: true,
	})
	if err != nil {
		return // cannot be
	}
	a := frame(sessionwire.TypeAcknowledge, 0, payload)
	a.Flags = sessionwire.FlagSYN | sessionwire.FlagFIN
	s.put(a.Encode())
}

func (s *stream) acknowledged(sequence int64) {
	for i, u := range s.unacked {
		if u.sequence != sequence {
			continue
		}
		if !u.again {
			s.measure(time.Since(u.last))
		}
		if i == 0 {
			s.resends = 0
		}
		s.bytes -= len(u.raw)
		s.unacked = slices.Delete(s.unacked, i, i+1)
		s.change()
		return
	}
}

// measure works the time out after which a frame is sent again, as the plugin
// does.
func (s *stream) measure(rtt time.Duration) {
	now := float64(rtt)
	s.variance = (1-variationPart)*s.variance + variationPart*math.Abs(s.rtt-now)
	s.rtt = (1-rttShare)*s.rtt + rttShare*now
	s.timeout = min(maxTimeout, time.Duration(s.rtt+math.Max(float64(clock), 4*s.variance)))
}

// resend sends the oldest frame again, now and then, until ctx ends: the others
// follow it on their own or are early at the other side.
func (s *stream) resend(ctx context.Context) {
	tick := time.NewTicker(resendTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.mu.Lock()
		if len(s.unacked) > 0 && s.conn != nil && !s.paused {
			u := s.unacked[0]
			// One whose client just does not read is not bothered much.
			wait := min(s.timeout<<min(s.resends/4, 4), 5*time.Second)
			if time.Since(u.last) > wait {
				u.again, u.last = true, time.Now()
				s.resends++
				s.put(u.raw)
			}
		}
		s.mu.Unlock()
	}
}

// over notes that the other side, or the service, says that the session is over.
// mu is held.
func (s *stream) over() {
	if !s.heard {
		s.heard = true
		close(s.confirmed)
	}
	s.end()
}

// abandon ends the stream of a session that the service knows no more.
func (s *stream) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over()
}

// end ends the stream for those who read and write. mu is held.
func (s *stream) end() {
	if !s.ended {
		s.ended = true
		close(s.done)
		s.change()
	}
}

// close tells the other side that the session is over; output is what the client
// shows.
func (s *stream) close(session sessionwire.Session, output string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard || s.closing != nil {
		return
	}
	f := frame(sessionwire.TypeClosed, 0, nil)
	f.Payload, _ = json.Marshal(sessionwire.ChannelClosed{ // never fails
		MessageId: sessionwire.IDString(f.ID), CreatedDate: f.Created.UTC().Format(time.RFC3339), DestinationId: session.InstanceID,
		SessionId: session.ID, MessageType: sessionwire.TypeClosed, SchemaVersion: sessionwire.Schema, Output: output,
	})
	f.Flags = sessionwire.FlagSYN | sessionwire.FlagFIN
	s.closing = f.Encode()
	s.put(s.closing)
	s.end()
}
