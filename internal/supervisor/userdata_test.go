package supervisor

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/guest"
)

const cloudConfig = `#cloud-config
hostname: web
prefer_fqdn_over_hostname: false
manage_etc_hosts: true
packages: [httpd]
groups: [ops: [root]]
users:
- default
- {name: alice, groups: 'wheel, docker', sudo: 'ALL=(ALL) NOPASSWD:ALL', uid: 2000, ssh_authorized_keys: [ssh-ed25519 AAAA alice]}
ssh_authorized_keys: [ssh-ed25519 BBBB me]
write_files:
- {path: /srv/a/b, content: aGVsbG8K, encoding: b64, permissions: '0640', owner: 'apache:nobody'}
- {path: /srv/a/b, content: "more\n", append: true, permissions: '0640', owner: 'apache:nobody'}
- {path: /srv/late, content: "late\n", defer: true}
bootcmd: [echo boot $INSTANCE_ID >>/root/boots]
runcmd:
- [sh, -c, 'echo "$1" >>/root/runs', sh, "it's"]
- cat /srv/late >>/root/runs
final_message: "All is up: $UPTIME seconds"
ntp: {enabled: true}
`

const mixedData = `Content-Type: multipart/mixed; boundary="//"
MIME-Version: 1.0

--//
Content-Type: text/cloud-config
Content-Disposition: attachment; filename="cloud-config.txt"

#cloud-config
cloud_final_modules: [[scripts-user, always]]
--//
Content-Type: text/x-shellscript
Content-Disposition: attachment; filename="b.sh"

#!/bin/sh
echo b >>/root/order
exit 3
--//
Content-Type: text/x-shellscript
Content-Disposition: attachment; filename="a.sh"

#!/bin/sh
echo a >>/root/order
--//
Content-Type: text/cloud-boothook

#cloud-boothook
cloud-init-per once hook echo hook >>/root/once
echo hook >>/root/hooks
--//
Content-Type: text/x-include-url

file:///etc/hostname
file:///none
--//--
`

// TestUserData: what cloud-init makes of user data, in guests of their own.
func TestUserData(t *testing.T) {
	asOrdinaryUser(t)
	l := newLab(t)
	many := l.startConfig(t)
	t.Run("cloud-config", func(t *testing.T) { cloudConfigTests(t, l, many) })
	t.Run("once", func(t *testing.T) { onceTests(t, l) })
	t.Run("parts", func(t *testing.T) { partsTests(t, l) })
	t.Run("power", func(t *testing.T) { powerTests(t, l) })
	t.Run("failures", func(t *testing.T) { failureTests(t, l) })
}

// startConfig starts the guest with a configuration, compressed, and tells
// whether guests have users besides root.
func (l *lab) startConfig(t *testing.T) bool {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(cloudConfig)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	g := newGuest("i-1", "")
	g.UserData = zipped.Bytes()
	l.must("start", g, nil)
	l.run("i-1", "", "cloud-init", "status", "--wait")
	return strings.TrimSpace(l.sh("i-1", "awk '{n+=$3} END {print n}' /proc/self/uid_map")) != "1"
}

