package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/dataplane/dnsd"
	"github.com/musubi-net/musubi/internal/dataplane/dnsd/prober"
	"github.com/musubi-net/musubi/internal/dataplane/health"
	"github.com/musubi-net/musubi/internal/plan"
	"github.com/musubi-net/musubi/internal/spec"
)

// The kinds of unit.
const (
	kindVPC      = "vpc"
	kindDNS      = "dns"
	kindMetadata = "metadata"
	kindHealth   = "health"
	kindPublic   = "public"
	kindFabric   = "fabric"
	kindInternet = "internet"
	kindEndpoint = "endpoint"
	kindDrain    = "drain"
	kindGuest    = "guest"
	kindForget   = "forget"
	kindBalancer = "balancer"

	kindCertificate = "certificate"
	kindContent     = "content"
)

// Workers. Guests have their own: to stop one can take a while.
const (
	unitWorkers  = 4
	guestWorkers = 8
)

// Reconciler is made by New and lives in Run.
type Reconciler struct {
	o      Options
	units  *queue
	guests *queue
	public *dnsd.Public

	healthMu sync.Mutex // the checker has one owner at a time
	checker  *health.Checker
	prober   *prober.Prober // of Route 53's health checks

	mu       sync.Mutex
	vpcs     map[string]*spec.VPC // as applied
	fabric   *spec.Fabric
	internet *spec.Internet
	services map[string]*services
	// balancers are those that user space carries, as applied; unaddressed those
	// that wait for their VPC to have their addresses.
	balancers   map[string]*spec.Balancer
	unaddressed map[string]string
	// running are the guests that exist; namespaces the VPCs of those that have
	// a network namespace ("" if not known).
	running    map[string]GuestStatus
	namespaces map[string]string
	// waiting are endpoints whose path is not yet what their state says.
	waiting map[string]bool
	// resets are connections to end once a VPC is applied again.
	resets map[string]map[reset]bool
	status Status
	// failing are the units whose last attempt failed; they are tried again.
	failing map[key]string
	first   map[key]bool // units of the first pass that are not done
}

// Status counts what the reconciler did.
type Status struct {
	// VPCs and Guests are those that exist now.
	VPCs, Guests int
	// Applied counts units that were changed, Errors the attempts that failed.
	Applied, Errors uint64
	LastError       string
	ErrorAt         time.Time
	// Failing has what is not as it should be now: the unit ("vpc vpc-…") and why.
	Failing map[string]string
	// Ready is true once everything was attempted, and the instances that were
	// running when this Musubi was started run again.
	Ready bool
}

// New makes a reconciler that does nothing until Run.
func New(o Options) *Reconciler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Reconciler{
		o: o, units: newQueue(), guests: newQueue(), public: dnsd.NewPublic(),
		vpcs: map[string]*spec.VPC{}, services: map[string]*services{}, running: map[string]GuestStatus{},
		namespaces: map[string]string{}, waiting: map[string]bool{}, resets: map[string]map[reset]bool{}, failing: map[key]string{},
		first: map[key]bool{}, balancers: map[string]*spec.Balancer{}, unaddressed: map[string]string{},
	}
	r.checker = health.New(health.Options{Dial: o.World.DialTCP, Report: r.reportHealth, Log: o.Log})
	r.prober = r.newProber()
	return r
}

// Public holds the names that resolve in every VPC; the names of AWS's own
// services may be added under an owner of their own.
func (r *Reconciler) Public() *dnsd.Public { return r.public }

// Status returns the counters.
func (r *Reconciler) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	s.VPCs = len(r.vpcs)
	s.Failing = map[string]string{}
	for k, why := range r.failing {
		s.Failing[k.String()] = why
	}
	for _, g := range r.running {
		if g.Running {
			s.Guests++
		}
	}
	return s
}

// Run reconciles until the context ends, and leaves the world as it is then.
func (r *Reconciler) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer r.closeAll()
	defer group.Wait()
	defer func() {
		cancel()
		r.units.close()
		r.guests.close()
	}()
	watch, snapshot := r.o.Watch()
	defer watch.Close()
	if err := r.start(ctx, snapshot); err != nil {
		return err
	}
	for range unitWorkers {
		group.Go(func() { r.work(ctx, r.units) })
	}
	for range guestWorkers {
		group.Go(func() { r.work(ctx, r.guests) })
	}
	group.Go(func() { r.followGuests(ctx) })
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-watch.Ready():
			r.changed(watch.Take())
		}
	}
}

