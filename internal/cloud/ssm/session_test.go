package ssm

import (
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/sessionwire"
)

func always(string) bool { return true }

func TestRegister(t *testing.T) {
	l := newLab(t)
	l.node("i-1", nil)
	l.instance("i-2", compute.Running, nil)
	other := cloud.Caller{Scope: cloud.Scope{Account: "222222222222", Region: here.Region}, PrincipalARN: "arn:aws:sts::222222222222:assumed-role/node/i-2", Instance: "i-2"}
	for name, caller := range map[string]cloud.Caller{
		"a user":                          user("i-2"),
		"another instance":                {Scope: here, PrincipalARN: "arn:aws:sts::111111111111:assumed-role/node/i-1", Instance: "i-1"},
		"a session that is named like it": {Scope: here, PrincipalARN: "arn:aws:sts::111111111111:assumed-role/node/i-2"},
		"another account":                 other,
	} {
		if _, err := tryAs(l, caller, Register{Agent: sessionwire.Agent{InstanceID: "i-2"}}); codeOf(err) != "AccessDeniedException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, ok := Managed(l.db.Snapshot(), here, "i-2"); ok {
		t.Error("is managed without an agent")
	}
	l.instance("i-1", compute.Terminated, nil)
	if _, _, ok := Managed(l.db.Snapshot(), here, "i-1"); ok {
		t.Error("is managed after its end")
	}
	report(l, Forget{})
	if _, ok := Nodes.Get(l.db.Snapshot(), "i-1"); ok {
		t.Error("is not forgotten")
	}
}

func TestSessionLife(t *testing.T) {
	l := newLab(t)
	l.node("i-1", nil)
	s := must(l, StartSession{Target: "i-1", Reason: "look", Connected: always})
	x := s.Session
	if x.ID != "ann-00000000000000001" || x.Status != Connecting || x.Owner != user("ann").PrincipalARN || s.Wire.Type != "Standard_Stream" || s.Wire.Transcript {
		t.Errorf("%+v", s)
	}
	if open := OpenSessions(l.db.Snapshot()); len(open) != 1 || open[0].Wire().InstanceID != "i-1" {
		t.Errorf("%+v", open)
	}
	if got := report(l, ReportSession{ID: x.ID, Status: Connected}); got.Status != Connected {
		t.Errorf("%+v", got)
	}
	elsewhere := cloud.Caller{Scope: cloud.Scope{Account: "222222222222", Region: here.Region}}
	if _, err := tryAs(l, elsewhere, TerminateSession{ID: x.ID}); codeOf(err) != "DoesNotExistException" {
		t.Error(err)
	}
	l.now = l.now.Add(time.Minute)
	if got := must(l, TerminateSession{ID: x.ID}); got.Status != Terminating || !got.EndedAt.Equal(l.now) {
		t.Errorf("%+v", got)
	}
	// What comes too late does not bring it back.
	report(l, ReportSession{ID: x.ID, Status: Connected})
	if got := report(l, ReportSession{ID: x.ID, Status: Terminated}); got.Status != Terminated || !got.EndedAt.Equal(l.now) {
		t.Errorf("%+v", got)
	}
	if got := report(l, ReportSession{ID: x.ID, Status: SessionFails}); got.Status != Terminated {
		t.Errorf("%+v", got)
	}
	if _, err := FindSession(l.db.Snapshot(), here, x.ID); codeOf(err) != "DoesNotExistException" {
		t.Error(err)
	}
	l.now = l.now.Add(memory)
	report(l, Forget{})
	if _, ok := Sessions.Get(l.db.Snapshot(), x.ID); ok {
		t.Error("is not forgotten")
	}
}

func TestSessionRefusals(t *testing.T) {
	l := newLab(t)
	l.node("i-1", nil)
	l.node("i-stopped", nil)
	l.instance("i-stopped", compute.Stopped, nil)
	never := func(string) bool { return false }
	for _, tt := range []struct {
		name string
		c    StartSession
		code string
	}{
		{"unknown", StartSession{Target: "i-9", Connected: always}, "TargetNotConnected"},
		{"not connected", StartSession{Target: "i-1", Connected: never}, "TargetNotConnected"},
		{"stopped", StartSession{Target: "i-stopped", Connected: always}, "TargetNotConnected"},
		{"no document", StartSession{Target: "i-1", Document: "None", Connected: always}, "InvalidDocument"},
		{"a command's", StartSession{Target: "i-1", Document: "AWS-RunShellScript", Connected: always}, "InvalidDocument"},
		{"not served", StartSession{Target: "i-1", Document: "AWS-StartPortForwardingSessionToSocket", Connected: always}, "InvalidDocument"},
		{"no parameters", StartSession{Target: "i-1", Parameters: map[string][]string{"a": {"b"}}, Connected: always}, "InvalidParameters"},
		{"no such parameter", StartSession{Target: "i-1", Document: "AWS-StartSSHSession", Parameters: map[string][]string{"a": {"b"}}, Connected: always}, "InvalidParameters"},
		{"pattern", StartSession{Target: "i-1", Document: "AWS-StartSSHSession", Parameters: map[string][]string{"portNumber": {"65536"}}, Connected: always}, "InvalidParameters"},
		{"two values", StartSession{Target: "i-1", Document: "AWS-StartSSHSession", Parameters: map[string][]string{"portNumber": {"1", "2"}}, Connected: always}, "InvalidParameters"},
		{"no value", StartSession{Target: "i-1", Document: "AWS-StartNonInteractiveCommand", Connected: always}, "InvalidParameters"},
		{"host", StartSession{Target: "i-1", Document: "AWS-StartPortForwardingSessionToRemoteHost", Parameters: map[string][]string{"host": {"a;b"}}, Connected: always}, "InvalidParameters"},
	} {
		if _, err := try(l, tt.c); codeOf(err) != tt.code {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.code)
		}
	}
	if open := OpenSessions(l.db.Snapshot()); len(open) > 0 {
		t.Errorf("%+v", open)
	}
}

