// Command instances measures what an instance costs: the time from RunInstances to
// the first command that runs in it, what each idle one takes of the host's memory,
// and how both fare when there are many.
//
//	make build && go run ./bench/instances             # 300 instances
//	go run ./bench/instances -count 50 -json
//
// It brings up a Musubi of its own, with a state directory that it removes, and
// speaks to it as any client does. Times are compared within one run: starting the
// first instances beside starting one more when all the others are there.
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
)

type options struct {
	binary string
	count  int
	single int
	json   bool
}

func main() {
	o := options{}
	f := flag.NewFlagSet("instances", flag.ExitOnError)
	f.StringVar(&o.binary, "musubi", "bin/musubi", "the binary to measure")
	f.IntVar(&o.count, "count", 300, "how many instances there are in the end")
	f.IntVar(&o.single, "single", 10, "how many are started one by one, at the beginning and at the end")
	f.BoolVar(&o.json, "json", false, "print JSON")
	_ = f.Parse(os.Args[1:]) // ends the program where it fails
	if o.single < 1 || o.count < 3*o.single || f.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "instances: -count is at least three times -single, and there are no arguments")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "instances:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, o options) (err error) {
	m, err := up(ctx, o.binary)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.down()) }()
	r, err := run(ctx, m, o)
	if err != nil {
		return err
	}
	if o.json {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	_, err = os.Stdout.WriteString(r.text())
	return err
}
