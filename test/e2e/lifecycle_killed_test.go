package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestLifecycleKilled: the daemon is killed while instances start, stop, reboot
// and end. Afterwards all are what the API says, and what was terminated left
// nothing.
func TestLifecycleKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.vpc("10.0.0.0/16")
	s, g := w.subnet(v, "10.0.0.0/24", 0), w.open(v)
	var ids []string
	for i := range 5 {
		ids = append(ids, w.launch(fmt.Sprint("box", i), s, g, "#!/bin/sh\necho ran >>/root/ran\n"))
	}
	w.running(ids...)
	var done atomic.Bool
	var storm sync.WaitGroup
	for _, id := range ids {
		storm.Go(func() {
			for !done.Load() {
				action := []string{"StopInstances", "StartInstances", "RebootInstances", "StartInstances"}[rand.IntN(4)]
				_, err := w.ask("ec2", action, "InstanceId.1", id)
				if code := errorCode(err); code != "" && code != "IncorrectInstanceState" && code != "IncorrectState" {
					t.Errorf("%s: %v", action, err)
				}
				if rand.IntN(4) == 0 {
					_, _ = w.exec(id, []string{"reboot", "poweroff"}[rand.IntN(2)])
				}
			}
		})
	}
	for range 5 {
		before := w.status().World.Applied
		w.eventually(20*time.Second, "some changes", func() bool { return w.status().World.Applied > before+3 })
		if pid := w.status().Process.Daemon; pid != 0 {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		w.eventually(10*time.Second, "the daemon to be back", func() bool {
			_, err := w.ask("sts", "GetCallerIdentity")
			return err == nil
		})
	}
	done.Store(true)
	storm.Wait()
	for _, id := range ids[:3] {
		w.eventually(time.Minute, id+" to run", func() bool {
			_, err := w.ask("ec2", "StartInstances", "InstanceId.1", id)
			return err == nil && w.state(id) == "running"
		})
		w.eventually(30*time.Second, id+" to answer", func() bool {
			out, err := w.exec(id, "cloud-init status --wait >/dev/null; cat /root/ran")
			return err == nil && out == "ran\n"
		})
	}
	for _, id := range ids[3:] {
		w.ec2("TerminateInstances", "InstanceId.1", id)
	}
	if err := syscall.Kill(w.status().Process.Daemon, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	w.eventually(10*time.Second, "the daemon to be back", func() bool {
		_, err := w.ask("sts", "GetCallerIdentity")
		return err == nil
	})
	for _, id := range ids[3:] {
		w.waitState(id, "terminated")
	}
	w.eventually(20*time.Second, "three guests", func() bool { return w.status().World.Guests == 3 })
	out := w.must("status", "--json")
	if n := strings.Count(out, "last_error"); n != 0 {
		t.Errorf("status: %s", out)
	}
	w.eventually(10*time.Second, "the processes of three guests", func() bool {
		inits := 0
		w.allOf(func(status string) {
			if f := strings.Fields(status[strings.Index(status, "\nNSpid:"):]); len(f) > 3 && f[3] == "1" {
				inits++
			}
		})
		return inits == 3
	})
}
