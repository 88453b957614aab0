package supervisor

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// brokerOf watches the broker of a running Musubi.
func brokerOf(t *testing.T, ctx context.Context, dir string) (pidfd int) {
	t.Helper()
	status, err := GetStatus(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.PidfdOpen(status.Broker, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

// over tells whether a process ends within a time.
func over(pidfd int, within time.Duration) bool {
	for end := time.Now().Add(within); ; {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(max(0, time.Until(end)).Milliseconds()))
		if !errors.Is(err, unix.EINTR) {
			return n == 1
		}
	}
}

// TestBroker ends a Musubi in each way, after which its broker has cleaned up.
func TestBroker(t *testing.T) {
	asOrdinaryUser(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, how := range []string{"stop", "kill"} {
		t.Run(how, func(t *testing.T) {
			dir, left := t.TempDir(), filepath.Join(t.TempDir(), "group")
			if err := os.MkdirAll(filepath.Join(left, "i-1"), 0o700); err != nil {
				t.Fatal(err)
			}
			h, err := Start(ctx, Options{Dir: dir, Listen: "127.0.0.1:0", Daemon: []string{"__daemon"}, Output: os.Stderr, Cleanup: []string{left}})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = h.Kill() }()
			if err := h.Ready(ctx); err != nil {
				t.Fatal(err)
			}
			broker := brokerOf(t, ctx, dir)
			// A daemon that is killed takes nothing with it.
			status, err := GetStatus(ctx, dir)
			if err == nil {
				err = unix.Kill(status.DaemonPid, unix.SIGKILL)
			}
			if err != nil {
				t.Fatal(err)
			}
			if over(broker, 200*time.Millisecond) {
				t.Error("the broker ended with the daemon")
			}
			if how == "stop" {
				err = Stop(ctx, dir)
			} else {
				err = h.Kill()
			}
			if err != nil {
				t.Error(err)
			}
			if !over(broker, 0) {
				t.Error("the broker has not ended")
			}
			if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("not removed: %v", err)
			}
		})
	}
}

// TestBrokerAlone kills what the broker was started by, and for.
func TestBrokerAlone(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "__up", dir, "detach")
	cmd.Stderr = os.Stderr // a file: the supervisor keeps it
	if out, err := cmd.Output(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	broker := brokerOf(t, ctx, dir)
	status, err := GetStatus(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	if over(broker, 0) {
		t.Fatal("the broker ended with musubi up")
	}
	if err := unix.Kill(status.Pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if !over(broker, 30*time.Second) {
		t.Error("the broker outlived the supervisor")
	}
}
