package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime/pprof"

	"github.com/musubi-net/musubi/internal/dataplane/l7"
	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/spec"
)

// serverWork is a server of the web part: a target, or with Balancer the ALB.
type serverWork struct {
	Dir      string         `json:"dir,omitempty"` // of the world
	Balancer *spec.Balancer `json:"balancer,omitempty"`
	// Profile is where a CPU profile goes.
	Profile string `json:"profile,omitempty"`
}

func (w *serverWork) run(at netip.Addr, in io.Reader, out io.Writer) (err error) {
	if w.Balancer == nil {
		return serveWeb(at, in, out)
	}
	if w.Profile != "" {
		f, err := os.Create(w.Profile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return errors.Join(err, f.Close())
		}
		defer func() {
			pprof.StopCPUProfile()
			_ = f.Close()
		}()
	}
	return w.balance(in, out)
}

// balance is the application load balancer as the daemon has it, until in ends.
func (w *serverWork) balance(in io.Reader, out io.Writer) (err error) {
	ctx := context.Background()
	world, err := kernel.Open(ctx, kernel.Options{Dir: w.Dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	s := l7.New(l7.Options{Listen: world.ListenTCP, Dial: world.DialTCP, LogDir: w.Dir})
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Set(ctx, w.Balancer); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, "ready"); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return err
}

// balancer is the load balancer that is measured: AWS's defaults, no logs.
func (t *webTopology) balancer(p webPorts) *spec.Balancer {
	const group = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/bench/1"
	rule := []spec.BalancerRule{{Forward: &spec.ForwardAction{Groups: []spec.ForwardGroup{{Group: group, Weight: 1}}}}}
	at := []spec.BalancerAddress{{Address: nodeAddr, Zone: "us-east-1a", Sources: []netip.Addr{nodeAddr}}}
	b := &spec.Balancer{
		ARN: "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/bench/1", ID: "app/bench/1", Type: "application",
		Account: "000000000000", Region: "us-east-1", VPC: t.vpc.ID,
		Listeners: []spec.BalancerListener{
			{ARN: "http", Protocol: "HTTP", Port: p.http, Addresses: at, Rules: rule},
			{ARN: "https", Protocol: "HTTPS", Port: p.https, Addresses: at, Rules: rule, TLS: &spec.TLSSettings{
				Policy: "ELBSecurityPolicy-TLS13-1-2-2021-06", Certificates: []spec.Certificate{{ARN: "bench", Chain: t.chain, Key: t.key}},
			}},
		},
		Groups: []spec.BalancerGroup{{ARN: group, Name: "bench", Protocol: "HTTP", Version: "HTTP1", Algorithm: "round_robin", CrossZone: true, DrainSeconds: 300}},
		HTTP:   spec.HTTPSettings{IdleSeconds: 60, KeepAliveSeconds: 3600, HTTP2: true, Desync: "defensive", Forwarded: "append"},
	}
	for i, a := range webTargets {
		b.Groups[0].Targets = append(b.Groups[0].Targets, spec.BalancerTarget{
			Key: fmt.Sprint(i), ID: a.String(), Address: netip.AddrPortFrom(a, echoPort), Zone: "us-east-1a", Health: "healthy",
		})
	}
	return b
}
