package e2e

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// commands are the shell blocks of a document.
func commands(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range shellBlock.FindAllSubmatch(b, -1) {
		out = append(out, string(m[1]))
	}
	return out
}

// TestREADMECommands runs what the README tells a newcomer to type, in a
// directory that has the binary and a configuration of theirs (the example).
func TestREADMECommands(t *testing.T) {
	t.Parallel()
	blocks := commands(t, "../../README.md")
	if len(blocks) != 3 || !strings.Contains(blocks[0], "make demo") {
		t.Fatalf("the README's commands are not those that this test knows:\n%s", strings.Join(blocks, "\n"))
	}
	ja := commands(t, "../../README.ja.md")
	for i, b := range ja {
		if i > 0 && b != blocks[i] {
			t.Errorf("README.ja.md has other commands:\n%s", b)
		}
	}
	if len(ja) != len(blocks) {
		t.Errorf("README.ja.md has %d blocks of commands, README.md %d", len(ja), len(blocks))
	}
	m := prepare(t)
	dir := filepath.Join(m.home, "work")
	if err := os.CopyFS(dir, os.DirFS("../../examples/cross-zone")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(m.bin), filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	// A person would answer yes, and wait for the targets before calling them.
	env := append(cliConfig(t, dir), "TF_CLI_ARGS_apply=-auto-approve", "TF_INPUT=0", "MUSUBI_LISTEN=127.0.0.1:0")
	script := "set -eu\n" + blocks[1] + blocks[2]
	out := m.shell(dir, env, script)
	if !strings.Contains(out, "Hello from Provider VPC on Subnet 1") {
		t.Errorf("the README's curl is not answered:\n%s", tail(out, 3000))
	}
}

// TestDemo runs what `make demo` runs after the build, twice: the second time
// finds what is there.
func TestDemo(t *testing.T) {
	t.Parallel()
	m := prepare(t)
	root := m.checkout()
	env := []string{"MUSUBI_LISTEN=127.0.0.1:0"}
	first := m.shell(root, env, "examples/cross-zone/demo.sh")
	for _, want := range []string{"Subnet 1   60", "answered   60 of 60", "bin/musubi shell consumer-instance", "down --purge"} {
		if !strings.Contains(first, want) {
			t.Errorf("the demo does not say %q", want)
		}
	}
	if n := strings.Count(first, "answered   60 of 60"); n != 2 {
		t.Errorf("%d of 2 measurements are complete", n)
	}
	second := m.shell(root, env, "examples/cross-zone/demo.sh")
	if !strings.Contains(second, "runs already") || strings.Count(second, "answered   60 of 60") != 2 {
		t.Errorf("the second run:\n%s", tail(second, 3000))
	}
	// The instance that the demo's last lines name is one that Session Manager reaches.
	named := regexp.MustCompile(`aws ssm start-session --target (i-[0-9a-f]{17})\n`).FindStringSubmatch(first)
	if named == nil {
		t.Fatalf("the demo does not name the command of Session Manager:\n%s", tail(first, 1500))
	}
	w := &world{musubi: m, api: m.api()}
	w.waitPing(named[1], "Online")
	if got := w.ec2("DescribeTags", "Filter.1.Name", "resource-id", "Filter.1.Value.1", named[1], "Filter.2.Name", "key", "Filter.2.Value.1", "Name").
		text("tagSet/item/value"); got != "consumer-instance" {
		t.Errorf("the demo names %s", got)
	}
	if got := m.inSession(named[1], "curl -s http://provider-nlb.example.local/"); !strings.Contains(got, "Hello from Provider VPC on Subnet") {
		t.Errorf("curl in the session: %s", got)
	}
	narrow(t, first)
	if t.Failed() {
		t.Logf("the first run:\n%s", tail(first, 5000))
	}
}

// checkout is a directory with the examples, beside this test's binary.
func (m *musubi) checkout() string {
	m.t.Helper()
	root := filepath.Join(m.home, "work")
	if err := os.CopyFS(filepath.Join(root, "examples"), os.DirFS("../../examples")); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(m.bin), filepath.Join(root, "bin")); err != nil {
		m.t.Fatal(err)
	}
	return root
}

// narrow fails the test if a demo prints lines that a terminal of 80 columns breaks.
func narrow(t *testing.T, out string) {
	t.Helper()
	for line := range strings.Lines(out) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, " \n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// inSession runs a command in an instance by the AWS CLI and its stock plugin, and
// returns all that is shown.
func (m *musubi) inSession(instance, command string) string {
	m.t.Helper()
	parameters, err := json.Marshal(map[string][]string{"command": {command}})
	if err != nil {
		m.t.Fatal(err)
	}
	s := m.startSession("--target", instance, "--document-name", "AWS-StartNonInteractiveCommand", "--parameters", string(parameters))
	if err := s.ended(); err != nil {
		return s.all() + err.Error()
	}
	return s.all()
}

// shell runs a script as a user would, with this Musubi's directory.
func (m *musubi) shell(dir string, env []string, script string) string {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 10*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "bash", "-c", script)
	c.Dir = dir
	c.Env = append(append(cleanEnv(), "MUSUBI_DIR="+m.dir, "HOME="+m.home), env...)
	begin := time.Now()
	out, err := c.CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", script, err, tail(string(out), 6000))
	}
	m.t.Logf("%v", time.Since(begin).Round(time.Second))
	return string(out)
}
