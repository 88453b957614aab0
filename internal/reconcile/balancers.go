package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	"github.com/musubi-net/musubi/internal/plan"
	"github.com/musubi-net/musubi/internal/spec"
)

// Balancers carries load balancers in user space: one for application, one for
// network load balancers. Set replaces what was and leaves connections alone that
// the change does not concern.
type Balancers interface {
	Set(ctx context.Context, b *spec.Balancer) error
	Remove(arn string) error
	Close() error
}

// carriers are the two.
func (r *Reconciler) carriers() []Balancers {
	return slices.DeleteFunc([]Balancers{r.o.Application, r.o.Network}, func(b Balancers) bool { return b == nil })
}

func (r *Reconciler) carrier(b *spec.Balancer) Balancers {
	if b.Type == "application" {
		return r.o.Application
	}
	return r.o.Network
}

// processBalancer brings the part of a load balancer that is in user space to
// what the newest snapshot says. Its sockets need their addresses: until the VPC
// has them, it waits.
func (r *Reconciler) processBalancer(ctx context.Context, arn string) error {
	want := plan.CompileBalancer(r.o.Engine.Snapshot(), arn)
	if want == nil {
		return r.removeBalancer(arn)
	}
	carrier := r.carrier(want)
	if carrier == nil {
		return nil
	}
	r.mu.Lock()
	have, ready := r.balancers[arn], addressed(r.vpcs[want.VPC], want)
	if !ready {
		r.unaddressed[arn] = want.VPC
	}
	r.mu.Unlock()
	if !ready || reflect.DeepEqual(have, want) {
		return nil
	}
	if err := carrier.Set(ctx, want); err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	r.mu.Lock()
	r.balancers[arn] = want
	r.applied()
	r.mu.Unlock()
	return nil
}

func (r *Reconciler) removeBalancer(arn string) error {
	r.mu.Lock()
	_, known := r.balancers[arn]
	delete(r.balancers, arn)
	delete(r.unaddressed, arn)
	r.mu.Unlock()
	if !known {
		return nil
	}
	var errs []error
	for _, c := range r.carriers() {
		errs = append(errs, c.Remove(arn))
	}
	return errors.Join(errs...)
}

// addressed reports whether a VPC has all addresses that a load balancer listens
// on.
func addressed(v *spec.VPC, b *spec.Balancer) bool {
	if v == nil {
		return false
	}
	for _, l := range b.Listeners {
		for _, a := range l.Addresses {
			if _, ok := slices.BinarySearchFunc(v.Local, a.Address, netip.Addr.Compare); !ok {
				return false
			}
		}
	}
	return true
}

// wakeBalancers queues those that waited for a VPC's addresses.
func (r *Reconciler) wakeBalancers(vpcID string) {
	var arns []string
	r.mu.Lock()
	for arn, waits := range r.unaddressed {
		if waits == vpcID {
			arns = append(arns, arn)
			delete(r.unaddressed, arn)
		}
	}
	r.mu.Unlock()
	r.units.add(kindBalancer, arns...)
}
