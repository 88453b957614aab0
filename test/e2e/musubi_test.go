package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/control"
)

// musubi is one running Musubi with a state directory of its own.
type musubi struct {
	t    *testing.T
	bin  string
	dir  string
	home string
	user *syscall.Credential // nil: whoever runs the tests
	// dial reaches its API, if it is in another network; nil if not.
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// binary is bin/musubi of this checkout, or $MUSUBI_BIN.
func binary(t *testing.T) string {
	t.Helper()
	bin := os.Getenv("MUSUBI_BIN")
	if bin == "" {
		bin = filepath.Join("..", "..", "bin", "musubi")
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(bin); err != nil {
		t.Fatalf("no binary: run make build first: %v", err)
	}
	return bin
}

// start brings a Musubi up, and takes it down at the end of the test, which
// fails if anything is left.
func start(t *testing.T) *musubi { return startAs(t, nil) }

func startAs(t *testing.T, user *syscall.Credential) *musubi {
	t.Helper()
	m := prepareAs(t, user)
	m.must("up", "--detach", "--listen", "127.0.0.1:0")
	return m
}

// prepare makes the directory of a Musubi that the test itself brings up.
func prepare(t *testing.T) *musubi { return prepareAs(t, nil) }

func prepareAs(t *testing.T, user *syscall.Credential) *musubi {
	t.Helper()
	home, err := os.MkdirTemp("", "musubi-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	m := &musubi{t: t, bin: binary(t), dir: filepath.Join(home, "state"), home: home, user: user}
	if user != nil {
		if err := os.Chown(home, int(user.Uid), int(user.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(m.finish)
	return m
}

// finish takes the Musubi down and looks for leftovers.
func (m *musubi) finish() {
	if m.t.Failed() {
		m.t.Logf("status:\n%s", m.try("status"))
		m.t.Logf("log (end):\n%s", tail(m.try("logs"), 6000))
	}
	pids := m.processes()
	out, err := m.run(context.Background(), nil, "down", "--purge")
	if err != nil {
		m.t.Errorf("down --purge: %v\n%s", err, out)
	}
	m.ended(pids)
	if _, err := os.Stat(m.dir); !errors.Is(err, os.ErrNotExist) {
		entries, _ := os.ReadDir(m.dir)
		m.t.Errorf("down --purge left %s: %v", m.dir, entries)
	}
	if b, err := os.ReadFile("/proc/self/mountinfo"); err == nil && bytes.Contains(b, []byte(m.home)) {
		m.t.Errorf("a mount is left:\n%s", b)
	}
	if err := os.RemoveAll(m.home); err != nil {
		m.t.Error(err)
	}
}

// ended waits until processes have ended. What is left for the machine's first
// process to collect has.
func (m *musubi) ended(pids []string) {
	m.t.Helper()
	for _, p := range pids {
		m.eventually(30*time.Second, "process "+p+" to end", func() bool {
			b, err := os.ReadFile("/proc/" + p + "/stat")
			return err != nil || strings.Contains(string(b), ") Z ")
		})
	}
}

// processes lists the supervisor and all that descend from it.
func (m *musubi) processes() []string {
	out, err := m.run(context.Background(), nil, "status", "--json")
	var s control.Status
	if err != nil || json.Unmarshal([]byte(out), &s) != nil || s.Process.Supervisor == 0 {
		return nil
	}
	pids := []string{strconv.Itoa(s.Process.Supervisor)}
	for i := 0; i < len(pids); i++ {
		lists, _ := filepath.Glob("/proc/" + pids[i] + "/task/*/children")
		for _, l := range lists {
			b, _ := os.ReadFile(l)
			pids = append(pids, strings.Fields(string(b))...)
		}
	}
	return pids
}

func (m *musubi) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, m.bin, args...)
	c.Env = append(cleanEnv(), "MUSUBI_DIR="+m.dir, "HOME="+m.home)
	c.Dir = m.home
	if m.user != nil {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: m.user}
	}
	return c
}

// run runs a musubi command and returns all it printed.
func (m *musubi) run(ctx context.Context, stdin []byte, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	c := m.command(ctx, args...)
	c.Stdin = bytes.NewReader(stdin)
	out, err := c.CombinedOutput()
	return string(out), err
}

func (m *musubi) must(args ...string) string {
	m.t.Helper()
	out, err := m.run(m.t.Context(), nil, args...)
	if err != nil {
		m.t.Fatalf("musubi %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (m *musubi) try(args ...string) string {
	out, err := m.run(context.Background(), nil, args...)
	if err != nil {
		out += "\n" + err.Error()
	}
	return out
}

// exec runs a shell command in an instance and returns what it printed.
func (m *musubi) exec(instance, script string) (string, error) {
	return m.run(m.t.Context(), nil, "exec", instance, "--", "/bin/sh", "-c", script)
}

func (m *musubi) mustExec(instance, script string) string {
	m.t.Helper()
	out, err := m.exec(instance, script)
	if err != nil {
		m.t.Fatalf("exec %s: %s: %v\n%s", instance, script, err, out)
	}
	return out
}

func (m *musubi) status() control.Status {
	m.t.Helper()
	var s control.Status
	if err := json.Unmarshal([]byte(m.must("status", "--json")), &s); err != nil {
		m.t.Fatal(err)
	}
	return s
}

// aws runs the AWS CLI against this Musubi and returns its JSON answer.
func (m *musubi) aws(args ...string) map[string]any {
	m.t.Helper()
	out, err := m.tryAWS(args...)
	if err != nil {
		m.t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	v := map[string]any{}
	if strings.TrimSpace(out) != "" {
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			m.t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return v
}

func (m *musubi) tryAWS(args ...string) (string, error) {
	bin, err := exec.LookPath("aws")
	if err != nil {
		m.t.Fatalf("the AWS CLI is missing: install Debian's awscli: %v", err)
	}
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	env := m.awsEnv()
	// Versions before 2.13, such as Debian 12's, do not know AWS_ENDPOINT_URL.
	c := exec.CommandContext(ctx, bin, append(args, "--output", "json", "--endpoint-url", value(env, "AWS_ENDPOINT_URL"))...)
	c.Env = append(cleanEnv(), env...)
	out, err := c.CombinedOutput()
	return string(out), err
}

// awsEnv is what `musubi env` prints.
func (m *musubi) awsEnv() []string {
	m.t.Helper()
	var vars map[string]string
	if err := json.Unmarshal([]byte(m.must("env", "--json")), &vars); err != nil {
		m.t.Fatal(err)
	}
	env := []string{"AWS_PAGER="}
	for k, v := range vars {
		env = append(env, k+"="+v)
	}
	return env
}

// value finds a variable in a list of NAME=VALUE.
func value(env []string, name string) string {
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// cleanEnv is the environment without what would point AWS clients elsewhere.
func cleanEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		if strings.HasPrefix(kv, "AWS_") || strings.HasPrefix(kv, "TF_") || strings.HasPrefix(kv, "MUSUBI_") || strings.HasPrefix(kv, "XDG_") {
			continue
		}
		env = append(env, kv)
	}
	return env
}

// eventually waits for a condition, and fails the test if it does not come.
func (m *musubi) eventually(limit time.Duration, what string, ok func() bool) {
	m.t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			m.t.Errorf("waited %v in vain for %s", limit, what)
			return
		case <-tick.C:
		}
	}
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}
