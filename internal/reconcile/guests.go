package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/plan"
	"github.com/musubi-net/musubi/internal/spec"
)

// instanceMemory is how long AWS shows a terminated instance, about.
const instanceMemory = time.Hour

// startAttempts is how often a guest's start is tried before the instance is
// reported stopped.
const startAttempts = 5

// processGuest brings one guest to what its instance's state says, and reports
// the state that is reached by that.
func (r *Reconciler) processGuest(ctx context.Context, k key) error {
	s := r.o.Engine.Snapshot()
	if taken, err := r.takeSnapshots(ctx, s, k.id); taken || err != nil {
		return err // the report of a snapshot queues the guest again
	}
	i, ok := compute.Instances.Get(s, k.id)
	if !ok {
		return r.removeGuest(ctx, k.id)
	}
	switch i.State {
	case compute.Pending, compute.Running:
		return r.startGuest(ctx, s, k, i)
	case compute.Stopping, compute.ShuttingDown:
		if err := r.stopGuest(ctx, i.ID); err != nil {
			return err
		}
		done := compute.Stopped
		if i.State == compute.ShuttingDown {
			done = compute.Terminated
		}
		return run(ctx, r.o.Engine, compute.ReportInstance{ID: i.ID, Boot: i.Boot, State: done})
	case compute.Stopped:
		return r.stopGuest(ctx, i.ID)
	case compute.Terminated:
		r.guests.after(key{kindForget, i.ID}, i.TerminatedAt.Add(instanceMemory).Sub(r.o.Now()))
		return r.removeGuest(ctx, i.ID)
	}
	return nil
}

// startGuest starts a guest once its network is there. One that ended by itself
// is reported, not started again.
func (r *Reconciler) startGuest(ctx context.Context, s *cloud.Snapshot, k key, i compute.Instance) error {
	now := r.guest(i.ID)
	switch {
	case now.Boot == i.Boot && now.Exited:
		return run(ctx, r.o.Engine, compute.ReportInstance{ID: i.ID, Boot: i.Boot, State: compute.Stopped, Reason: now.ExitReason})
	case now.Boot == i.Boot && now.Running:
		return r.reportRunning(ctx, i)
	case !r.attached(i.VPCID, i.ID):
		return nil // the VPC's unit queues it again
	}
	err := r.launch(ctx, s, i)
	if err == nil {
		return r.reportRunning(ctx, i)
	}
	if ctx.Err() == nil && i.State == compute.Pending && r.guests.failed(k)+1 >= startAttempts {
		report := compute.ReportInstance{ID: i.ID, Boot: i.Boot, State: compute.Stopped, Reason: err.Error()}
		r.o.Log.Error("instance does not start", "instance", i.ID, "error", err)
		return run(ctx, r.o.Engine, report)
	}
	return err
}

func (r *Reconciler) launch(ctx context.Context, s *cloud.Snapshot, i compute.Instance) error {
	path, err := r.namespace(ctx, i.ID, i.VPCID)
	if err != nil {
		return err
	}
	g := plan.Guest(s, i.ID)
	if g == nil {
		return errors.New("instance does not want a guest")
	}
	if err := r.o.Guests.Start(ctx, *g, path); err != nil {
		return err
	}
	r.mu.Lock()
	r.running[i.ID] = GuestStatus{InstanceID: i.ID, Boot: i.Boot, Running: true}
	r.applied()
	r.mu.Unlock()
	return nil
}

func (r *Reconciler) reportRunning(ctx context.Context, i compute.Instance) error {
	if i.State != compute.Pending {
		return nil
	}
	return run(ctx, r.o.Engine, compute.ReportInstance{ID: i.ID, Boot: i.Boot, State: compute.Running})
}

// stopGuest ends a guest, if it runs.
func (r *Reconciler) stopGuest(ctx context.Context, id string) error {
	if !r.guest(id).Running {
		return nil
	}
	if err := r.o.Guests.Stop(ctx, id); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.running[id]
	g.Running, g.Exited = false, false
	r.running[id] = g
	r.applied()
	return nil
}

// removeGuest forgets a guest and its namespace, which the VPC must have let go
// of before.
func (r *Reconciler) removeGuest(ctx context.Context, id string) error {
	r.mu.Lock()
	_, known := r.running[id]
	vpcID, has := r.namespaces[id]
	r.mu.Unlock()
	if known {
		if err := r.o.Guests.Remove(ctx, id); err != nil {
			return err
		}
		r.mu.Lock()
		delete(r.running, id)
		r.applied()
		r.mu.Unlock()
	}
	if !has || r.attached(vpcID, id) {
		return nil
	}
	if err := r.o.World.RemoveGuest(ctx, id); err != nil {
		return fmt.Errorf("remove namespace: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.namespaces, id)
	return nil
}

// awaitsNetwork reports whether a guest should run and does not, because its VPC
// is not applied yet. The caller holds r.mu.
func (r *Reconciler) awaitsNetwork(id string) bool {
	i, ok := compute.Instances.Get(r.o.Engine.Snapshot(), id)
	if !ok || i.State != compute.Pending && i.State != compute.Running {
		return false
	}
	now := r.running[id]
	return now.Boot != i.Boot || !now.Running && !now.Exited
}

func (r *Reconciler) guest(id string) GuestStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running[id]
}

// attached reports whether the VPC, as applied, has an interface of the instance.
func (r *Reconciler) attached(vpcID, instanceID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.vpcs[vpcID] != nil && hasInterface(r.vpcs[vpcID], instanceID)
}

func hasInterface(v *spec.VPC, instanceID string) bool {
	for _, i := range v.Interfaces {
		if i.InstanceID == instanceID {
			return true
		}
	}
	return false
}

// followGuests looks at a guest again when something happens to it.
func (r *Reconciler) followGuests(ctx context.Context) {
	for {
		id, ok := r.o.Guests.Next(ctx)
		if !ok {
			return
		}
		list, err := r.o.Guests.List(ctx, id)
		if err != nil {
			if ctx.Err() == nil {
				r.note(key{kindGuest, id}, err)
			}
			continue
		}
		r.observe(list)
	}
}

// observe takes over what the guests say and queues those that differ.
func (r *Reconciler) observe(list []GuestStatus) {
	var changed []string
	r.mu.Lock()
	for _, g := range list {
		if have, ok := r.running[g.InstanceID]; ok && have != g && have.Boot <= g.Boot {
			r.running[g.InstanceID] = g
			changed = append(changed, g.InstanceID)
		}
	}
	r.mu.Unlock()
	r.guests.add(kindGuest, changed...)
}

// processForget takes a terminated instance off the list in time.
func (r *Reconciler) processForget(ctx context.Context, k key) error {
	i, ok := compute.Instances.Get(r.o.Engine.Snapshot(), k.id)
	if !ok || i.State != compute.Terminated {
		return nil
	}
	if wait := i.TerminatedAt.Add(instanceMemory).Sub(r.o.Now()); wait > 0 {
		r.guests.after(k, wait)
		return nil
	}
	return run(ctx, r.o.Engine, compute.ForgetInstance{ID: k.id})
}
