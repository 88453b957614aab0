package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// available is the host's MemAvailable, in KiB.
func available() (int, error) {
	return field("/proc/meminfo", "MemAvailable:")
}

// field reads a number of KiB from a file of lines like "Name: 12 kB".
func field(path, name string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		if w := strings.Fields(s.Text()); len(w) > 1 && w[0] == name {
			return strconv.Atoi(w[1])
		}
	}
	return 0, fmt.Errorf("%s: no %s", path, name)
}

// shares are the proportional shares of memory, in KiB: of the supervisor and the
// daemon, and of all guests' processes.
func shares(supervisor int) (own, guests int, err error) {
	parents, err := processes()
	if err != nil {
		return 0, 0, err
	}
	for pid := range parents {
		below, isGuest := lineage(parents, pid, supervisor)
		if !below {
			continue
		}
		kib, err := field(filepath.Join("/proc", strconv.Itoa(pid), "smaps_rollup"), "Pss:")
		switch {
		case err != nil: // ended meanwhile
		case isGuest:
			guests += kib
		default:
			own += kib
		}
	}
	return own, guests, nil
}

// tick is the unit of processors' times in /proc on all of Linux's architectures.
const tick = 10 * time.Millisecond

// busy is how long the supervisor and all processes below it ran.
func busy(supervisor int) (time.Duration, error) {
	parents, err := processes()
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for pid := range parents {
		if below, _ := lineage(parents, pid, supervisor); !below {
			continue
		}
		w, err := stat(pid)
		if err != nil {
			continue // ended meanwhile
		}
		for _, at := range []int{11, 12} { // user and system time
			n, err := strconv.Atoi(w[at])
			if err != nil {
				return 0, err
			}
			sum += time.Duration(n) * tick
		}
	}
	return sum, nil
}

// stat are the words of a process's stat from its state on.
func stat(pid int) ([]string, error) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return nil, err
	}
	// pid (name) state ppid; the name may have blanks and brackets.
	w := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(w) < 13 {
		return nil, fmt.Errorf("stat of process %d: %q", pid, b)
	}
	return w, nil
}

// lineage tells whether a process is the supervisor or descends from it, and
// whether it is a guest's: any but the supervisor and the daemon.
func lineage(parents map[int]int, pid, supervisor int) (below, isGuest bool) {
	for p := pid; p > 1; p = parents[p] {
		if p == supervisor {
			return true, isGuest
		}
		isGuest = isGuest || !isDaemon(p)
	}
	return false, false
}

func isDaemon(pid int) bool {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	return err == nil && strings.Contains(string(b), "__daemon")
}

// processes maps all processes to their parents.
func processes() (map[int]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	out := map[int]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if w, err := stat(pid); err == nil {
			out[pid], _ = strconv.Atoi(w[1])
		}
	}
	return out, nil
}
