// Package netns makes, keeps and enters network namespaces. A namespace is held
// by a file that it is bind-mounted on, so that it outlives the process that
// made it; nothing needs to run inside.
//
// It may import nothing of the project.
package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// nsfsMagic is the file system type of a namespace's file.
const nsfsMagic = 0x6e736673

// self is the calling thread's network namespace. It is thread-self, because
// threads of one process may be in different namespaces.
const self = "/proc/thread-self/ns/net"

// Dir is a directory of namespaces, one file each.
type Dir struct{ path string }

// OpenDir returns the directory, which it makes if need be. It should be on a
// tmpfs of a private mount namespace: then nothing is left of it in the end.
func OpenDir(path string) (Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return Dir{}, fmt.Errorf("namespace directory: %w", err)
	}
	return Dir{path}, nil
}

// Path returns the file of the namespace.
func (d Dir) Path(name string) string { return filepath.Join(d.path, name) }

// Names lists the namespaces that exist.
func (d Dir) Names() ([]string, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	var names []string
	for _, e := range entries {
		if d.Has(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Has tells whether the namespace exists. A file that nothing is mounted on, as
// a crash may leave it, is none.
func (d Dir) Has(name string) bool {
	var s unix.Statfs_t
	return unix.Statfs(d.Path(name), &s) == nil && s.Type == nsfsMagic
}

// Create makes a namespace and opens it.
func (d Dir) Create(name string) (*NS, error) {
	if d.Has(name) {
		return nil, fmt.Errorf("namespace %s: %w", name, fs.ErrExist)
	}
	path := d.Path(name)
	if err := os.WriteFile(path, nil, 0o400); err != nil {
		return nil, fmt.Errorf("namespace %s: %w", name, err)
	}
	made := make(chan error, 1)
	go func() {
		// The thread is never unlocked: it is in the new namespace and ends with
		// this goroutine.
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			err = unix.Mount(self, path, "none", unix.MS_BIND, "")
		}
		made <- err
	}()
	if err := <-made; err != nil {
		return nil, errors.Join(fmt.Errorf("make namespace %s: %w", name, err), os.Remove(path))
	}
	return d.Open(name)
}

// Open opens a namespace that exists.
func (d Dir) Open(name string) (*NS, error) {
	if !d.Has(name) {
		return nil, fmt.Errorf("namespace %s: %w", name, fs.ErrNotExist)
	}
	fd, err := unix.Open(d.Path(name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open namespace %s: %w", name, err)
	}
	return &NS{name: name, fd: fd}, nil
}

// Ensure opens the namespace and makes it if need be; made tells which.
func (d Dir) Ensure(name string) (ns *NS, made bool, err error) {
	if d.Has(name) {
		ns, err = d.Open(name)
		return ns, false, err
	}
	ns, err = d.Create(name)
	return ns, err == nil, err
}

// Remove lets go of the namespace's file: the namespace ends when the last
// process and socket in it does. Removing one that is not there is no error.
func (d Dir) Remove(name string) error {
	path := d.Path(name)
	if d.Has(name) {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount namespace %s: %w", name, err)
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove namespace %s: %w", name, err)
	}
	return nil
}

// NS is an open namespace.
type NS struct {
	name string
	fd   int
}

// Name returns the name of the namespace.
func (n *NS) Name() string { return n.name }

// FD returns the descriptor, for messages that name a namespace by it.
func (n *NS) FD() int { return n.fd }

// Close closes the descriptor; the namespace remains.
func (n *NS) Close() error { return unix.Close(n.fd) }

// Do runs f on a thread inside the namespace. Sockets that f opens stay in it.
// f must not start goroutines that are meant to be inside too.
func (n *NS) Do(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := unix.Open(self, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			runtime.UnlockOSThread()
			done <- fmt.Errorf("own namespace: %w", err)
			return
		}
		defer func() { _ = unix.Close(home) }()
		if err := unix.Setns(n.fd, unix.CLONE_NEWNET); err != nil {
			runtime.UnlockOSThread()
			done <- fmt.Errorf("enter namespace %s: %w", n.name, err)
			return
		}
		err = f()
		// A thread that cannot leave stays locked, so that it ends with the
		// goroutine instead of running others in the wrong namespace.
		if back := unix.Setns(home, unix.CLONE_NEWNET); back == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}
