package e2e

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	pty "github.com/musubi-net/musubi/internal/guest/terminal"
)

// pluginDir is the directory of the stock session-manager-plugin. `make test`
// builds it; without make it is built here, once for all that come.
func pluginDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "bin"))
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "session-manager-plugin")
	if _, err := os.Stat(bin); err == nil {
		return dir
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	// Tests that build at the same time must not see half a file.
	next, err := os.MkdirTemp(dir, "plugin-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(next) }()
	build := exec.Command("go", "build", "-o", filepath.Join(next, "plugin"), "github.com/aws/session-manager-plugin/src/sessionmanagerplugin-main")
	build.Dir = filepath.Join("..", "plugin")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the plugin: %v\n%s", err, out)
	}
	if err := os.Rename(filepath.Join(next, "plugin"), bin); err != nil {
		t.Fatal(err)
	}
	return dir
}

// sessionEnv is the environment of the AWS CLI with the plugin in its path. What
// the plugin leaves, such as its socket, is below the Musubi's home.
func (m *musubi) sessionEnv() []string {
	m.t.Helper()
	env := append(cleanEnv(), m.awsEnv()...)
	return append(env, "PATH="+pluginDir(m.t)+":"+os.Getenv("PATH"), "TMPDIR="+m.home, "HOME="+m.home, "LANG=C.UTF-8")
}

// sessionCommand is the AWS CLI's start-session, which runs the plugin.
func (m *musubi) sessionCommand(ctx context.Context, args ...string) *exec.Cmd {
	m.t.Helper()
	aws, err := exec.LookPath("aws")
	if err != nil {
		m.t.Fatalf("the AWS CLI is missing: install Debian's awscli: %v", err)
	}
	env := m.sessionEnv()
	c := exec.CommandContext(ctx, aws, append([]string{"ssm", "start-session", "--endpoint-url", value(env, "AWS_ENDPOINT_URL")}, args...)...)
	c.Env = env
	return c
}

// typist is a program on a terminal of its own, and who sits before it.
type typist struct {
	m    *musubi
	cmd  *exec.Cmd
	tty  *os.File
	done chan struct{} // closed when the program has ended
	err  error         // how, after done

	mu   sync.Mutex
	out  bytes.Buffer // all that was shown
	seen int          // how much of it expect has looked at
}

// startSession runs aws ssm start-session on a terminal of 24 lines of 80.
func (m *musubi) startSession(args ...string) *typist {
	m.t.Helper()
	// The end of the test must not leave anything behind, so it ends with the test.
	return m.onTerminal(m.sessionCommand(context.Background(), args...))
}

func (m *musubi) onTerminal(cmd *exec.Cmd) *typist {
	m.t.Helper()
	master, slave, err := pty.Open("/dev/ptmx", "/dev/pts")
	if err != nil {
		m.t.Fatal(err)
	}
	if err := pty.Resize(master, 24, 80); err != nil {
		m.t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = cmd.Start()
	_ = slave.Close()
	if err != nil {
		_ = master.Close()
		m.t.Fatal(err)
	}
	s := &typist{m: m, cmd: cmd, tty: master, done: make(chan struct{})}
	read := make(chan struct{})
	go func() { defer close(read); _, _ = io.Copy(s, master) }() // until nobody has the terminal
	go func() { defer close(s.done); s.err = cmd.Wait() }()
	m.t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may have ended
		<-s.done
		_ = master.Close()
		<-read
	})
	return s
}

// Write takes what the program shows.
func (s *typist) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

// all is all that was shown.
func (s *typist) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// typed types.
func (s *typist) typed(text string) {
	s.m.t.Helper()
	if _, err := s.tty.WriteString(text); err != nil {
		s.m.t.Fatalf("type %q: %v\n%s", text, err, tail(s.all(), 3000))
	}
}

// expect waits for a pattern in what was not looked at yet, and returns its first
// group, or all of it.
func (s *typist) expect(pattern string) string {
	s.m.t.Helper()
	re := regexp.MustCompile(pattern)
	found := ""
	ok := s.until(func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		at := re.FindSubmatchIndex(s.out.Bytes()[s.seen:])
		if at == nil {
			return false
		}
		n := len(at) - 2
		found = string(s.out.Bytes()[s.seen+at[min(n, 2)] : s.seen+at[min(n, 2)+1]])
		s.seen += at[1]
		return true
	})
	if !ok {
		s.mu.Lock()
		rest := string(s.out.Bytes()[s.seen:])
		s.mu.Unlock()
		s.m.t.Fatalf("the terminal does not show %q, but %q", pattern, tail(rest, 3000))
	}
	return found
}

func (s *typist) until(ok func() bool) bool {
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			return false
		case <-tick.C:
		}
	}
	return true
}

// run types a command and returns what it prints, without what was typed.
func (s *typist) run(command string) string {
	s.m.t.Helper()
	// Both terminals, the instance's and this one, end lines with a carriage return.
	// The marks are put together by the shell: they are not in what is echoed.
	s.typed("printf '<%s\\n' begin; " + command + "; printf '%s>\\n' end\r")
	s.expect(`<begin\r*\n`)
	s.mu.Lock()
	from := s.seen
	s.mu.Unlock()
	mark, looked := []byte("end>\r"), from
	ok := s.until(func() bool { // there may be much, so that it is looked through once
		s.mu.Lock()
		defer s.mu.Unlock()
		i := bytes.Index(s.out.Bytes()[looked:], mark)
		if i < 0 {
			looked = max(from, s.out.Len()-len(mark))
			return false
		}
		s.seen = looked + i + len(mark)
		return true
	})
	text := s.all()[from:]
	if !ok {
		s.m.t.Fatalf("%s does not end: %d bytes, the last %q", command, len(text), tail(text, 1000))
	}
	text, _, _ = strings.Cut(text, "end>\r")
	return strings.TrimSpace(strings.ReplaceAll(text, "\r", ""))
}

// resize makes the terminal another size; its programs hear of it.
func (s *typist) resize(rows, columns uint16) {
	s.m.t.Helper()
	if err := pty.Resize(s.tty, rows, columns); err != nil {
		s.m.t.Fatal(err)
	}
}

// ended waits until the program has ended, and returns how.
func (s *typist) ended() error {
	s.m.t.Helper()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	select {
	case <-s.done:
		return s.err
	case <-limit.C:
		s.m.t.Fatalf("the session does not end:\n%s", tail(s.all(), 3000))
		return nil
	}
}
