package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is the kernel's USER_HZ, which no Linux has otherwise.
const ticksPerSecond = 100

// cpuTime reads how long the machine's CPUs were busy and idle, in seconds.
func cpuTime() (busy, idle float64, err error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	return parseCPU(string(b))
}

// parseCPU reads the first line: user, nice, system, idle, iowait, irq, softirq,
// steal, and more that is counted there already.
func parseCPU(stat string) (busy, idle float64, err error) {
	line, _, _ := strings.Cut(stat, "\n")
	f := strings.Fields(line)
	if len(f) < 9 || f[0] != "cpu" {
		return 0, 0, fmt.Errorf("/proc/stat: unexpected line %q", line)
	}
	for i, s := range f[1:9] {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("/proc/stat: %w", err)
		}
		switch i {
		case 3, 4:
			idle += v / ticksPerSecond
		case 7: // stolen by the host
		default:
			busy += v / ticksPerSecond
		}
	}
	return busy, idle, nil
}

// busyShare is how busy the machine is by itself.
func busyShare(ctx context.Context, over time.Duration) (float64, error) {
	b0, i0, err := cpuTime()
	if err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(over):
	}
	b1, i1, err := cpuTime()
	if err != nil || b1+i1 <= b0+i0 {
		return 0, err
	}
	return (b1 - b0) / (b1 - b0 + i1 - i0), nil
}

// groupCPU is how long the processes of a process group worked, in seconds.
func groupCPU(group int) (float64, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	total := 0.
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // it ended
		}
		if g, seconds, ok := parseProcess(string(b)); ok && g == group {
			total += seconds
		}
	}
	return total, nil
}

// parseProcess reads a process's group and how long it worked from its stat, where
// they are the third, the twelfth and the thirteenth behind the name.
func parseProcess(stat string) (group int, seconds float64, ok bool) {
	f := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(f) < 13 {
		return 0, 0, false
	}
	group, err := strconv.Atoi(f[2])
	user, e := strconv.ParseFloat(f[11], 64)
	system, e2 := strconv.ParseFloat(f[12], 64)
	return group, (user + system) / ticksPerSecond, err == nil && e == nil && e2 == nil
}
