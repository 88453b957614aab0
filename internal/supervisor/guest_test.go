package supervisor

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/musubi-net/musubi/internal/guest"
	"github.com/musubi-net/musubi/internal/guest/terminal"
)

const article = `#!/bin/bash
dnf update -y
dnf install -y httpd
systemctl start httpd
systemctl enable httpd
echo "Hello from Provider VPC on Subnet 1" > /var/www/html/index.html
`

func TestGuest(t *testing.T) {
	asOrdinaryUser(t)
	l := newLab(t)
	g := newGuest("i-1", article)
	l.must("start", g, nil)
	l.sh("i-1", "cloud-init status --wait")
	t.Run("serves its page", func(t *testing.T) {
		if got := l.sh("i-1", "curl -sS http://127.0.0.1/ && curl -sS 'http://[::1]/'"); got != strings.Repeat("Hello from Provider VPC on Subnet 1\n", 2) {
			t.Errorf("page: %q", got)
		}
		if got := l.sh("i-1", "tail -1 /var/log/httpd/access_log"); !strings.Contains(got, `"GET / HTTP/1.1" 200 36`) {
			t.Errorf("access log: %q", got)
		}
	})
	t.Run("console", func(t *testing.T) {
		l.sh("i-1", "echo from user data > /dev/console")
		var console []byte
		l.must("console", g, &console)
		var log bytes.Buffer
		if err := Logs(l.ctx, l.dir, "web-i-1", false, &log); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{string(console), log.String()} {
			if !strings.Contains(text, "Installing       : httpd") || !strings.Contains(text, "finished at") {
				t.Errorf("console: %s", text)
			}
		}
		if got := l.sh("i-1", "grep -c httpd /var/log/cloud-init-output.log"); got == "0\n" {
			t.Error("no log of cloud-init")
		}
	})
	t.Run("makes a certificate", func(t *testing.T) {
		if code, _ := l.run("i-1", "", "sh", "-c", "command -v openssl"); code != 0 {
			t.Skip("the host has no openssl")
		}
		if got := l.sh("i-1", "cd /etc/pki/tls && openssl req -x509 -newkey rsa:2048 -nodes -keyout private/localhost.key "+
			"-out certs/localhost.crt -subj /CN=web -days 3 2>&1 && openssl x509 -noout -subject -in certs/localhost.crt"); !strings.Contains(got, "web") {
			t.Errorf("certificate: %q", got)
		}
	})
	t.Run("exec", func(t *testing.T) { execTests(t, l) })
	t.Run("services", func(t *testing.T) { serviceTests(t, l) })
	t.Run("life", func(t *testing.T) { lifeTests(t, l) })
}

func execTests(t *testing.T, l *lab) {
	for _, c := range []struct {
		stdin string
		argv  []string
		code  int
		out   string
	}{
		{"", []string{"sh", "-c", "exit 7"}, 7, ""},
		{"hello\n", []string{"cat"}, 0, "hello\n"},
		{"", []string{"sh", "-c", "kill -9 $$"}, 137, ""},
		{"", []string{"hostname"}, 0, "ip-10-0-1-10.ap-northeast-1.compute.internal\n"},
		{"", []string{"pwd"}, 0, "/root\n"},
		{"", []string{"sh", "-c", "sleep 100 & echo left behind"}, 0, "left behind\n"},
		{strings.Repeat("x", 1<<20), []string{"wc", "-c"}, 0, "1048576\n"},
		{"", []string{"sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x | wc -c; test -t 0 || echo no terminal"}, 0, "1000000\nno terminal\n"},
	} {
		if code, out := l.run("i-1", c.stdin, c.argv...); code != c.code || out != c.out {
			t.Errorf("%v: code %d, %q; want %d, %q", c.argv, code, out, c.code, c.out)
		}
	}
	var out bytes.Buffer
	code, err := Exec(l.ctx, l.dir, "i-1", ExecOptions{
		Argv: []string{"sh", "-c", "stty size; tty; read x; echo got $x; exit 3"}, TTY: true, Stdin: strings.NewReader("typed\n"), Stdout: &out,
	})
	for _, want := range []string{"24 80\r\n", "/dev/pts/", "got typed\r\n"} {
		if err != nil || code != 3 || !strings.Contains(out.String(), want) {
			t.Errorf("terminal: %v, code %d, %q", err, code, out.String())
		}
	}
	master, slave, err := terminal.Open("/dev/ptmx", "/dev/pts")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = master.Close(), slave.Close() }()
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 111}); err != nil {
		t.Fatal(err)
	}
	before, _ := term.GetState(int(slave.Fd()))
	out.Reset()
	code, err = Exec(l.ctx, l.dir, "i-1", ExecOptions{Login: true, Env: []string{"ENV=", "TERM=dumb"}, TTY: true, Stdin: slave, Stdout: writer(func(p []byte) {
		if out.Write(p); !bytes.Contains(out.Bytes(), []byte("]# ")) {
			return
		}
		if _, err := master.WriteString("stty size; exit 4\n"); err != nil {
			t.Error(err)
		}
	})})
	if err != nil || code != 4 || !strings.Contains(out.String(), "33 111") {
		t.Errorf("shell: %v, code %d, %q", err, code, out.String())
	}
	if after, _ := term.GetState(int(slave.Fd())); !reflect.DeepEqual(before, after) {
		t.Error("the terminal was left raw")
	}
	var failed *ExecError
	if _, err := Exec(l.ctx, l.dir, "i-1", ExecOptions{Argv: []string{"nonesuch"}}); !errors.As(err, &failed) || failed.Code != 127 {
		t.Errorf("no such program: %v", err)
	}
	if _, err := Exec(l.ctx, l.dir, "i-none", ExecOptions{Argv: []string{"true"}}); !errors.As(err, &failed) || !strings.Contains(err.Error(), "i-none") {
		t.Errorf("no such instance: %v", err)
	}
}

