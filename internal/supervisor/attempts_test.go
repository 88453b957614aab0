package supervisor

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// attempt runs in a guest, as its root: it exits with 0 if it gets what it must
// not have.
func attempt(name string, args []string) int {
	f, ok := attempts()[name]
	if !ok {
		fmt.Println("no such attempt")
		return 3
	}
	if err := f(args); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// call makes a system call that is to fail.
func call(nr uintptr, a ...uintptr) error {
	var p [6]uintptr
	copy(p[:], a)
	_, _, errno := unix.Syscall6(nr, p[0], p[1], p[2], p[3], p[4], p[5])
	if errno == 0 {
		return nil
	}
	return errno
}

func pointer(s string) uintptr {
	b := append([]byte(s), 0)
	return uintptr(unsafe.Pointer(&b[0]))
}

const sysvKey = 4242

func attempts() map[string]func(args []string) error {
	page := make([]byte, 4096)
	buffer := uintptr(unsafe.Pointer(&page[0]))
	socket := func(family, kind int) func([]string) error {
		return func([]string) error { _, err := unix.Socket(family, kind, 0); return err }
	}
	write := func(path string) func([]string) error {
		return func([]string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("1")
			return errors.Join(err, f.Close())
		}
	}
	return map[string]func([]string) error{
		// the kernel
		"io_uring":          func([]string) error { return call(unix.SYS_IO_URING_SETUP, 8, buffer) },
		"bpf":               func([]string) error { return call(unix.SYS_BPF, 0, buffer, 128) },
		"userfaultfd":       func([]string) error { return call(unix.SYS_USERFAULTFD, 0) },
		"userfaultfd, user": func([]string) error { return call(unix.SYS_USERFAULTFD, 1) },
		"perf":              func([]string) error { return call(unix.SYS_PERF_EVENT_OPEN, buffer, 0, ^uintptr(0), ^uintptr(0), 0) },
		"keyring":           func([]string) error { return call(unix.SYS_KEYCTL, 0, ^uintptr(2), 1) },
		"add a key": func([]string) error {
			return call(unix.SYS_ADD_KEY, pointer("user"), pointer("k"), buffer, 8, ^uintptr(2))
		},
		"a module":       func([]string) error { return call(unix.SYS_FINIT_MODULE, 0, pointer(""), 0) },
		"kernel log":     func([]string) error { return call(unix.SYS_SYSLOG, 3, buffer, 4096) },
		"by handle":      func([]string) error { return call(unix.SYS_OPEN_BY_HANDLE_AT, 3, buffer, 0) },
		"mount":          func([]string) error { return unix.Mount("none", "/mnt", "tmpfs", 0, "") },
		"fsopen":         func([]string) error { return call(unix.SYS_FSOPEN, pointer("tmpfs"), 0) },
		"open_tree":      func([]string) error { return call(unix.SYS_OPEN_TREE, 0, pointer("/"), 1) },
		"user namespace": func([]string) error { return unix.Unshare(unix.CLONE_NEWUSER) },
		"clone3":         func([]string) error { return call(unix.SYS_CLONE3, buffer, 64) },
		"setns": func([]string) error {
			fd, err := unix.Open("/proc/1/ns/net", unix.O_RDONLY, 0)
			if err != nil {
				return err
			}
			return unix.Setns(fd, unix.CLONE_NEWNET)
		},
		"core_pattern":    write("/proc/sys/kernel/core_pattern"),
		"pid_max":         write("/proc/sys/kernel/pid_max"),
		"userns knob":     write("/proc/sys/user/max_user_namespaces"),
		"modprobe":        write("/proc/sys/kernel/modprobe"),
		"sysrq":           write("/proc/sysrq-trigger"),
		"a disk":          func([]string) error { return unix.Mknod("/tmp/d", unix.S_IFBLK|0o600, int(unix.Mkdev(254, 0))) },
		"memory":          func([]string) error { return unix.Mknod("/tmp/m", unix.S_IFCHR|0o600, int(unix.Mkdev(1, 1))) },
		"kvm":             func([]string) error { _, err := os.Open("/dev/kvm"); return err },
		"vsock":           socket(unix.AF_VSOCK, unix.SOCK_STREAM),
		"kernel crypto":   socket(unix.AF_ALG, unix.SOCK_SEQPACKET),
		"xdp":             socket(unix.AF_XDP, unix.SOCK_RAW),
		"bluetooth":       socket(unix.AF_BLUETOOTH, unix.SOCK_RAW),
		"configure":       func([]string) error { return setAddress() },
		"type for others": func([]string) error { return unix.IoctlSetPointerInt(0, unix.TIOCSTI, 'x') },
		// init, and what it holds
		"trace init": func([]string) error { return unix.PtraceAttach(1) },
		"init's descriptors": func([]string) error {
			links, _ := filepath.Glob("/proc/1/fd/*")
			for _, l := range links {
				if _, err := os.Readlink(l); err == nil {
					return nil
				}
				if f, err := os.Open(l); err == nil {
					return f.Close()
				}
			}
			return os.ErrPermission
		},
		"init's memory": func([]string) error { _, err := os.OpenFile("/proc/1/mem", os.O_RDWR, 0); return err },
		"take descriptors": func([]string) error {
			fd, err := unix.PidfdOpen(1, 0)
			if err != nil {
				return err
			}
			_, err = unix.PidfdGetfd(fd, 3, 0)
			return err
		},
		"read init": func([]string) error {
			local := []unix.Iovec{{Base: &page[0], Len: 8}}
			_, err := unix.ProcessVMReadv(1, local, []unix.RemoteIovec{{Base: 0x400000, Len: 8}}, 0)
			return err
		},
		"signal outside": func([]string) error { return unix.Kill(1<<20, 0) },
		// the program that all guests share
		"overwrite the program": func([]string) error { _, err := os.OpenFile("/proc/self/exe", os.O_RDWR, 0); return err },
		"make it writable":      func([]string) error { return os.Chmod("/proc/self/exe", 0o777) },
		"replace it":            func([]string) error { return os.WriteFile("/usr/lib/musubi/guest", nil, 0o755) },
		"move it":               func([]string) error { return os.Rename("/usr/lib/musubi/guest", "/usr/lib/musubi/other") },
		// out of the root
		"chroot": func(args []string) error {
			if err := errors.Join(os.MkdirAll("/tmp/jail", 0o755), unix.Chroot("/tmp/jail")); err != nil {
				return err
			}
			_, err := os.Stat(strings.Repeat("../", 40) + args[0])
			return err
		},
		"a link": func(args []string) error {
			if err := os.Symlink("/proc/1/root/"+strings.Repeat("../", 40)+args[0], "/tmp/out"); err != nil {
				return err
			}
			_, err := os.Stat("/tmp/out")
			return err
		},
		"a file of the host":   func(args []string) error { _, err := os.Stat(args[0]); return err },
		"a socket of the host": dial("unix"), "a port of the host": dial("tcp"), "an abstract socket": dial("unix"),
		"SysV memory": func([]string) error {
			_, _, errno := unix.Syscall(unix.SYS_SHMGET, sysvKey, 4096, 0)
			return found(errno)
		},
		"SysV queue": func([]string) error { _, _, errno := unix.Syscall(unix.SYS_MSGGET, sysvKey, 0, 0); return found(errno) },
		"a file of another": func([]string) error {
			for _, path := range []string{"/dev/shm/other", "/dev/mqueue/other", "/tmp/other"} {
				if _, err := os.Stat(path); err == nil {
					return nil
				}
			}
			return os.ErrNotExist
		},
		"a process of another": func([]string) error {
			lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, path := range lines {
				if text, _ := os.ReadFile(path); strings.Contains(string(text), "__attempt\x00hold") {
					return nil
				}
			}
			return os.ErrNotExist
		},
		// not one of them: what the other guest has
		"hold": func([]string) error { return hold() },
	}
}

func found(errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

func dial(network string) func([]string) error {
	return func(args []string) error {
		c, err := net.DialTimeout(network, args[0], 2*time.Second)
		if err != nil {
			return err
		}
		return c.Close()
	}
}

// setAddress gives the loopback another address.
func setAddress() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := ifr.SetInet4Addr([]byte{10, 9, 9, 9}); err != nil {
		return err
	}
	return unix.IoctlIfreq(fd, unix.SIOCSIFADDR, ifr)
}

// hold has one of everything, until it is ended.
func hold() error {
	if _, err := net.Listen("unix", "@other"); err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(unix.SYS_SHMGET, sysvKey, 4096, unix.IPC_CREAT|0o666); errno != 0 {
		return errno
	}
	if _, _, errno := unix.Syscall(unix.SYS_MSGGET, sysvKey, unix.IPC_CREAT|0o666, 0); errno != 0 && errno != unix.ENOSYS {
		return errno
	}
	for _, path := range []string{"/dev/shm/other", "/tmp/other"} {
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			return err
		}
	}
	if err := os.WriteFile("/tmp/holding", nil, 0o666); err != nil {
		return err
	}
	select {}
}