// changed queues what changes touch.
func (r *Reconciler) changed(changes []cloud.Change) {
	if len(changes) == 0 {
		return
	}
	s := r.o.Engine.Snapshot()
	r.collectResets(s, changes)
	r.enqueue(plan.Affected(s, changes))
}

func (r *Reconciler) enqueue(u plan.Units) {
	r.mu.Lock()
	for _, id := range u.Endpoints {
		r.waiting[id] = true
	}
	r.mu.Unlock()
	// What others wait for goes first: names and fabric before the VPCs whose
	// completion is reported.
	r.units.add(kindPublic, u.Public...)
	r.units.add(kindDNS, u.DNS...)
	r.units.add(kindMetadata, u.Metadata...)
	r.units.add(kindVPC, u.VPCs...)
	if u.Fabric {
		r.units.add(kindFabric, "")
	}
	if u.Internet {
		r.units.add(kindInternet, "")
	}
	r.units.add(kindBalancer, u.Balancers...)
	r.units.add(kindEndpoint, u.Endpoints...)
	r.units.add(kindHealth, u.Health...)
	r.units.add(kindDrain, u.Drains...)
	r.units.add(kindService, u.Services...)
	r.units.add(kindCertificate, u.Certificates...)
	r.units.add(kindCheck, u.Checks...)
	r.guests.add(kindGuest, u.Guests...)
	r.guests.add(kindContent, u.Contents...)
}

// work does units until the queue is closed.
func (r *Reconciler) work(ctx context.Context, q *queue) {
	for {
		k, ok := q.take()
		if !ok {
			return
		}
		err := r.process(ctx, k)
		if ctx.Err() != nil {
			err = nil
		}
		r.note(k, err)
		r.outcome(k, err)
		q.done(k, err != nil)
	}
}

func (r *Reconciler) process(ctx context.Context, k key) error {
	switch k.kind {
	case kindVPC:
		return r.processVPC(ctx, k.id)
	case kindDNS:
		r.processDNS(k.id)
	case kindMetadata:
		r.processMetadata(k.id)
	case kindHealth:
		r.processHealth(k.id)
	case kindPublic:
		r.processPublic(k.id)
	case kindFabric:
		return r.processFabric(ctx)
	case kindInternet:
		return r.processInternet(ctx)
	case kindEndpoint:
		return r.processEndpoint(ctx, k.id)
	case kindDrain:
		return r.processDrain(ctx, k)
	case kindBalancer:
		return r.processBalancer(ctx, k.id)
	case kindCertificate:
		return r.processCertificate(ctx, k.id)
	case kindCheck:
		r.processCheck(k.id)
	case kindService:
		return r.processService(ctx, k.id)
	case kindGuest:
		return r.processGuest(ctx, k)
	case kindContent:
		return r.processContent(ctx, k.id)
	case kindForget:
		return r.processForget(ctx, k)
	}
	return nil
}

// outcome keeps whether a unit is as it should be.
func (r *Reconciler) outcome(k key, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.failing, k)
	if err != nil {
		r.failing[k] = err.Error()
	}
}

// note counts an attempt at a unit.
func (r *Reconciler) note(k key, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first[k] && (err != nil || k.kind != kindGuest || !r.awaitsNetwork(k.id)) {
		delete(r.first, k)
	}
	r.status.Ready = len(r.first) == 0
	if err == nil {
		return
	}
	r.status.Errors++
	r.status.LastError, r.status.ErrorAt = fmt.Sprintf("%s: %v", k, err), r.o.Now()
	r.o.Log.Error("unit not applied", "kind", k.kind, "id", k.id, "error", err)
}

// applied counts a unit that was changed. The caller holds r.mu.
func (r *Reconciler) applied() { r.status.Applied++ }

// closeAll ends what Run started.
func (r *Reconciler) closeAll() {
	r.mu.Lock()
	all := r.services
	r.services = map[string]*services{}
	r.mu.Unlock()
	var errs []error
	for _, s := range all {
		errs = append(errs, s.close())
	}
	for _, b := range r.carriers() {
		errs = append(errs, b.Close())
	}
	r.checker.Close()
	r.prober.Close()
	if err := errors.Join(errs...); err != nil {
		r.o.Log.Warn("services did not end well", "error", err)
	}
}
