package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// runWeb measures the application load balancer beside the other reverse proxies.
func runWeb(ctx context.Context, o options, tell *teller, busy float64) (r *webReport, err error) {
	names, missing := webNames()
	if missing != "" {
		fmt.Fprintln(os.Stderr, "bench:", missing)
	}
	tell.say("building the VPC of the reverse proxies")
	t, err := buildWeb(ctx, names)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close(context.WithoutCancel(ctx))) }()
	ended, err := t.serveWeb(ctx, o.profile)
	defer func() { err = errors.Join(err, ended()) }()
	if err != nil {
		return nil, err
	}
	m, err := t.rounds(ctx, o, tell)
	if err != nil {
		return nil, err
	}
	return webReportOf(o, names, m, busy), nil
}

// serveWeb starts the targets and the proxies; the function ends them.
func (t *webTopology) serveWeb(ctx context.Context, profile string) (end func() error, err error) {
	var all []*running
	end = func() error {
		var errs []error
		for _, r := range all {
			errs = append(errs, r.end())
		}
		return errors.Join(errs...)
	}
	for i, a := range webTargets {
		r, err := t.startSelf(ctx, "target", fmt.Sprintf("i-target%d", i), job{Work: &serverWork{}, Address: a})
		if err != nil {
			return end, err
		}
		all = append(all, r)
	}
	for _, p := range t.proxies {
		if p.run, err = t.startWeb(ctx, p, profile); err != nil {
			return end, err
		}
		all = append(all, p.run)
	}
	return end, nil
}

// rounds measures each cell on each proxy in turn, as for the paths.
func (t *webTopology) rounds(ctx context.Context, o options, tell *teller) (measured, error) {
	m := measured{}
	for round := range o.rounds {
		for n, c := range webCells() {
			if !strings.Contains(c.name, o.cell) {
				continue
			}
			if m[c.name] == nil {
				m[c.name] = map[string][]outcome{}
			}
			for i := range t.proxies {
				p := t.proxies[(i+n+round)%len(t.proxies)]
				tell.say(fmt.Sprintf("round %d of %d: %s, %s", round+1, o.rounds, c.label, p.name))
				v, err := t.ask(ctx, p, c, o)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", p.name, c.name, err)
				}
				m[c.name][p.name] = append(m[c.name][p.name], v)
			}
		}
	}
	return m, nil
}

// ask runs a client of a proxy, and looks how much CPU the proxy takes for it.
func (t *webTopology) ask(ctx context.Context, p *webProxy, c webCell, o options) (outcome, error) {
	j := job{Do: doWeb, Address: nodeAddr, Port: p.ports.http, Secure: c.secure, Once: c.once, Count: c.count, Warm: warm, Time: o.time / 2}
	if c.secure {
		j.Port = p.ports.https
	}
	group := p.run.cmd.Process.Pid
	before, err := groupCPU(group)
	if err != nil {
		return outcome{}, err
	}
	v, err := t.client(ctx, "i-client", j)
	if err != nil {
		return v, err
	}
	after, err := groupCPU(group)
	v.Proxy = after - before
	return v, err
}
