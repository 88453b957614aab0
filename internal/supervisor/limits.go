package supervisor

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/guest/reap"
	"github.com/musubi-net/musubi/internal/spec"
)

// groupSetting tells the supervisor of a directory that it inherits.
type groupSetting struct {
	FD          int
	V2          bool     `json:",omitempty"`
	Controllers []string `json:",omitempty"`
}

func (h *hostGroups) files() []*os.File {
	var out []*os.File
	for _, g := range h.groups {
		out = append(out, g.file)
	}
	return out
}

// Limits tell how guests are bounded.
type Limits struct {
	// Controllers are those of control groups: memory, pids, cpu.
	Controllers []string `json:",omitempty"`
	// Why says what is missing.
	Why string `json:",omitempty"`
}

// limitsMend is what helps an ordinary user.
const limitsMend = "systemd-run --user --scope -p Delegate=yes musubi up"

// Complete tells whether all is bounded that can be.
func (l Limits) Complete() bool { return len(l.Controllers) == len(wantedControllers) }

// String is the line that people read.
func (l Limits) String() string {
	if l.Complete() {
		return l.line()
	}
	return l.line() + "; mend: " + limitsMend
}

func (l Limits) line() string {
	var have, lack []string
	for _, c := range wantedControllers {
		word := map[string]string{memoryController: "memory", pidsController: "processes", cpuController: "cpu"}[c]
		if slices.Contains(l.Controllers, c) {
			have = append(have, word)
		} else {
			lack = append(lack, word)
		}
	}
	switch {
	case len(lack) == 0:
		return strings.Join(have, ", ") + " by cgroup"
	case len(have) == 0:
		return "not enforced: " + l.Why
	}
	why := l.Why
	if why == "" {
		why = "the host does not delegate them"
	}
	return strings.Join(have, ", ") + " by cgroup; " + strings.Join(lack, ", ") + " not enforced: " + why
}

// ProbeLimits tells how guests would be bounded if Musubi were started now, as far
// as that can be seen without starting it.
func ProbeLimits() Limits {
	h := newHostGroups("musubi-probe-" + strconv.Itoa(os.Getpid()))
	defer h.remove()
	l := Limits{Why: h.why}
	for _, g := range h.groups {
		l.Controllers = append(l.Controllers, g.controllers...)
	}
	return l
}

// limiter bounds guests by the groups that the host lent.
type limiter struct {
	groups []groupSetting
	count  atomic.Int64 // names groups

	mu     sync.Mutex
	limits Limits
}

func newLimiter(s settings) *limiter {
	l := &limiter{groups: s.Groups, limits: Limits{Why: s.GroupsWhy}}
	for _, g := range s.Groups {
		l.limits.Controllers = append(l.limits.Controllers, g.Controllers...)
	}
	if !l.limits.Complete() {
		_, _ = fmt.Fprintf(os.Stderr, "musubi: limits: %s\n", l.limits)
	}
	return l
}

func (l *limiter) status() Limits {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.limits
}

// fail notes that a guest could not be bounded; the first time it is news.
func (l *limiter) fail(err error) (news bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	news = len(l.limits.Controllers) > 0
	l.limits = Limits{Why: err.Error()}
	return news
}

// bind bounds a guest by its first process.
func (i *instance) bind(p *reap.Process) *bounded {
	l := i.guests.limiter
	held, err := l.bind(fmt.Sprintf("%s.%d", i.id, l.count.Add(1)), p.Pid, i.spec.Limits, func() {
		_, _ = fmt.Fprintf(i.console, "Out of memory: the kernel ended a process of this instance, which has %d MiB of memory and a disk of %d MiB\n",
			i.spec.Limits.MemoryBytes>>20, diskBytes(i.spec.Limits)>>20)
	})
	if err != nil && l.fail(err) {
		_, _ = fmt.Fprintf(os.Stderr, "musubi: limits: %s\n", l.status())
	}
	return held
}

// bounded is what holds one guest.
type bounded struct {
	l    *limiter
	name string
	oom  *oomWatch
}

// bind puts a process, which does nothing yet, into groups of its own. killed is
// called when the kernel has ended something in them for want of memory.
func (l *limiter) bind(name string, pid int, want spec.Limits, killed func()) (*bounded, error) {
	b := &bounded{l: l, name: name}
	for _, g := range l.groups {
		if err := g.make(name); err != nil {
			b.release()
			return nil, err
		}
		for _, w := range g.bounds(want) {
			if err := g.write(name, w.file, w.text); err != nil && !w.optional {
				b.release()
				return nil, err
			}
		}
		if err := g.write(name, "cgroup.procs", strconv.Itoa(pid)); err != nil {
			b.release()
			return nil, err
		}
		if slices.Contains(g.Controllers, memoryController) {
			b.oom = g.watchMemory(name, killed) // nil where that can not be watched
		}
	}
	return b, nil
}

// release removes the groups of a guest that has ended. Its last processes may be
// on their way out still.
func (b *bounded) release() {
	if b == nil {
		return
	}
	b.oom.stop()
	for _, g := range b.l.groups {
		for range 100 {
			err := unix.Unlinkat(g.FD, b.name, unix.AT_REMOVEDIR)
			if !errors.Is(err, unix.EBUSY) {
				break // whatever else stays is removed from outside
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func (g groupSetting) make(name string) error {
	if err := unix.Mkdirat(g.FD, name, 0o755); err != nil {
		return fmt.Errorf("control group: %w", err)
	}
	return nil
}

func (g groupSetting) open(name, file string, flags int) (*os.File, error) {
	fd, err := unix.Openat(g.FD, name+"/"+file, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("control group: %s: %w", file, err)
	}
	return os.NewFile(uintptr(fd), file), nil
}

func (g groupSetting) write(name, file, text string) error {
	f, err := g.open(name, file, unix.O_WRONLY)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("control group: %s to %s: %w", text, file, err)
	}
	return nil
}

// bound is one file of a group. Some kernels have no optional ones.
type bound struct {
	file, text string
	optional   bool
}

// bounds are what to write for a guest. Its disk is memory, too.
func (g groupSetting) bounds(want spec.Limits) []bound {
	var out []bound
	add := func(optional bool, file string, value int64) {
		out = append(out, bound{file, strconv.FormatInt(value, 10), optional})
	}
	for _, c := range g.Controllers {
		switch {
		case c == memoryController && want.MemoryBytes > 0:
			total := want.MemoryBytes + diskBytes(want)
			if g.V2 {
				add(false, "memory.max", total)
				add(true, "memory.swap.max", 0)
				add(true, "memory.oom.group", 0)
			} else {
				add(false, "memory.limit_in_bytes", total)
				add(true, "memory.memsw.limit_in_bytes", total)
			}
		case c == pidsController && want.Processes > 0:
			add(false, "pids.max", int64(want.Processes))
		case c == cpuController && want.CPUs > 0:
			const period = 100000
			if g.V2 {
				add(true, "cpu.weight", int64(min(100*want.CPUs, 10000)))
				out = append(out, bound{"cpu.max", fmt.Sprintf("%d %d", want.CPUs*period, period), true})
			} else {
				add(true, "cpu.shares", int64(min(1024*want.CPUs, 262144)))
				add(true, "cpu.cfs_period_us", period)
				add(true, "cpu.cfs_quota_us", int64(want.CPUs*period))
			}
		}
	}
	return out
}
