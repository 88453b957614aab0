package agent

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/xtaci/smux"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

// service is the message service and the metadata service; the test is the client.
type service struct {
	*httptest.Server
	conns chan *websocket.Conn
	over  chan struct{}
}

func newService(t *testing.T) *service {
	s := &service{conns: make(chan *websocket.Conn, 8), over: make(chan struct{})}
	mux := http.NewServeMux()
	say := func(pattern, text string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
	}
	say("PUT /latest/api/token", "token")
	say("GET /latest/dynamic/instance-identity/document", `{"instanceId":"i-1","region":"us-east-1"}`)
	say("GET /latest/meta-data/iam/security-credentials/{$}", "role")
	say("GET /latest/meta-data/iam/security-credentials/role",
		`{"Code":"Success","AccessKeyId":"AKID","SecretAccessKey":"s","Token":"t","Expiration":"2100-01-01T00:00:00Z"}`)
	say("POST /v1/data-channel/{id}", `{"MessageSchemaVersion":"1.0","TokenValue":"shown"}`)
	mux.HandleFunc("GET /v1/data-channel/{id}", func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKID/") {
			http.Error(w, "unsigned", http.StatusForbidden)
			return
		}
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		_, first, err := c.Read(r.Context())
		var open sessionwire.OpenChannel
		if err != nil || json.Unmarshal(first, &open) != nil || open.TokenValue != "shown" {
			_ = c.CloseNow()
			return
		}
		c.SetReadLimit(maxMessage)
		s.conns <- c
		<-s.over
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(func() { close(s.over); s.Close() })
	return s
}

// client is the plugin at the other end of a data channel.
type client struct {
	plugin
	conn    *websocket.Conn
	changed chan struct{}
	closed  chan string
	errors  bytes.Buffer // of PayloadStdErr
	code    string
	flags   []uint32
	request chan sessionwire.HandshakeRequest
	output  io.Writer
}

// connect begins a session and answers the handshake.
func connect(t *testing.T, wire sessionwire.Session) (*client, *service) {
	t.Helper()
	svc := newService(t)
	meta := newMetadata(svc.URL)
	id, err := meta.identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a := newAPI(meta, id)
	a.base = func(string) string { return svc.URL }
	log := &logger{path: filepath.Join(t.TempDir(), "log"), unit: io.Discard}
	wire.ID, wire.InstanceID = "session-1", "i-1"
	s := &session{wire: wire, api: a, log: log, users: &users{root: t.TempDir(), log: log}}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() { defer close(served); s.serve(ctx) }()
	t.Cleanup(func() { cancel(); <-served })
	c := &client{changed: make(chan struct{}, 1), closed: make(chan string, 4), request: make(chan sessionwire.HandshakeRequest, 1)}
	c.early, c.unacked = map[int64]sessionwire.Frame{}, map[int64][]byte{}
	c.use(t, <-svc.conns)
	r := <-c.request
	if r.AgentVersion != Version || len(r.RequestedClientActions) != 1 {
		t.Errorf("handshake %+v", r)
	}
	var kind sessionwire.SessionType
	if err := json.Unmarshal(r.RequestedClientActions[0].ActionParameters, &kind); err != nil || kind.SessionType != wire.Type {
		t.Errorf("session type %+v, %v", kind, err)
	}
	c.sendJSON(sessionwire.PayloadHandshakeResponse, sessionwire.HandshakeResponse{ClientVersion: "1.2.707.0",
		ProcessedClientActions: []sessionwire.ProcessedAction{{ActionType: "SessionType", ActionStatus: sessionwire.ActionSuccess}}})
	return c, svc
}

func (c *client) use(t *testing.T, conn *websocket.Conn) {
	ctx := context.Background()
	c.mu.Lock()
	c.conn = conn
	c.reply = func(raw []byte) { _ = conn.Write(ctx, websocket.MessageBinary, raw) }
	c.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			_, raw, err := conn.Read(ctx)
			if err != nil {
				return
			}
			f, err := sessionwire.Decode(raw)
			if err != nil {
				t.Error(err)
				return
			}
			c.handle(f)
		}
	}()
	t.Cleanup(func() { _ = conn.CloseNow(); <-done })
}

