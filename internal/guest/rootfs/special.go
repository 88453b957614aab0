package rootfs

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/guest/initctl"
	"github.com/musubi-net/musubi/internal/guest/terminal"
)

// proc mounts a /proc of the guest's own processes and hides what tells of the
// host or changes it. That matters most where the host's root started Musubi:
// root here is then root to the files of /proc/sys.
func (b *builder) proc() error {
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	at := b.path("proc")
	if err := unix.Mount("proc", at, "proc", flags, ""); err != nil {
		return err
	}
	if b.cfg.Processes > 0 && ownPidMax() {
		if err := os.WriteFile(at+"/sys/kernel/pid_max", []byte(strconv.Itoa(b.cfg.Processes+reservedPids)), 0); err != nil {
			return fmt.Errorf("bound the processes: %w", err)
		}
	}
	for _, name := range []string{"bus", "fs", "irq", "sys", "sysrq-trigger"} {
		path := at + "/" + name
		if err := unix.Mount(path, path, "", unix.MS_BIND|unix.MS_REC, ""); errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		if err := readOnly(path, 0); err != nil {
			return err
		}
	}
	masked := []string{
		"acpi", "asound", "interrupts", "kcore", "keys", "kmsg", "latency_stats", "sched_debug", "scsi",
		"timer_list", "timer_stats", "kallsyms", "modules", "config.gz",
	}
	for _, name := range masked {
		if err := b.mask(at + "/" + name); err != nil {
			return fmt.Errorf("mask %s: %w", name, err)
		}
	}
	return nil
}

// reservedPids are never given again once the numbers have begun anew.
const reservedPids = 300

// ownPidMax tells whether the highest process number is each namespace's own,
// which bounds the processes in it without a control group. On older kernels it is
// the host's, and not to be touched.
func ownPidMax() bool {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return false
	}
	var major, minor int
	_, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor)
	return err == nil && (major > 6 || major == 6 && minor >= 14)
}

// mask covers a file with nothing, a directory with an empty one.
func (b *builder) mask(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return nil // not on this kernel
	}
	if info.IsDir() {
		if err := unix.Mount("tmpfs", path, "tmpfs", unix.MS_RDONLY, "size=0"); err != nil {
			return err
		}
		return nil
	}
	return unix.Mount(b.host("dev/null"), path, "", unix.MS_BIND, "")
}

// dev gives the guest the harmless devices, terminals of its own and shared
// memory.
func (b *builder) dev() error {
	if err := mountTmpfs(b.path("dev"), "mode=755,size=64k"); err != nil {
		return err
	}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		if err := bind(b.host("dev/"+name), b.path("dev/"+name)); err != nil {
			return err
		}
	}
	for _, d := range []string{"dev/pts", "dev/mqueue"} {
		if err := os.Mkdir(b.path(d), 0o755); err != nil {
			return err
		}
	}
	const flags = unix.MS_NOSUID | unix.MS_NOEXEC
	options := "newinstance,ptmxmode=0666,mode=0620"
	if b.cfg.ManyIDs {
		options += ",gid=5"
	}
	if err := unix.Mount("devpts", b.path("dev/pts"), "devpts", flags, options); err != nil {
		return fmt.Errorf("devpts: %w", err)
	}
	if err := mountTmpfs(b.path("dev/shm"), "mode=1777,size=256m"); err != nil {
		return err
	}
	// Without a kernel that has message queues there is nothing to mount.
	if err := unix.Mount("mqueue", b.path("dev/mqueue"), "mqueue", flags|unix.MS_NODEV, ""); err != nil {
		_ = os.Remove(b.path("dev/mqueue"))
	}
	for link, target := range map[string]string{
		"dev/ptmx": "pts/ptmx", "dev/fd": "/proc/self/fd", "dev/stdin": "/proc/self/fd/0",
		"dev/stdout": "/proc/self/fd/1", "dev/stderr": "/proc/self/fd/2", "dev/log": initctl.SyslogSocket,
	} {
		if err := os.Symlink(target, b.path(link)); err != nil {
			return err
		}
	}
	return nil
}

// console makes a terminal and shows its slave as /dev/console, so that user
// data may write there. Init reads the master.
func (b *builder) console() (*os.File, error) {
	master, slave, err := terminal.Open(b.path("dev/pts/ptmx"), b.path("dev/pts"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = slave.Close() }()
	if err := makeRaw(slave); err != nil {
		return nil, err
	}
	if err := bind(slave.Name(), b.path("dev/console")); err != nil {
		return nil, err
	}
	return master, nil
}

// makeRaw turns off everything that a terminal does to its input and output.
func makeRaw(f *os.File) error {
	_, err := terminal.Control(f, func(fd int) (int, error) {
		t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			return 0, err
		}
		t.Oflag &^= unix.OPOST
		t.Lflag &^= unix.ECHO | unix.ICANON
		return 0, unix.IoctlSetTermios(fd, unix.TCSETS, t)
	})
	return err
}
