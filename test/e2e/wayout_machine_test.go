package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A machine plays the host that Musubi runs on: a process in namespaces of its own,
// whose default route leads to a second namespace, the internet, in which the
// process serves and takes notes of what arrives.
//
//	machine: Musubi, listeners on all addresses    outside
//	  93.184.216.2 ------------------------------- 93.184.216.1
//	  93.184.218.2 (of the loopback)               93.184.217.80 web, 93.184.217.53 names,
//	  127.0.0.1                                    and private addresses that answer too
const (
	machineIP    = "93.184.216.2"
	machineOther = "93.184.218.2"
	gatewayIP    = "93.184.216.1"
	webIP        = "93.184.217.80"
	namesIP      = "93.184.217.53"
	webName      = "repo.musubi-test.net"
)

// privately are addresses that a route of the machine leads to, and that are not of
// the internet.
var privately = []string{"10.99.0.9", "172.20.0.9", "192.168.9.9", "100.64.0.9", "203.0.113.9", "169.254.9.9", "169.254.169.254"}

type machine struct {
	t      *testing.T
	client *rpc.Client
	dials  string
}

// newMachine starts a machine, whose internet has files to offer. It ends after
// what the test starts on it.
func newMachine(t *testing.T, files map[string][]byte) *machine {
	t.Helper()
	dir, err := os.MkdirTemp("", "musubi-machine-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "machine", dir)
	cmd.Args[0] = "peer"
	cmd.Env, cmd.Stderr = cleanEnv(), os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h := &machine{t: t, client: rpc.NewClient(pipes{out, in}), dials: filepath.Join(dir, machineDials)}
	t.Cleanup(func() {
		_ = h.client.Close()
		if err := errors.Join(cmd.Wait(), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
	})
	for name, content := range files {
		h.call("Publish", File{name, content}, new(bool))
	}
	return h
}

// pipes are a process's input and output as one connection.
type pipes struct {
	io.ReadCloser
	in io.WriteCloser
}

func (p pipes) Write(b []byte) (int, error) { return p.in.Write(b) }
func (p pipes) Close() error                { return errors.Join(p.in.Close(), p.ReadCloser.Close()) }

func (h *machine) call(method string, args, reply any) {
	h.t.Helper()
	if err := h.client.Call("Machine."+method, args, reply); err != nil {
		h.t.Fatalf("machine: %s: %v", method, err)
	}
}

// up runs musubi up on the machine; all other commands reach it from anywhere, by
// the state directory.
func (h *machine) up(m *musubi, args ...string) {
	h.t.Helper()
	c := m.command(context.Background(), append([]string{"up", "--detach", "--listen", "127.0.0.1:0"}, args...)...)
	run := Run{Path: c.Path, Args: c.Args, Env: c.Env, Dir: c.Dir, UID: -1}
	if m.user != nil {
		run.UID = int(m.user.Uid)
	}
	var r Ran
	h.call("Run", run, &r)
	if r.Failed {
		h.t.Fatalf("up %v: %s", args, r.Output)
	}
}

// world is a lab in a Musubi on the machine.
func (h *machine) world(m *musubi) *world {
	h.t.Helper()
	m.dial = h.dial
	return newWorldIn(h.t, m)
}

// dial connects to an address as the machine would.
func (h *machine) dial(ctx context.Context, _, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, "unix", h.dials)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintln(c, address); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// seen is what arrived on the internet, as "PROTOCOL SOURCE>ADDRESS:PORT".
func (h *machine) seen() (out []string) {
	h.t.Helper()
	h.call("Seen", 0, &out)
	return out
}

// asked is what the name server was asked.
func (h *machine) asked() (out []string) {
	h.t.Helper()
	h.call("Asked", 0, &out)
	return out
}

// heard is what the machine's own listeners heard.
func (h *machine) heard() (out []string) {
	h.t.Helper()
	h.call("Heard", 0, &out)
	return out
}

// brokers are the processes that Musubi left in the machine's network.
func (h *machine) brokers() (out []int) {
	h.t.Helper()
	h.call("Brokers", 0, &out)
	return out
}

// onlyPublic fails unless all that arrived on the internet came from the machine
// and went to the two servers.
func (h *machine) onlyPublic() {
	h.t.Helper()
	for _, s := range h.seen() {
		from, to, _ := strings.Cut(s[strings.Index(s, " ")+1:], ">")
		to, _, _ = strings.Cut(to, ":")
		if from != machineIP || to != webIP && to != namesIP {
			h.t.Errorf("the internet saw %s", s)
		}
	}
	if got := h.heard(); len(got) > 0 {
		h.t.Errorf("the host's own listeners heard %v", got)
	}
}

// candid checks that the machine would have told: what nobody in Musubi could reach
// answers those who can, and the machine notices.
func (h *machine) candid() {
	h.t.Helper()
	client := http.Client{Transport: &http.Transport{DialContext: h.dial, DisableKeepAlives: true}}
	for _, a := range privately {
		resp, err := client.Get("http://" + a + "/")
		if err != nil {
			h.t.Errorf("the machine itself does not reach %s: %v", a, err)
			continue
		}
		_ = resp.Body.Close()
		h.awaitSeen("tcp " + machineIP + ">" + a + ":80")
	}
	for _, a := range []string{machineIP, machineOther, "127.0.0.1"} {
		_, _ = client.Get("http://" + a + "/") // it just closes
	}
	if n := len(h.heard()); n < 3 {
		h.t.Errorf("the host heard %d of 3 connections", n)
	}
	if !slices.Contains(h.asked(), "A "+webName+".") {
		h.t.Error("nobody asked for the server's name")
	}
}

// awaitSeen waits until the internet has noted what it saw: that is a moment later.
func (h *machine) awaitSeen(what string) {
	h.t.Helper()
	deadline := time.After(10 * time.Second)
	for tick := time.Tick(20 * time.Millisecond); !slices.Contains(h.seen(), what); {
		select {
		case <-tick:
		case <-deadline:
			h.t.Errorf("the internet did not see %s", what)
			return
		}
	}
}

// gone waits until no broker is left.
func (h *machine) gone(m *musubi) {
	h.t.Helper()
	m.eventually(15*time.Second, "the broker to end", func() bool { return len(h.brokers()) == 0 })
}
