package ssm

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/sessionwire"
)

func run(lines ...string) SendCommand {
	return SendCommand{Document: "AWS-RunShellScript", Parameters: map[string][]string{"commands": lines}, InstanceIDs: []string{"i-1"}}
}

func reply(command, instance, status string, steps ...sessionwire.StepResult) ReportInvocation {
	return ReportInvocation{Reply: sessionwire.Reply{JobID: command, InstanceID: instance, Status: status, Steps: steps}}
}

func TestCommandLife(t *testing.T) {
	l := newLab(t)
	l.node("i-1", nil)
	c := run("a {{ b }}", "c")
	c.Parameters["executionTimeout"], c.Parameters["workingDirectory"] = []string{"60"}, []string{"/tmp"}
	c.TimeoutSeconds, c.Bucket, c.Prefix = 30, "out", "x/"
	sent := must(l, c)
	if w := sent.Wire[0]; len(w.Steps) != 1 || !slices.Equal(w.Steps[0].Lines, []string{"a {{ b }}", "c"}) || w.Steps[0].WorkDir != "/tmp" || w.Steps[0].TimeoutSeconds != 60 || w.Steps[0].Name != runShell {
		t.Errorf("%+v", w)
	}
	x := sent.Command
	if !x.ExpiresAt.Equal(l.now.Add(90 * time.Second)) {
		t.Errorf("expires at %v", x.ExpiresAt)
	}
	if p := PendingFor(l.db.Snapshot(), "i-1"); len(p) != 1 || p[0].ID != x.ID {
		t.Errorf("%+v", p)
	}
	tally := func() Tally { return x.Tally(l.db.Snapshot()) }
	if tally().Status != Pending {
		t.Errorf("%+v", tally())
	}
	report(l, reply(x.ID, "i-1", InProgress))
	if tally().Status != InProgress || len(PendingFor(l.db.Snapshot(), "i-1")) > 0 {
		t.Errorf("%+v", tally())
	}
	i := report(l, reply(x.ID, "i-1", Success, sessionwire.StepResult{Name: runShell, Status: Success, Output: "hi", Started: "2026-01-02T03:04:05.5Z", Ended: "bad"}))
	if i.Status != Success || i.Steps[0].Action != runShell || i.Steps[0].Started.IsZero() || !i.Steps[0].Ended.IsZero() {
		t.Errorf("%+v", i)
	}
	if o := Outputs(l.db.Snapshot(), i); len(o) != 1 || o[0].Key != "x/"+x.ID+"/i-1/awsrunShellScript/0.awsrunShellScript/stdout" || string(o[0].Data) != "hi" {
		t.Errorf("%+v", o)
	}
	report(l, reply(x.ID, "i-1", Failed))
	if s := tally(); s.Status != Success || s.Completed != 1 || s.Errors != 0 {
		t.Errorf("%+v", s)
	}
	l.now = l.now.Add(memory)
	report(l, Forget{})
	if _, err := FindInvocation(l.db.Snapshot(), here, x.ID, "i-1"); codeOf(err) != "InvocationDoesNotExist" {
		t.Error(err)
	}
}

// Who is root on an instance is not believed more than what there is to say.
func TestReplyOfAnybody(t *testing.T) {
	l := newLab(t)
	l.node("i-1", nil)
	c := run("c")
	c.Bucket = "out"
	x := must(l, c).Command
	if i := report(l, reply(x.ID, "i-1", "Whatever")); i.Status != Pending {
		t.Errorf("%+v", i)
	}
	long := strings.Repeat("\u00e9", 1<<16)
	i := report(l, reply(x.ID, "i-1", Failed, sessionwire.StepResult{Name: runShell, Status: "?", Output: long, Error: long},
		sessionwire.StepResult{Name: runShell, Output: "x"}, sessionwire.StepResult{Name: "another"}))
	if len(i.Steps) != 1 || i.Steps[0].Status != Failed || len(i.Steps[0].Output) != maxOutput || len(i.Steps[0].Error) != maxErrors {
		t.Errorf("%d steps: %.200v", len(i.Steps), i)
	}
	for _, o := range Outputs(l.db.Snapshot(), i) {
		if !strings.Contains(o.Key, "/awsrunShellScript/") {
			t.Errorf("wrote %s", o.Key)
		}
	}
}

