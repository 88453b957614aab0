package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Names of the sockets in the state directory.
const (
	Socket       = "supervisor.sock" // served by the supervisor
	DaemonSocket = "daemon.sock"     // served by the daemon
	lockFile     = "lock"
)

// ErrNotRunning says that no Musubi serves a state directory.
var ErrNotRunning = errors.New("no Musubi is running")

// ErrRunning says that a Musubi already serves a state directory.
var ErrRunning = errors.New("a Musubi is already running")

// socketAddress names a socket in a directory of any depth: the path in an
// address may have 107 bytes only, so it leads through an open descriptor.
func socketAddress(dir *os.File, name string) *net.UnixAddr {
	raw, err := dir.SyscallConn()
	fd := -1
	if err == nil {
		_ = raw.Control(func(n uintptr) { fd = int(n) })
	}
	return &net.UnixAddr{Name: filepath.Join("/proc/self/fd", strconv.Itoa(fd), name), Net: "unix"}
}

func openDir(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return os.NewFile(uintptr(fd), dir), nil
}

// DialSocket connects to a socket of a running Musubi by the name of its state
// directory. The error wraps ErrNotRunning if nobody answers.
func DialSocket(ctx context.Context, dir, name string) (*net.UnixConn, error) {
	d, err := openDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w in %s", ErrNotRunning, dir)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unix", socketAddress(d, name).Name)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED) {
		return nil, fmt.Errorf("%w in %s", ErrNotRunning, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to %s in %s: %w", name, dir, err)
	}
	return c.(*net.UnixConn), nil
}

// listenSocket opens a socket that only its owner may use, in place of one that
// a Musubi which was killed left behind.
func listenSocket(dir *os.File, name string) (*os.File, error) {
	address := socketAddress(dir, name)
	if err := os.Remove(address.Name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", name, err)
	}
	defer func() { _ = l.Close() }()
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(address.Name, 0o600); err != nil {
		return nil, err
	}
	return l.File()
}

// lock takes the state directory. A lock file that was removed between opening
// and locking it is not the lock any more.
func lock(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockFile)
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			_ = f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, fmt.Errorf("%w in %s; stop it with musubi down, or choose another --dir", ErrRunning, dir)
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		mine, err1 := f.Stat()
		there, err2 := os.Stat(path)
		if err1 == nil && err2 == nil && os.SameFile(mine, there) {
			return f, nil
		}
		_ = f.Close()
	}
}