// TestAttempts lets a guest's root try to get at the host, at the supervisor and at
// another guest.
func TestAttempts(t *testing.T) {
	asOrdinaryUser(t)
	l := newLab(t)
	l.must("start", newGuest("i-1", ""), nil)
	l.must("start", newGuest("i-2", ""), nil)
	const program = "/usr/lib/musubi/guest"
	l.sh("i-2", "setsid "+program+" __attempt hold >/tmp/log 2>&1 & while [ ! -e /tmp/holding ]; do sleep 0.05; done")
	host, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = host.Close() }()
	marker := filepath.Join(t.TempDir(), "marker")
	if err := os.WriteFile(marker, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	arguments := map[string][][]string{
		"chroot": {{marker}, {"run/musubi/exe"}}, "a link": {{marker}}, "an abstract socket": {{"@other"}},
		"a file of the host":   {{marker}, {filepath.Join(l.dir, Socket)}, {StateDir}, {RunDir + "/exe"}, {"/etc/shadow.host"}},
		"a socket of the host": {{filepath.Join(StateDir, Socket)}, {filepath.Join(StateDir, DaemonSocket)}, {"/run/systemd/private"}, {"/var/run/docker.sock"}},
		"a port of the host":   {{host.Addr().String()}, {l.handle.Address}},
	}
	for name := range attempts() {
		if name == "hold" {
			continue
		}
		lines := arguments[name]
		if lines == nil {
			lines = [][]string{nil}
		}
		for _, args := range lines {
			l.sh("i-1", "rm -rf /tmp/jail /tmp/out")
			switch code, out := l.run("i-1", "", append([]string{program, "__attempt", name}, args...)...); code {
			case 0:
				t.Errorf("%s %v: it works", name, args)
			case 1:
			default:
				t.Errorf("%s %v: exit code %d: %s", name, args, code, out)
			}
		}
	}
	// It was there all the time.
	l.sh("i-2", "test -e /dev/shm/other && grep -q 'hold' /proc/[0-9]*/cmdline")
}
