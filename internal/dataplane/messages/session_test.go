package messages

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

func TestSession(t *testing.T) {
	l := newLab(t, Options{})
	control := l.agent("i-1")
	wire := sessionwire.Session{ID: "s-1", InstanceID: "i-1", Type: "Standard_Stream", Transcript: true}
	if err := l.hub.Open(context.Background(), wire, "client"); err != nil {
		t.Fatal(err)
	}
	if j := control.job(); j.Session == nil || j.Session.ID != "s-1" || j.Session.Type != "Standard_Stream" {
		t.Fatalf("job %+v", j)
	}
	client := l.dial("/data/s-1", "client")
	if f := <-client.frames; f.Type != sessionwire.TypePause {
		t.Errorf("the client is told %s while the agent is away", f.Type)
	}
	agent := l.side("i-1", "s-1")
	if f := <-client.frames; f.Type != sessionwire.TypeStart {
		t.Errorf("the client is told %s when the agent comes", f.Type)
	}
	if e := l.event(); e.Kind != Connected || e.SessionID != "s-1" || e.InstanceID != "i-1" {
		t.Errorf("event %+v", e)
	}
	out := data(sessionwire.TypeOutput, 0, "hello ")
	agent.send(out)
	got := client.next()
	if string(got.Payload) != "hello " || got.ID != out.ID {
		t.Fatalf("got %+v", got)
	}
	client.send(answer(got))
	var a sessionwire.Acknowledge
	if f := agent.next(); f.Type != sessionwire.TypeAcknowledge || json.Unmarshal(f.Payload, &a) != nil || a.ID != sessionwire.IDString(out.ID) {
		t.Errorf("acknowledgement %+v of %+v", a, f)
	}
	client.send(data(sessionwire.TypeInput, 0, "in"))
	if f := agent.next(); string(f.Payload) != "in" {
		t.Errorf("input %+v", f)
	}
	// What does not belong to a side is not passed on.
	client.send(data(sessionwire.TypeOutput, 9, "no"))
	client.send(frame(sessionwire.TypeClosed, 0, nil))
	agent.send(data(sessionwire.TypeOutput, 1, "world"))
	if f := client.next(); string(f.Payload) != "world" {
		t.Errorf("output %+v", f)
	}
	if err := l.hub.Terminate("s-1", "because"); err != nil {
		t.Fatal(err)
	}
	for _, w := range []*wireSide{{"client", client}, {"agent", agent}} {
		var c sessionwire.ChannelClosed
		if f := w.kind(sessionwire.TypeClosed); json.Unmarshal(f.Payload, &c) != nil || c.Output != "because" || c.SessionId != "s-1" {
			t.Errorf("%s: closed with %s", w.name, f.Payload)
		}
		w.ended()
	}
	if e := l.event(); e.Kind != Ended || e.Reason != "because" || string(e.Transcript) != "hello world" {
		t.Errorf("event %+v", e)
	}
	if err := l.hub.Terminate("s-1", ""); !errors.Is(err, ErrNoSession) {
		t.Errorf("terminated again: %v", err)
	}
	if err := l.hub.Resume("s-1", "x"); !errors.Is(err, ErrNoSession) {
		t.Errorf("resumed after its end: %v", err)
	}
}

type wireSide struct {
	name string
	*wire
}

func TestNotConnected(t *testing.T) {
	l := newLab(t, Options{})
	if err := l.hub.Open(context.Background(), sessionwire.Session{ID: "s", InstanceID: "i-1"}, "x"); !errors.Is(err, ErrNotConnected) {
		t.Errorf("got %v", err)
	}
	if _, ok := l.hub.DataToken("i-1", "s"); ok {
		t.Error("there is a token for a session that there is not")
	}
}

