package supervisor

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// oomWatch hears of processes that the kernel ended because their group had no
// memory left.
type oomWatch struct {
	events *os.File // readable when the count may have changed
	work   sync.WaitGroup
}

func (w *oomWatch) stop() {
	if w == nil {
		return
	}
	_ = w.events.Close()
	w.work.Wait()
}

// watchMemory calls killed for each count of the kernel. It returns nil where the
// kernel does not tell.
func (g groupSetting) watchMemory(name string, killed func()) *oomWatch {
	file := map[bool]string{true: "memory.events", false: "memory.oom_control"}[g.V2]
	f, err := g.open(name, file, unix.O_RDONLY)
	if err != nil {
		return nil
	}
	var fd int
	if g.V2 {
		fd, err = modified(f)
	} else {
		fd, err = g.notified(name, f)
	}
	if err != nil {
		_ = f.Close()
		return nil
	}
	w := &oomWatch{events: os.NewFile(uintptr(fd), "oom")}
	w.work.Go(func() {
		defer func() { _ = f.Close() }()
		last := int64(0)
		buffer := make([]byte, 4096)
		for {
			_, err := w.events.Read(buffer)
			n := oomKills(f)
			for wait := time.Millisecond; err == nil && !g.V2 && n <= last && wait < time.Second; wait *= 2 {
				time.Sleep(wait) // version 1 tells before it counts
				n = oomKills(f)
			}
			if n > last {
				last = n
				killed()
			}
			if err != nil {
				return
			}
		}
	})
	return w
}

// modified is an inotify descriptor for a file of version 2.
func modified(f *os.File) (int, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return -1, err
	}
	if _, err := unix.InotifyAddWatch(fd, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), unix.IN_MODIFY); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// notified is an event descriptor that version 1 signals.
func (g groupSetting) notified(name string, f *os.File) (int, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return -1, err
	}
	if err := g.write(name, "cgroup.event_control", fmt.Sprintf("%d %d", fd, f.Fd())); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// oomKills reads how many processes were ended.
func oomKills(f *os.File) int64 {
	if _, err := f.Seek(0, 0); err != nil {
		return 0
	}
	s := bufio.NewScanner(f)
	for s.Scan() {
		if text, ok := strings.CutPrefix(s.Text(), "oom_kill "); ok {
			n, _ := strconv.ParseInt(text, 10, 64)
			return n
		}
	}
	return 0
}
