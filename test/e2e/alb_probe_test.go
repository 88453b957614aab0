package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// What the tests of application load balancers run in instances is test/probe: it
// needs more than the product may depend on.

// built builds a package of test/probe once and returns the program.
func built(pkg string) func() ([]byte, error) {
	return sync.OnceValues(func() (program []byte, err error) {
		dir, err := os.MkdirTemp("", "musubi-probe-")
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		file := filepath.Join(dir, "program")
		c := exec.Command("go", "build", "-C", filepath.Join("..", "probe"), "-trimpath", "-ldflags", "-s -w", "-o", file, pkg)
		c.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := c.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
		return os.ReadFile(file)
	})
}

var (
	probeProgram  = built(".")
	h2specProgram = built("github.com/summerwind/h2spec/cmd/h2spec")
)

const probeUnit = `[Unit]
Description=probe
[Service]
ExecStart=/usr/local/bin/probe serve %s
Restart=always
[Install]
WantedBy=multi-user.target
`

// install puts a file into an instance.
func (m *musubi) install(instance, path, mode string, content []byte) {
	m.t.Helper()
	out, err := m.run(m.t.Context(), content, "exec", instance, "--", "/bin/sh", "-c", "cat >"+path+" && chmod "+mode+" "+path)
	if err != nil {
		m.t.Fatalf("install %s: %v\n%s", path, err, out)
	}
}

// probe installs the probe in an instance and, with a name, lets it serve there
// as a service.
func (m *musubi) probe(instance, name string) {
	m.t.Helper()
	program, err := probeProgram()
	if err != nil {
		m.t.Fatal(err)
	}
	m.install(instance, "/usr/local/bin/probe", "755", program)
	if name != "" {
		m.install(instance, "/etc/systemd/system/probe.service", "644", fmt.Appendf(nil, probeUnit, name))
		m.mustExec(instance, "systemctl enable --now probe")
	}
}

// saw is what a target tells of a request: see test/probe.
type saw struct {
	Name, Method, URI, Proto, Host, Remote, Body string
	Header                                       http.Header
	Length                                       int64
	Encoding                                     []string
}

// webReply is what curl got.
type webReply struct {
	*http.Response
	body string
	saw  saw // if a target answered
	err  string
}

// code is the status, or 0.
func (r webReply) code() int {
	if r.Response == nil {
		return 0
	}
	return r.StatusCode
}

// curl calls from an instance. The response is HTTP/1.1's unless the arguments
// say otherwise.
func (m *musubi) curl(instance, arguments string) webReply {
	m.t.Helper()
	out, err := m.exec(instance, "curl -sS -i --http1.1 --max-time 20 "+arguments)
	return parsedReply(out, err)
}

func parsedReply(out string, err error) (r webReply) {
	if err != nil {
		r.err = strings.TrimSpace(out) + " " + err.Error()
	}
	in := bufio.NewReader(strings.NewReader(out))
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		if r.err == "" {
			r.err = err.Error() + ": " + out
		}
		return r
	}
	r.Response = res
	body, _ := io.ReadAll(res.Body) // curl has told of what is missing
	_ = res.Body.Close()
	r.body = string(body)
	_ = json.Unmarshal(body, &r.saw)
	return r
}

// rawAttempt and rawOutcome are the probe's: see test/probe.
type rawAttempt struct {
	Address, ServerName string
	Protocol            string
	Send, Then          []byte
	Silence             int
}

type rawOutcome struct {
	Received []byte
	End      string
	Millis   int64
}

// raw sends bytes from an instance.
func (m *musubi) raw(instance string, attempts ...rawAttempt) []rawOutcome {
	m.t.Helper()
	in, err := json.Marshal(attempts)
	if err != nil {
		m.t.Fatal(err)
	}
	text, err := m.run(m.t.Context(), in, "exec", instance, "--", "probe", "raw")
	var out []rawOutcome
	if err != nil || json.Unmarshal([]byte(text), &out) != nil || len(out) != len(attempts) {
		m.t.Fatalf("probe raw: %v\n%s", err, tail(text, 2000))
	}
	return out
}

// seen is what a target read since the last question, request by request.
func (m *musubi) seen(instance string) []string {
	m.t.Helper()
	var out []string
	if err := json.Unmarshal([]byte(m.mustExec(instance, "curl -s http://127.0.0.1:9000/")), &out); err != nil {
		m.t.Fatal(err)
	}
	return out
}

// sub runs a part of a test that the others do not depend on.
func sub(t *testing.T, m *musubi, name string, f func()) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		outer := m.t
		m.t = t
		defer func() { m.t = outer }()
		f()
	})
}
