package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestInstanceLimits: an instance has the memory, the processes and the disk of
// its type, and what it does with them is nobody else's trouble.
func TestInstanceLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.vpc("10.0.0.0/16")
	subnet, open := w.subnet(v, "10.0.0.0/24", 0), w.open(v)
	one := w.launch("one", subnet, open, "", "InstanceType", "t3.nano",
		"BlockDeviceMapping.1.DeviceName", "/dev/xvda", "BlockDeviceMapping.1.Ebs.VolumeSize", "8")
	two := w.launch("two", subnet, open, "")
	w.running(one, two)
	line := w.status().Process.Limits
	if human := w.must("status"); !strings.Contains(human, "limits     "+line) {
		t.Errorf("status does not say %q:\n%s", line, human)
	}
	if out := w.try("doctor"); !strings.Contains(out, line) {
		t.Errorf("doctor does not say %q:\n%s", line, out)
	}
	t.Logf("limits: %s", line)
	enforced, _, some := strings.Cut(line, " by cgroup")
	if some == strings.HasPrefix(line, "not enforced") {
		t.Errorf("neither enforced nor not: %s", line)
	}
	l := limitsLab{w, two}
	if some && strings.Contains(enforced, "memory") {
		l.memory(one)
	}
	if some && strings.Contains(enforced, "processes") {
		l.processes(one)
	}
	l.disk(subnet, open)
}

type limitsLab struct {
	*world
	other string
}

// unharmed: another instance works on.
func (l limitsLab) unharmed(what string) {
	l.t.Helper()
	begin := time.Now()
	if out, err := l.exec(l.other, "dd if=/dev/zero of=/root/file bs=1M count=4 2>/dev/null && (sleep 0; echo alive)"); err != nil || out != "alive\n" {
		l.t.Errorf("another instance, when there is %s: %v %s", what, err, out)
	}
	l.t.Logf("%s: another instance answers in %v", what, time.Since(begin).Round(time.Millisecond))
	if s := l.state(l.other); s != "running" {
		l.t.Errorf("another instance is %s", s)
	}
}

// memory: what a t3.nano has is to be had. It is bounded together with the disk,
// which is memory: the supervisor's tests exceed that with a small disk.
func (l limitsLab) memory(id string) {
	l.t.Helper()
	hog := func(from, mib string) (string, error) {
		return l.exec(from, "head -c "+mib+"m /dev/zero | tail -c "+mib+"m | wc -c; echo ended")
	}
	if out, err := hog(id, "200"); err != nil || out != "209715200\nended\n" {
		l.t.Errorf("200 MiB of 512: %v %s", err, out)
	}
	l.unharmed("much memory in use")
}

// processes: a fork bomb ends where its instance does.
func (l limitsLab) processes(id string) {
	l.t.Helper()
	out, err := l.exec(id, "i=0; while [ $i -lt 20000 ]; do sleep 60 >/dev/null 2>&1 & i=$((i+1)); done 2>&1 | tail -1; true")
	if !strings.Contains(strings.ToLower(out+fmt.Sprint(err)), "fork") {
		l.t.Errorf("a fork bomb: %v %s", err, tail(out, 300))
	}
	l.unharmed("a fork bomb")
	l.ec2("RebootInstances", "InstanceId.1", id)
	l.eventually(30*time.Second, "the instance to boot again", func() bool {
		out, err := l.exec(id, "cat /proc/[0-9]*/comm | grep -c sleep; true")
		return err == nil && out == "0\n"
	})
}

// disk: a full one is full in its instance alone.
func (l limitsLab) disk(subnet, group string) {
	l.t.Helper()
	image := l.importImage(l.dockerSave(containerImage(l.t, v1.ConfigFile{}, busyboxFiles(l.t, "small")...), "example/small:1"))
	w := *l.world
	w.image = image
	id := w.launch("full", subnet, group, "", "BlockDeviceMapping.1.DeviceName", "/dev/xvda", "BlockDeviceMapping.1.Ebs.VolumeSize", "8")
	l.running(id)
	if out := l.mustExec(id, "df -m / | tail -1 | awk '{print ($2 > 8000 && $2 <= 8192)}'"); out != "1\n" {
		l.t.Errorf("the size of a disk of 8 GiB: %s", l.mustExec(id, "df -m /"))
	}
	// More than all of it is refused before any of it is taken: this machine need not have it.
	out, err := l.exec(id, "fallocate -l 9G /root/large")
	if err == nil || !strings.Contains(out, "No space left on device") {
		l.t.Errorf("9 GiB on a disk of 8: %v %s", err, out)
	}
	if out := l.mustExec(id, "fallocate -l 1M /root/small && wc -c </root/small"); out != "1048576\n" {
		l.t.Errorf("after that: %s", out)
	}
	l.unharmed("a full disk")
}
