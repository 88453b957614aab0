package app

import (
	"context"
	"fmt"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/dataplane/metadata"
	"github.com/musubi-net/musubi/internal/engine"
	"github.com/musubi-net/musubi/internal/guest"
	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/reconcile"
	"github.com/musubi-net/musubi/internal/spec"
)

// guests is a guest.Manager as the reconciler wants it.
type guests struct {
	*guest.Manager
	trust  string // this Musubi's certificate authority
	images *guestImages
}

// Start has the guest trust this Musubi's certificates, and finds its image.
func (g guests) Start(ctx context.Context, s spec.Guest, netns string) error {
	s.Trust = g.trust
	if err := g.images.prepare(ctx, &s); err != nil {
		return err
	}
	return g.Manager.Start(ctx, s, netns)
}

func (g guests) List(ctx context.Context, instanceID string) ([]reconcile.GuestStatus, error) {
	all, err := g.ListOne(ctx, instanceID)
	if err != nil {
		return nil, err
	}
	out := make([]reconcile.GuestStatus, len(all))
	for i, s := range all {
		out[i] = reconcile.GuestStatus{InstanceID: s.InstanceID, Boot: s.Boot, Running: s.Running, Exited: s.Exited, ExitReason: s.ExitReason}
	}
	return out, nil
}

func (g guests) Next(ctx context.Context) (string, bool) {
	select {
	case e, ok := <-g.Events():
		return e.InstanceID, ok
	case <-ctx.Done():
		return "", false
	}
}

// newReconciler joins the engine, the kernel and the guests.
func newReconciler(d *daemon, world *kernel.World) (*reconcile.Reconciler, error) {
	var err error
	if d.images, err = newGuestImages(d.guests, d.engine); err != nil {
		return nil, err
	}
	application, err := applicationBalancers(world, d.authority, d.log)
	if err != nil {
		return nil, err
	}
	return reconcile.New(reconcile.Options{
		Engine: d.engine,
		Watch: func() (reconcile.Watch, *cloud.Snapshot) {
			w, s := d.engine.Watch()
			return w, s
		},
		World:       world,
		Guests:      guests{d.guests, d.authority.Root(), d.images},
		Images:      d.images,
		Application: application,
		Network:     networkBalancers(world, d.log),
		Credentials: d.credentials,
		Issue:       d.issue,
		Log:         d.log,
	}), nil
}

// credentials issues keys of an instance's role, for the metadata service.
func (d *daemon) credentials(ctx context.Context, instanceID, role string) (metadata.Credentials, error) {
	i, ok := compute.Instances.Get(d.engine.Snapshot(), instanceID)
	if !ok {
		return metadata.Credentials{}, fmt.Errorf("no instance %s", instanceID)
	}
	s, err := engine.Do(ctx, d.engine, cloud.Caller{Internal: true, Scope: i.Scope},
		iam.IssueInstanceCredentials{Account: i.Account, RoleName: role, InstanceID: instanceID})
	if err != nil {
		return metadata.Credentials{}, err
	}
	return metadata.Credentials{AccessKeyID: s.AccessKeyID, SecretAccessKey: s.SecretKey, Token: s.Token,
		LastUpdated: time.Now().UTC(), Expiration: s.Expires}, nil
}
