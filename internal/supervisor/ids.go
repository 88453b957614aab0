package supervisor

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// idMap is how ids inside map to the host's. Without ranges only id 0 exists.
type idMap struct{}

func availableIDs() idMap { return idMap{} }

func (idMap) many() bool { return false }

func (idMap) apply(int) error { return nil }

// namespaces are those of the supervisor.
func namespaces(ids idMap) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS |
			unix.CLONE_NEWIPC | unix.CLONE_NEWCGROUP,
		Setsid: true,
	}
	if !ids.many() {
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return attr
}

// startProcess starts cmd, without a cgroup namespace where the kernel has none.
func startProcess(cmd *exec.Cmd) error {
	err := cmd.Start()
	if errors.Is(err, unix.EINVAL) {
		again := exec.Command(cmd.Path, cmd.Args[1:]...)
		again.Args[0] = cmd.Args[0]
		again.ExtraFiles, again.Stdout, again.Stderr, again.SysProcAttr = cmd.ExtraFiles, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr
		again.SysProcAttr.Cloneflags &^= unix.CLONE_NEWCGROUP
		*cmd = *again //nolint:govet // cmd was not started
		err = cmd.Start()
	}
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
