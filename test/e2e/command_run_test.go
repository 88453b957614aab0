package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestCommands: commands by Systems Manager, by instance and by tag.
//
//	10.0.0.0/24  web1, web2 (tag Tier=web), db (public IPs, managed)
//	10.1.0.0/24  old: endpoints ssm and ec2messages, none for ssmmessages
func TestCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := &commandLab{world: w}
	w.managedRole()
	v := w.vpc("10.0.0.0/16")
	public := w.subnet(v, "10.0.0.0/24", 0)
	w.ec2("ModifySubnetAttribute", "SubnetId", public, "MapPublicIpOnLaunch.Value", "true")
	w.table(v, []string{"GatewayId", w.gateway(v)}, public)
	g := w.open(v)
	managed := []string{"IamInstanceProfile.Name", "managed"}
	for _, name := range []string{"web1", "web2", "db"} {
		l.ids = append(l.ids, w.launch(name, public, g, "", managed...))
	}
	w.ec2("CreateTags", "ResourceId.1", l.ids[0], "ResourceId.2", l.ids[1], "Tag.1.Key", "Tier", "Tag.1.Value", "web")
	alone := w.vpc("10.1.0.0/16")
	only := w.subnet(alone, "10.1.0.0/24", 1)
	sg := w.open(alone)
	region := strings.TrimRight(w.zones[0], "abcdef")
	for _, name := range []string{"ssm", "ec2messages"} {
		w.endpoint(alone, "com.amazonaws."+region+"."+name, []string{only}, sg)
	}
	old := w.launch("old", only, sg, "", managed...)
	w.running(append(l.ids, old)...)
	for _, id := range l.ids {
		w.waitPing(id, "Online")
	}
	l.one()
	l.several()
	l.cancelled()
	l.late()
	l.stopped()
	l.fallback(old)
}

type commandLab struct {
	*world
	ids []string
}

// send sends a shell script by the AWS CLI and returns the command's id.
func (l *commandLab) send(script string, more ...string) string {
	l.t.Helper()
	out := l.aws(append([]string{"ssm", "send-command", "--document-name", "AWS-RunShellScript", "--parameters", `{"commands":["` + script + `"]}`}, more...)...)
	id, _ := at(out, "Command", "CommandId").(string)
	return id
}

// result waits until an invocation is over.
func (l *commandLab) result(command, id string) map[string]any {
	l.t.Helper()
	var out map[string]any
	l.eventually(time.Minute, command+" on "+id+" to end", func() bool {
		var err error
		out, err = l.systems("GetCommandInvocation", map[string]any{"CommandId": command, "InstanceId": id})
		return err == nil && out["Status"] != "Pending" && out["Status"] != "InProgress" && out["Status"] != "Delayed" && out["Status"] != "Cancelling"
	})
	return out
}

// expect compares an invocation's end.
func (l *commandLab) expect(command, id, want string) map[string]any {
	l.t.Helper()
	out := l.result(command, id)
	if got := fmt.Sprint(out["Status"], "/", out["StatusDetails"], " ", out["ResponseCode"]); got != want {
		l.t.Errorf("%s on %s: %s, want %s\n%v", command, id, got, want, out)
	}
	return out
}

func (l *commandLab) one() {
	l.t.Helper()
	c := l.send("echo out 日本; echo err >&2; id -un; pwd", "--instance-ids", l.ids[2], "--comment", "look")
	out := l.expect(c, l.ids[2], "Success/Success 0")
	if out["StandardOutputContent"] != "out 日本\nroot\n/usr/bin\n" || !strings.HasPrefix(fmt.Sprint(out["StandardErrorContent"]), "err\n") || out["Comment"] != "look" {
		l.t.Errorf("the invocation is %v", out)
	}
	c = l.send("echo before; exit 7", "--instance-ids", l.ids[2])
	out = l.expect(c, l.ids[2], "Failed/Failed 7")
	if !strings.Contains(fmt.Sprint(out["StandardErrorContent"]), "failed to run commands: exit status 7") {
		l.t.Errorf("the failed invocation is %v", out)
	}
	if s := at(l.aws("ssm", "list-commands", "--command-id", c), "Commands", 0, "Status"); s != "Failed" {
		l.t.Errorf("the command is %v", s)
	}
	if out, err := l.tryAWS("ssm", "send-command", "--document-name", "AWS-RunShellScript", "--parameters", "commands=true", "--instance-ids", "i-0123456789abcdef0"); err == nil || !strings.Contains(out, "(InvalidInstanceId)") {
		l.t.Errorf("an unknown instance: %v\n%s", err, out)
	}
}

