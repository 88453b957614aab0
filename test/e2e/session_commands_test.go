package e2e

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestSessionCommands: sessions that run one command, with a terminal and without.
func TestSessionCommands(t *testing.T) {
	t.Parallel()
	l := newSessionLab(t)
	// Without a terminal: output, whichever stream, and no more.
	out, err := l.one("AWS-StartNonInteractiveCommand", `command=["echo out; echo err >&2; tty; echo {a,b}"]`)
	for _, want := range []string{"out\n", "err\n", "not a tty\n", "a b\n"} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("a command without a terminal: %v\n%s", err, out)
		}
	}
	l.separate()
	// With one: the command asks, and somebody answers.
	s := l.startSession("--target", l.app, "--document-name", "AWS-StartInteractiveCommand", "--parameters", `command=["read -p 'name: ' x; echo hello $x; tty"]`)
	s.expect(`name: `)
	s.typed("you\r")
	s.expect(`hello you`)
	s.expect(`/dev/pts/\d+`)
	s.expect(`Exiting session with sessionId`)
	if err := s.ended(); err != nil {
		t.Error(err)
	}
	for _, bad := range []struct {
		code string
		args []string
	}{
		{"InvalidDocument", []string{"--document-name", "None"}},
		{"InvalidParameters", []string{"--document-name", "AWS-StartNonInteractiveCommand"}},
		{"InvalidParameters", []string{"--document-name", "AWS-StartPortForwardingSession", "--parameters", "portNumber=0"}},
		{"TargetNotConnected", []string{"--target", "i-0123456789abcdef0"}},
	} {
		args := append([]string{"ssm", "start-session", "--target", l.app}, bad.args...)
		if out, err := l.tryAWS(args...); err == nil || !strings.Contains(out, "("+bad.code+")") {
			t.Errorf("%v: %v\n%s", bad.args, err, out)
		}
	}
}

// one runs a session without a terminal to its end. The plugin gives up when
// nobody holds its input.
func (l *sessionLab) one(document string, more ...string) (string, error) {
	l.t.Helper()
	args := []string{"--target", l.app, "--document-name", document}
	if len(more) > 0 {
		args = append(args, append([]string{"--parameters"}, more...)...)
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	c := l.sessionCommand(ctx, args...)
	in, err := c.StdinPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	out, err := c.CombinedOutput()
	_ = in.Close()
	return string(out), err
}

// separate: a document may ask for the two streams apart, and for the exit code.
// The stock client shows all of them.
func (l *sessionLab) separate() {
	l.t.Helper()
	l.ssm("CreateDocument", map[string]any{"Name": "apart", "DocumentType": "Session", "DocumentFormat": "JSON", "Content": `{"schemaVersion":"1.0","description":"apart",
		"sessionType":"NonInteractiveCommands","parameters":{"what":{"type":"String","default":"true"}},
		"properties":{"linux":{"commands":"{{ what }}","runAsElevated":true,"separateOutputStream":true,"stdErrSeparatorPrefix":"E:"}}}`})
	out, err := l.one("apart", `what=["whoami; echo err >&2; exit 3"]`)
	for _, want := range []string{"root\n", "E:err\n", "3"} {
		if err != nil || !strings.Contains(out, want) {
			l.t.Errorf("the streams apart: %v\n%s", err, out)
		}
	}
}
