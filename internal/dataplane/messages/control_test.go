package messages

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

func TestNewerAgentReplaces(t *testing.T) {
	l := newLab(t, Options{})
	first := l.agent("i-1")
	token, _ := l.hub.ControlToken("i-1")
	second := l.dial("/control/i-1", token)
	first.ended()
	if err := l.hub.Run(context.Background(), sessionwire.Command{ID: "c", InstanceID: "i-1"}); err != nil {
		t.Fatal(err)
	}
	second.job()
	_ = second.c.CloseNow()
	l.until("agent goes", func() bool { return !l.hub.Connected("i-1") })
	if last, ok := l.hub.LastPing("i-1"); !ok || time.Since(last) > patience {
		t.Errorf("last ping %v %v", last, ok)
	}
	if !l.hub.Lost("i-1") {
		t.Error("the loss of the channel is not known")
	}
	if l.hub.Ping("i-1"); l.hub.Lost("i-1") {
		t.Error("a sign of life makes no difference")
	}
}

func TestCommand(t *testing.T) {
	l := newLab(t, Options{})
	ctx := context.Background()
	if err := l.hub.Run(ctx, sessionwire.Command{ID: "c-1", InstanceID: "i-1", Document: "d"}); err != nil {
		t.Fatal(err)
	}
	agent := l.agent("i-1")
	if j := agent.job(); j.Kind != sessionwire.JobCommand || j.Command.Document != "d" {
		t.Errorf("job %+v", j)
	}
	for _, status := range []string{sessionwire.StatusInProgress, sessionwire.StatusSuccess} {
		payload, _ := json.Marshal(sessionwire.Reply{JobID: "c-1", InstanceID: "i-2", Status: status})
		agent.send(frame(sessionwire.TypeJobReply, 0, payload))
		agent.kind(sessionwire.TypeAcknowledge)
		if e := l.event(); e.Kind != Replied || e.Reply.Status != status || e.Reply.InstanceID != "i-1" {
			t.Errorf("event %+v", e)
		}
	}
}

// A job that was not acknowledged comes again: over the same channel, and over
// the next.
func TestRedelivery(t *testing.T) {
	l := newLab(t, Options{Redelivery: 20 * time.Millisecond})
	agent := l.agent("i-1")
	if err := l.hub.Run(context.Background(), sessionwire.Command{ID: "c-1", InstanceID: "i-1"}); err != nil {
		t.Fatal(err)
	}
	first, second := agent.kind(sessionwire.TypeJob), agent.kind(sessionwire.TypeJob)
	if first.ID != second.ID {
		t.Error("the job came as another one")
	}
	agent = l.agent("i-1")
	agent.job()
	l.until("acknowledged", func() bool { l.hub.mu.Lock(); defer l.hub.mu.Unlock(); return len(l.hub.agents["i-1"].jobs) == 0 })
}

func TestCancel(t *testing.T) {
	l := newLab(t, Options{})
	ctx := context.Background()
	for _, id := range []string{"c-1", "c-2"} {
		if err := l.hub.Run(ctx, sessionwire.Command{ID: id, InstanceID: "i-1"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.hub.Cancel(ctx, "i-1", "c-1"); err != nil {
		t.Fatal(err)
	}
	if e := l.event(); e.Kind != Replied || e.Reply.JobID != "c-1" || e.Reply.Status != sessionwire.StatusCancelled {
		t.Errorf("event %+v", e)
	}
	agent := l.agent("i-1")
	if j := agent.job(); j.ID != "c-2" {
		t.Errorf("job %+v", j)
	}
	if err := l.hub.Cancel(ctx, "i-1", "c-2"); err != nil {
		t.Fatal(err)
	}
	if j := agent.job(); j.Kind != sessionwire.JobCancel || j.ID != "c-2" {
		t.Errorf("job %+v", j)
	}
}

func TestPolling(t *testing.T) {
	l := newLab(t, Options{Poll: 50 * time.Millisecond, Redelivery: time.Millisecond})
	ctx := context.Background()
	if jobs, err := l.hub.Receive(ctx, "i-1"); err != nil || len(jobs) != 0 {
		t.Errorf("got %+v %v", jobs, err)
	}
	l.hub.o.Poll = patience
	got := make(chan []sessionwire.Job, 1)
	go func() {
		jobs, _ := l.hub.Receive(ctx, "i-1")
		got <- jobs
	}()
	if err := l.hub.Run(ctx, sessionwire.Command{ID: "c-1", InstanceID: "i-1"}); err != nil {
		t.Fatal(err)
	}
	if jobs := <-got; len(jobs) != 1 || jobs[0].ID != "c-1" {
		t.Fatalf("got %+v", jobs)
	}
	l.hub.o.Poll = time.Millisecond
	l.until("it comes again", func() bool {
		jobs, err := l.hub.Receive(ctx, "i-1")
		return err == nil && len(jobs) == 1
	})
	l.hub.Acknowledge("i-1", sessionwire.JobCommand, "c-1")
	l.hub.o.Poll = 10 * time.Millisecond
	if jobs, err := l.hub.Receive(ctx, "i-1"); err != nil || len(jobs) != 0 {
		t.Errorf("got %+v %v: it was acknowledged", jobs, err)
	}
	if _, ok := l.hub.LastPing("i-1"); !ok || l.hub.Connected("i-1") {
		t.Error("an agent that polls gave a sign of life and has no channel")
	}
}

// Close ends channels, and after it there are none.
func TestClose(t *testing.T) {
	l := newLab(t, Options{})
	l.session(sessionwire.Session{}, "client")
	client := l.dial("/data/s-1", "client")
	client.kind(sessionwire.TypePause)
	l.hub.Close()
	client.ended()
	resp, err := http.Get(l.server.URL + "/data/s-1")
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("got %v %v", resp, err)
	}
	_ = resp.Body.Close()
	if err := l.hub.Restore([]Restored{{}}); err == nil {
		t.Error("it takes sessions after its end")
	}
	select {
	case e := <-l.events:
		t.Errorf("event %+v: sessions outlive the hub", e)
	default:
	}
}

func TestOrigin(t *testing.T) {
	l := newLab(t, Options{})
	r, _ := http.NewRequest("GET", l.server.URL+"/data/s-1", nil)
	r.Header.Set("Origin", l.server.URL)
	resp, err := http.DefaultClient.Do(r)
	if err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("got %v %v", resp, err)
	}
	_ = resp.Body.Close()
}
