package supervisor

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Paths inside the supervisor's mount namespace. They are private to it.
const (
	// RunDir is a tmpfs for whatever lives as long as this Musubi.
	RunDir = "/run/musubi"
	// StateDir is the state directory, wherever on the host it is.
	StateDir = RunDir + "/state"

	guestsDir = RunDir + "/guests"
	exeFile   = RunDir + "/exe"
)

// enter furnishes the new namespaces.
func (s *supervisor) enter() error {
	steps := []struct {
		what string
		do   func() error
	}{
		{"working directory", func() error { return os.Chdir("/") }},
		{"state directory", s.openState},
		{"make mounts private", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }},
		{"mount a private /run", s.mountRun},
		{"copy the program", copyProgram},
		{"mount /proc", mountProc},
		{"loopback", loopbackUp},
		{"hostname", func() error { return unix.Sethostname([]byte("musubi")) }},
		{"forbid further user namespaces", forbidUserNamespaces},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

func (s *supervisor) openState() (err error) {
	s.dir, err = openDir(s.settings.Dir)
	return err
}

// mountRun hides the host's /run, with its sockets, and shows the state
// directory at a path that does not depend on the host.
func (s *supervisor) mountRun() error {
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return err
	}
	for _, d := range []string{RunDir, StateDir, guestsDir} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return err
		}
	}
	raw, err := s.dir.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) {
		inner = unix.Mount(fmt.Sprintf("/proc/self/fd/%d", fd), StateDir, "", unix.MS_BIND, "")
	}); err != nil {
		return err
	}
	return inner
}

// copyProgram keeps the running program at hand for guests, even if its file
// is replaced, and without a path of the host in their mount tables.
func copyProgram() error {
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	to, err := os.OpenFile(exeFile, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o555)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close(), os.Chmod(exeFile, 0o555))
}

func mountProc() error {
	err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w; this happens inside a container that hides parts of /proc; mend: start the container with --security-opt systempaths=unconfined", err)
	}
	return err
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, ifr); err != nil {
		return err
	}
	ifr.SetUint16(ifr.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)
}

// forbidUserNamespaces keeps guests from gaining rights in namespaces of their
// own. Guests are filtered too; this is a second wall, so a kernel without the
// setting is no failure.
func forbidUserNamespaces() error {
	err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return nil
	}
	return err
}
