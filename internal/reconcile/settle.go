package reconcile

import (
	"context"
	"errors"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/plan"
	"github.com/musubi-net/musubi/internal/spec"
)

// settle reports what is true by a VPC being applied as a snapshot has it.
func (r *Reconciler) settle(ctx context.Context, s *cloud.Snapshot, vpcID string) error {
	var errs []error
	for lb := range elb.LoadBalancers.By(s, elb.ByVPC, vpcID) {
		if lb.State == elb.Provisioning {
			errs = append(errs, run(ctx, r.o.Engine, elb.ReportActive{ARN: lb.ARN}))
		}
	}
	for g := range vpc.NATGateways.By(s, vpc.ByVPC, vpcID) {
		if g.State == vpc.NATDeleting || g.State == vpc.NATPending && r.natExists(s, g) {
			errs = append(errs, run(ctx, r.o.Engine, vpc.ReportNATGateway{ID: g.ID}))
		}
	}
	return errors.Join(errs...)
}

// natExists reports whether a NAT gateway's public address is routed; without an
// internet gateway there is nothing to wait for.
func (r *Reconciler) natExists(s *cloud.Snapshot, g vpc.NATGateway) bool {
	if _, ok := vpc.InternetGateways.First(s, vpc.ByVPC, g.VPCID); !ok || !g.PublicIP.IsValid() {
		return true
	}
	return r.routed(g.PublicIP)
}

// waitingGateways are the VPCs with pending NAT gateways.
func waitingGateways(s *cloud.Snapshot) []string {
	var out []string
	for g := range vpc.NATGateways.All(s) {
		if g.State == vpc.NATPending {
			out = append(out, g.VPCID)
		}
	}
	return out
}

// wakeEndpoints looks at the endpoints again that wait for their path.
func (r *Reconciler) wakeEndpoints() {
	r.mu.Lock()
	var ids []string
	for id := range r.waiting {
		ids = append(ids, id)
	}
	r.mu.Unlock()
	r.units.add(kindEndpoint, ids...)
}

// processEndpoint reports a pending endpoint available when its path is built,
// and a deleting one deleted when its path is gone.
func (r *Reconciler) processEndpoint(ctx context.Context, id string) error {
	s := r.o.Engine.Snapshot()
	e, ok := privatelink.Endpoints.Get(s, id)
	var err error
	switch {
	case !ok:
	case e.State == privatelink.Pending:
		if !r.built(plan.Paths(s, e)) {
			return nil // it stays in waiting
		}
		err = run(ctx, r.o.Engine, privatelink.ReportAvailable{ID: id})
	case e.State == privatelink.Deleting:
		if !r.gone(s, e) {
			return nil
		}
		err = run(ctx, r.o.Engine, privatelink.ReportDeleted{ID: id})
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	// The endpoint may have moved on meanwhile; then its change queued it again.
	if next, ok := privatelink.Endpoints.Get(r.o.Engine.Snapshot(), id); !ok || next.State != privatelink.Pending && next.State != privatelink.Deleting {
		delete(r.waiting, id)
	}
	r.mu.Unlock()
	return nil
}

// built reports whether all ways are applied: at the consumer, on the fabric and
// at the provider.
func (r *Reconciler) built(paths []plan.Path) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range paths {
		consumer, provider := r.vpcs[p.Consumer], r.vpcs[p.Provider]
		if consumer == nil || p.Entry.Address.IsValid() && !slices.ContainsFunc(consumer.Endpoints, func(e spec.Endpoint) bool {
			return e.Address == p.Entry.Address && e.VIP == p.Entry.VIP && e.Open == p.Entry.Open
		}) {
			return false
		}
		if slices.ContainsFunc(p.Gateways, func(g spec.Gateway) bool { return !slices.Contains(consumer.Gateways, g) }) {
			return false
		}
		if !p.Entry.Open {
			continue
		}
		switch {
		case r.fabric == nil, p.Local && !slices.Contains(r.fabric.Local, p.Entry.VIP):
			return false
		case !p.Local && (provider == nil || !slices.Contains(provider.NodeSources, p.Exit)):
			return false
		}
		for _, route := range p.Routes {
			if !slices.Contains(r.fabric.Routes, route) {
				return false
			}
		}
	}
	return true
}

// gone reports whether no part of an endpoint's path is left.
func (r *Reconciler) gone(s *cloud.Snapshot, e privatelink.Endpoint) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v := r.vpcs[e.VPCID]; v != nil && slices.ContainsFunc(v.Endpoints, func(x spec.Endpoint) bool { return x.ID == e.ID }) {
		return false
	}
	if v := r.vpcs[e.VPCID]; v != nil && slices.ContainsFunc(v.Gateways, func(g spec.Gateway) bool { return g.ID == e.ID }) ||
		e.Number > 0 && r.fabric != nil && slices.Contains(r.fabric.Local, spec.EndpointVIP(e.Number)) {
		return false
	}
	for _, i := range e.Interfaces {
		n, ok := vpc.NetworkInterfaces.Get(s, i.InterfaceID)
		if !ok {
			continue
		}
		vip, vip6 := spec.EndpointVIP(n.Number), spec.EndpointVIP6(n.Number)
		if r.fabric != nil && (slices.ContainsFunc(r.fabric.Routes, func(x spec.FabricRoute) bool { return x.Address == vip || x.Address == vip6 }) ||
			slices.Contains(r.fabric.Local, vip) || slices.Contains(r.fabric.Local, vip6)) {
			return false
		}
		lb, ok := elb.LoadBalancers.Get(s, i.LoadBalancerARN)
		if !ok || r.vpcs[lb.VPCID] == nil {
			continue
		}
		if slices.ContainsFunc(r.vpcs[lb.VPCID].NodeSources, func(x spec.NodeSource) bool { return x.Address == vip || x.Address == vip6 }) {
			return false
		}
	}
	return true
}