func TestCommandTimeouts(t *testing.T) {
	l := newLab(t)
	l.node("i-1", nil)
	l.node("i-2", nil)
	c := run("sleep 9")
	c.InstanceIDs, c.TimeoutSeconds, c.Parameters["executionTimeout"] = []string{"i-1", "i-2"}, 30, []string{"60"}
	x := must(l, c).Command
	l.now = l.now.Add(20 * time.Second)
	report(l, reply(x.ID, "i-2", InProgress))
	l.now = l.now.Add(10 * time.Second)
	if !Expirable(l.db.Snapshot(), l.now) {
		t.Error("nothing is late")
	}
	report(l, ExpireCommands{})
	if a, b := l.invocation(x.ID, "i-1"), l.invocation(x.ID, "i-2"); a.Details != "DeliveryTimedOut" || a.Status != TimedOut || b.Status != InProgress {
		t.Errorf("%+v %+v", a, b)
	}
	l.now = l.now.Add(time.Minute)
	report(l, ExpireCommands{})
	if b := l.invocation(x.ID, "i-2"); b.Details != "ExecutionTimedOut" {
		t.Errorf("%+v", b)
	}
	if s := x.Tally(l.db.Snapshot()); s.Status != TimedOut || s.DeliveryTimedOut != 1 || s.Errors != 1 || s.Details != "ExecutionTimedOut" {
		t.Errorf("%+v", s)
	}
}

func TestCancel(t *testing.T) {
	l := newLab(t)
	l.node("i-1", nil)
	l.node("i-2", nil)
	c := run("sleep 9")
	c.InstanceIDs = []string{"i-1", "i-2"}
	x := must(l, c).Command
	report(l, reply(x.ID, "i-2", InProgress))
	if _, err := try(l, CancelCommand{ID: x.ID, InstanceIDs: []string{"i-3"}}); codeOf(err) != "InvalidInstanceId" {
		t.Error(err)
	}
	if _, err := try(l, CancelCommand{ID: "x"}); codeOf(err) != "InvalidCommandId" {
		t.Error(err)
	}
	if ids := must(l, CancelCommand{ID: x.ID}); !slices.Equal(ids, []string{"i-1", "i-2"}) {
		t.Errorf("%v", ids)
	}
	report(l, reply(x.ID, "i-2", InProgress))
	if a, b := l.invocation(x.ID, "i-1"), l.invocation(x.ID, "i-2"); a.Status != Cancelled || b.Status != Cancelling {
		t.Errorf("%+v %+v", a, b)
	}
	report(l, reply(x.ID, "i-2", Cancelled))
	if s := x.Tally(l.db.Snapshot()); s.Status != Cancelled || s.Completed != 2 {
		t.Errorf("%+v", s)
	}
}

func TestTargets(t *testing.T) {
	l := newLab(t)
	l.node("i-1", cloud.Tags{"role": "web", "env": "a"})
	l.node("i-2", cloud.Tags{"role": "web"})
	l.node("i-3", cloud.Tags{"role": "db"})
	for _, tt := range []struct {
		targets []Target
		want    []string
	}{
		{[]Target{{"tag:role", []string{"web"}}}, []string{"i-1", "i-2"}},
		{[]Target{{"tag:role", []string{"web", "db"}}, {"tag-key", []string{"env"}}}, []string{"i-1"}},
		{[]Target{{"InstanceIds", []string{"i-3"}}}, []string{"i-3"}},
		{[]Target{{"tag:role", []string{"x"}}}, nil},
	} {
		c := run("id")
		c.InstanceIDs, c.Targets = nil, tt.targets
		sent := must(l, c)
		var got []string
		for _, w := range sent.Wire {
			got = append(got, w.InstanceID)
		}
		if !slices.Equal(got, tt.want) || sent.Command.TargetCount != len(tt.want) {
			t.Errorf("%v: %v", tt.targets, got)
		}
		if s := sent.Command.Tally(l.db.Snapshot()); tt.want == nil && (s.Status != Success || s.Details != "NoInstancesInTag") {
			t.Errorf("%+v", s)
		}
	}
}