func cloudConfigTests(t *testing.T, l *lab, many bool) {
	for script, want := range map[string]string{
		"cloud-init status":                  "status: done\n",
		"cloud-init status --long | tail -1": "DataSourceEc2Local\n",
		"hostname; cat /etc/hostname":        "web\nweb\n",
		"grep -c '^127.0.0.1 web.ap-northeast-1.compute.internal web$' /etc/hosts": "1\n",
		"cat /srv/a/b":                                                                      "hello\nmore\n",
		"cat /root/boots":                                                                   "boot i-1\n",
		"cat /root/runs":                                                                    "it's\nlate\n",
		"test -x /usr/sbin/httpd && echo there":                                             "there\n",
		"grep -c '^ops:x:.*:root$' /etc/group":                                              "1\n",
		"cat /home/ec2-user/.ssh/authorized_keys":                                           "ssh-ed25519 BBBB me\n",
		"stat -c %a /home/ec2-user/.ssh/authorized_keys":                                    "600\n",
		"grep -c 'rather than the user' /root/.ssh/authorized_keys":                         "1\n",
		"tail -1 /etc/sudoers.d/90-cloud-init-users | cut -d' ' -f2-":                       "ALL=(ALL) NOPASSWD:ALL\n",
		"grep -c '^All is up: [0-9.]* seconds$' /var/log/cloud-init-output.log":             "1\n",
		"grep -c 'WARNING.*ntp is not carried out' /var/log/cloud-init.log":                 "1\n",
		"test -f /var/lib/cloud/instance/boot-finished && readlink /var/lib/cloud/instance": "instances/i-1\n",
		"cat /run/cloud-init/result.json | tr -d ' \n'":                                     `{"v1":{"datasource":"DataSourceEc2Local","errors":[]}}`,
		"stat -c %a /var/lib/cloud/instance/user-data.txt":                                  "600\n",
	} {
		if got := l.sh("i-1", script); got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
	if !many {
		for script, want := range map[string]string{
			"grep -c ^alice: /etc/passwd || true":                         "0\n",
			"grep -c 'User alice is not created' /var/log/cloud-init.log": "1\n",
			"stat -c '%u %a' /srv/a/b":                                    "0 640\n",
			"grep -c '/srv/a/b stays root' /var/log/cloud-init.log":       "2\n",
		} {
			if got := l.sh("i-1", script); got != want {
				t.Errorf("%s: %q, want %q", script, got, want)
			}
		}
		return
	}
	for script, want := range map[string]string{
		"grep ^alice: /etc/passwd":                         "alice:x:2000:2000::/home/alice:/bin/bash\n",
		"grep ^alice: /etc/shadow | cut -d: -f2":           "!!\n",
		"id -Gn alice":                                     "alice wheel docker\n",
		"stat -c '%U %a' /home/alice /home/alice/.ssh":     "alice 700\nalice 700\n",
		"sudo -u alice sh -c 'cat ~/.ssh/authorized_keys'": "ssh-ed25519 AAAA alice\n",
		"stat -c '%U:%G %a' /srv/a/b":                      "apache:nobody 640\n",
	} {
		if got := l.sh("i-1", script); got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
}

// onceTests: a reboot runs what is for every boot, and nothing else.
func onceTests(t *testing.T, l *lab) {
	_, _ = Exec(l.ctx, l.dir, "i-1", ExecOptions{Argv: []string{"reboot"}}) // whether its end or the guest's is first seen is chance
	l.rebooted("i-1")
	if got := l.sh("i-1", "cloud-init status --wait >/dev/null; wc -l </root/boots; wc -l </root/runs; wc -l </srv/a/b; hostname"); got != "2\n2\n2\nweb\n" {
		t.Errorf("after a reboot: %q", got)
	}
}

// rebooted waits until a guest has rebooted by itself.
func (l *lab) rebooted(id string) {
	l.t.Helper()
	rebooted := false
	for e := (guest.Event{}); !rebooted || e.InstanceID != id || e.Kind != guest.EventRunning; {
		l.must("event", newGuest(id, ""), &e)
		rebooted = rebooted || e.InstanceID == id && e.Kind == guest.EventRebooted
	}
}

// powerTests: the user data reboots the instance, once.
func powerTests(t *testing.T, l *lab) {
	l.must("start", newGuest("i-4", "#cloud-config\npower_state: {mode: reboot, condition: test -e /root/ran}\nruncmd: [touch /root/ran]\nbootcmd: [echo >>/root/boots]\n"), nil)
	l.rebooted("i-4")
	if got := l.sh("i-4", "cloud-init status --wait | tail -1; wc -l </root/boots"); got != "status: done\n2\n" {
		t.Errorf("after its reboot: %q", got)
	}
}

func partsTests(t *testing.T, l *lab) {
	g := newGuest("i-2", mixedData)
	l.must("start", g, nil)
	const words = "cloud-init status --wait | tail -1; for f in order hooks once; do tr '\\n' ' ' </root/$f; done"
	if _, got := l.run("i-2", "", "sh", "-c", words); got != "status: error\na b hook hook " {
		t.Errorf("first boot: %q", got)
	}
	for script, want := range map[string]string{
		"grep -c 'Failed to run /var/lib/cloud/instance/scripts/b.sh \\[3\\]' /var/log/cloud-init-output.log": "1\n",
		"grep -c 'Fetching from file:///none resulted in' /var/log/cloud-init.log":                            "1\n",
		"grep -c 'Unhandled non-multipart.*ip-10-0-1-10' /var/log/cloud-init-output.log":                      "1\n", // what was included is no script
		"cloud-init status --long | tail -1":                                                                  "('scripts-user', RuntimeError('Runparts: 2 failures (b.sh,part-005) in 3 attempted commands'))\n",
	} {
		if _, got := l.run("i-2", "", "sh", "-c", script); got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
	g.Boot++
	l.must("start", g, nil)
	if _, got := l.run("i-2", "", "sh", "-c", words); got != "status: error\na b a b hook hook hook " {
		t.Errorf("second boot: %q", got)
	}
}

// failureTests: what fails is told and does not stop the rest.
func failureTests(t *testing.T, l *lab) {
	l.must("start", newGuest("i-3", `#cloud-config
packages: [nonesuch]
timezone: No/Where
write_files: [{path: /a, owner: 'who:who'}, {path: /b}]
output: {config: '>> /root/config.log', final: '| tee -a /root/final.log'}
runcmd: [echo ran]
`), nil)
	_, got := l.run("i-3", "", "sh", "-c", "cloud-init status --wait --long")
	for _, want := range []string{"status: error", "('write-files', RuntimeError('Unknown user or group", "('timezone', RuntimeError('Invalid timezone No/Where",
		"('package-update-upgrade-install', RuntimeError('dnf -y install nonesuch: "} {
		if !strings.Contains(got, want) {
			t.Errorf("status: %s\nwant %q", got, want)
		}
	}
	for script, want := range map[string]string{
		"test -e /b || echo none":                           "none\n",
		"grep -c timezone /root/config.log":                 "1\n",
		"grep -c ^ran /root/final.log":                      "1\n",
		"grep -c ^ran /var/log/cloud-init-output.log||true": "0\n",
	} {
		if got := l.sh("i-3", script); got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
}
