package messages

import (
	"encoding/binary"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

// roomTime is how long a side that sends is kept waiting for the other to make
// room, before its frame is dropped: it is sent again.
const roomTime = time.Second

const (
	// maxAcknowledge bounds an acknowledgement, of which many may have to wait.
	maxAcknowledge = 1 << 10
	// maxWords bounds what an agent says of its session's end, which is kept.
	maxWords = 1 << 10
)

// nagging is how often a frame is sent, while the other side acknowledges later
// ones, until its acknowledgement is taken for lost.
const nagging = 20

// nag counts how often the agent has sent a frame in a row.
type nag struct {
	sequence int64
	times    int
}

// write sends to a peer what is for its side.
func (s *session) write(d *side, p *peer) {
	for {
		f, ok := d.q.next(p.ctx)
		if !ok {
			return
		}
		if err := p.write(f.raw); err != nil {
			p.cancel()
			return
		}
		d.q.sent(f)
		if f.last {
			p.finish()
			return
		}
	}
}

// read relays what a peer sends until it ends.
func (s *session) read(d *side, p *peer) {
	for {
		raw, err := p.read()
		if err != nil {
			return
		}
		f, err := sessionwire.Decode(raw)
		if err != nil {
			s.h.o.Log.Debug("data channel", "session", s.wire.ID, "error", err)
			return
		}
		s.relay(d, p, f, raw)
	}
}

// relay passes a frame on to the other side. Frames that are not for it are
// dropped.
func (s *session) relay(d *side, p *peer, f sessionwire.Frame, raw []byte) {
	agent := d == &s.agent
	switch {
	case f.Type == sessionwire.TypeAcknowledge:
		s.acknowledged(d, f, raw)
	case agent && f.Type == sessionwire.TypeOutput, !agent && f.Type == sessionwire.TypeInput:
		s.stream(d, p, f, raw)
		if agent && terminates(f) {
			s.end("", "")
		}
	case agent && f.Type == sessionwire.TypeClosed:
		var c sessionwire.ChannelClosed
		_ = json.Unmarshal(f.Payload, &c) // without words the session ends as well
		words := strings.ToValidUTF8(c.Output[:min(len(c.Output), maxWords)], "")
		s.end(words, words)
	}
}

// terminates tells whether a frame asks for the session's end.
func terminates(f sessionwire.Frame) bool {
	return f.PayloadType == sessionwire.PayloadFlag && len(f.Payload) >= 4 &&
		binary.BigEndian.Uint32(f.Payload) == sessionwire.SayTerminateSession
}

// acknowledged passes an acknowledgement on, and remembers it: it may be lost
// with the connection that it is sent over, and clients acknowledge only once.
func (s *session) acknowledged(d *side, f sessionwire.Frame, raw []byte) {
	var a sessionwire.Acknowledge
	if len(f.Payload) > maxAcknowledge || json.Unmarshal(f.Payload, &a) != nil {
		return
	}
	s.mu.Lock()
	d.acked.add(a.Sequence)
	s.mu.Unlock()
	s.other(d).q.put(queued{raw: raw})
}

// stream passes a frame of the stream on.
func (s *session) stream(d *side, p *peer, f sessionwire.Frame, raw []byte) {
	o := s.other(d)
	s.mu.Lock()
	if d == &s.agent {
		s.script.add(f)
	}
	done := o.acked.has(f.Sequence) || d == &s.agent && s.nagged(f)
	s.mu.Unlock()
	if done {
		d.q.put(queued{raw: acknowledgement(f)})
		return
	}
	item := queued{raw: raw, stream: true, sequence: f.Sequence}
	if o.q.put(item) {
		return
	}
	limit := time.NewTimer(roomTime)
	defer limit.Stop()
	for s.there(o) {
		select {
		case <-p.ctx.Done():
			return
		case <-limit.C:
			return
		case <-o.q.room:
			if o.q.put(item) {
				return
			}
		}
	}
}

// nagged tells whether the agent sends a frame again and again that its client
// must have: it acknowledges later ones. That happens after the hub itself was
// started anew, when acknowledgements were lost with it.
func (s *session) nagged(f sessionwire.Frame) bool {
	if s.nag.sequence != f.Sequence || s.client.peer == nil {
		s.nag = nag{sequence: f.Sequence}
	}
	s.nag.times++
	return s.nag.times > nagging && s.client.acked.highest > f.Sequence
}

// there tells whether a side is connected.
func (s *session) there(d *side) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return d.peer != nil && !s.ended
}

// acknowledgement acknowledges a frame in the name of the other side.
func acknowledgement(f sessionwire.Frame) []byte {
	payload, _ := json.Marshal(sessionwire.Acknowledge{Type: f.Type, ID: sessionwire.IDString(f.ID), Sequence: f.Sequence, Sequential: true}) // never fails
	a := frame(sessionwire.TypeAcknowledge, 0, payload)
	a.Flags = sessionwire.FlagSYN | sessionwire.FlagFIN
	return a.Encode()
}

// closing is the frame that ends a channel.
func closing(wire sessionwire.Session, output string) []byte {
	f := frame(sessionwire.TypeClosed, 0, nil)
	f.Payload, _ = json.Marshal(sessionwire.ChannelClosed{ // never fails
		MessageId: sessionwire.IDString(f.ID), CreatedDate: strconv.FormatInt(f.Created.UnixMilli(), 10), DestinationId: wire.InstanceID,
		SessionId: wire.ID, MessageType: sessionwire.TypeClosed, SchemaVersion: sessionwire.Schema, Output: output,
	})
	return f.Encode()
}
