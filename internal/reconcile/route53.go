package reconcile

import (
	"context"
	"net"
	"net/netip"

	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/dataplane/dnsd/prober"
	"github.com/musubi-net/musubi/internal/plan"
)

// kindCheck is the unit of a health check of Route 53's.
const kindCheck = "check"

// internetNS is the kernel's name of the namespace that stands for the internet.
const internetNS = "internet"

// processPublic brings what an owner has everywhere to what the newest snapshot
// says: names, or a public hosted zone.
func (r *Reconciler) processPublic(owner string) {
	if err := r.public.Set(owner, plan.CompilePublic(r.o.Engine.Snapshot(), owner)); err != nil {
		r.o.Log.Warn("records left out", "owner", owner, "error", err)
	}
}

// processCheck starts, changes or ends a health check.
func (r *Reconciler) processCheck(id string) {
	r.prober.Set(id, plan.CompileCheck(r.o.Engine.Snapshot(), id))
}

// newProber makes health checks from the internet, where public zones resolve.
func (r *Reconciler) newProber() *prober.Prober {
	return prober.New(prober.Options{
		Dial: func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
			if local.Is4() != remote.Addr().Is4() {
				local = netip.Addr{}
			}
			return r.o.World.DialTCP(ctx, internetNS, local, remote)
		},
		Resolve: func(ctx context.Context, name string) ([]netip.Addr, error) { return r.Lookup(ctx, "", name) },
		Report:  r.reportCheck,
		Now:     r.o.Now,
		Log:     r.o.Log,
	})
}

// reportCheck tells the cloud what a health check found.
func (r *Reconciler) reportCheck(ctx context.Context, x prober.Result) error {
	out := dns.CheckResult{ID: x.ID, Healthy: x.Healthy}
	for _, o := range x.Observations {
		out.Observations = append(out.Observations, dns.Observation{Region: o.Region, Address: o.Source.String(), Healthy: o.Healthy, Status: o.Status,
			CheckedAt: o.At, LastFailure: o.LastFailure, LastFailureAt: o.LastFailureAt})
	}
	return run(ctx, r.o.Engine, dns.ReportCheck{Version: x.Version, Result: out})
}
