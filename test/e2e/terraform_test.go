package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// terraform is a working directory with a configuration in it.
type terraform struct {
	m   *musubi
	dir string
	env []string
}

// terraform copies a configuration (a directory, or files by name) into a
// working directory of its own and initialises it.
func (m *musubi) terraform(from string, files map[string]string) *terraform {
	m.t.Helper()
	dir := filepath.Join(m.home, "tf-"+fmt.Sprint(time.Now().UnixNano()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		m.t.Fatal(err)
	}
	if from != "" {
		if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
			m.t.Fatal(err)
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			m.t.Fatal(err)
		}
	}
	tf := &terraform{m: m, dir: dir, env: append(m.awsEnv(), cliConfig(m.t, dir)...)}
	tf.must("init", "-input=false", "-no-color")
	return tf
}

// cliConfig points Terraform at a mirror of its providers, if this machine has
// one: a directory registry.terraform.io within four levels of the root.
func cliConfig(t *testing.T, dir string) []string {
	t.Helper()
	text := ""
	for _, pattern := range []string{"/*", "/*/*", "/*/*/*"} {
		found, _ := filepath.Glob(pattern + "/registry.terraform.io")
		if len(found) > 0 {
			text = fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", filepath.Dir(found[0]))
			break
		}
	}
	file := filepath.Join(dir, "terraform.rc")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return []string{"TF_CLI_CONFIG_FILE=" + file, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1"}
}

func (tf *terraform) run(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(tf.m.t.Context(), 15*time.Minute)
	defer cancel()
	bin, err := exec.LookPath("terraform")
	if err != nil {
		tf.m.t.Fatalf("Terraform is missing: %v", err)
	}
	c := exec.CommandContext(ctx, bin, args...)
	c.Dir = tf.dir
	c.Env = append(cleanEnv(), tf.env...)
	out, err := c.CombinedOutput()
	return string(out), err
}

func (tf *terraform) must(args ...string) string {
	tf.m.t.Helper()
	begin := time.Now()
	out, err := tf.run(args...)
	if err != nil {
		tf.m.t.Fatalf("terraform %s: %v\n%s", strings.Join(args, " "), err, tail(out, 8000))
	}
	tf.m.t.Logf("terraform %s: %v", strings.Join(args, " "), time.Since(begin).Round(time.Second))
	return out
}

func (tf *terraform) apply(vars ...string) {
	tf.m.t.Helper()
	args := []string{"apply", "-auto-approve", "-input=false", "-no-color"}
	for _, v := range vars {
		args = append(args, "-var", v)
	}
	tf.must(args...)
}

// planIsEmpty fails the test if Terraform would change anything.
func (tf *terraform) planIsEmpty(vars ...string) {
	tf.m.t.Helper()
	args := []string{"plan", "-detailed-exitcode", "-input=false", "-no-color"}
	for _, v := range vars {
		args = append(args, "-var", v)
	}
	if out, err := tf.run(args...); err != nil {
		tf.m.t.Errorf("the plan after apply is not empty: %v\n%s", err, tail(out, 6000))
	}
}

func (tf *terraform) destroy(vars ...string) {
	tf.m.t.Helper()
	args := []string{"destroy", "-auto-approve", "-input=false", "-no-color"}
	for _, v := range vars {
		args = append(args, "-var", v)
	}
	tf.must(args...)
}

// output reads one output value.
func (tf *terraform) output(name string) string {
	tf.m.t.Helper()
	c := exec.Command("terraform", "output", "-json", name)
	c.Dir = tf.dir
	c.Env = append(cleanEnv(), tf.env...)
	out, err := c.Output()
	if err != nil {
		tf.m.t.Fatalf("terraform output %s: %v", name, err)
	}
	var v any
	if err := json.Unmarshal(out, &v); err != nil {
		tf.m.t.Fatal(err)
	}
	return fmt.Sprint(v)
}
