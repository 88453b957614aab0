package ssm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/cloud/ssm"
	"github.com/musubi-net/musubi/internal/engine"
	"github.com/musubi-net/musubi/internal/sessionwire"
)

// memory is an engine without a store, with a clock that stands.
type memory struct {
	db  *cloud.DB
	now time.Time
	n   int
}

func (m *memory) Hex(n int) string          { m.n++; return fmt.Sprintf("%0*x", n, m.n) }
func (m *memory) Alnum(n int) string        { return m.Hex(n) }
func (m *memory) Upper(n int) string        { return strings.ToUpper(m.Hex(n)) }
func (m *memory) Snapshot() *cloud.Snapshot { return m.db.Snapshot() }

func (m *memory) Run(_ context.Context, caller cloud.Caller, apply func(*cloud.Tx) error) error {
	tx := m.db.Begin(cloud.Env{Now: m.now, Caller: caller, IDs: m})
	defer tx.Abort()
	err := apply(tx)
	if err == nil {
		tx.Publish()
	}
	return err
}

// fleet stands for the agents.
type fleet struct {
	connected map[string]bool
	pinged    map[string]time.Time
	now       func() time.Time
	lost      map[string]bool
	tokens    map[string]string // of sessions
	sessions  map[string]sessionwire.Session
	commands  []sessionwire.Command
	cancelled []string
	broken    bool
}

var errGone = errors.New("gone")

func (f *fleet) Connected(id string) bool                  { return f.connected[id] }
func (f *fleet) LastPing(id string) (t time.Time, ok bool) { t, ok = f.pinged[id]; return t, ok }
func (f *fleet) Lost(id string) bool                       { return f.lost[id] }
func (f *fleet) Ping(id string)                            { f.pinged[id] = f.now() }

func (f *fleet) Open(_ context.Context, s sessionwire.Session, token string) error {
	if f.broken {
		return errGone
	}
	f.sessions[s.ID], f.tokens[s.ID] = s, token
	return nil
}

func (f *fleet) Resume(id, token string) error {
	if _, ok := f.tokens[id]; !ok {
		return errGone
	}
	f.tokens[id] = token
	return nil
}

func (f *fleet) Terminate(id, _ string) error {
	if _, ok := f.tokens[id]; !ok {
		return errGone
	}
	delete(f.tokens, id)
	return nil
}

func (f *fleet) Run(_ context.Context, c sessionwire.Command) error {
	f.commands = append(f.commands, c)
	return nil
}

func (f *fleet) Cancel(_ context.Context, instance, command string) error {
	f.cancelled = append(f.cancelled, instance+" "+command)
	return nil
}

const (
	web = "i-0123456789abcdef0"
	db  = "i-0123456789abcdef1"
)

// lab is a front door over an engine of its own, with two instances.
type lab struct {
	t      *testing.T
	e      *memory
	agents *fleet
	door   *protocol.Handler
	key    string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	d, err := cloud.NewDB(cloud.NewSchema(slices.Concat(ssm.Tables(), compute.Tables(), iam.Tables())...))
	if err != nil {
		t.Fatal(err)
	}
	e := &memory{db: d, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	now := func() time.Time { return e.now }
	f := &fleet{connected: map[string]bool{web: true}, pinged: map[string]time.Time{}, now: now, tokens: map[string]string{}, sessions: map[string]sessionwire.Session{}}
	l := &lab{t: t, e: e, agents: f, key: "111111111111"}
	l.door, err = protocol.NewHandler(protocol.Options{
		Services: []protocol.Service{New(Options{Engine: e, Agents: f, Now: now}).Service()},
		Identify: func(key string) (cloud.Caller, bool) {
			id, ok := strings.CutPrefix(key, "ASIA-")
			return cloud.Caller{Scope: cloud.Scope{Account: "111111111111"}, PrincipalARN: "arn:aws:sts::111111111111:assumed-role/node/" + id, Instance: id}, ok
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	l.do(func(tx *cloud.Tx) {
		for id, name := range map[string]string{web: "web", db: "db"} {
			compute.Instances.Put(tx, compute.Instance{ID: id, Scope: cloud.Scope{Account: "111111111111", Region: "eu-west-1"}, State: compute.Running, Tags: cloud.Tags{"Name": name}})
		}
	})
	for _, id := range []string{web, db} {
		l.as("ASIA-"+id, func() { l.ok("UpdateInstanceInformation", agentOf(id)) })
	}
	return l
}

func agentOf(id string) object {
	return object{"InstanceId": id, "AgentVersion": "3.3.2299.0", "AgentStatus": "Active", "AgentName": "amazon-ssm-agent", "PlatformType": "Linux",
		"PlatformName": "Amazon Linux", "PlatformVersion": "2023", "IPAddress": "10.0.0.4", "ComputerName": "ip-10-0-0-4", "SSMConnectionChannel": "ssmmessages"}
}

func (l *lab) do(f func(tx *cloud.Tx)) {
	l.t.Helper()
	if err := l.e.Run(l.t.Context(), cloud.Caller{Internal: true}, func(tx *cloud.Tx) error { f(tx); return nil }); err != nil {
		l.t.Fatal(err)
	}
}

// report runs a command as this program does.
func report[R any](l *lab, c cloud.Command[R]) {
	l.t.Helper()
	if _, err := engine.Do(l.t.Context(), l.e, cloud.Caller{Internal: true}, c); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) as(key string, f func()) {
	old := l.key
	l.key = key
	f()
	l.key = old
}

type object = map[string]any

func (l *lab) call(operation string, in any) (int, object) {
	l.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		l.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:4566/", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AmazonSSM."+operation)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+l.key+"/20260102/eu-west-1/ssm/aws4_request, SignedHeaders=host, Signature=00")
	w := httptest.NewRecorder()
	l.door.ServeHTTP(w, r)
	out := object{}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		l.t.Fatalf("%s: %v: %s", operation, err, w.Body)
	}
	return w.Code, out
}

func (l *lab) ok(operation string, in any) object {
	l.t.Helper()
	status, out := l.call(operation, in)
	if status != http.StatusOK {
		l.t.Fatalf("%s: %d %v", operation, status, out)
	}
	return out
}

func (l *lab) refused(operation string, in any, code string) string {
	l.t.Helper()
	status, out := l.call(operation, in)
	if status == http.StatusOK || out["__type"] != code {
		l.t.Errorf("%s %v: %d %v, want %s", operation, in, status, out, code)
	}
	return fmt.Sprint(out["message"])
}

// column are a member's values in a list of an answer.
func column(list any, member string) (out []string) {
	items, _ := list.([]any)
	for _, i := range items {
		out = append(out, fmt.Sprint(i.(object)[member]))
	}
	return out
}
