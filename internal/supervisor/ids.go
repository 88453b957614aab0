package supervisor

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// idRange maps size ids from inside on to the host's from outside on.
type idRange struct{ inside, outside, size int }

// idMaps are how user and group ids inside map to the host's. Where the host
// has set ids aside for this user, guests have more users than root.
type idMaps struct {
	users, groups []idRange
	// helpers are newuidmap and newgidmap; empty where this is the host's root,
	// who writes the maps itself.
	helpers [2]string
}

// availableIDs finds out what the host allows: only one id, in the worst case.
func availableIDs() idMaps {
	single := idMaps{
		users:  []idRange{{0, os.Getuid(), 1}},
		groups: []idRange{{0, os.Getgid(), 1}},
	}
	users, groups := subordinate("/etc/subuid"), subordinate("/etc/subgid")
	if users.size < 2000 || groups.size < 2000 {
		return single
	}
	many := idMaps{users: append(single.users, users), groups: append(single.groups, groups)}
	if os.Geteuid() == 0 {
		return many
	}
	for i, name := range []string{"newuidmap", "newgidmap"} {
		path, err := exec.LookPath(name)
		if err != nil {
			return single
		}
		many.helpers[i] = path
	}
	return many
}

// subordinate reads the range that a file sets aside for this user.
func subordinate(path string) idRange {
	text, err := os.ReadFile(path)
	if err != nil {
		return idRange{}
	}
	id := strconv.Itoa(os.Getuid())
	name := id
	if u, err := user.LookupId(id); err == nil {
		name = u.Username
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 3 || (f[0] != name && f[0] != id) {
			continue
		}
		first, err1 := strconv.Atoi(f[1])
		size, err2 := strconv.Atoi(f[2])
		if err1 == nil && err2 == nil {
			return idRange{1, first, min(size, 65535)}
		}
	}
	return idRange{}
}

func (m idMaps) many() bool { return len(m.users) > 1 }

// apply maps the ids of a new process that waits for it, and tells whether
// there are many. Where the helpers refuse, it has one id after all.
func (m idMaps) apply(pid int) (many bool, err error) {
	if !m.many() {
		return false, nil // mapped when the process was made
	}
	if m.helpers[0] == "" {
		return true, errors.Join(writeMap(pid, "uid_map", m.users), writeMap(pid, "gid_map", m.groups))
	}
	if m.help(0, pid, m.users) == nil && m.help(1, pid, m.groups) == nil {
		return true, nil
	}
	deny := os.WriteFile(fmt.Sprintf("/proc/%d/setgroups", pid), []byte("deny"), 0)
	if err := errors.Join(deny, writeMap(pid, "gid_map", m.groups[:1])); err != nil && !errors.Is(err, unix.EPERM) {
		return false, err
	}
	if err := writeMap(pid, "uid_map", m.users[:1]); err != nil && !errors.Is(err, unix.EPERM) {
		return false, err // EPERM: the helper had written it
	}
	return false, nil
}

func (m idMaps) help(which, pid int, ranges []idRange) error {
	args := []string{strconv.Itoa(pid)}
	for _, r := range ranges {
		args = append(args, strconv.Itoa(r.inside), strconv.Itoa(r.outside), strconv.Itoa(r.size))
	}
	return exec.Command(m.helpers[which], args...).Run()
}

func writeMap(pid int, name string, ranges []idRange) error {
	var s strings.Builder
	for _, r := range ranges {
		_, _ = fmt.Fprintf(&s, "%d %d %d\n", r.inside, r.outside, r.size)
	}
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", pid, name), []byte(s.String()), 0); err != nil {
		return fmt.Errorf("map ids: %w", err)
	}
	return nil
}

// namespaces are those of the supervisor.
func namespaces(ids idMaps) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS |
			unix.CLONE_NEWIPC,
		Setsid: true,
	}
	if !ids.many() {
		attr.UidMappings, attr.GidMappings = singleMaps()
	}
	return attr
}

func singleMaps() (users, groups []syscall.SysProcIDMap) {
	return []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		[]syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
}

// startProcess starts cmd. It gets no control group namespace: guests have theirs,
// and from within one it could not put them anywhere.
func startProcess(cmd *exec.Cmd) error {
	err := cmd.Start()
	if err == nil {
		return nil
	}
	return fmt.Errorf("this host does not let ordinary programs make namespaces (%w)%s", err, Obstacle())
}

// Obstacle names the setting of the host that forbids user namespaces, with
// the mend; it is empty if none of the known ones is set.
func Obstacle() string {
	for _, s := range []struct{ path, bad, mend string }{
		{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
			"sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for musubi that allows userns, or start it with sudo"},
		{"/proc/sys/kernel/unprivileged_userns_clone", "0", "sudo sysctl -w kernel.unprivileged_userns_clone=1, or start it with sudo"},
		{"/proc/sys/user/max_user_namespaces", "0", "sudo sysctl -w user.max_user_namespaces=15000"},
	} {
		text, err := os.ReadFile(s.path)
		if err == nil && strings.TrimSpace(string(text)) == s.bad {
			name := strings.ReplaceAll(strings.TrimPrefix(s.path, "/proc/sys/"), "/", ".")
			return fmt.Sprintf(": %s is %s; mend: %s", name, s.bad, s.mend)
		}
	}
	return ""
}
