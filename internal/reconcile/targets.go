package reconcile

import (
	"context"
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/dataplane/health"
	"github.com/musubi-net/musubi/internal/plan"
	"github.com/musubi-net/musubi/internal/spec"
)

// reportHealth tells the cloud what a health check found.
func (r *Reconciler) reportHealth(ctx context.Context, h health.Result) error {
	return run(ctx, r.o.Engine, elb.ReportHealth{Key: h.Key, Health: elb.HealthState(h.Health), Reason: h.Reason, Detail: h.Detail})
}

// processDrain removes a deregistered target when its delay is over, and one
// whose instance is terminated at once.
func (r *Reconciler) processDrain(ctx context.Context, k key) error {
	s := r.o.Engine.Snapshot()
	t, ok := elb.Targets.Get(s, k.id)
	if !ok {
		return nil
	}
	if !elb.Departed(s, t) {
		g, _ := elb.TargetGroups.Get(s, t.TargetGroupARN)
		at := elb.DrainedAt(g, t)
		if at.IsZero() {
			return nil // registered again
		}
		if wait := at.Sub(r.o.Now()); wait > 0 {
			r.units.after(k, wait)
			return nil
		}
	}
	return run(ctx, r.o.Engine, elb.ReportDrained{Key: k.id})
}

// collectResets notes the connections that a change ends: those of a target that
// turned unhealthy, or whose deregistration delay is over, where the group says
// so.
func (r *Reconciler) collectResets(s *cloud.Snapshot, changes []cloud.Change) {
	for _, c := range changes {
		if c.Table != elb.Targets.Name() || c.Before == nil {
			continue
		}
		before := c.Before.(*elb.Target)
		g, ok := elb.TargetGroups.Get(s, before.TargetGroupARN)
		if !ok {
			continue
		}
		var ends bool
		if c.After == nil {
			ends = !before.DrainingSince.IsZero() && elb.EndsOnDeregister(g)
		} else {
			after := c.After.(*elb.Target)
			ends = before.Health == elb.Healthy && after.Health == elb.Unhealthy && elb.EndsOnUnhealthy(g)
		}
		if ends {
			r.addResets(g.VPCID, plan.TargetAddresses(s, *before))
		}
	}
}

func (r *Reconciler) addResets(vpcID string, targets []netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range targets {
		if r.resets[vpcID] == nil {
			r.resets[vpcID] = map[netip.AddrPort]bool{}
		}
		r.resets[vpcID][t] = true
	}
}

func (r *Reconciler) takeResets(vpcID string) []netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []netip.AddrPort
	for t := range r.resets[vpcID] {
		out = append(out, t)
	}
	delete(r.resets, vpcID)
	slices.SortFunc(out, netip.AddrPort.Compare)
	return out
}

// resetFlows ends connections to targets that the applied VPC does not balance
// to any more; one that still receives, because no other is better, keeps its
// connections.
func (r *Reconciler) resetFlows(ctx context.Context, v *spec.VPC, targets []netip.AddrPort) error {
	serving := map[netip.AddrPort]bool{}
	for _, set := range v.TargetSets {
		for _, t := range set.Targets {
			serving[t] = true
		}
	}
	targets = slices.DeleteFunc(targets, func(t netip.AddrPort) bool { return serving[t] })
	if len(targets) == 0 {
		return nil
	}
	if err := r.o.World.ResetFlows(ctx, v.ID, targets); err != nil {
		r.addResets(v.ID, targets)
		return err
	}
	return nil
}
