package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// anybody is an ordinary user whom no file of this machine belongs to.
const anybody = 61234

// TestUser runs a lab as an ordinary user: if root runs the tests, as one that
// exists nowhere else, otherwise as whoever runs them.
func TestUser(t *testing.T) {
	t.Parallel()
	var m *musubi
	if os.Getuid() == 0 {
		m = startAs(t, &syscall.Credential{Uid: anybody, Gid: anybody})
	} else {
		m = start(t)
	}
	w := newWorldIn(t, m)
	w.allOf(func(status string) {
		uid := strings.Fields(status[strings.Index(status, "\nUid:"):])[1]
		if uid == "0" {
			t.Errorf("a process is root's:\n%s", status)
		}
	})
	provider, consumer := w.vpc("10.0.0.0/16"), w.vpc("10.0.0.0/16")
	s, there := w.subnet(provider, "10.0.0.0/24", 0), w.subnet(consumer, "10.0.0.0/24", 0)
	servers, clients := w.open(provider), w.open(consumer)
	web, client := w.launch("web", s, servers, webServer), w.launch("client", there, clients, "")
	tg := w.targetGroup("web", provider, "TCP", "80")
	lb := w.balancer("lb", []string{s})
	w.listener(lb, "TCP", "80", tg)
	w.running(web, client)
	w.register(tg, web)
	w.waitActive(lb)
	w.waitHealth(tg, "healthy", web)
	_, name := w.service(lb)
	e := w.endpoint(consumer, name, []string{there}, clients)
	w.eventually(15*time.Second, "traffic over PrivateLink", func() bool {
		out, err := w.exec("client", "curl -s -m 2 http://"+e.names[0]+"/")
		return err == nil && strings.TrimSpace(out) == "hello"
	})
	if out := w.mustExec("web", "whoami; grep -c . /etc/passwd"); !strings.HasPrefix(out, "root\n") {
		t.Errorf("in the instance: %s", out)
	}
	w.mustExec("web", "touch /etc/mine /usr/bin/mine /root/mine && chmod 4755 /root/mine")
	w.ec2("StopInstances", "InstanceId.1", web)
	w.waitState(web, "stopped")
	w.ec2("StartInstances", "InstanceId.1", web)
	w.waitState(web, "running")
	w.waitHealth(tg, "healthy", web)

	pids := w.processes()
	if err := syscall.Kill(w.status().Process.Daemon, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	w.eventually(10*time.Second, "traffic after kill -9", func() bool {
		out, err := w.exec("client", "curl -s -m 2 http://"+e.names[0]+"/")
		return err == nil && strings.TrimSpace(out) == "hello"
	})
	if len(pids) < 4 {
		t.Errorf("processes: %v", pids)
	}
	if found, _ := filepath.Glob("/usr/bin/mine"); len(found) > 0 {
		t.Error("an instance wrote to the host's /usr")
	}
}

// allOf looks at the status of each process of a Musubi.
func (m *musubi) allOf(look func(status string)) {
	m.t.Helper()
	for _, p := range m.processes() {
		if b, err := os.ReadFile("/proc/" + p + "/status"); err == nil {
			look(string(b))
		}
	}
}
