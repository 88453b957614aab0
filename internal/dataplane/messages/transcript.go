package messages

import "github.com/musubi-net/musubi/internal/sessionwire"

// maxTranscript bounds what is kept of a session.
const maxTranscript = 8 << 20

// cut stands at the end of a transcript that is not whole.
const cut = "\n[The rest of the session was too long to be kept.]\n"

// transcript is what a session has shown. A nil one keeps nothing.
type transcript struct {
	begun   bool
	next    int64 // sequence
	full    bool
	content []byte
}

// add notes a frame of the agent, once for each sequence.
func (t *transcript) add(f sessionwire.Frame) {
	if t == nil || t.begun && f.Sequence != t.next {
		return
	}
	t.begun, t.next = true, f.Sequence+1
	if f.PayloadType != sessionwire.PayloadOutput && f.PayloadType != sessionwire.PayloadStdErr || t.full {
		return
	}
	if len(t.content)+len(f.Payload) > maxTranscript {
		t.full = true
		t.content = append(t.content, cut...)
		return
	}
	t.content = append(t.content, f.Payload...)
}

// text is what was kept. The session has ended.
func (t *transcript) text() []byte {
	if t == nil {
		return nil
	}
	return t.content
}
