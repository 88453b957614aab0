package messages

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

// buildPlugin builds the stock client as it is published.
func buildPlugin(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "session-manager-plugin")
	build := exec.Command("go", "build", "-o", path, "github.com/aws/session-manager-plugin/src/sessionmanagerplugin-main")
	build.Dir = filepath.Join("..", "..", "..", "test", "plugin")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the plugin: %v\n%s", err, out)
	}
	return path
}

// text is what a program writes.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (x *text) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.Write(p)
}

func (x *text) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.String()
}

// resuming answers ssm:ResumeSession, which the plugin calls by itself.
func resuming(l *lab, session, token string) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Target") != "AmazonSSM.ResumeSession" || l.hub.Resume(session, token) != nil {
			http.Error(w, "{}", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(map[string]string{"SessionId": session, "TokenValue": token})
	}))
	l.Cleanup(s.Close)
	return s
}

// run starts the plugin for a session of the lab.
func (l *lab) run(plugin, session, token, endpoint string) (in io.Writer, out *text, done <-chan error) {
	l.Helper()
	response, _ := json.Marshal(map[string]string{"SessionId": session, "TokenValue": token,
		"StreamUrl": "ws" + strings.TrimPrefix(l.server.URL, "http") + "/data/" + session})
	cmd := exec.CommandContext(l.Context(), plugin, string(response), "eu-west-1", "StartSession", "", `{"Target":"i-1"}`, endpoint)
	cmd.Env = append(os.Environ(), "HOME="+l.TempDir(), "AWS_ACCESS_KEY_ID=111111111111", "AWS_SECRET_ACCESS_KEY=x", "AWS_EC2_METADATA_DISABLED=true")
	out = &text{}
	cmd.Stdout, cmd.Stderr = out, out
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		l.Fatal(err)
	}
	ended := make(chan error, 1)
	l.hub.done.Go(func() { ended <- cmd.Wait() })
	return in, out, ended
}

// input waits for a frame of the stream that fits, and acknowledges all.
func (w *wire) input(payload uint32, has string) sessionwire.Frame {
	w.Helper()
	for {
		f := w.kind(sessionwire.TypeInput)
		w.send(answer(f))
		if f.PayloadType == payload && strings.Contains(string(f.Payload), has) {
			return f
		}
	}
}

// say sends output of a payload type.
func (w *wire) say(sequence int64, payload uint32, v any) {
	w.Helper()
	b, ok := v.([]byte)
	if !ok {
		b, _ = json.Marshal(v)
	}
	f := frame(sessionwire.TypeOutput, sequence, b)
	f.PayloadType = payload
	w.send(f)
}

// The stock plugin talks to an agent over the hub: it begins, takes input, loses
// its connection and resumes, and ends when it is told.
func TestStockPlugin(t *testing.T) {
	plugin := buildPlugin(t)
	l := newLab(t, Options{Ping: 50 * time.Millisecond, Gone: 10 * time.Second})
	l.session(sessionwire.Session{Transcript: true}, "first")
	in, out, done := l.run(plugin, "s-1", "first", resuming(l, "s-1", "second").URL)
	agent := l.side("i-1", "s-1")
	agent.say(0, sessionwire.PayloadHandshakeRequest, sessionwire.HandshakeRequest{AgentVersion: "3.3.2299.0",
		RequestedClientActions: []sessionwire.ClientAction{{ActionType: sessionwire.ActionSessionType, ActionParameters: json.RawMessage(`{"SessionType":"Standard_Stream","Properties":{}}`)}}})
	var r sessionwire.HandshakeResponse
	if f := agent.input(sessionwire.PayloadHandshakeResponse, ""); json.Unmarshal(f.Payload, &r) != nil || len(r.ProcessedClientActions) != 1 || r.ProcessedClientActions[0].ActionStatus != sessionwire.ActionSuccess {
		t.Fatalf("the handshake's answer is %s", f.Payload)
	}
	agent.say(1, sessionwire.PayloadHandshakeComplete, sessionwire.HandshakeComplete{CustomerMessage: "welcome"})
	agent.input(sessionwire.PayloadSize, "cols")
	agent.say(2, sessionwire.PayloadOutput, []byte("hello there\n"))
	l.until("output", func() bool { return strings.Contains(out.String(), "hello there") })
	if _, err := io.WriteString(in, "ls -l\n"); err != nil {
		t.Fatal(err)
	}
	agent.input(sessionwire.PayloadOutput, "ls -l")
	s, _ := l.hub.session("s-1")
	s.mu.Lock()
	lost := s.client.peer
	s.mu.Unlock()
	lost.cancel()
	agent.kind(sessionwire.TypePause)
	agent.say(3, sessionwire.PayloadOutput, []byte("while away\n"))
	agent.kind(sessionwire.TypeStart)
	l.until("output of the time without a client", func() bool { return strings.Contains(out.String(), "while away") })
	if _, err := io.WriteString(in, "pwd\n"); err != nil {
		t.Fatal(err)
	}
	agent.input(sessionwire.PayloadOutput, "pwd")
	if err := l.hub.Terminate("s-1", "it is over"); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("the plugin ended: %v", err)
		}
	case <-time.After(patience):
		t.Error("the plugin does not end")
	}
	for _, want := range []string{"Starting session with SessionId: s-1", "welcome", "SessionId: s-1 : it is over"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	l.event()
	if e := l.event(); e.Kind != Ended || string(e.Transcript) != "hello there\nwhile away\n" {
		t.Errorf("event %+v", e)
	}
}
