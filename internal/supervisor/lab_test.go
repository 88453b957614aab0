package supervisor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// lab is a running Musubi of one test.
type lab struct {
	t      *testing.T
	dir    string
	handle *Handle
	ctx    context.Context
	log    *os.File
}

func newLab(t *testing.T) *lab {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 6*time.Minute)
	t.Cleanup(cancel)
	// Deeper than an address of a socket can be.
	dir := t.TempDir() + "/" + strings.Repeat("deep/", 30) + "state"
	log, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	h, err := Start(ctx, Options{Dir: dir, Listen: "127.0.0.1:0", Daemon: []string{"__daemon"}, Output: log})
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, dir: dir, handle: h, ctx: ctx, log: log}
	t.Cleanup(func() {
		if err := h.Stop(ctx); err != nil {
			t.Error(err)
			_ = h.Kill()
		}
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("log:\n%s", text)
		}
	})
	if err := h.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	return l
}

// order asks the daemon, again while it is being restarted.
func (l *lab) order(op string, g spec.Guest, out any) error {
	l.t.Helper()
	body, err := json.Marshal(order{Op: op, Guest: g})
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(l.ctx, http.MethodPost, "http://"+l.handle.Address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = r.Body.Close() }()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", bytes.TrimSpace(text))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

func (l *lab) must(op string, g spec.Guest, out any) {
	l.t.Helper()
	if err := l.order(op, g, out); err != nil {
		l.t.Fatalf("%s: %v", op, err)
	}
}

// run executes in a guest and returns the code and what was written.
func (l *lab) run(instance, stdin string, argv ...string) (int, string) {
	l.t.Helper()
	var out bytes.Buffer
	code, err := Exec(l.ctx, l.dir, instance, ExecOptions{Argv: argv, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &out})
	if err != nil {
		l.t.Fatalf("exec %v: %v\n%s", argv, err, out.String())
	}
	return code, out.String()
}

// sh runs a shell script that must succeed.
func (l *lab) sh(instance, script string) string {
	l.t.Helper()
	code, out := l.run(instance, "", "sh", "-c", script)
	if code != 0 {
		l.t.Fatalf("%s: exit code %d\n%s", script, code, out)
	}
	return out
}

func newGuest(id, userData string) spec.Guest {
	return spec.Guest{
		InstanceID: id, Boot: 1, Hostname: "ip-10-0-1-10.ap-northeast-1.compute.internal", Name: "web-" + id,
		UserData: []byte(userData),
	}
}
