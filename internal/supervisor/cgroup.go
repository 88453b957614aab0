package supervisor

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Controllers that bound a guest.
const (
	memoryController = "memory"
	pidsController   = "pids"
	cpuController    = "cpu"
)

var wantedControllers = [...]string{memoryController, pidsController, cpuController}

// hostGroup is a directory on the host below which guests get control groups of
// their own. In version 1 each controller has a hierarchy of its own.
type hostGroup struct {
	path        string // on the host
	v2          bool
	controllers []string
	file        *os.File
}

// hostGroups are made in the host's namespaces, by whoever starts the supervisor.
type hostGroups struct {
	groups []*hostGroup
	leaf   string // where Musubi's own processes went, if they had to leave
	why    string // what is not bounded, and why
}

// newHostGroups makes the directories that this process may make. name is unique.
func newHostGroups(name string) *hostGroups {
	h := &hostGroups{}
	own, err := ownGroups()
	if err != nil {
		h.why = err.Error()
		return h
	}
	var errs []error
	for _, p := range own {
		if p.v2 {
			dropEmpty(p.dir)
		}
		dir := filepath.Join(p.dir, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			errs = append(errs, plain(err))
			continue
		}
		f, err := os.Open(dir)
		if err != nil {
			errs = append(errs, plain(err), os.Remove(dir))
			continue
		}
		h.groups = append(h.groups, &hostGroup{path: dir, v2: p.v2, controllers: p.controllers, file: f})
	}
	var why []string
	for _, err := range errs {
		if err != nil && !slices.Contains(why, err.Error()) {
			why = append(why, err.Error())
		}
	}
	h.why = strings.Join(why, "; ")
	if len(own) == 0 {
		h.why = "the host has no control groups"
	}
	return h
}

// plain tells why a directory can not be made in the words of a user.
func plain(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return errors.New("no control group is delegated to this user")
	case errors.Is(err, unix.EROFS):
		return errors.New("the control groups are mounted read-only")
	}
	return err
}

// dirs are what is to be removed at the end.
func (h *hostGroups) dirs() []string {
	var out []string
	for _, g := range h.groups {
		out = append(out, g.path)
	}
	return out
}

func (h *hostGroups) close() {
	for _, g := range h.groups {
		_ = g.file.Close()
	}
}

// remove undoes newHostGroups where nothing was started.
func (h *hostGroups) remove() {
	h.close()
	for _, d := range h.dirs() {
		_ = os.Remove(d)
	}
}

// settle makes the controllers of version 2 work, which they only do in groups
// whose parent has no processes of its own: Musubi's may have to leave it. It
// describes what works, which the supervisor has from descriptor first on.
func (h *hostGroups) settle(first int, own ...int) []groupSetting {
	var out []groupSetting
	for n, g := range h.groups {
		if g.v2 {
			if err := h.enable(g, own); err != nil {
				h.why = err.Error()
				continue
			}
		}
		out = append(out, groupSetting{FD: first + n, V2: g.v2, Controllers: g.controllers})
	}
	return out
}

// groupName is a name that no other Musubi has.
func groupName() string { return groupPrefix() + strings.ToLower(rand.Text()[:8]) }

// groupPrefix begins the names that this process gives.
func groupPrefix() string { return fmt.Sprintf("musubi-%d-", os.Getpid()) }

func (h *hostGroups) enable(g *hostGroup, own []int) error {
	parent := filepath.Dir(g.path)
	err := enableControllers(parent, g.controllers)
	if errors.Is(err, unix.EBUSY) {
		h.leaf = g.path + leafSuffix
		if err := os.Mkdir(h.leaf, 0o755); err != nil {
			return err
		}
		for _, pid := range own {
			// One that has ended is gone from its group, too.
			if err := writeGroup(h.leaf, "cgroup.procs", strconv.Itoa(pid)); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("leave the control group: %w", plain(err))
			}
		}
		err = enableControllers(parent, g.controllers)
	}
	if errors.Is(err, unix.EBUSY) {
		return errors.New("the control group that Musubi was started in has other processes")
	}
	if err != nil {
		return plain(err)
	}
	return enableControllers(g.path, g.controllers)
}

// leafSuffix marks the group of Musubi's own processes.
const leafSuffix = "-up"

// dropEmpty removes groups of Musubis that have ended. One that is being started
// is younger than that.
func dropEmpty(parent string) {
	found, _ := filepath.Glob(filepath.Join(parent, "musubi-*"+leafSuffix))
	for _, d := range found {
		if info, err := os.Stat(d); err == nil && time.Since(info.ModTime()) > time.Minute {
			_ = os.Remove(d) // fails while it has processes
		}
	}
}

// enableControllers lets the groups below one have controllers.
func enableControllers(dir string, controllers []string) error {
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	if err != nil {
		return err
	}
	have := strings.Fields(string(text))
	for _, c := range controllers {
		if slices.Contains(have, c) {
			continue
		}
		if err := writeGroup(dir, "cgroup.subtree_control", "+"+c); err != nil {
			return err
		}
	}
	return nil
}

func writeGroup(dir, file, text string) error {
	return os.WriteFile(filepath.Join(dir, file), []byte(text), 0)
}

// place is a directory of a control group on the host.
type place struct {
	dir         string
	v2          bool
	controllers []string
}

// ownGroups finds where this process may have groups: below its own, or, for root
// in version 2, below the root of all, since its own has processes.
func ownGroups() ([]place, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	paths, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, errors.New("the kernel has no control groups")
	}
	return findGroups(string(mounts), string(paths), os.Geteuid() == 0, func(dir string) string {
		text, _ := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
		return string(text)
	}), nil
}

func findGroups(mounts, paths string, root bool, controllers func(dir string) string) []place {
	var out []place
	taken := map[string]bool{}
	add := func(dir string, v2 bool, have []string) {
		p := place{dir: dir, v2: v2}
		for _, c := range wantedControllers {
			if slices.Contains(have, c) && !taken[c] {
				taken[c], p.controllers = true, append(p.controllers, c)
			}
		}
		if len(p.controllers) > 0 {
			out = append(out, p)
		}
	}
	for line := range strings.Lines(paths) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		names, v2 := strings.Split(f[1], ","), f[1] == ""
		mount, base, ok := mountOf(mounts, names, v2)
		if !ok {
			continue
		}
		below, err := filepath.Rel(base, f[2])
		if err != nil || strings.HasPrefix(below, "..") {
			below = "."
		}
		dir := filepath.Join(mount, below)
		if v2 {
			if names = strings.Fields(controllers(dir)); root {
				dir, names = mount, strings.Fields(controllers(mount))
			}
		}
		add(dir, v2, names)
	}
	return out
}

// mountOf finds where a hierarchy is mounted, and which of its groups is there.
func mountOf(mounts string, names []string, v2 bool) (mount, base string, ok bool) {
	for line := range strings.Lines(mounts) {
		head, tail, found := strings.Cut(line, " - ")
		h, t := strings.Fields(head), strings.Fields(tail)
		if !found || len(h) < 5 || len(t) < 3 {
			continue
		}
		options := strings.Split(t[2], ",")
		if v2 && t[0] == "cgroup2" || !v2 && t[0] == "cgroup" && slices.ContainsFunc(names, func(n string) bool { return n != "" && slices.Contains(options, n) }) {
			return h[4], h[3], true
		}
	}
	return "", "", false
}
