package e2e

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestSession: the AWS CLI and Amazon's own plugin, as they are, have shells in an
// instance whose agent reaches Systems Manager through an internet gateway.
func TestSession(t *testing.T) {
	t.Parallel()
	l := newSessionLab(t)
	l.shell()
	l.interrupts()
	l.large()
	l.two()
	l.terminated()
	l.history()
	l.preferences()
}

// sessionLab is a VPC with a public instance that is managed.
//
//	10.0.0.0/24  app (public IP, profile managed)
type sessionLab struct {
	*world
	vpc, public, open string
	app               string
}

func newSessionLab(t *testing.T) *sessionLab {
	t.Helper()
	l := &sessionLab{world: newWorld(t)}
	l.managedRole()
	l.vpc = l.world.vpc("10.0.0.0/16")
	l.public = l.subnet(l.vpc, "10.0.0.0/24", 0)
	l.ec2("ModifySubnetAttribute", "SubnetId", l.public, "MapPublicIpOnLaunch.Value", "true")
	l.table(l.vpc, []string{"GatewayId", l.gateway(l.vpc)}, l.public)
	l.open = l.world.open(l.vpc)
	l.app = l.launch("app", l.public, l.open, "", "IamInstanceProfile.Name", "managed")
	l.running(l.app)
	l.waitPing(l.app, "Online")
	return l
}

// shellOf opens a shell in an instance and waits for its prompt.
func (w *world) shellOf(id string, more ...string) (s *typist, session string) {
	w.t.Helper()
	s = w.startSession(append([]string{"--target", id}, more...)...)
	session = s.expect(`Starting session with SessionId: (\S+)`)
	s.expect(`[$#] $`)
	return s, session
}

func (l *sessionLab) shell() {
	l.t.Helper()
	s, id := l.shellOf(l.app)
	if got := s.run("echo $((6*7))"); got != "42" {
		l.t.Errorf("echo: %q", got)
	}
	s.typed("echo 日本語 ünï 🦊\r") // the terminal echoes it, and the shell prints it
	s.expect(`echo 日本語 ünï 🦊`)
	s.expect(`日本語 ünï 🦊`)
	if got := s.run(`printf '\343\202\200\343\201\231\343\201\263'`); !strings.HasPrefix(got, "むすび") {
		l.t.Errorf("UTF-8: %q", got)
	}
	s.typed("stty size\r")
	s.expect(`24 80`)
	s.resize(50, 132)
	l.eventually(20*time.Second, "the shell to hear of the terminal's size", func() bool { return s.run("stty size") == "50 132" })
	l.who(s)
	l.active(id)
	s.typed("exit\r")
	s.expect(`Exiting session with sessionId: ` + regexp.QuoteMeta(id))
	if err := s.ended(); err != nil {
		l.t.Errorf("the AWS CLI: %v", err)
	}
}

// who: a session is ssm-user's, who may do anything by sudo; where the host gives
// Musubi a single user id, it is root's.
func (l *sessionLab) who(s *typist) {
	l.t.Helper()
	ids := strings.Fields(l.mustExec(l.app, "awk '{n+=$3} END {print n}' /proc/self/uid_map"))
	want := "ssm-user"
	if ids[0] == "1" {
		want = "root"
	}
	if got := s.run("whoami"); got != want {
		l.t.Errorf("whoami: %q, want %s", got, want)
	}
	if got := s.run("sudo -n id -u; sudo -n true && echo may"); got != "0\nmay" {
		l.t.Errorf("sudo: %q", got)
	}
	if got := s.run("pwd; tty >/dev/null && echo a terminal; echo $TERM"); got != "/usr/bin\na terminal\nxterm-256color" {
		l.t.Errorf("the shell's surroundings: %q", got)
	}
}

// active: the session is listed while it lasts.
func (l *sessionLab) active(id string) {
	l.t.Helper()
	x, _ := at(l.aws("ssm", "describe-sessions", "--state", "Active"), "Sessions", 0).(map[string]any)
	if x["SessionId"] != id || x["Target"] != l.app || x["Status"] != "Connected" || x["Owner"] != "arn:aws:iam::000000000000:root" {
		l.t.Errorf("the session %s is %v", id, x)
	}
	state := l.aws("ssm", "get-connection-status", "--target", l.app)
	if state["Status"] != "connected" {
		l.t.Errorf("connection status: %v", state)
	}
}

// interrupts: Ctrl-C ends what runs, and not the shell; Ctrl-D ends that.
func (l *sessionLab) interrupts() {
	l.t.Helper()
	s, id := l.shellOf(l.app)
	s.typed("echo be''fore; sleep 1000; echo not to be seen\r")
	s.expect(`before`)
	l.eventually(10*time.Second, "the sleep to run", func() bool {
		_, err := l.exec(l.app, "pgrep -x sleep || ps ax | grep -q '[s]leep 1000'")
		return err == nil
	})
	s.typed("\x03")
	s.expect(`[$#] $`)
	s.typed("echo co''de $?\r")
	if got := s.expect(`code (\d+)`); got != "130" {
		l.t.Errorf("after Ctrl-C: %q", got)
	}
	if _, err := l.exec(l.app, "ps ax | grep '[s]leep 1000'"); err == nil {
		l.t.Error("the sleep still runs")
	}
	s.typed("cat >/tmp/typed\r")
	l.eventually(10*time.Second, "cat to run", func() bool { _, err := l.exec(l.app, "test -e /tmp/typed"); return err == nil })
	s.typed("line\r\x04") // the first Ctrl-D is cat's
	if got := s.run("cat /tmp/typed"); got != "line" {
		l.t.Errorf("cat: %q", got)
	}
	s.typed("\x04")
	s.expect(`Exiting session with sessionId: ` + regexp.QuoteMeta(id))
	if err := s.ended(); err != nil {
		l.t.Errorf("the AWS CLI: %v", err)
	}
}

