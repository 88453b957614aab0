package reconcile

import (
	"context"
	"fmt"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/plan"
)

// start observes what exists, and queues everything: what the cloud has, and
// what the world has that the cloud has not.
func (r *Reconciler) start(ctx context.Context, s *cloud.Snapshot) error {
	vpcs, err := r.o.World.VPCs()
	if err != nil {
		return fmt.Errorf("observe the world: %w", err)
	}
	namespaces, err := r.o.World.Guests()
	if err != nil {
		return fmt.Errorf("observe the world: %w", err)
	}
	guests, err := r.o.Guests.List(ctx, "")
	if err != nil {
		return fmt.Errorf("observe the guests: %w", err)
	}
	u := everything(s)
	r.mu.Lock()
	for _, id := range namespaces {
		r.namespaces[id] = ""
		u.Guests = append(u.Guests, id)
	}
	for _, g := range guests {
		r.running[g.InstanceID] = g
		u.Guests = append(u.Guests, g.InstanceID)
	}
	u.VPCs = append(u.VPCs, vpcs...)
	r.first[key{kindFabric, ""}], r.first[key{kindInternet, ""}] = true, true
	for _, id := range u.VPCs {
		r.first[key{kindVPC, id}] = true
	}
	for _, id := range u.Guests {
		r.first[key{kindGuest, id}] = true
	}
	r.mu.Unlock()
	r.enqueue(u)
	return nil
}

// everything is all units of the cloud.
func everything(s *cloud.Snapshot) plan.Units {
	u := plan.Units{Fabric: true, Internet: true, Public: plan.PublicOwners(s)}
	for v := range vpc.VPCs.All(s) {
		u.VPCs = append(u.VPCs, v.ID)
	}
	u.DNS, u.Metadata, u.Health = u.VPCs, u.VPCs, u.VPCs
	u.Balancers = plan.BalancerARNs(s)
	u.Certificates = requested(s)
	u.Checks = plan.CheckIDs(s)
	for i := range compute.Instances.All(s) {
		u.Guests = append(u.Guests, i.ID)
	}
	for x := range compute.Snapshots.All(s) {
		if x.State == compute.SnapshotPending {
			u.Guests = append(u.Guests, x.InstanceID)
		}
	}
	for e := range privatelink.Endpoints.All(s) {
		u.Endpoints = append(u.Endpoints, e.ID)
	}
	u.Services = namedServices(s)
	for t := range elb.Targets.All(s) {
		if !t.DrainingSince.IsZero() || elb.Departed(s, t) {
			u.Drains = append(u.Drains, elb.TargetKey(t.TargetGroupARN, t.ID, t.Port))
		}
	}
	return u
}
