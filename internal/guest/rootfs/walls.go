package rootfs

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// kept are the capabilities of a guest's root, those of a container: enough to
// be root in its own files and ports, not enough to mount, to configure the
// network or to reach the kernel.
var kept = []int{
	unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL, unix.CAP_SETGID,
	unix.CAP_SETUID, unix.CAP_SETPCAP, unix.CAP_NET_BIND_SERVICE, unix.CAP_NET_RAW, unix.CAP_SYS_CHROOT,
	unix.CAP_AUDIT_WRITE,
}

// Confine takes from the calling thread, which must be locked and must execute
// init next, what a guest may not have. The order matters: the filter forbids
// nothing that the steps after it need.
func Confine() error {
	if err := limits(); err != nil {
		return err
	}
	// By now this process is in its control group, whose name on the host is nobody's
	// business. Kernels without control groups have none.
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("control group namespace: %w", err)
	}
	// A session keyring of its own; kernels without keyrings have none to share.
	if _, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0); err != nil && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("keyring: %w", err)
	}
	if err := filter(); err != nil {
		return fmt.Errorf("seccomp: %w", err)
	}
	return dropCapabilities()
}

func dropCapabilities() error {
	keep := map[int]bool{}
	var set [2]unix.CapUserData
	for _, c := range kept {
		keep[c] = true
		set[c/32].Permitted |= 1 << (c % 32)
		set[c/32].Effective |= 1 << (c % 32)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("ambient capabilities: %w", err)
	}
	for c := range 64 {
		if keep[c] {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); errors.Is(err, unix.EINVAL) {
			break // beyond the last one of this kernel
		} else if err != nil {
			return fmt.Errorf("bounding set: %w", err)
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capset(&header, &set[0]); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	return nil
}

// limits are hard limits: no core dumps, whose handler would run on the host,
// and an end to fork bombs. The bound on processes is one for all guests, whose
// users are the same to the host. It has to be low where guests have none of their
// own.
func limits() error {
	processes := uint64(8192)
	if ownPidMax() {
		processes = 65536
	}
	for resource, want := range map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_NPROC: processes, unix.RLIMIT_NOFILE: 65536} {
		var l unix.Rlimit
		if err := unix.Getrlimit(resource, &l); err != nil {
			return fmt.Errorf("limits: %w", err)
		}
		l.Max = min(l.Max, want)
		l.Cur = l.Max
		if err := unix.Setrlimit(resource, &l); err != nil {
			return fmt.Errorf("limits: %w", err)
		}
	}
	return nil
}

// architecture is the audit name of the system calls' ABI.
func architecture() (uint32, bool) {
	switch runtime.GOARCH {
	case "amd64":
		return unix.AUDIT_ARCH_X86_64, true
	case "arm64":
		return unix.AUDIT_ARCH_AARCH64, true
	}
	return 0, false
}
