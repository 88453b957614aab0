package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestImageRefusals: what is not an image for this machine is refused with a
// sentence, and leaves nothing.
func TestImageRefusals(t *testing.T) {
	t.Parallel()
	m := start(t)
	hub := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer hub.Close()
	at := strings.TrimPrefix(hub.URL, "http://")
	file := func(name string, text []byte) string {
		path := filepath.Join(m.home, name)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := archive(t, entry{path: "bin/x", text: strings.Repeat("x", 5000)})
	foreign := "s390x"
	saved := m.dockerSave(containerImage(t, v1.ConfigFile{Architecture: foreign}, entry{path: "x", text: "x"}), "other/machine:1")
	damaged, err := os.ReadFile(m.dockerSave(containerImage(t, v1.ConfigFile{}, entry{path: "x", text: strings.Repeat("x", 5000)}), "damaged/image:1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, want string
		args       []string
	}{
		{"nothing there", "no such file", []string{"import", filepath.Join(m.home, "none.tar")}},
		{"no tar", "is neither a tar", []string{"import", file("text.tar", []byte("This is a text and no tar. "+strings.Repeat("It goes on. ", 100)))}},
		{"nothing in it", "is an empty archive", []string{"import", file("empty.tar", archive(t))}},
		{"an empty file", "is an empty archive", []string{"import", file("zero.tar", nil)}},
		{"half a tar", "is a damaged tar", []string{"import", file("half.tar", good[:3000])}},
		{"half of docker save", "damaged", []string{"import", file("half-saved.tar", damaged[:700])}},
		{"another machine's", "it is for linux/" + foreign, []string{"import", saved}},
		{"an empty directory", "OCI layout", []string{"import", t.TempDir()}},
		{"a bad name", "AMI names have", []string{"import", "--name", "a!b", saved}},
		{"a bad account", "an account is 12 digits", []string{"import", "--account", "12", saved}},
		{"no such image", "musubi image ls lists them", []string{"rm", "ami-00000000000000000"}},
		{"no such image in the registry", "the registry has no such image", []string{"pull", "--insecure", at + "/none:1"}},
		{"no such registry", "connection refused", []string{"pull", "--insecure", "127.0.0.1:1/none:1"}},
		{"no reference", "is not a reference", []string{"pull", "What is this?"}},
		{"no argument", "accepts 1 arg", []string{"import"}},
	} {
		out, text, code := m.separate("image", c.args...)
		if code == 0 || out != "" || !strings.Contains(text, c.want) || strings.Contains(text, "goroutine") {
			t.Errorf("%s: exit code %d, output %q, on stderr %q, want %q there", c.what, code, out, text, c.want)
		}
		if left := m.stored(); len(left) > 0 {
			t.Errorf("%s leaves %v", c.what, left)
		}
	}
	if out := m.must("image", "ls", "--json"); out != "[]\n" {
		t.Errorf("images: %s", out)
	}
}

// separate runs a command and returns its output, its errors and its exit code.
func (m *musubi) separate(command string, args ...string) (out, text string, code int) {
	m.t.Helper()
	c := m.command(context.Background(), append([]string{command}, args...)...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		m.t.Fatal(err)
	}
	return stdout.String(), stderr.String(), code
}
