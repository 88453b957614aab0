// Package lab gives tests a throw-away world: user, mount, network and process
// namespaces of their own, in which the test binary runs again as the first
// process. When it ends, everything in them is gone. It works as root and as an
// ordinary user.
//
//	func TestMain(m *testing.M) { lab.Main(m) }
package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Environment variables from one run of the binary to the next.
const (
	insideVar = "MUSUBI_LAB_INSIDE"
	userVar   = "MUSUBI_LAB_USER"
)

// nobody is the ordinary user that stands for others when root runs the tests.
const nobody = 65534

// Main runs the tests in a lab and exits.
func Main(m *testing.M) { os.Exit(Run(m.Run)) }

// MainAsBoth is Main; if root runs it, the tests run once more as an ordinary
// user.
func MainAsBoth(m *testing.M) {
	if os.Getenv(insideVar) != "" || os.Getuid() != 0 || os.Getenv(userVar) != "" {
		Main(m)
	}
	if code := Run(m.Run); code != 0 {
		os.Exit(code)
	}
	fmt.Println("once more as an ordinary user")
	os.Exit(again(userVar, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}))
}

// Run runs f in a lab and returns its result: outside, it starts the binary
// again with the same arguments, inside.
func Run(f func() int) int {
	if os.Getenv(insideVar) != "" {
		if err := setUp(); err != nil {
			fmt.Fprintln(os.Stderr, "lab:", err)
			return 1
		}
		return f()
	}
	return again(insideVar, &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID |
			unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWCGROUP,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	})
}

// again runs the binary once more and returns its exit code.
func again(variable string, attributes *syscall.SysProcAttr) int {
	// The child is to die with this process; the kernel goes by the thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	attributes.Pdeathsig = syscall.SIGKILL
	args := os.Args[1:]
	if attributes.Credential != nil {
		args = slices.DeleteFunc(slices.Clone(args), writesFile)
	}
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), variable+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = attributes
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return max(exit.ExitCode(), 1)
	case errors.Is(err, unix.EPERM):
		fmt.Fprintln(os.Stderr, "lab: user namespaces are not allowed here (sysctl kernel.apparmor_restrict_unprivileged_userns=0 helps on Ubuntu):", err)
		return 1
	case err != nil:
		fmt.Fprintln(os.Stderr, "lab:", err)
		return 1
	}
	return 0
}

// writesFile tells whether a flag of the test binary names a file of go test's,
// which another user may not write.
func writesFile(flag string) bool {
	for _, f := range []string{"testlogfile", "coverprofile", "gocoverdir", "cpuprofile", "memprofile", "outputdir"} {
		if strings.HasPrefix(flag, "-test."+f+"=") {
			return true
		}
	}
	return false
}

// setUp makes the mounts private and puts a process file system and an empty
// /run in place.
func setUp() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := unix.Mount("lab", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	return nil
}

// Dir returns an empty directory on the lab's tmpfs, which holds bind mounts and
// sockets with short paths.
func Dir(t testing.TB) string {
	t.Helper()
	if os.Getenv(insideVar) == "" {
		t.Fatal("not in a lab: TestMain must call lab.Main")
	}
	dir, err := os.MkdirTemp("/run", strings.ToLower(filepath.Base(t.Name()))+"-")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
