package supervisor

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

func TestFindGroups(t *testing.T) {
	const v1 = `33 32 0:30 / /sys/fs/cgroup/memory rw,relatime shared:15 - cgroup cgroup rw,memory
34 32 0:31 /box /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 32 0:32 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`
	const v2 = "35 32 0:32 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n"
	for name, c := range map[string]struct {
		mounts, paths, controllers string
		root                       bool
		want                       []place
	}{
		"version 1": {v1, "4:memory:/a/b\n3:cpu,cpuacct:/box/c\n2:devices:/\n0::/\n", "", true, []place{
			{"/sys/fs/cgroup/memory/a/b", false, []string{"memory"}}, {"/sys/fs/cgroup/cpu/c", false, []string{"cpu"}}}},
		"version 2, user": {v2, "0::/user.slice/run.scope\n", "cpu memory pids", false, []place{
			{"/sys/fs/cgroup/user.slice/run.scope", true, []string{"memory", "pids", "cpu"}}}},
		"version 2, root": {v2, "0::/user.slice/session.scope\n", "cpuset cpu memory pids", true, []place{{"/sys/fs/cgroup", true, []string{"memory", "pids", "cpu"}}}},
		"without memory":  {v2, "0::/user.slice\n", "pids", false, []place{{"/sys/fs/cgroup/user.slice", true, []string{"pids"}}}},
		"nothing":         {"", "0::/\n", "memory", true, nil},
	} {
		got := findGroups(c.mounts, c.paths, c.root, func(string) string { return c.controllers })
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestLimitsLine(t *testing.T) {
	for want, l := range map[string]Limits{
		"memory, processes, cpu by cgroup":                                                                    {Controllers: []string{"cpu", "memory", "pids"}},
		"not enforced: no control group is delegated to this user; mend: " + limitsMend:                       {Why: "no control group is delegated to this user"},
		"processes by cgroup; memory, cpu not enforced: the host does not delegate them; mend: " + limitsMend: {Controllers: []string{"pids"}},
	} {
		if got := l.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// bounds of the guests of these tests.
func small(id string) spec.Guest {
	g := newGuest(id, "")
	g.Limits = spec.Limits{MemoryBytes: 96 << 20, DiskBytes: 32 << 20, Processes: 300, CPUs: 1}
	return g
}

// TestLimits runs as whoever runs it: control groups are mostly root's.
func TestLimits(t *testing.T) {
	if l := ProbeLimits(); !slices.Contains(l.Controllers, memoryController) {
		t.Skip("no memory control group: " + l.String())
	}
	l := newLab(t)
	s, err := GetStatus(l.ctx, l.dir)
	if err != nil || !slices.Contains(s.Limits.Controllers, memoryController) {
		t.Fatalf("limits: %v %v", s.Limits, err)
	}
	l.must("start", small("i-1"), nil)
	l.must("start", small("i-2"), nil)
	if got := l.sh("i-1", "grep -v :/$ /proc/self/cgroup || true; cat /proc/self/oom_score_adj"); got != "500\n" {
		t.Errorf("a guest sees its control group, or does not die first: %q", got)
	}
	code, out := l.run("i-1", "", "sh", "-c", "head -c 400000000 /dev/zero | tail >/dev/null; kill -l $? 2>/dev/null; exit 7")
	if code != 7 || !strings.Contains(out, "KILL") && !strings.Contains(out, "9") {
		t.Errorf("a memory hog: %d %s", code, out)
	}
	l.console("i-1", "Out of memory: the kernel ended a process of this instance, which has 96 MiB of memory and a disk of 32 MiB")
	if got := l.sh("i-1", "echo alive"); got != "alive\n" {
		t.Errorf("the guest after its hog: %s", got)
	}
	l.must("stop", small("i-1"), nil)
	l.must("start", small("i-1"), nil)
	l.sh("i-1", "true")
	if err := l.handle.Stop(l.ctx); err != nil {
		t.Fatal(err)
	}
	own, err := ownGroups()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range own {
		left, _ := filepath.Glob(filepath.Join(p.dir, "musubi-*"))
		for _, d := range left {
			if strings.HasPrefix(filepath.Base(d), groupPrefix()) {
				t.Errorf("left behind: %s", d)
			}
		}
	}
}

// console waits until an instance's console says something.
func (l *lab) console(id, want string) {
	l.t.Helper()
	var console []byte
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		l.must("console", newGuest(id, ""), &console)
		if strings.Contains(string(console), want) {
			return
		}
		select {
		case <-l.ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	l.t.Errorf("the console of %s lacks %q:\n%s", id, want, console)
}

// TestForkBomb: a guest that makes as many processes as it can stops neither the
// others nor the daemon.
func TestForkBomb(t *testing.T) {
	asOrdinaryUser(t)
	l := newLab(t)
	l.must("start", small("i-1"), nil)
	l.must("start", small("i-2"), nil)
	// A shell gives up when it can not make another.
	code, out := l.run("i-1", "", "sh", "-c", "while true; do sleep 1000 & done 2>/dev/null")
	if code == 0 {
		t.Errorf("a fork bomb ends: %s", out)
	}
	began := time.Now()
	if got := l.sh("i-2", "ls / | wc -l; echo alive"); !strings.Contains(got, "alive") {
		t.Errorf("another guest: %s", got)
	}
	l.must("start", newGuest("i-3", ""), nil)
	l.sh("i-3", "true")
	t.Logf("others took %v", time.Since(began))
	l.must("remove", small("i-1"), nil)
}
