package reconcile

import (
	"context"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

// Images keep what images are made of.
type Images interface {
	// Snapshot keeps what an instance's guest has written to its disk, and returns
	// the content's digest and size. The guest may run meanwhile.
	Snapshot(ctx context.Context, instanceID string) (digest string, size int64, err error)
	// Remove forgets content (of a snapshot, or an imported image) that nothing
	// uses any more. Content that is not there is no error.
	Remove(ctx context.Context, digest string) error
}

// takeSnapshots takes a pending snapshot of an instance's disk, and says whether
// there was one. It is a part of the guest's unit, so that the guest neither
// starts nor goes away meanwhile.
func (r *Reconciler) takeSnapshots(ctx context.Context, s *cloud.Snapshot, id string) (bool, error) {
	want, ok := compute.Snapshots.First(s, compute.ByInstance, id)
	if !ok {
		return false, nil
	}
	i, ok := compute.Instances.Get(s, id)
	switch {
	case r.o.Images == nil:
		return true, r.snapshotFailed(ctx, want, "There is no store of images")
	case !ok, i.State == compute.Terminated:
		return true, r.snapshotFailed(ctx, want, "The instance is gone")
	case i.State == compute.Pending:
		return false, nil // once it runs
	}
	return true, r.takeSnapshot(ctx, want, i)
}

// takeSnapshot shuts the guest down before, if it is to be; the report then says
// that the instance boots again. A stopping guest has stopped before, too.
func (r *Reconciler) takeSnapshot(ctx context.Context, want compute.Snapshot, i compute.Instance) error {
	report := compute.ReportSnapshot{ID: want.ID}
	if !r.known(i.ID) {
		// It has no disk yet, or none since this Musubi was started: it would begin
		// with what its image has.
		report.Digest = i.RootSnapshot
		return run(ctx, r.o.Engine, report)
	}
	if now := r.guest(i.ID); now.Running && (want.Reboot || i.State != compute.Running) {
		if err := r.stopGuest(ctx, i.ID); err != nil {
			return err
		}
		report.Stopped = i.Boot
	}
	digest, size, err := r.o.Images.Snapshot(ctx, i.ID)
	if ctx.Err() != nil {
		return ctx.Err() // it stays pending
	}
	if err != nil {
		r.o.Log.Error("snapshot not taken", "snapshot", want.ID, "instance", i.ID, "error", err)
		report.Failed = err.Error()
	} else {
		report.Digest, report.Bytes = digest, size
	}
	return run(ctx, r.o.Engine, report)
}

// known reports whether an instance has a guest, running or not.
func (r *Reconciler) known(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.running[id]
	return ok
}

func (r *Reconciler) snapshotFailed(ctx context.Context, want compute.Snapshot, why string) error {
	return run(ctx, r.o.Engine, compute.ReportSnapshot{ID: want.ID, Failed: why})
}

// processContent removes content that nothing uses.
func (r *Reconciler) processContent(ctx context.Context, digest string) error {
	if r.o.Images == nil || compute.UsesDigest(r.o.Engine.Snapshot(), digest) {
		return nil
	}
	return r.o.Images.Remove(ctx, digest)
}
