package supervisor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/spec"
)

// inNamespacesOf lists the processes that share a process's user namespace.
func inNamespacesOf(t *testing.T, space string) []string {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/ns/user")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == space {
			name, _ := os.ReadFile(filepath.Dir(filepath.Dir(link)) + "/cmdline")
			found = append(found, link+" "+string(name))
		}
	}
	return found
}

func spaceOf(t *testing.T, pid int) string {
	t.Helper()
	space, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/user", pid))
	if err != nil {
		t.Fatal(err)
	}
	return space
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func mounts(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLeavesNothing(t *testing.T) {
	asOrdinaryUser(t)
	before := mounts(t)
	for _, how := range []string{"stop", "kill"} {
		t.Run(how, func(t *testing.T) {
			l := newLab(t)
			l.must("start", newGuest("i-1", ""), nil)
			l.sh("i-1", "setsid sleep 1000 >/dev/null 2>&1 &")
			space := spaceOf(t, l.handle.Pid)
			if len(inNamespacesOf(t, space)) < 4 {
				t.Error("the processes are not found")
			}
			for _, name := range []string{Socket, DaemonSocket, lockFile} {
				if info, err := os.Stat(filepath.Join(l.dir, name)); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%s: %v %v", name, info, err)
				}
			}
			var err error
			if how == "stop" {
				err = Stop(l.ctx, l.dir)
			} else {
				err = l.handle.Kill()
			}
			if err != nil {
				t.Fatal(err)
			}
			if left := inNamespacesOf(t, space); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
			if left := files(t, l.dir); how == "stop" && len(left) > 0 {
				t.Errorf("files left: %v", left)
			}
			if after := mounts(t); after != before {
				t.Errorf("mounts: %s", after)
			}
			if _, err := GetStatus(l.ctx, l.dir); !errors.Is(err, ErrNotRunning) {
				t.Errorf("status afterwards: %v", err)
			}
			// What a killed one left does not keep the next from starting.
			h, err := Start(l.ctx, Options{Dir: l.dir, Listen: "127.0.0.1:0", Daemon: []string{"__daemon"}, Output: l.log})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(h.Ready(l.ctx), h.Stop(l.ctx)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	l := newLab(t)
	if _, err := Start(l.ctx, Options{Dir: l.dir, Listen: "127.0.0.1:0"}); !errors.Is(err, ErrRunning) {
		t.Errorf("second on the same directory: %v", err)
	}
	dir := t.TempDir()
	if _, err := Start(l.ctx, Options{Dir: dir, Listen: l.handle.Address}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("port in use: %v", err)
	}
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("files left: %v", left)
	}
	for arg, want := range map[string]string{"broken": "the daemon does not start: exit code 1", "fatal": "state.db was written by a newer Musubi"} {
		h, err := Start(l.ctx, Options{Dir: dir, Listen: "127.0.0.1:0", Daemon: []string{"__daemon", arg}, Output: l.log})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Ready(l.ctx); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", arg, err)
		}
		if err := h.Wait(); err == nil {
			t.Errorf("%s: the supervisor ended well", arg)
		}
		if left := files(t, dir); len(left) > 0 {
			t.Errorf("%s: files left: %v", arg, left)
		}
	}
}

func TestDaemonKilled(t *testing.T) {
	asOrdinaryUser(t)
	l := newLab(t)
	l.must("start", newGuest("i-1", ""), nil)
	pid := l.sh("i-1", "setsid sleep 1000 >/dev/null 2>&1 & echo $!")
	for n := 1; n <= 3; n++ {
		status, err := GetStatus(l.ctx, l.dir)
		if err != nil || status.DaemonPid == 0 || status.Restarts != n-1 || !status.Ready {
			t.Fatalf("status: %+v, %v", status, err)
		}
		if err := unix.Kill(status.DaemonPid, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		var list []struct{ Running bool }
		for l.order("list", spec.Guest{}, &list) != nil && time.Since(begun) < 10*time.Second {
		}
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("the API came back after %v", took)
		}
		if len(list) != 1 || !list[0].Running {
			t.Errorf("guests afterwards: %+v", list)
		}
	}
	l.sh("i-1", "kill -0 "+pid)
}

// TestDetached lets the program that started Musubi end.
func TestDetached(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "__up", dir, "detach")
	cmd.Stderr = os.Stderr // a file: the supervisor keeps it
	if out, err := cmd.Output(); err != nil || string(out) != "ready\n" {
		t.Fatalf("%v: %s", err, out)
	}
	if status, err := GetStatus(ctx, dir); err != nil || !status.Ready {
		t.Errorf("%+v, %v", status, err)
	}
	if err := Stop(ctx, dir); err != nil {
		t.Error(err)
	}
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("files left: %v", left)
	}
}

// TestForeground kills the program that started Musubi in the foreground.
func TestForeground(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "__up", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	status, err := GetStatus(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	pidfd, err := unix.PidfdOpen(status.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(pidfd) }()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 30000); n != 1 || err != nil {
		t.Errorf("the supervisor outlived its starter: %v", err)
	}
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("files left: %v", left)
	}
}

func TestProbe(t *testing.T) {
	asOrdinaryUser(t)
	for _, p := range Probe(t.Context()) {
		if p.Fatal {
			t.Errorf("%s; mend: %s", p.What, p.Mend)
		}
	}
}
