package rootfs

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forbidden are system calls that answer EPERM in a guest: they reach the
// kernel or the host's log past the namespaces, or widen what can be attacked.
var forbidden = []uintptr{
	unix.SYS_SYSLOG, unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD,
	unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN,
	unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
	unix.SYS_SETNS, unix.SYS_UNSHARE, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_NAME_TO_HANDLE_AT,
	unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_REBOOT, unix.SYS_ACCT, unix.SYS_QUOTACTL, unix.SYS_LOOKUP_DCOOKIE,
	unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX,
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_MBIND, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES, unix.SYS_VHANGUP, unix.SYS_NFSSERVCTL,
}

// families are the sockets that there are in a guest: all others, AF_VSOCK above
// all, are not bound to a network namespace, or of no use there.
var families = []uint32{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK, unix.AF_PACKET}

const x32Bit = 0x40000000

// filter installs the system call filter on this thread; what it executes
// inherits it. Calls of another ABI (32 bit) get ENOSYS, as does clone3, whose
// flags a filter cannot read: the C library then uses clone.
func filter() error {
	arch, ok := architecture()
	if !ok {
		return fmt.Errorf("no system call filter for %s", runtime.GOARCH)
	}
	deny := func(errno unix.Errno) uint32 { return unix.SECCOMP_RET_ERRNO | uint32(errno) }
	p := []unix.SockFilter{
		load(4), equal(arch, 1, 0), ret(deny(unix.ENOSYS)),
		load(0),
	}
	if runtime.GOARCH == "amd64" {
		p = append(p, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: x32Bit, Jt: 0, Jf: 1}, ret(deny(unix.ENOSYS)))
	}
	for _, nr := range forbidden {
		p = append(p, equal(uint32(nr), 0, 1), ret(deny(unix.EPERM)))
	}
	if text, err := os.ReadFile("/proc/self/setgroups"); err == nil && strings.TrimSpace(string(text)) == "deny" {
		// A guest with a single id has no groups to set, and says that it did: servers
		// such as sshd give up otherwise.
		p = append(p, equal(unix.SYS_SETGROUPS, 0, 1), ret(deny(0)))
	}
	p = append(p, equal(unix.SYS_CLONE3, 0, 1), ret(deny(unix.ENOSYS)))
	// clone with any new namespace, in the low half of its first argument.
	const spaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWIPC |
		unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP
	p = append(p, equal(unix.SYS_CLONE, 0, 3), load(16),
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: spaces, Jt: 0, Jf: 1}, ret(deny(unix.EPERM)))
	// Sockets that no network namespace holds reach the host, or its hypervisor.
	p = append(p, load(0), equal(unix.SYS_SOCKET, 0, uint8(len(families)+2)), load(16))
	for n, f := range families {
		p = append(p, equal(f, uint8(len(families)-n), 0))
	}
	p = append(p, ret(deny(unix.EAFNOSUPPORT)))
	// ioctl TIOCSTI types into a terminal on somebody's behalf.
	p = append(p, load(0), equal(unix.SYS_IOCTL, 0, 3), load(24), equal(unix.TIOCSTI, 0, 1), ret(deny(unix.EPERM)))
	p = append(p, ret(unix.SECCOMP_RET_ALLOW))
	prog := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog)), 0, 0)
	runtime.KeepAlive(p)
	return err
}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

func equal(k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jt: yes, Jf: no}
}

func ret(k uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k}
}
