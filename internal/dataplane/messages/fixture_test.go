package messages

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

const patience = 10 * time.Second

// lab is a hub behind an HTTP server that trusts what the path says.
type lab struct {
	*testing.T
	hub    *Hub
	server *httptest.Server
	events chan Event
}

func newLab(t *testing.T, o Options) *lab {
	t.Helper()
	l := &lab{T: t, events: make(chan Event, 1000)}
	o.Report = func(e Event) { l.events <- e }
	if o.Ping == 0 {
		o.Ping, o.Gone = 20*time.Millisecond, 5*time.Second
	}
	l.hub = New(o)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /control/{id}", func(w http.ResponseWriter, r *http.Request) { l.hub.ServeControl(w, r, r.PathValue("id")) })
	mux.HandleFunc("GET /data/{session}", func(w http.ResponseWriter, r *http.Request) {
		l.hub.ServeData(w, r, r.PathValue("session"), r.URL.Query().Get("instance"))
	})
	l.server = httptest.NewServer(mux)
	t.Cleanup(func() { l.hub.Close(); l.server.Close() })
	return l
}

// event waits for the next event.
func (l *lab) event() Event {
	l.Helper()
	select {
	case e := <-l.events:
		return e
	case <-time.After(patience):
		l.Fatal("nothing was reported")
		return Event{}
	}
}

// until waits for a condition.
func (l *lab) until(what string, ok func() bool) {
	l.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			l.Fatalf("%s: not in time", what)
		}
	}
}

// wire is a peer of the hub. It reads all the time, so that it answers pings.
type wire struct {
	*lab
	c      *websocket.Conn
	frames chan sessionwire.Frame
	gone   chan struct{}
	done   sync.WaitGroup
}

// dial opens a channel with a token.
func (l *lab) dial(path, token string) *wire {
	l.Helper()
	w := l.connect(path, token)
	w.done.Go(w.read)
	return w
}

// connect opens a channel and reads nothing.
func (l *lab) connect(path, token string) *wire {
	l.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(l.server.URL, "http")+path, nil)
	if err != nil {
		l.Fatal(err)
	}
	c.SetReadLimit(maxMessage)
	open, _ := json.Marshal(sessionwire.OpenChannel{MessageSchemaVersion: sessionwire.MessageSchemaVersion, TokenValue: token})
	if err := c.Write(ctx, websocket.MessageText, open); err != nil {
		l.Fatal(err)
	}
	w := &wire{lab: l, c: c, frames: make(chan sessionwire.Frame, 10000), gone: make(chan struct{})}
	l.Cleanup(func() { _ = c.CloseNow(); w.done.Wait() })
	return w
}

func (w *wire) read() {
	defer close(w.gone)
	for {
		_, raw, err := w.c.Read(context.Background())
		if err != nil {
			return
		}
		f, err := sessionwire.Decode(raw)
		if err != nil {
			w.Errorf("the hub sent %q: %v", raw, err)
			return
		}
		w.frames <- f
	}
}

// next waits for a frame that is no word of the hub's on who is there.
func (w *wire) next() sessionwire.Frame {
	w.Helper()
	limit := time.After(patience)
	for {
		select {
		case f := <-w.frames:
			if f.Type != sessionwire.TypeStart && f.Type != sessionwire.TypePause {
				return f
			}
		case <-limit:
			w.Fatal("no frame came")
		}
	}
}

// kind waits for a frame of a type.
func (w *wire) kind(kind string) sessionwire.Frame {
	w.Helper()
	limit := time.After(patience)
	for {
		select {
		case f := <-w.frames:
			if f.Type == kind {
				return f
			}
		case <-limit:
			w.Fatalf("no %s came", kind)
		}
	}
}

// ended waits for the connection's end.
func (w *wire) ended() {
	w.Helper()
	select {
	case <-w.gone:
	case <-time.After(patience):
		w.Fatal("the connection did not end")
	}
}

func (w *wire) send(f sessionwire.Frame) {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.c.Write(ctx, websocket.MessageBinary, f.Encode()); err != nil {
		w.Fatal(err)
	}
}

// data makes a frame of the stream.
func data(kind string, sequence int64, text string) sessionwire.Frame {
	f := frame(kind, sequence, []byte(text))
	f.PayloadType = sessionwire.PayloadOutput
	return f
}

// answer acknowledges a frame as a side does.
func answer(f sessionwire.Frame) sessionwire.Frame {
	a, _ := sessionwire.Decode(acknowledgement(f))
	return a
}

// agent connects the agent of an instance.
func (l *lab) agent(instance string) *wire {
	l.Helper()
	token, ok := l.hub.ControlToken(instance)
	if !ok {
		l.Fatal("no token")
	}
	w := l.dial("/control/"+instance, token)
	l.until("agent connects", func() bool { return l.hub.Connected(instance) })
	return w
}

// job waits for a job and acknowledges it.
func (w *wire) job() sessionwire.Job {
	w.Helper()
	f := w.kind(sessionwire.TypeJob)
	var j sessionwire.Job
	if err := json.Unmarshal(f.Payload, &j); err != nil {
		w.Fatal(err)
	}
	ack := frame(sessionwire.TypeJobAck, 0, nil)
	ack.ID = f.ID
	w.send(ack)
	return j
}

// side connects the agent's side of a session.
func (l *lab) side(instance, session string) *wire {
	l.Helper()
	token, ok := l.hub.DataToken(instance, session)
	if !ok {
		l.Fatal("no token")
	}
	return l.dial("/data/"+session+"?instance="+instance, token)
}

// session opens a session of which nobody is there yet.
func (l *lab) session(s sessionwire.Session, token string) {
	l.Helper()
	if s.ID == "" {
		s.ID = "s-1"
	}
	s.InstanceID = "i-1"
	if !l.hub.Connected("i-1") {
		l.agent("i-1")
	}
	if err := l.hub.Open(context.Background(), s, token); err != nil {
		l.Fatal(err)
	}
}
