package reconcile

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"

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
			r.addResets(g.VPCID, resetsOf(s, g, *before))
		}
	}
}

// reset is a listener whose connections to a target are to end. Other listeners
// may go on using the same target by other groups.
type reset struct {
	listener string // ARN
	target   netip.AddrPort
}

// resetsOf are the resets of a target of a group.
func resetsOf(s *cloud.Snapshot, g elb.TargetGroup, t elb.Target) []reset {
	var out []reset
	for l := range elb.Listeners.By(s, elb.ByGroup, g.ARN) {
		for _, a := range plan.TargetAddresses(s, t) {
			out = append(out, reset{l.ARN, a})
		}
	}
	return out
}

func (r *Reconciler) addResets(vpcID string, list []reset) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range list {
		if r.resets[vpcID] == nil {
			r.resets[vpcID] = map[reset]bool{}
		}
		r.resets[vpcID][x] = true
	}
}

func (r *Reconciler) takeResets(vpcID string) []reset {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := slices.Collect(maps.Keys(r.resets[vpcID]))
	delete(r.resets, vpcID)
	return list
}

// resetFlows ends connections to targets that a listener of the applied VPC does
// not balance to any more; one that still receives, because no other is better,
// keeps its connections.
func (r *Reconciler) resetFlows(ctx context.Context, v *spec.VPC, list []reset) error {
	flows := flowsOf(v, list)
	if len(flows) == 0 {
		return nil
	}
	if err := r.o.World.ResetFlows(ctx, v.ID, flows); err != nil {
		r.addResets(v.ID, list)
		return err
	}
	return nil
}

// flowsOf are the connections that resets end.
func flowsOf(v *spec.VPC, list []reset) []spec.Flow {
	if len(list) == 0 {
		return nil
	}
	serving := map[string][]netip.AddrPort{}
	for _, set := range v.TargetSets {
		serving[set.Name] = set.Targets
	}
	var out []spec.Flow
	for _, x := range list {
		sets := plan.SetsOf(x.listener)
		for _, l := range v.Listeners {
			if !l.Local && strings.HasPrefix(l.Targets, sets) && !slices.Contains(serving[l.Targets], x.target) {
				out = append(out, spec.Flow{Entrance: netip.AddrPortFrom(l.Address, l.Port), Protocol: l.Protocol, Target: x.target})
			}
		}
	}
	return out
}