// several: those with a tag, and what each of them said.
func (l *commandLab) several() {
	l.t.Helper()
	c := l.send("hostname; yes | head -c 30000", "--targets", "Key=tag:Tier,Values=web")
	for _, id := range l.ids[:2] {
		out := l.expect(c, id, "Success/Success 0")
		text := fmt.Sprint(out["StandardOutputContent"])
		if !strings.HasPrefix(text, strings.TrimSpace(l.mustExec(id, "hostname"))) || len(text) != 24000 || !strings.HasSuffix(text, "--output truncated--") {
			l.t.Errorf("%s said %d bytes: %.60s…", id, len(text), text)
		}
	}
	list, _ := at(l.aws("ssm", "list-command-invocations", "--command-id", c, "--details"), "CommandInvocations").([]any)
	command := at(l.ssm("ListCommands", map[string]any{"CommandId": c}), "Commands", 0)
	if len(list) != 2 || fmt.Sprint(at(command, "TargetCount"), at(command, "CompletedCount"), at(command, "ErrorCount"), at(command, "Status")) != "2 2 0Success" {
		l.t.Errorf("%d invocations of %v", len(list), command)
	}
}

func (l *commandLab) cancelled() {
	l.t.Helper()
	c := l.send("touch /tmp/begun; sleep 3000", "--instance-ids", l.ids[2])
	l.eventually(20*time.Second, "the command to run", func() bool { _, err := l.exec(l.ids[2], "test -e /tmp/begun"); return err == nil })
	if s := at(l.ssm("GetCommandInvocation", map[string]any{"CommandId": c, "InstanceId": l.ids[2]}), "Status"); s != "InProgress" {
		l.t.Errorf("the invocation is %v", s)
	}
	l.aws("ssm", "cancel-command", "--command-id", c)
	l.expect(c, l.ids[2], "Cancelled/Cancelled -1")
	if _, err := l.exec(l.ids[2], "ps ax | grep '[s]leep 3000'"); err == nil {
		l.t.Error("what the command began still runs")
	}
}

// late: what runs for too long is ended.
func (l *commandLab) late() {
	l.t.Helper()
	out := l.aws("ssm", "send-command", "--document-name", "AWS-RunShellScript", "--instance-ids", l.ids[2], "--parameters", `{"commands":["echo begun; sleep 3001"],"executionTimeout":["2"]}`)
	c, _ := at(out, "Command", "CommandId").(string)
	r := l.expect(c, l.ids[2], "TimedOut/ExecutionTimedOut -1")
	if !strings.HasPrefix(fmt.Sprint(r["StandardOutputContent"]), "begun") {
		l.t.Errorf("before the end of its time it said %v", r["StandardOutputContent"])
	}
}

// stopped: a command waits for an instance that is started later.
func (l *commandLab) stopped() {
	l.t.Helper()
	l.ec2("StopInstances", "InstanceId.1", l.ids[1])
	l.waitState(l.ids[1], "stopped")
	l.waitPing(l.ids[1], "ConnectionLost")
	c := l.send("echo started", "--instance-ids", l.ids[0], l.ids[1])
	l.expect(c, l.ids[0], "Success/Success 0")
	if s := at(l.ssm("GetCommandInvocation", map[string]any{"CommandId": c, "InstanceId": l.ids[1]}), "Status"); s != "Pending" {
		l.t.Errorf("for the stopped instance it is %v", s)
	}
	l.ec2("StartInstances", "InstanceId.1", l.ids[1])
	l.expect(c, l.ids[1], "Success/Success 0")
}

// fallback: without the endpoint for sessions, commands go through ec2messages.
func (l *commandLab) fallback(id string) {
	l.t.Helper()
	l.waitPing(id, "Online")
	if _, err := l.systems("StartSession", map[string]any{"Target": id}); errorCode(err) != "TargetNotConnected" {
		l.t.Errorf("start-session: %v", err)
	}
	c := l.send("echo by the other way; exit 4", "--instance-ids", id)
	if out := l.expect(c, id, "Failed/Failed 4"); !strings.HasPrefix(fmt.Sprint(out["StandardOutputContent"]), "by the other way\n") {
		l.t.Errorf("by ec2messages: %v", out)
	}
}
