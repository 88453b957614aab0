package kernel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/musubi-net/musubi/internal/kernel/netns"
	"github.com/musubi-net/musubi/internal/spec"
)

// Options says where a world is.
type Options struct {
	// Dir is a directory on a tmpfs of the private mount namespace; it holds the
	// network namespaces. What it has already is taken over.
	Dir string
	Log *slog.Logger
}

// World is what exists in the kernel. Its methods may be called concurrently.
type World struct {
	dir      netns.Dir
	log      *slog.Logger
	fabric   *hub
	internet *hub

	closed atomic.Bool
	mu     sync.Mutex
	vpcs   map[string]*vpc // all that were ever heard of
	// prepared are the guests whose namespaces have their settings.
	prepared map[string]bool
	// trackers are by VPC.
	trackMu  sync.Mutex
	trackers map[string]*tracker
	// timeless is set if the kernel has no timeouts of single connections.
	timeless atomic.Bool
	// transaction limits the bytes of an nftables transaction, if it is not 0.
	transaction int
}

var errClosed = errors.New("the world is closed")

// Open takes over the world in the directory, or begins one.
func Open(ctx context.Context, o Options) (*World, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir, err := netns.OpenDir(o.Dir)
	if err != nil {
		return nil, err
	}
	w := &World{dir: dir, log: o.Log, vpcs: map[string]*vpc{}, trackers: map[string]*tracker{}, prepared: map[string]bool{}}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	if w.fabric, err = openHub(dir, FabricNS, fabricState); err != nil {
		return nil, err
	}
	if w.internet, err = openHub(dir, InternetNS, internetState); err != nil {
		w.fabric.close()
		return nil, err
	}
	return w, nil
}

// Close lets go of the world, which goes on without this process.
func (w *World) Close() error {
	w.closed.Store(true)
	for _, v := range w.known() {
		v.mu.Lock()
		v.close()
		v.mu.Unlock()
	}
	for id := range w.tracked() {
		w.untrack(id)
	}
	w.fabric.close()
	w.internet.close()
	return nil
}

// VPCs lists the VPCs that exist.
func (w *World) VPCs() ([]string, error) { return w.named(vpcPrefix) }

// Guests lists the instances that have a namespace.
func (w *World) Guests() ([]string, error) { return w.named(guestPrefix) }

func (w *World) named(prefix string) ([]string, error) {
	all, err := w.dir.Names()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, n := range all {
		if strings.HasPrefix(n, prefix) {
			out = append(out, n)
		}
	}
	return out, nil
}

// ApplyVPC brings a VPC to its desired state. Established connections go on.
// What fails is reported and tried again by the next call.
func (w *World) ApplyVPC(ctx context.Context, s *spec.VPC) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !strings.HasPrefix(s.ID, vpcPrefix) {
		return fmt.Errorf("%q is no VPC's id", s.ID)
	}
	v := w.vpc(s.ID)
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.apply(ctx, s)
}

// RemoveVPC removes a VPC with all of its links. One that is not there is no
// error.
func (w *World) RemoveVPC(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !strings.HasPrefix(id, vpcPrefix) {
		return fmt.Errorf("%q is no VPC's id", id)
	}
	v := w.vpc(id)
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.remove()
}

// vpc returns what is known of a VPC.
func (w *World) vpc(id string) *vpc {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.vpcs[id]
	if v == nil {
		v = &vpc{id: id, world: w, cache: newRuleCache()}
		w.vpcs[id] = v
	}
	return v
}

func (w *World) known() []*vpc {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []*vpc
	for _, v := range w.vpcs {
		out = append(out, v)
	}
	return out
}

// EnsureGuest makes the network namespace of an instance, if it is not there,
// and returns its file. The interfaces that VPCs have for the instance are
// attached to it.
func (w *World) EnsureGuest(ctx context.Context, instanceID string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	made, err := w.guest(instanceID)
	if err != nil {
		return "", err
	}
	var errs []error
	for _, v := range w.known() {
		if !made {
			break
		}
		v.mu.Lock()
		if v.missing(instanceID) {
			errs = append(errs, v.apply(ctx, v.last))
		}
		v.mu.Unlock()
	}
	return w.dir.Path(instanceID), errors.Join(errs...)
}

// guest makes the instance's namespace, if need be.
func (w *World) guest(instanceID string) (made bool, err error) {
	if !strings.HasPrefix(instanceID, guestPrefix) {
		return false, fmt.Errorf("%q is no instance's id", instanceID)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.prepared[instanceID] && w.dir.Has(instanceID) {
		return false, nil
	}
	ns, made, err := w.dir.Ensure(instanceID)
	if err != nil {
		return false, err
	}
	defer func() { _ = ns.Close() }()
	if err := setUpGuest(ns); err != nil {
		return false, err
	}
	w.prepared[instanceID] = true
	return made, nil
}

// RemoveGuest removes an instance's namespace with its interfaces. A VPC that
// still has them gets them back by its next Apply, or by EnsureGuest.
func (w *World) RemoveGuest(ctx context.Context, instanceID string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !strings.HasPrefix(instanceID, guestPrefix) {
		return fmt.Errorf("%q is no instance's id", instanceID)
	}
	var errs []error
	for _, v := range w.known() {
		v.mu.Lock()
		errs = append(errs, v.detach(instanceID))
		v.mu.Unlock()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.prepared, instanceID)
	errs = append(errs, emptyNS(w.dir, instanceID), w.dir.Remove(instanceID))
	return errors.Join(errs...)
}

// ApplyFabric sets the fabric's routes. Those to a VPC that does not exist yet
// follow when it does.
func (w *World) ApplyFabric(ctx context.Context, s *spec.Fabric) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var routes []hubRoute
	for _, r := range s.Routes {
		routes = append(routes, hubRoute{address: r.Address, link: fabricEnd(r.VPC)})
	}
	return w.fabric.apply(routes, s.Local...)
}

// ApplyInternet sets the internet's routes. Those to a VPC without an internet
// gateway follow when it has one.
func (w *World) ApplyInternet(ctx context.Context, s *spec.Internet) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var routes []hubRoute
	for _, r := range s.Routes {
		routes = append(routes, hubRoute{address: r.Address, vpc: r.VPCID})
	}
	return w.internet.apply(routes)
}