func TestTokens(t *testing.T) {
	l := newLab(t, Options{})
	l.session(sessionwire.Session{}, "client")
	agentToken, _ := l.hub.DataToken("i-1", "s-1")
	if _, ok := l.hub.DataToken("i-2", "s-1"); ok {
		t.Error("another instance has a token for the session")
	}
	first := l.dial("/data/s-1", "client")
	first.kind(sessionwire.TypePause)
	for name, c := range map[string]struct{ path, token string }{
		"used":             {"/data/s-1", "client"},
		"none":             {"/data/s-1", ""},
		"guess":            {"/data/s-1", "clienu"},
		"no session":       {"/data/s-2", "client"},
		"agent's":          {"/data/s-1", agentToken},
		"another agent's":  {"/data/s-1?instance=i-2", agentToken},
		"control, no such": {"/control/i-2", agentToken},
		"control, data's":  {"/control/i-1", agentToken},
	} {
		w := l.dial(c.path, c.token)
		w.ended()
		if len(w.frames) > 0 {
			t.Errorf("%s: got %+v", name, <-w.frames)
		}
	}
	if err := l.hub.Resume("s-1", "second"); err != nil {
		t.Fatal(err)
	}
	second := l.dial("/data/s-1", "second")
	second.kind(sessionwire.TypePause)
	first.ended() // the newer connection replaces it
}

// The client is there first and speaks; nothing of it is lost.
func TestClientFirst(t *testing.T) {
	l := newLab(t, Options{})
	l.session(sessionwire.Session{}, "client")
	client := l.dial("/data/s-1", "client")
	for i := range int64(100) {
		client.send(data(sessionwire.TypeInput, i, fmt.Sprint(i)))
		client.send(data(sessionwire.TypeInput, 0, "0")) // again and again
	}
	s, _ := l.hub.session("s-1")
	l.until("queued", func() bool { s.agent.q.mu.Lock(); defer s.agent.q.mu.Unlock(); return len(s.agent.q.frames) == 100 })
	agent := l.side("i-1", "s-1")
	for i := range int64(100) {
		if f := agent.next(); f.Sequence != i {
			t.Fatalf("got %d, want %d", f.Sequence, i)
		}
	}
}

// The client goes and resumes: the agent's output is there, and what it has
// acknowledged is acknowledged again.
func TestResume(t *testing.T) {
	l := newLab(t, Options{})
	l.session(sessionwire.Session{}, "client")
	client, agent := l.dial("/data/s-1", "client"), l.side("i-1", "s-1")
	first := data(sessionwire.TypeOutput, 0, "a")
	agent.send(first)
	client.send(answer(client.next()))
	agent.kind(sessionwire.TypeAcknowledge)
	_ = client.c.CloseNow()
	agent.kind(sessionwire.TypePause)
	agent.send(data(sessionwire.TypeOutput, 1, "b"))
	agent.send(first) // its acknowledgement was lost, say
	if f := agent.next(); f.Type != sessionwire.TypeAcknowledge {
		t.Errorf("got %+v", f)
	}
	if err := l.hub.Resume("s-1", "again"); err != nil {
		t.Fatal(err)
	}
	client = l.dial("/data/s-1", "again")
	agent.kind(sessionwire.TypeStart)
	if f := client.next(); string(f.Payload) != "b" {
		t.Errorf("got %+v", f)
	}
}

// An agent that loses its channel comes back, too.
func TestAgentReturns(t *testing.T) {
	l := newLab(t, Options{})
	l.session(sessionwire.Session{}, "client")
	client, agent := l.dial("/data/s-1", "client"), l.side("i-1", "s-1")
	client.kind(sessionwire.TypeStart)
	_ = agent.c.CloseNow()
	client.kind(sessionwire.TypePause)
	client.send(data(sessionwire.TypeInput, 0, "x"))
	agent = l.side("i-1", "s-1")
	client.kind(sessionwire.TypeStart)
	if f := agent.next(); string(f.Payload) != "x" {
		t.Errorf("got %+v", f)
	}
}