func (c *client) handle(f sessionwire.Frame) {
	fresh := f.Type == sessionwire.TypeOutput && f.Sequence == c.expected
	switch {
	case f.Type == sessionwire.TypeOutput && f.Sequence < c.expected:
		c.acknowledge(f) // as the hub repeats it
	case f.Type == sessionwire.TypeClosed:
		var closed sessionwire.ChannelClosed
		_ = json.Unmarshal(f.Payload, &closed)
		c.reply(f.Encode()) // as the hub confirms it
		c.closed <- closed.Output
	case fresh && f.PayloadType == sessionwire.PayloadHandshakeRequest:
		var r sessionwire.HandshakeRequest
		_ = json.Unmarshal(f.Payload, &r)
		c.request <- r
	case fresh && f.PayloadType == sessionwire.PayloadStdErr:
		c.errors.Write(f.Payload)
	case fresh && f.PayloadType == sessionwire.PayloadExitCode:
		c.code = string(f.Payload)
	case fresh && f.PayloadType == sessionwire.PayloadFlag:
		c.mu.Lock()
		c.flags = append(c.flags, binary.BigEndian.Uint32(f.Payload))
		c.mu.Unlock()
	case fresh && f.PayloadType == sessionwire.PayloadOutput && c.output != nil:
		_, _ = c.output.Write(f.Payload)
	}
	if f.PayloadType != sessionwire.PayloadOutput && f.Type == sessionwire.TypeOutput {
		f.Payload = nil // only acknowledged
	}
	c.take(f)
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func (c *client) sendJSON(payloadType uint32, v any) {
	payload, _ := json.Marshal(v)
	c.send(payloadType, payload)
}

// await waits until what was shown contains a text.
func (c *client) await(t *testing.T, text string) string {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		c.mu.Lock()
		got := c.got.String()
		c.mu.Unlock()
		if strings.Contains(got, text) {
			return got
		}
		select {
		case <-c.changed:
		case <-limit:
			t.Fatalf("no %q in %q", text, got)
		}
	}
}

func (c *client) end(t *testing.T) string {
	t.Helper()
	select {
	case output := <-c.closed:
		return output
	case <-time.After(30 * time.Second):
		t.Fatalf("the session does not end; it shows …%q", c.shown()[max(0, len(c.shown())-400):])
		return ""
	}
}

func (c *client) shown() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.got.String()
}

func TestShell(t *testing.T) {
	// What starts tests may have them ignore it, which the shell would inherit.
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	t.Cleanup(func() { signal.Stop(interrupts) })
	c, svc := connect(t, sessionwire.Session{Type: "Standard_Stream", ShellProfile: "echo pro''file"})
	c.await(t, "profile")
	c.sendJSON(sessionwire.PayloadSize, sessionwire.Size{Cols: 132, Rows: 43})
	c.send(sessionwire.PayloadOutput, []byte("stty size; echo $TERM; pwd; echo d\u00f6ne\r"))
	c.await(t, "43 132")
	c.await(t, "xterm-256color")
	c.send(sessionwire.PayloadOutput, []byte("trap 'echo inter''rupted' INT; sh -c 'echo wait\"\"ing; exec cat'\r"))
	c.await(t, "waiting")
	c.send(sessionwire.PayloadOutput, []byte{3})
	c.await(t, "interrupted")
	c.send(sessionwire.PayloadOutput, []byte("echo af''ter\r"))
	c.await(t, "after")

	// A connection that breaks is taken up again, with nothing lost or twice.
	c.send(sessionwire.PayloadOutput, []byte("i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; echo e''nd\r"))
	c.await(t, "line 10")
	_ = c.conn.CloseNow()
	c.use(t, <-svc.conns)
	got := c.await(t, "\nend")
	for i := range 3000 {
		if n := strings.Count(got, fmt.Sprintf("line %d\r\n", i)); n != 1 {
			t.Fatalf("line %d came %d times", i, n)
		}
	}
	c.send(sessionwire.PayloadOutput, []byte("exit\r"))
	if output := c.end(t); output != "" {
		t.Errorf("ends with %q", output)
	}
}

func TestMuchOutput(t *testing.T) {
	c, _ := connect(t, sessionwire.Session{Type: "NonInteractiveCommands",
		Properties: json.RawMessage(`{"linux":{"commands":"head -c 20000000 /dev/zero; echo end >&2","runAsElevated":true}}`)})
	if output := c.end(t); output != "" {
		t.Errorf("ends with %q", output)
	}
	if n := len(c.shown()); n != 20000004 {
		t.Errorf("%d bytes arrived", n)
	}
}