func TestSessionProperties(t *testing.T) {
	l := newLab(t)
	l.node("i-1", nil)
	for _, tt := range []struct {
		document   string
		parameters map[string][]string
		kind, want string
	}{
		{"AWS-StartSSHSession", nil, "Port", `{"portNumber":"22"}`},
		{"arn:aws:ssm:eu-west-1::document/AWS-StartSSHSession", map[string][]string{"portNumber": {"65535"}}, "Port", `{"portNumber":"65535"}`},
		{"AWS-StartPortForwardingSession", nil, "Port", `{"localPortNumber":"0","portNumber":"80","type":"LocalPortForwarding"}`},
		{"AWS-StartPortForwardingSessionToRemoteHost", map[string][]string{"host": {"db.example"}, "portNumber": {"5432"}, "localPortNumber": {"1234"}}, "Port",
			`{"host":"db.example","localPortNumber":"1234","portNumber":"5432","type":"LocalPortForwarding"}`},
		{"AWS-StartNonInteractiveCommand", map[string][]string{"command": {`echo "{{ x }}"`}}, "NonInteractiveCommands",
			`{"linux":{"commands":"echo \"{{ x }}\"","runAsElevated":false},"macos":{"commands":"echo \"{{ x }}\"","runAsElevated":false},"windows":{"commands":"echo \"{{ x }}\"","runAsElevated":false}}`},
	} {
		s := must(l, StartSession{Target: "i-1", Document: tt.document, Parameters: tt.parameters, Connected: always})
		if s.Wire.Type != tt.kind || string(s.Wire.Properties) != tt.want {
			t.Errorf("%s: %s %s", tt.document, s.Wire.Type, s.Wire.Properties)
		}
	}
}

func TestPreferences(t *testing.T) {
	l := newLab(t)
	l.node("i-1", nil)
	must(l, CreateDocument{Name: RunShell, Type: TypeSession, Content: `{"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {
		"s3BucketName": "logs", "s3KeyPrefix": "a/b/", "s3EncryptionEnabled": true, "cloudWatchLogGroupName": "", "kmsKeyId": "", "idleSessionTimeout": "7",
		"maxSessionDuration": "90", "runAsEnabled": true, "runAsDefaultUser": "web", "shellProfile": {"linux": "cd /srv", "windows": ""}}}`})
	s := must(l, StartSession{Target: "i-1", Connected: always})
	w := s.Wire
	if w.RunAs != "web" || w.ShellProfile != "cd /srv" || !w.Transcript || w.IdleMinutes != 7 || w.MaxMinutes != 90 || s.Session.Key != "a/b/"+s.Session.ID+".log" {
		t.Errorf("%+v", s)
	}
	if s.Session.TranscriptURL() != "" {
		t.Error("a transcript before the end")
	}
	x := report(l, ReportSession{ID: s.Session.ID, Status: Terminated})
	if want := "https://s3.console.aws.amazon.com/s3/object/logs/a/b/" + x.ID + ".log?region=eu-west-1"; x.TranscriptURL() != want {
		t.Errorf("%s", x.TranscriptURL())
	}
	if w := must(l, StartSession{Target: "i-1", Document: "AWS-StartSSHSession", Connected: always}).Wire; w.Transcript || w.RunAs != "" {
		t.Errorf("forwarding a port: %+v", w)
	}
	if w := must(l, StartSession{Target: "i-1", Document: "AWS-StartNonInteractiveCommand", Parameters: map[string][]string{"command": {"id"}}, Connected: always}).Wire; !w.Transcript || w.RunAs != "web" {
		t.Errorf("a command: %+v", w)
	}
	tx := l.db.Begin(cloud.Env{})
	iam.Roles.Put(tx, iam.Role{Account: here.Account, Name: "ops", Tags: cloud.Tags{"SSMSessionRunAs": "root"}})
	tx.Publish()
	ops := cloud.Caller{Scope: here, PrincipalARN: "arn:aws:sts::111111111111:assumed-role/ops/bob@example"}
	got, err := tryAs(l, ops, StartSession{Target: "i-1", Connected: always})
	if err != nil || got.Wire.RunAs != "root" || got.Session.ID[:12] != "bob@example-" {
		t.Errorf("%+v %v", got, err)
	}
}