func TestEndings(t *testing.T) {
	flag := data(sessionwire.TypeOutput, 0, "")
	flag.PayloadType, flag.Payload = sessionwire.PayloadFlag, binary.BigEndian.AppendUint32(nil, sessionwire.SayTerminateSession)
	closed := frame(sessionwire.TypeClosed, 0, []byte(`{"Output":"bye"}`))
	for name, c := range map[string]struct {
		frame  sessionwire.Frame
		output string
	}{"closed": {closed, "bye"}, "flag": {flag, ""}} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, Options{})
			l.session(sessionwire.Session{}, "client")
			client, agent := l.dial("/data/s-1", "client"), l.side("i-1", "s-1")
			client.kind(sessionwire.TypeStart)
			l.event()
			agent.send(c.frame)
			var got sessionwire.ChannelClosed
			if f := client.kind(sessionwire.TypeClosed); json.Unmarshal(f.Payload, &got) != nil || got.Output != c.output {
				t.Errorf("got %s", f.Payload)
			}
			agent.kind(sessionwire.TypeClosed)
			if e := l.event(); e.Kind != Ended || e.Reason != c.output {
				t.Errorf("event %+v", e)
			}
			client.ended()
			agent.ended()
		})
	}
}

func TestLeft(t *testing.T) {
	for _, leaver := range []string{"client", "agent"} {
		l := newLab(t, Options{Away: 100 * time.Millisecond})
		l.session(sessionwire.Session{}, "client")
		client, agent := l.dial("/data/s-1", "client"), l.side("i-1", "s-1")
		client.kind(sessionwire.TypeStart)
		l.event()
		stays, leaves := client, agent
		if leaver == "client" {
			stays, leaves = agent, client
		}
		_ = leaves.c.CloseNow()
		stays.kind(sessionwire.TypeClosed)
		if e := l.event(); e.Kind != Ended {
			t.Errorf("%s: event %+v", leaver, e)
		}
		if n := l.hub.Counts().Sessions; n != 0 {
			t.Errorf("%s: %d sessions", leaver, n)
		}
	}
}

func TestMaximum(t *testing.T) {
	l := newLab(t, Options{})
	err := l.hub.Restore([]Restored{{Session: sessionwire.Session{ID: "s-1", InstanceID: "i-1", MaxMinutes: 1}, Started: time.Now().Add(-time.Hour)}})
	if e := l.event(); err != nil || e.Kind != Ended || !strings.Contains(e.Reason, "maximum duration") {
		t.Errorf("event %+v (%v)", e, err)
	}
}

// A session that was there before finds both its sides, and acknowledgements that
// were lost with the hub before do not matter for long.
func TestRestore(t *testing.T) {
	l := newLab(t, Options{})
	if err := l.hub.Restore([]Restored{{Session: sessionwire.Session{ID: "s-1", InstanceID: "i-1"}, Started: time.Now()}}); err != nil {
		t.Fatal(err)
	}
	agent := l.side("i-1", "s-1")
	if err := l.hub.Resume("s-1", "client"); err != nil {
		t.Fatal(err)
	}
	client := l.dial("/data/s-1", "client")
	client.kind(sessionwire.TypeStart)
	agent.send(data(sessionwire.TypeOutput, 8, "later"))
	client.send(answer(client.next()))
	agent.kind(sessionwire.TypeAcknowledge)
	for range nagging + 1 {
		agent.send(data(sessionwire.TypeOutput, 7, "earlier"))
	}
	if f := client.next(); f.Sequence != 7 {
		t.Errorf("got %+v", f)
	}
	agent.kind(sessionwire.TypeAcknowledge)
}

