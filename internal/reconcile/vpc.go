package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/plan"
	"github.com/musubi-net/musubi/internal/spec"
)

// processVPC brings one VPC's router to what the newest snapshot says, with the
// sockets of its services, and reports what is done by that.
func (r *Reconciler) processVPC(ctx context.Context, id string) error {
	resets := r.takeResets(id) // before the snapshot: it must not have the targets any more
	s := r.o.Engine.Snapshot()
	want := plan.CompileVPC(s, id)
	if want == nil {
		return r.removeVPC(ctx, id)
	}
	r.mu.Lock()
	have := r.vpcs[id]
	r.mu.Unlock()
	if !reflect.DeepEqual(have, want) {
		if err := r.applyVPC(ctx, want); err != nil {
			r.addResets(id, resets)
			return err
		}
		r.mu.Lock()
		r.vpcs[id] = want
		r.applied()
		r.mu.Unlock()
		r.afterVPC(want)
	}
	return errors.Join(
		r.servicesOf(id).sync(ctx, r.o.World, want),
		r.resetFlows(ctx, want, resets),
		r.settle(ctx, s, id),
	)
}

func (r *Reconciler) applyVPC(ctx context.Context, want *spec.VPC) error {
	for _, i := range want.Interfaces {
		if _, err := r.namespace(ctx, i.InstanceID, want.ID); err != nil {
			return err
		}
	}
	if err := r.o.World.ApplyVPC(ctx, want); err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	return nil
}

// namespace makes sure of an instance's network namespace.
func (r *Reconciler) namespace(ctx context.Context, instanceID, vpcID string) (string, error) {
	path, err := r.o.World.EnsureGuest(ctx, instanceID)
	if err != nil {
		return "", fmt.Errorf("namespace of %s: %w", instanceID, err)
	}
	r.mu.Lock()
	r.namespaces[instanceID] = vpcID
	r.mu.Unlock()
	return path, nil
}

// afterVPC queues what waited for a VPC to be applied: the guests that got their
// network or lost it, and endpoints.
func (r *Reconciler) afterVPC(want *spec.VPC) {
	attached := map[string]bool{}
	for _, i := range want.Interfaces {
		attached[i.InstanceID] = true
	}
	var guests []string
	r.mu.Lock()
	for id, vpcID := range r.namespaces {
		if vpcID == want.ID && (!attached[id] || !r.running[id].Running) {
			guests = append(guests, id)
		}
	}
	r.mu.Unlock()
	r.guests.add(kindGuest, guests...)
	r.wakeBalancers(want.ID)
	r.wakeEndpoints()
}

func (r *Reconciler) removeVPC(ctx context.Context, id string) error {
	r.mu.Lock()
	services := r.services[id]
	delete(r.services, id)
	r.mu.Unlock()
	var errs []error
	if services != nil {
		errs = append(errs, services.close())
	}
	r.setChecks(id, nil)
	if err := r.o.World.RemoveVPC(ctx, id); err != nil {
		return errors.Join(append(errs, fmt.Errorf("remove: %w", err))...)
	}
	r.mu.Lock()
	delete(r.vpcs, id)
	r.applied()
	var guests []string
	for i, v := range r.namespaces {
		if v == id {
			guests = append(guests, i)
		}
	}
	r.mu.Unlock()
	r.guests.add(kindGuest, guests...)
	r.wakeEndpoints()
	return errors.Join(errs...)
}

// processFabric brings the fabric up to date. It is applied whole even before
// all of its VPCs are: after a restart, what flows must not be cut off.
func (r *Reconciler) processFabric(ctx context.Context) error {
	want := plan.CompileFabric(r.o.Engine.Snapshot())
	r.mu.Lock()
	have := r.fabric
	r.mu.Unlock()
	if have != nil && slices.Equal(have.Routes, want.Routes) && slices.Equal(have.Local, want.Local) {
		return nil
	}
	if err := r.o.World.ApplyFabric(ctx, want); err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	r.mu.Lock()
	r.fabric = want
	r.applied()
	r.mu.Unlock()
	r.wakeEndpoints()
	return nil
}

// processInternet does the same for the internet, and wakes the VPCs whose NAT
// gateways wait for their public address.
func (r *Reconciler) processInternet(ctx context.Context) error {
	s := r.o.Engine.Snapshot()
	want := plan.CompileInternet(s)
	r.mu.Lock()
	have := r.internet
	r.mu.Unlock()
	if have != nil && slices.Equal(have.Routes, want.Routes) {
		return nil
	}
	if err := r.o.World.ApplyInternet(ctx, want); err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	r.mu.Lock()
	r.internet = want
	r.applied()
	r.mu.Unlock()
	r.units.add(kindVPC, waitingGateways(s)...)
	return nil
}

// routed reports whether the internet leads to a public address.
func (r *Reconciler) routed(a netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.internet != nil && slices.ContainsFunc(r.internet.Routes, func(x spec.InternetRoute) bool { return x.Address == a })
}

// run applies a command as the reconciler.
func run[R any](ctx context.Context, e Engine, c cloud.Command[R]) error {
	return e.Run(ctx, cloud.Caller{Internal: true}, func(tx *cloud.Tx) error {
		_, err := c.Apply(tx)
		return err
	})
}