func TestNonInteractive(t *testing.T) {
	c, _ := connect(t, sessionwire.Session{Type: "NonInteractiveCommands",
		Properties: json.RawMessage(`{"linux":{"commands":"echo out; echo err >&2; exit 3","separateOutputStream":"true"}}`)})
	if output := c.end(t); output != "" || c.shown() != "out\n" || c.errors.String() != "err\n" || c.code != "3" {
		t.Errorf("ends with %q, out %q, err %q, code %q", output, c.shown(), c.errors.String(), c.code)
	}
}

func TestTerminate(t *testing.T) {
	c, _ := connect(t, sessionwire.Session{Type: "InteractiveCommands", Properties: json.RawMessage(`{"linux":{"commands":"echo ready; sleep 1000"}}`)})
	c.await(t, "ready")
	c.send(sessionwire.PayloadFlag, binary.BigEndian.AppendUint32(nil, sessionwire.SayTerminateSession))
	if output := c.end(t); output != "" {
		t.Errorf("ends with %q", output)
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		wire sessionwire.Session
		want string
	}{
		"RunAs":  {sessionwire.Session{Type: "Standard_Stream", RunAs: "no-such-user"}, "RunAs user no-such-user does not exist"},
		"empty":  {sessionwire.Session{Type: "InteractiveCommands"}, "Commands cannot be empty"},
		"plugin": {sessionwire.Session{Type: "Other"}, "Plugin with name Other not supported"},
		"port":   {sessionwire.Session{Type: "Port", Properties: json.RawMessage(`{"portNumber":"1"}`)}, "connection refused"},
		"imds":   {sessionwire.Session{Type: "Port", Properties: json.RawMessage(`{"portNumber":"80","host":"169.254.169.254"}`)}, "forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			client, _ := connect(t, c.wire)
			if got := client.end(t); !strings.Contains(got, c.want) {
				t.Errorf("ends with %q", got)
			}
		})
	}
}

// echo is a server that answers with what it gets.
func echo(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { _, _ = io.Copy(c, c); _ = c.Close() })
		}
	})
	t.Cleanup(func() { _ = l.Close() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func TestPortOfStream(t *testing.T) {
	c, _ := connect(t, sessionwire.Session{Type: "Port", Properties: json.RawMessage(`{"portNumber":"` + echo(t) + `"}`)})
	c.send(sessionwire.PayloadOutput, []byte("SSH-2.0-test"))
	c.await(t, "SSH-2.0-test")
	c.send(sessionwire.PayloadFlag, binary.BigEndian.AppendUint32(nil, sessionwire.SayDisconnectToPort))
	if output := c.end(t); output != "" {
		t.Errorf("ends with %q", output)
	}
}

// muxConn is the plugin's end of the multiplexer.
type muxConn struct {
	c *client
	*io.PipeReader
}

func (m muxConn) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), 1024)
		m.c.send(sessionwire.PayloadOutput, bytes.Clone(rest[:n]))
		rest = rest[n:]
	}
	return len(p), nil
}

func TestPortMultiplexed(t *testing.T) {
	port := echo(t)
	c, _ := connect(t, sessionwire.Session{Type: "Port",
		Properties: json.RawMessage(`{"portNumber":"` + port + `","host":"127.0.0.1","type":"LocalPortForwarding"}`)})
	r, w := io.Pipe()
	c.output = w
	config := smux.DefaultConfig()
	config.KeepAliveDisabled = true
	m, err := smux.Client(muxConn{c, r}, config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close(); _ = r.Close() }()
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			s, err := m.OpenStream()
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = s.Close() }()
			want := bytes.Repeat([]byte{byte('a' + i)}, 100000)
			go func() { _, _ = s.Write(want) }()
			got := make([]byte, len(want))
			if _, err := io.ReadFull(s, got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("stream %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	c.send(sessionwire.PayloadFlag, binary.BigEndian.AppendUint32(nil, sessionwire.SayTerminateSession))
	if output := c.end(t); output != "" {
		t.Errorf("ends with %q", output)
	}
}
