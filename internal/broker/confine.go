package broker

import (
	"encoding/json"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// confine gives up what the broker does not need and executes the program once
// more, so that all of its threads have given it up: rights that it might have or
// gain, files that were left open, the directory that it was started in.
func confine(o Options) error {
	runtime.LockOSThread()
	signal.Ignore(unix.SIGINT, unix.SIGHUP, unix.SIGPIPE)
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := errors.Join(
		unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
		unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}),
		limitFiles(4*maxPending),
	); err != nil {
		return err
	}
	// Root would have all capabilities again, but for this. Others have none. The root
	// of the control groups is read-only even to its owner, who has to clean up there.
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		if c == unix.CAP_DAC_OVERRIDE && len(o.Cleanup) > 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
			break
		}
	}
	if err := closeOthers(); err != nil {
		return err
	}
	arg, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", []string{"musubi", Command, string(arg)}, environment())
}

// limitFiles lowers the number of descriptors.
func limitFiles(n uint64) error {
	var now unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &now); err != nil {
		return err
	}
	n = min(n, now.Max)
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: n})
}

// closeOthers lets no descriptor but the standard ones and the socket reach the
// program that is executed next.
func closeOthers() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > socketFD {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

// environment is what the look-up of names may need; the rest may be secret.
func environment() []string {
	var out []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if name == "LOCALDOMAIN" || name == "RES_OPTIONS" || name == "GODEBUG" {
			out = append(out, v)
		}
	}
	return out
}

// cleanUp removes directories, the deepest first. Their processes have been told to
// end, and take a moment to.
func cleanUp(dirs []string) error {
	var errs []error
	for _, d := range dirs {
		errs = append(errs, removeTree(d))
	}
	return errors.Join(errs...)
}

func removeTree(dir string) error {
	if !filepath.IsAbs(dir) {
		return errors.New("not removed, for it is not absolute: " + dir)
	}
	if f, err := os.OpenFile(filepath.Join(dir, "cgroup.kill"), os.O_WRONLY, 0); err == nil { // where the kernel has it
		_, _ = f.WriteString("1")
		_ = f.Close()
	}
	return retry(func() error { return removeOnce(dir) })
}

func removeOnce(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeOnce(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && !errors.Is(err, unix.ENOENT) {
		return &os.PathError{Op: "rmdir", Path: dir, Err: err}
	}
	return nil
}