type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

func serviceTests(t *testing.T, l *lab) {
	l.sh("i-1", `printf '[Service]\nEnvironment=WORD="two words"\nExecStart=/bin/sh -c "echo $WORD; exec sleep 1000"\n[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/own.service`)
	for _, c := range []struct {
		script string
		code   int
		want   string
	}{
		{"systemctl start nginx", 5, "Failed to start nginx.service: Unit nginx.service not found."},
		{"systemctl is-active httpd", 0, "active\n"},
		{"systemctl is-enabled httpd", 0, "enabled\n"},
		{"systemctl status httpd", 0, "Active: active (running)"},
		{"systemctl stop httpd && systemctl is-active httpd", 3, "inactive\n"},
		{"curl -sS -m 2 http://127.0.0.1/", 7, "curl: (7)"},
		{"service httpd start && curl -sSo /dev/null -w '%{http_code}' http://127.0.0.1/none", 0, "404"},
		{"systemctl daemon-reload && systemctl enable --now own && systemctl is-active own", 0, "active\n"},
		{"dnf install nginx", 1, "Operation aborted."},
		{"dnf install -y no-such-thing", 1, "Unable to find a match: no-such-thing"},
		{"dnf install -y nginx && systemctl start nginx", 1, "the control process exited with error code"},
		{"dnf --version; httpd --version", 0, "Musubi's stand-in"},
		{"sudo -n id -u", 0, "0\n"},
		{"systemctl is-active amazon-ssm-agent", 0, "active\n"},
		// One id: it says so. Many: it works.
		{"x=$(sudo -u ec2-user id -un 2>&1); case $x in ec2-user|*'single user id'*) echo right;; *) echo $x;; esac", 0, "right\n"},
	} {
		if code, out := l.run("i-1", "", "sh", "-c", c.script); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%s: code %d, %q; want %d, %q", c.script, code, out, c.code, c.want)
		}
	}
}

// lifeTests stop, start, reboot and power off.
func lifeTests(t *testing.T, l *lab) {
	g := newGuest("i-1", article)
	boots := func() string {
		return l.sh("i-1", "cat /proc/sys/kernel/random/boot_id >/dev/null; readlink /proc/self/ns/pid")
	}
	event := func(want guest.EventKind) {
		t.Helper()
		for {
			var e guest.Event
			l.must("event", g, &e)
			if e.Kind == want {
				return
			}
		}
	}
	first := boots()
	l.sh("i-1", "echo kept > /root/file; echo kept > /usr/local/bin/kept")
	l.must("stop", g, nil)
	var list []guest.Status
	if l.must("list", g, &list); len(list) != 1 || list[0].Running || list[0].Exited {
		t.Errorf("stopped: %+v", list)
	}
	g.Boot = 2
	l.must("start", g, nil)
	l.sh("i-1", "cloud-init status --wait; curl -sS --retry 5 --retry-connrefused http://127.0.0.1/")
	if got := l.sh("i-1", "cat /root/file /usr/local/bin/kept; grep -c 'Installing  ' /var/log/cloud-init-output.log; systemctl is-active own"); got != "kept\nkept\n1\nactive\n" {
		t.Errorf("after stop and start: %q", got)
	}
	if first == boots() {
		t.Error("it was not started again")
	}
	event(guest.EventRunning)
	second := boots()
	ends := func(argv ...string) { // whether the program's end or the guest's is first seen is chance
		_, _ = Exec(l.ctx, l.dir, "i-1", ExecOptions{Argv: argv})
	}
	ends("reboot")
	event(guest.EventRebooted)
	if l.must("list", g, &list); !list[0].Running || list[0].Exited {
		t.Errorf("while it reboots: %+v", list)
	}
	event(guest.EventRunning)
	if second == boots() {
		t.Error("it did not reboot")
	}
	ends("shutdown", "-h", "now")
	event(guest.EventExited)
	if l.must("list", g, &list); list[0].Running || !list[0].Exited || list[0].ExitReason != "powered off" {
		t.Errorf("powered off: %+v", list)
	}
	l.must("remove", g, nil)
	if l.must("list", g, &list); len(list) != 0 {
		t.Errorf("removed: %+v", list)
	}
	g.Boot = 3
	l.must("start", g, nil)
	if got := l.sh("i-1", "cloud-init status --wait >/dev/null; ls /root"); got != "" {
		t.Errorf("a new disk has %q", got)
	}
}
