package e2e

import (
	"bytes"
	"crypto/sha256"
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
	"time"
)

// TestSessionPorts: ports of an instance, and of hosts that only its VPC knows and
// reaches, through sessions.
//
//	10.0.0.0/24  app (public IP, managed)
//	10.0.1.0/24  db: lets in port 80 from app's group and from the load balancer
func TestSessionPorts(t *testing.T) {
	t.Parallel()
	l := newSessionLab(t)
	const site = "#!/bin/bash\ndnf install -y httpd\nsystemctl start httpd\nhostname >/var/www/html/index.html\nhead -c 20000000 /dev/urandom >/var/www/html/large\n"
	private := l.subnet(l.vpc, "10.0.1.0/24", 0)
	guarded := l.group(l.vpc, "guarded")
	l.allow(guarded, "tcp", "80", "80", l.open)
	db := l.launch("db", private, guarded, site)
	l.mustExec(l.app, strings.ReplaceAll(site, "\n", ";\n")[len("#!/bin/bash;\n"):])
	tg := l.targetGroup("db", l.vpc, "TCP", "80", "TargetType", "ip")
	lb := l.balancer("db", []string{private}, "SecurityGroups.member.1", l.open)
	l.listener(lb, "TCP", "8080", tg)
	in := l.running(db)[0]
	l.register(tg, in.ip)
	l.own()
	l.refused()
	l.waitActive(lb)
	l.waitHealth(tg, "healthy", in.ip)
	l.remote(in, lb, guarded)
	l.secureShell()
}

// forward opens a session that forwards a port, and returns where it is open here.
func (l *sessionLab) forward(document string, parameters map[string][]string) (s *typist, url string) {
	l.t.Helper()
	text, err := json.Marshal(parameters)
	if err != nil {
		l.t.Fatal(err)
	}
	s = l.startSession("--target", l.app, "--document-name", document, "--parameters", string(text))
	port := s.expect(`Port (\d+) opened for sessionId`)
	s.expect(`Waiting for connections`)
	return s, "http://127.0.0.1:" + port + "/"
}

// get fetches an address through a client of its own connections.
func get(c *http.Client, url string) ([]byte, error) {
	r, err := c.Get(url)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r.Body)
	return b, errors.Join(err, r.Body.Close())
}

// client makes connections of its own; it ends with the test.
func (l *sessionLab) client() *http.Client {
	transport := &http.Transport{}
	l.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 40 * time.Second}
}

// own: a port of the instance itself, many connections at once, one for several
// requests, and one with a large answer.
func (l *sessionLab) own() {
	l.t.Helper()
	s, url := l.forward("AWS-StartPortForwardingSession", map[string][]string{"portNumber": {"80"}, "localPortNumber": {"0"}})
	host := strings.TrimSpace(l.mustExec(l.app, "hostname"))
	var all sync.WaitGroup
	for range 8 {
		c := l.client()
		all.Go(func() {
			for range 3 { // over one connection
				if b, err := get(c, url); err != nil || strings.TrimSpace(string(b)) != host {
					l.t.Errorf("the site through the session: %q %v", b, err)
				}
			}
		})
	}
	all.Wait()
	want := strings.Fields(l.mustExec(l.app, "sha256sum /var/www/html/large"))[0]
	begin := time.Now()
	b, err := get(l.client(), url+"large")
	if err != nil || fmt.Sprintf("%x", sha256.Sum256(b)) != want {
		l.t.Errorf("20 MB through the session: %d bytes, %v", len(b), err)
	}
	l.t.Logf("20 MB in %v", time.Since(begin).Round(time.Second/10))
	s.typed("\x03")
	s.expect(`Terminate signal received, exiting`)
	s.expect(`Exiting session with sessionId`)
	_ = s.ended()
}

// refused: where nobody listens the plugin says so, and the session goes on.
func (l *sessionLab) refused() {
	l.t.Helper()
	s, url := l.forward("AWS-StartPortForwardingSession", map[string][]string{"portNumber": {"81"}})
	if _, err := get(l.client(), url); err == nil {
		l.t.Error("a port where nobody listens answers")
	}
	s.expect(`Connection to destination port failed, check SSM Agent logs`)
	if log := l.agentLog(l.app); !strings.Contains(log, "connection refused") {
		l.t.Errorf("the agent's log is\n%s", log)
	}
	s.typed("\x03")
	_ = s.ended()
	// The role of the instance is not to be had this way.
	s, url = l.forward("AWS-StartPortForwardingSessionToRemoteHost", map[string][]string{"host": {"169.254.169.254"}, "portNumber": {"80"}})
	if b, err := get(l.client(), url+"latest/meta-data/"); err == nil {
		l.t.Errorf("the metadata service answers through a session: %s", b)
	}
	s.expect(`Connection to destination port failed`)
	s.typed("\x03")
	_ = s.ended()
}

