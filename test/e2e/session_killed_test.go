package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSessionKilled: a shell outlives the daemon that carries it; the plugin finds
// the way back by itself.
func TestSessionKilled(t *testing.T) {
	t.Parallel()
	l := newSessionLab(t)
	s, id := l.shellOf(l.app)
	s.run("state=kept; cd /var/log")
	for range 2 {
		l.kill()
		if got := s.run("echo $state; pwd"); got != "kept\n/var/log" {
			t.Errorf("after the daemon's end: %q", got)
		}
	}
	if x, _ := at(l.ssm("DescribeSessions", map[string]any{"State": "Active"}), "Sessions", 0).(map[string]any); x["SessionId"] != id || x["Status"] != "Connected" {
		t.Errorf("the session is %v", x)
	}
	// Output is not lost on the way.
	s.typed("for i in $(seq 2000); do echo line $i; [ $i = 1000 ] && until [ -e /tmp/go ]; do sleep 0.1; done; done; echo do''ne\r")
	s.expect(`line 999\r`)
	l.kill()
	l.mustExec(l.app, "touch /tmp/go")
	text := s.expect(`(?s)line 1000\r(.*)done\r`)
	for i := 1001; i <= 2000; i++ {
		if n := strings.Count(text, fmt.Sprintf("line %d\r", i)); n != 1 {
			t.Fatalf("line %d is shown %d times", i, n)
		}
	}
	// resume-session gives a new token for the same session.
	again := l.aws("ssm", "resume-session", "--session-id", id)
	if again["SessionId"] != id || again["TokenValue"] == "" || !strings.HasPrefix(fmt.Sprint(again["StreamUrl"]), "ws") {
		t.Errorf("resume-session: %v", again)
	}
	s.typed("exit\r")
	s.expect(`Exiting session with sessionId: ` + regexp.QuoteMeta(id))
	if err := s.ended(); err != nil {
		t.Error(err)
	}
	l.eventually(10*time.Second, "the session to be over", func() bool {
		return at(l.ssm("DescribeSessions", map[string]any{"State": "History"}), "Sessions", 0, "Status") == "Terminated"
	})
}

// kill ends the daemon at once and waits until another one has the agent back.
func (l *sessionLab) kill() {
	l.t.Helper()
	if err := syscall.Kill(l.status().Process.Daemon, syscall.SIGKILL); err != nil {
		l.t.Fatal(err)
	}
	l.eventually(20*time.Second, "the agent to be back", func() bool {
		out, err := l.systems("GetConnectionStatus", map[string]any{"Target": l.app})
		return err == nil && out["Status"] == "connected"
	})
}
