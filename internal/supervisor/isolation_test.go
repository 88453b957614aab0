package supervisor

import (
	"os"
	"strings"
	"testing"
)

// TestIsolation tries, as a guest's root, to see or to touch the host.
func TestIsolation(t *testing.T) {
	asOrdinaryUser(t)
	l := newLab(t)
	l.must("start", newGuest("i-1", ""), nil)
	l.must("start", newGuest("i-2", ""), nil)
	l.sh("i-2", "echo secret > /tmp/secret; setsid sleep 4242 >/dev/null 2>&1 &")

	// Each must fail.
	for _, script := range []string{
		"ls -A /home /root /media /mnt /opt /srv | grep -v -e ec2-user -e ssm-user -e : -e bash -e '^$'",
		"ls /run | grep -v -e musubi -e lock -e cloud-init -e systemd",
		"find /run/systemd -type s -o -type f | grep -v journal",
		"ls /run/musubi | grep -v -e init.sock -e sudo.sock",
		"ls -A /sys | grep .",
		"cat /tmp/secret",
		"grep -e home -e /run/user -e musubi/state -e " + os.TempDir() + "/ /proc/self/mountinfo",
		"ps ax 2>/dev/null | grep 424[2]",
		"ls -d /proc/[0-9]* | wc -l | grep -v -w -e [1-9] -e 1[0-9]",
		"grep -v :/$ /proc/self/cgroup",
		// the kernel
		"echo x > /proc/sys/kernel/core_pattern", "echo 1 > /proc/sys/kernel/sysrq", "echo h > /proc/sysrq-trigger",
		"cat /proc/kcore | grep .", "cat /proc/keys | grep .", "dmesg", "echo 1 > /proc/sys/net/ipv4/ip_forward",
		"echo 1 > /proc/sys/user/max_user_namespaces",
		// mounts and namespaces
		"mount -t tmpfs none /mnt", "mount -t proc none /mnt", "mount -o remount,rw /proc/sys", "umount /proc/sys", "umount -l /proc/kcore",
		"unshare -U true", "unshare -m true", "unshare -Urm true", "unshare -n true", "nsenter -t 1 -m true",
		"mknod /tmp/disk b 8 0", "mknod /tmp/mem c 1 1",
		"echo x >> /usr/lib/musubi/guest", "rm -f /usr/lib/musubi/guest",
		// the network belongs to the supervisor
		"ip link add dummy0 type dummy", "ip addr add 10.9.9.9/32 dev lo", "ip netns exec x true",
		// other capabilities
		"chroot /proc/1/root/.. ls /host", "date -s 2001-01-01", "hostname other", "renice -n -20 $$",
		"swapoff -a -v | grep .",
		"grep CapBnd /proc/self/status | grep -v 00000000200425fb",
		// the overlay does not reach the host
		"touch /usr/bin/left && test -e /proc/1/root/nonesuch",
	} {
		if code, out := l.run("i-1", "", "sh", "-c", script); code == 0 {
			t.Errorf("%s: succeeded\n%s", script, out)
		}
	}
	if _, err := os.Stat("/usr/bin/left"); err == nil {
		t.Error("a guest wrote into the host's /usr")
	}
	// Descriptors: nothing but the standard ones reaches a program.
	if got := strings.TrimSpace(l.sh("i-1", "ls /proc/self/fd | tr '\\n' ' '")); got != "0 1 2 3" {
		t.Errorf("descriptors of a program: %q", got) // 3 is ls's own
	}
	// What a guest needs does work.
	for _, script := range []string{
		"test -w /tmp && touch /tmp/a /var/tmp/a /etc/own /usr/local/bin/own /usr/bin/own && rm /usr/bin/own",
		"echo x > /dev/null; head -c 1 /dev/urandom >/dev/null; echo x > /dev/shm/x",
		"su -c true root || id -un | grep root", "getent passwd ec2-user", "grep 'Amazon Linux' /etc/os-release",
		"test \"$(cat /proc/1/comm)\" != '' && test $(ls -d /proc/[0-9]* | wc -l) -lt 10",
		"python3 -c 'import ssl' 2>/dev/null || true", "exec 3<>/dev/ptmx",
	} {
		l.sh("i-1", script)
	}
}
