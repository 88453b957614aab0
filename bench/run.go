package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// results are those of the parts, nil for a part that was not asked for.
type results struct {
	*report
	ALB *webReport `json:"alb,omitempty"`
}

func (r results) text() string {
	var parts []string
	if r.report != nil {
		parts = append(parts, r.report.text())
	}
	if r.ALB != nil {
		parts = append(parts, r.ALB.text())
	}
	return strings.Join(parts, "\n")
}

// run measures what was asked for.
func run(ctx context.Context, o options) (r results, err error) {
	tell := newTeller()
	defer tell.done()
	tell.say("looking how busy the machine is")
	busy, err := busyShare(ctx, time.Second)
	if err != nil {
		return r, err
	}
	if o.only != onlyALB {
		if r.report, err = runPaths(ctx, o, tell, busy); err != nil {
			return r, err
		}
	}
	if o.only != onlyNLB {
		r.ALB, err = runWeb(ctx, o, tell, busy)
	}
	return r, err
}

// runPaths builds the world of the paths, measures and removes it.
func runPaths(ctx context.Context, o options, tell *teller, busy float64) (r *report, err error) {
	have, missing := proxies(ctx)
	if missing != "" {
		fmt.Fprintln(os.Stderr, "bench:", missing)
	}
	tell.say("building the paths")
	t, err := build(ctx, have)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close(context.WithoutCancel(ctx))) }()
	ended, err := t.serveAll(ctx)
	defer func() { err = errors.Join(err, ended()) }()
	if err != nil {
		return nil, err
	}
	m, err := t.rounds(ctx, o, tell)
	if err != nil {
		return nil, err
	}
	return reportOf(o, t.names(), m, busy), nil
}

func (t *topology) names() []string {
	var out []string
	for _, p := range t.paths {
		out = append(out, p.name)
	}
	return out
}

// serveAll starts all servers and proxies; the function ends them.
func (t *topology) serveAll(ctx context.Context) (end func() error, err error) {
	var all []*running
	end = func() error {
		var errs []error
		for _, r := range all {
			errs = append(errs, r.end())
		}
		return errors.Join(errs...)
	}
	for _, p := range t.paths {
		r, err := t.startServer(ctx, p)
		if err != nil {
			return end, err
		}
		all = append(all, r)
		if p.proxy.ns == "" {
			continue
		}
		if r, err = t.startProxy(ctx, p); err != nil {
			return end, err
		}
		all = append(all, r)
	}
	return end, nil
}

// rounds measures each cell on each path in turn. Who begins changes, so that
// none always follows the same other.
func (t *topology) rounds(ctx context.Context, o options, tell *teller) (measured, error) {
	m := measured{}
	for round := range o.rounds {
		for n, c := range cells() {
			if m[c.name] == nil {
				m[c.name] = map[string][]outcome{}
			}
			for i := range t.paths {
				p := t.paths[(i+n+round)%len(t.paths)]
				tell.say(fmt.Sprintf("round %d of %d: %s, %s", round+1, o.rounds, c.name, p.name))
				v, err := t.measure(ctx, p, job{Do: c.do, Count: c.count, Warm: warm, Time: o.time})
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", p.name, c.name, err)
				}
				m[c.name][p.name] = append(m[c.name][p.name], v)
			}
		}
	}
	return m, nil
}

// teller shows what the bench does, where somebody looks.
type teller struct{ terminal bool }

func newTeller() *teller { return &teller{term.IsTerminal(int(os.Stderr.Fd()))} }

const clearLine = "\r\x1b[K"

func (t *teller) say(what string) {
	if t.terminal {
		fmt.Fprint(os.Stderr, clearLine+what)
	}
}

func (t *teller) done() {
	if t.terminal {
		fmt.Fprint(os.Stderr, clearLine)
	}
}
