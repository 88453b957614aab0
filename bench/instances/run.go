package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// result is what was measured. Times are in milliseconds, memory in KiB.
type result struct {
	Count int `json:"count"`
	// First and Last are the times from RunInstances to the end of the first command
	// in the instance, for the first instances and for those that came when all others
	// were there; medians and maxima.
	First times `json:"first"`
	Last  times `json:"last"`
	// Many is how long it took until all those in between ran, per instance.
	ManyMillis float64 `json:"manyMillis"`
	// GuestKiB is what an idle instance takes of the host's memory (MemAvailable, the
	// kernel's part and the daemon's included), ProcessKiB what its processes take
	// (their proportional share).
	GuestKiB   float64 `json:"guestKiB"`
	ProcessKiB float64 `json:"processKiB"`
	// IdleCPU is what all instances together, the daemon's part included, take of one
	// processor while nothing is done to them, in per cent.
	IdleCPU float64 `json:"idleCPU"`
	// DaemonKiB is the resident memory of the supervisor and the daemon in the end.
	DaemonKiB int `json:"daemonKiB"`
}

type times struct {
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

func summarize(all []time.Duration) times {
	slices.Sort(all)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return times{ms(all[len(all)/2]), ms(all[len(all)-1])}
}

// settle is how long the machine is left alone before memory is read.
const settle = 10 * time.Second

// watch is for how long idle instances are watched.
const watch = 20 * time.Second

func run(ctx context.Context, m *musubi, o options) (*result, error) {
	subnet, err := m.network(ctx)
	if err != nil {
		return nil, err
	}
	image, err := m.image(ctx)
	if err != nil {
		return nil, err
	}
	b := &bench{m: m, subnet: subnet, image: image}
	r := &result{Count: o.count}
	if r.First, err = b.oneByOne(ctx, o.single); err != nil {
		return nil, err
	}
	if err := rest(ctx, settle); err != nil {
		return nil, err
	}
	before, err := available()
	if err != nil {
		return nil, err
	}
	many := o.count - 2*o.single
	if r.ManyMillis, err = b.many(ctx, many); err != nil {
		return nil, err
	}
	if err := rest(ctx, settle); err != nil {
		return nil, err
	}
	after, err := available()
	if err != nil {
		return nil, err
	}
	r.GuestKiB = float64(before-after) / float64(many)
	if r.IdleCPU, err = idle(ctx, m.pid); err != nil {
		return nil, err
	}
	if r.Last, err = b.oneByOne(ctx, o.single); err != nil {
		return nil, err
	}
	own, guests, err := shares(m.pid)
	r.DaemonKiB, r.ProcessKiB = own, float64(guests)/float64(o.count)
	return r, err
}

// idle watches the processes below a supervisor while nothing happens.
func idle(ctx context.Context, supervisor int) (percent float64, err error) {
	begin, now := time.Time{}, time.Now()
	var took [2]time.Duration
	for n := range took {
		if took[n], err = busy(supervisor); err != nil {
			return 0, err
		}
		if begin, now = now, time.Now(); n == 0 {
			if err := rest(ctx, watch); err != nil {
				return 0, err
			}
		}
	}
	return 100 * float64(took[1]-took[0]) / float64(now.Sub(begin)), nil
}

type bench struct {
	m             *musubi
	subnet, image string
}

func (b *bench) start(ctx context.Context, n int) ([]string, error) {
	text, err := b.m.ec2(ctx, "RunInstances", "ImageId", b.image, "InstanceType", "t3.nano", "SubnetId", b.subnet,
		"MinCount", strconv.Itoa(n), "MaxCount", strconv.Itoa(n))
	return ids(text, "i"), err
}

// oneByOne starts instances one after the other.
func (b *bench) oneByOne(ctx context.Context, n int) (times, error) {
	var all []time.Duration
	for i := range n {
		progress("one by one", i, n)
		begin := time.Now()
		started, err := b.start(ctx, 1)
		if err != nil {
			return times{}, err
		}
		if err := b.command(ctx, started[0]); err != nil {
			return times{}, err
		}
		all = append(all, time.Since(begin))
	}
	progress("one by one", n, n)
	return summarize(all), nil
}

// command tries until a command runs in an instance.
func (b *bench) command(ctx context.Context, id string) error {
	for {
		_, err := b.m.command(ctx, "exec", id, "--", "true")
		if err == nil {
			return nil
		}
		if err := rest(ctx, 2*time.Millisecond); err != nil {
			return err
		}
	}
}

// many starts instances all at once and waits until they run.
func (b *bench) many(ctx context.Context, n int) (float64, error) {
	begin := time.Now()
	if _, err := b.start(ctx, n); err != nil {
		return 0, err
	}
	for {
		text, err := b.m.ec2(ctx, "DescribeInstanceStatus", "IncludeAllInstances", "true", "Filter.1.Name", "instance-state-name", "Filter.1.Value.1", "pending")
		if err != nil {
			return 0, err
		}
		left := len(ids(text, "i"))
		progress("at once", n-left, n)
		if left == 0 {
			return float64(time.Since(begin).Milliseconds()) / float64(n), nil
		}
		if err := rest(ctx, 200*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// progress is for people who watch.
func progress(what string, done, all int) {
	if info, err := os.Stderr.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return
	}
	end := "\r"
	if done == all {
		end = "\n"
	}
	fmt.Fprintf(os.Stderr, "%s: %d of %d %s", what, done, all, end)
}

func (r *result) text() string {
	var s strings.Builder
	line := func(what, format string, args ...any) {
		_, _ = fmt.Fprintf(&s, "%-46s  %s\n", what, fmt.Sprintf(format, args...))
	}
	line("RunInstances to the first command", "%.0f ms (at most %.0f)", r.First.Median, r.First.Max)
	line(fmt.Sprintf("the same with %d instances there", r.Count), "%.0f ms (at most %.0f)", r.Last.Median, r.Last.Max)
	line("  ratio", "%.2f", r.Last.Median/r.First.Median)
	line("many at once, per instance", "%.0f ms", r.ManyMillis)
	line("an idle instance, of the host's memory", "%.1f MiB", r.GuestKiB/1024)
	line("  of it its processes", "%.1f MiB", r.ProcessKiB/1024)
	line("all of them idle, of one processor", "%.1f %%", r.IdleCPU)
	line("supervisor and daemon in the end", "%.1f MiB", float64(r.DaemonKiB)/1024)
	return s.String()
}
