// Command bench measures the PrivateLink path that Musubi builds beside plain
// routing, which is the limit, and beside HAProxy and nginx in the place of the
// network load balancer; and the application load balancer beside HAProxy and
// nginx as reverse proxies. It prints a table of ratios for each.
//
//	go run ./bench            # about seven minutes
//	go run ./bench -only alb  # only the reverse proxies
//	go run ./bench -quick     # a minute, for a look
//	go run ./bench -json      # for a program
//
// Everything happens in namespaces of its own, as root and as an ordinary user,
// and nothing is left. The bench runs again inside them (test/lab), builds all
// paths with internal/kernel, and starts itself as server and as client in the
// guests' namespaces. The paths take turns in each round, so that what else the
// machine does falls on all of them.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/musubi-net/musubi/test/lab"
)

// options are the command line's.
type options struct {
	rounds int
	time   time.Duration
	json   bool
	only   string // a part
	// cell is a part of the names of the ALB's cells to measure.
	cell    string
	profile string
}

// The parts.
const (
	onlyNLB = "nlb"
	onlyALB = "alb"
)

func main() {
	if job := os.Getenv(jobVar); job != "" {
		os.Exit(work(job))
	}
	o, err := parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2)
	}
	// An interrupt reaches the bench inside as well, which ends what it started.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	os.Exit(lab.Run(func() int { return inside(o) }))
}

func parse(args []string) (options, error) {
	o := options{}
	quick := false
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&o.rounds, "rounds", 5, "how often each path takes its turn")
	f.DurationVar(&o.time, "time", 1500*time.Millisecond, "how long one measurement lasts")
	f.BoolVar(&quick, "quick", false, "two rounds of 400ms: a look, no result")
	f.BoolVar(&o.json, "json", false, "print JSON instead of the table")
	f.StringVar(&o.only, "only", "", "one part: nlb (the PrivateLink path) or alb (the reverse proxies)")
	f.StringVar(&o.cell, "cell", "", "only the ALB's cells with this in their names, as https_once")
	f.StringVar(&o.profile, "profile", "", "where to write a CPU profile of the ALB")
	f.Usage = func() {
		_, _ = fmt.Fprintln(f.Output(), "Measure the PrivateLink path beside plain routing, and the load balancers beside HAProxy and nginx.\n\n  go run ./bench -rounds 3 -time 2s")
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if quick {
		o.rounds, o.time = 2, 400*time.Millisecond
	}
	if o.only != "" && o.only != onlyNLB && o.only != onlyALB {
		err := fmt.Errorf("-only is %s or %s", onlyNLB, onlyALB)
		_, _ = fmt.Fprintln(f.Output(), "bench:", err)
		return o, err
	}
	if f.NArg() > 0 || o.rounds < 1 || o.rounds > 100 || o.time < 100*time.Millisecond || o.time > time.Minute {
		err := errors.New("no arguments, 1 to 100 rounds of 100ms to 1m, please")
		_, _ = fmt.Fprintln(f.Output(), "bench:", err)
		return o, err
	}
	return o, nil
}

// inside runs in the lab.
func inside(o options) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := run(ctx, o)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "bench: interrupted")
		return 130
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	if o.json {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		err = e.Encode(r)
	} else {
		_, err = os.Stdout.WriteString(r.text())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}