// A client that does not read makes its own session wait, and no other.
func TestSlowReader(t *testing.T) {
	l := newLab(t, Options{Ping: time.Hour, Gone: time.Hour})
	l.session(sessionwire.Session{ID: "slow"}, "slow")
	l.session(sessionwire.Session{ID: "fast"}, "fast")
	l.connect("/data/slow", "slow")
	slow := l.side("i-1", "slow")
	slow.kind(sessionwire.TypeStart)
	text := strings.Repeat("x", 64<<10)
	var pushed sessionwire.Frame
	stop := make(chan struct{})
	slow.done.Go(func() {
		defer close(stop)
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		for i := range int64(1000) {
			pushed = data(sessionwire.TypeOutput, i, text)
			if slow.c.Write(ctx, websocket.MessageBinary, pushed.Encode()) != nil {
				return
			}
		}
	})
	fast, agent := l.dial("/data/fast", "fast"), l.side("i-1", "fast")
	fast.kind(sessionwire.TypeStart)
	for i := range int64(200) {
		agent.send(data(sessionwire.TypeOutput, i, text))
		if f := fast.next(); f.Sequence != i {
			t.Fatalf("got %d, want %d", f.Sequence, i)
		}
	}
	<-stop
	if pushed.Sequence > 900 {
		t.Errorf("the hub took %d frames that nobody reads", pushed.Sequence)
	}
	s, _ := l.hub.session("slow")
	s.client.q.mu.Lock()
	defer s.client.q.mu.Unlock()
	if s.client.q.bytes > maxBytes+len(text)*2 {
		t.Errorf("the hub holds %d bytes", s.client.q.bytes)
	}
}

func TestGone(t *testing.T) {
	l := newLab(t, Options{Ping: 10 * time.Millisecond, Gone: 100 * time.Millisecond})
	l.session(sessionwire.Session{}, "client")
	agent := l.side("i-1", "s-1")
	l.connect("/data/s-1", "client") // answers nothing
	agent.kind(sessionwire.TypeStart)
	agent.kind(sessionwire.TypePause)
	if !l.hub.Connected("i-1") {
		t.Error("an agent that answers is taken for gone")
	}
}

// Who opens connections and says nothing takes the places of one session only.
func TestSilent(t *testing.T) {
	l := newLab(t, Options{})
	l.session(sessionwire.Session{ID: "s-1"}, "one")
	l.session(sessionwire.Session{ID: "s-2"}, "two")
	for _, path := range []string{"/data/s-1", "/data/s-none"} {
		for n := range maxOpening + 1 {
			c, resp, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(l.server.URL, "http")+path, nil)
			if n == maxOpening {
				if err == nil || resp.StatusCode != http.StatusServiceUnavailable {
					t.Errorf("%s, one too many: %v", path, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.CloseNow() }()
		}
	}
	l.dial("/data/s-2", "two").kind(sessionwire.TypePause)
	l.side("i-1", "s-2").kind(sessionwire.TypeStart)
}

// What an agent says at the end, or of what it has, fills no memory.
func TestWordy(t *testing.T) {
	l := newLab(t, Options{})
	l.session(sessionwire.Session{}, "client")
	agent := l.side("i-1", "s-1")
	agent.kind(sessionwire.TypePause)
	long := strings.Repeat("x", 100<<10)
	agent.send(frame(sessionwire.TypeAcknowledge, 0, []byte(`{"AcknowledgedMessageSequenceNumber":1,"x":"`+long+`"}`)))
	agent.send(frame(sessionwire.TypeClosed, 0, []byte(`{"Output":"`+long+`"}`)))
	if e := l.event(); e.Kind != Ended || len(e.Reason) != maxWords {
		t.Errorf("%d bytes of reason", len(e.Reason))
	}
	agent.ended()
}

func TestMalformed(t *testing.T) {
	l := newLab(t, Options{})
	l.session(sessionwire.Session{}, "client")
	client := l.dial("/data/s-1", "client")
	if err := client.c.Write(context.Background(), websocket.MessageBinary, []byte("nonsense")); err != nil {
		t.Fatal(err)
	}
	client.ended()
	if n := l.hub.Counts(); n.Sessions != 1 || n.Agents != 1 {
		t.Errorf("there are %+v", n)
	}
}