func TestCommandRefusals(t *testing.T) {
	l := newLab(t)
	l.node("i-1", nil)
	l.node("i-2", nil)
	for _, tt := range []struct {
		name   string
		change func(*SendCommand)
		code   string
	}{
		{"no targets", func(c *SendCommand) { c.InstanceIDs = nil }, "InvalidInstanceId"},
		{"both", func(c *SendCommand) { c.Targets = []Target{{"tag:a", []string{"b"}}} }, "InvalidParameters"},
		{"unknown", func(c *SendCommand) { c.InstanceIDs = []string{"i-1", "i-9"} }, "InvalidInstanceId"},
		{"twice", func(c *SendCommand) { c.InstanceIDs = []string{"i-1", "i-1"} }, "DuplicateInstanceId"},
		{"groups", func(c *SendCommand) {
			c.InstanceIDs, c.Targets = nil, []Target{{"resource-groups:Name", []string{"b"}}}
		}, "UnsupportedOperation"},
		{"document", func(c *SendCommand) { c.Document = "None" }, "InvalidDocument"},
		{"not served", func(c *SendCommand) { c.Document = "AWS-RunRemoteScript" }, "InvalidDocument"},
		{"a session's", func(c *SendCommand) { c.Document = "AWS-StartSSHSession" }, "InvalidDocument"},
		{"version", func(c *SendCommand) { c.Version = "7" }, "InvalidDocumentVersion"},
		{"no commands", func(c *SendCommand) { c.Parameters = nil }, "InvalidParameters"},
		{"timeout", func(c *SendCommand) {
			c.Parameters = map[string][]string{"commands": {"id"}, "executionTimeout": {"172801"}}
		}, "InvalidParameters"},
		{"rate", func(c *SendCommand) { c.InstanceIDs, c.MaxConcurrency = []string{"i-1", "i-2"}, "1" }, "UnsupportedOperation"},
		{"share", func(c *SendCommand) { c.InstanceIDs, c.MaxConcurrency = []string{"i-1", "i-2"}, "50%" }, "UnsupportedOperation"},
		{"all at once", func(c *SendCommand) { c.MaxConcurrency, c.MaxErrors = "100%", "3" }, "<nil>"},
	} {
		c := run("id")
		tt.change(&c)
		if _, err := try(l, c); codeOf(err) != tt.code {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.code)
		}
	}
}

func TestDocumentSteps(t *testing.T) {
	l := newLab(t)
	l.node("i-1", nil)
	must(l, CreateDocument{Name: "doc", Content: `{"schemaVersion": "2.2",
		"parameters": {"who": {"type": "String", "allowedPattern": "[a-z]+"}, "more": {"type": "StringList", "default": ["x", "y"]}},
		"mainSteps": [
		 {"name": "win", "action": "aws:runPowerShellScript", "inputs": {"runCommand": ["dir"]}},
		 {"name": "mac", "action": "aws:runShellScript", "precondition": {"StringEquals": ["platformType", "MacOS"]}, "inputs": {"runCommand": ["ls"]}},
		 {"name": "greet", "action": "aws:runShellScript", "inputs": {"timeoutSeconds": 5, "runCommand": ["echo {{who}} {{ more }}", "{{ more }}", "{{ other }}"]}}]}`})
	sent := must(l, SendCommand{Document: "doc", Parameters: map[string][]string{"who": {"me"}}, InstanceIDs: []string{"i-1"}})
	s := sent.Wire[0].Steps
	if len(s) != 1 || s[0].Name != "greet" || s[0].TimeoutSeconds != 5 || !slices.Equal(s[0].Lines, []string{`echo me ["x","y"]`, "x", "y", "{{ other }}"}) {
		t.Errorf("%+v", s)
	}
	if _, err := try(l, SendCommand{Document: "doc", Parameters: map[string][]string{"who": {"me; id"}}, InstanceIDs: []string{"i-1"}}); codeOf(err) != "InvalidParameters" {
		t.Error(err)
	}
}