// large: what a program prints arrives whole.
func (l *sessionLab) large() {
	l.t.Helper()
	s, _ := l.shellOf(l.app)
	s.run("head -c 4000000 /dev/urandom | base64 >/tmp/large")
	want := strings.Fields(l.mustExec(l.app, "sha256sum /tmp/large"))[0]
	begin := time.Now()
	got := s.run("cat /tmp/large") + "\n"
	if fmt.Sprintf("%x", sha256.Sum256([]byte(got))) != want {
		l.t.Errorf("%d bytes of output arrived as %d others", 5_403_509, len(got))
	}
	l.t.Logf("%d bytes in %v", len(got), time.Since(begin).Round(time.Second/10))
	s.typed("exit\r")
	_ = s.ended()
}

// two sessions at once know nothing of each other.
func (l *sessionLab) two() {
	l.t.Helper()
	a, first := l.shellOf(l.app)
	b, second := l.shellOf(l.app)
	a.run("x=1")
	b.run("x=2")
	if got := a.run("echo $x") + b.run("echo $x"); got != "12" || first == second {
		l.t.Errorf("two sessions: %q, %s %s", got, first, second)
	}
	if n := len(at(l.ssm("DescribeSessions", map[string]any{"State": "Active"}), "Sessions").([]any)); n != 2 {
		l.t.Errorf("%d sessions are active", n)
	}
	a.typed("exit\r")
	_ = a.ended()
	if got := b.run("echo $x"); got != "2" {
		l.t.Errorf("the second session: %q", got)
	}
	b.typed("exit\r")
	_ = b.ended()
}

// terminated: a session ends from outside, with all that runs in it.
func (l *sessionLab) terminated() {
	l.t.Helper()
	s, id := l.shellOf(l.app)
	s.typed("echo be''fore; sleep 2000\r")
	s.expect(`before`)
	l.aws("ssm", "terminate-session", "--session-id", id)
	s.expect(`Exiting session with sessionId: ` + regexp.QuoteMeta(id))
	_ = s.ended()
	l.eventually(10*time.Second, "the sleep to end", func() bool {
		_, err := l.exec(l.app, "ps ax | grep '[s]leep 2000'")
		return err != nil
	})
	if _, err := l.systems("ResumeSession", map[string]any{"SessionId": id}); errorCode(err) != "DoesNotExistException" {
		l.t.Errorf("resume a session that is over: %v", err)
	}
}

// history: what is over is listed, the newest first.
func (l *sessionLab) history() {
	l.t.Helper()
	var list []any
	l.eventually(10*time.Second, "all sessions to be over", func() bool {
		list, _ = at(l.ssm("DescribeSessions", map[string]any{"State": "Active"}), "Sessions").([]any)
		return len(list) == 0
	})
	list, _ = at(l.aws("ssm", "describe-sessions", "--state", "History", "--filters", "key=Target,value="+l.app), "Sessions").([]any)
	if len(list) != 6 {
		l.t.Fatalf("the history is %v", list)
	}
	for _, x := range list {
		if at(x, "Status") != "Terminated" || at(x, "EndDate") == nil {
			l.t.Errorf("in the history: %v", x)
		}
	}
}

// preferences: the account's document says how shells begin and where what was
// shown is kept.
func (l *sessionLab) preferences() {
	l.t.Helper()
	content := `{"schemaVersion":"1.0","description":"preferences","sessionType":"Standard_Stream","inputs":{
		"s3BucketName":"transcripts","s3KeyPrefix":"shells","s3EncryptionEnabled":false,"idleSessionTimeout":"1",
		"cloudWatchLogGroupName":"","cloudWatchEncryptionEnabled":false,"kmsKeyId":"","runAsEnabled":true,"runAsDefaultUser":"root",
		"shellProfile":{"linux":"cd /var/log && PS1='ready$ ' && greeting=good","windows":""}}}`
	l.aws("ssm", "create-document", "--name", "SSM-SessionManagerRunShell", "--document-type", "Session", "--document-format", "JSON", "--content", content)
	s := l.startSession("--target", l.app)
	id := s.expect(`Starting session with SessionId: (\S+)`)
	s.expect(`ready\$ $`)
	if got := s.run("echo $greeting; pwd; whoami"); got != "good\n/var/log\nroot" {
		l.t.Errorf("the profile: %q", got)
	}
	s.typed("exit\r")
	_ = s.ended()
	file := filepath.Join(l.dir, "s3", "transcripts", "shells", id+".log")
	var text []byte
	l.eventually(10*time.Second, "the transcript "+file, func() bool {
		text, _ = os.ReadFile(file)
		return len(text) > 0
	})
	if !strings.Contains(string(text), "good") || !strings.Contains(string(text), "exit") {
		l.t.Errorf("the transcript is %q", text)
	}
	url, _ := at(l.ssm("DescribeSessions", map[string]any{"State": "History", "Filters": []any{map[string]any{"key": "SessionId", "value": id}}}),
		"Sessions", 0, "OutputUrl", "S3OutputUrl").(string)
	if !strings.HasSuffix(strings.Split(url, "?")[0], "transcripts/shells/"+id+".log") {
		l.t.Errorf("the transcript is said to be at %q", url)
	}
}