// remote: hosts by names of the VPC. What the instance may reach, the session may.
func (l *sessionLab) remote(db instance, lb balancer, guarded string) {
	l.t.Helper()
	want := strings.TrimSpace(l.mustExec(db.id, "hostname"))
	toRemote := func(host, port string) (*typist, string) {
		return l.forward("AWS-StartPortForwardingSessionToRemoteHost", map[string][]string{"host": {host}, "portNumber": {port}})
	}
	for host, port := range map[string]string{db.dns: "80", lb.dns: "8080"} {
		s, url := toRemote(host, port)
		var b []byte
		var err error
		l.eventually(20*time.Second, host+" to answer through a session", func() bool {
			b, err = get(l.client(), url)
			return err == nil && strings.TrimSpace(string(b)) == want
		})
		if l.t.Failed() {
			l.t.Fatalf("%q %v\n%s\n%s", b, err, s.all(), l.agentLog(l.app))
		}
		s.typed("\x03")
		_ = s.ended()
	}
	s, url := toRemote(db.dns, "80")
	l.revoke(guarded, "tcp", "80", "80", l.open)
	quick := l.client()
	quick.Timeout = 3 * time.Second
	l.eventually(20*time.Second, "the security group to close the way", func() bool {
		quick.CloseIdleConnections()
		_, err := get(quick, url)
		return err != nil
	})
	l.allow(guarded, "tcp", "80", "80", l.open)
	l.eventually(20*time.Second, "the security group to open the way", func() bool {
		b, err := get(quick, url)
		return err == nil && strings.TrimSpace(string(b)) == want
	})
	s.typed("\x03")
	_ = s.ended()
}

// secureShell: ssh and scp reach a real sshd with the CLI as their proxy.
func (l *sessionLab) secureShell() {
	l.t.Helper()
	for _, bin := range []string{"ssh", "scp", "ssh-keygen", "/usr/sbin/sshd"} {
		if _, err := exec.LookPath(bin); err != nil {
			l.t.Fatalf("install openssh-client and openssh-server: %v", err)
		}
	}
	key := filepath.Join(l.home, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		l.t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		l.t.Fatal(err)
	}
	l.mustExec(l.app, `set -e
mkdir -p /run/sshd /root/.ssh /root/sshd
chmod 700 /root/.ssh
echo '`+strings.TrimSpace(string(public))+`' >/root/.ssh/authorized_keys
id=74; [ "$(awk '{n+=$3} END {print n}' /proc/self/uid_map)" = 1 ] && id=0
grep -q ^sshd: /etc/passwd || echo sshd:x:$id:$id::/run/sshd:/sbin/nologin >>/etc/passwd
ssh-keygen -q -t ed25519 -N '' -f /root/sshd/key
/usr/sbin/sshd -f /dev/null -h /root/sshd/key -E /root/sshd/log -o PidFile=none -o UsePAM=no -o StrictModes=no -o Subsystem='sftp /usr/lib/openssh/sftp-server'`)
	env := l.sessionEnv()
	options := []string{"-F", "/dev/null", "-i", key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=" + filepath.Join(l.home, "known"), "-o", "BatchMode=yes",
		"-o", "ProxyCommand=sh -c \"aws --endpoint-url '" + value(env, "AWS_ENDPOINT_URL") + "' ssm start-session --target %h --document-name AWS-StartSSHSession --parameters 'portNumber=%p'\""}
	run := func(name string, args ...string) string {
		c := exec.CommandContext(l.t.Context(), name, append(options, args...)...)
		c.Env, c.Dir = env, l.home
		out, err := c.CombinedOutput()
		if err != nil {
			log, _ := l.exec(l.app, "cat /root/sshd/log")
			l.t.Fatalf("%s %v: %v\n%s\nsshd: %s\nagent: %s", name, args, err, out, log, l.agentLog(l.app))
		}
		return string(out)
	}
	if out := run("ssh", "root@"+l.app, "echo $((6*7)); hostname"); !strings.Contains(out, "42\n"+strings.TrimSpace(l.mustExec(l.app, "hostname"))) {
		l.t.Errorf("ssh: %q", out)
	}
	file := filepath.Join(l.home, "file")
	if err := os.WriteFile(file, bytes.Repeat([]byte("0123456789abcdef"), 100_000), 0o600); err != nil {
		l.t.Fatal(err)
	}
	run("scp", file, "root@"+l.app+":/root/copied")
	run("scp", "root@"+l.app+":/root/copied", file+".back")
	a, _ := os.ReadFile(file)
	if b, err := os.ReadFile(file + ".back"); err != nil || !bytes.Equal(a, b) {
		l.t.Errorf("scp: %d bytes came back of %d, %v", len(b), len(a), err)
	}
}
