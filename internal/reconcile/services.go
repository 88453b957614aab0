package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"

	"github.com/musubi-net/musubi/internal/dataplane/dnsd"
	"github.com/musubi-net/musubi/internal/dataplane/metadata"
	"github.com/musubi-net/musubi/internal/plan"
	"github.com/musubi-net/musubi/internal/spec"
)

// services are a VPC's resolver and metadata service with their sockets.
type services struct {
	vpcID    string
	resolver *dnsd.Server
	metadata *metadata.Server

	mu      sync.Mutex
	sockets map[socket]io.Closer
	closed  bool
}

// socket is where a service answers.
type socket struct {
	service string // udp, tcp (the resolver's), metadata
	address netip.Addr
}

// servicesOf returns a VPC's services; they are made when first asked for.
func (r *Reconciler) servicesOf(vpcID string) *services {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.services[vpcID]
	if s == nil {
		log := r.o.Log.With("vpc", vpcID)
		s = &services{
			vpcID: vpcID, sockets: map[socket]io.Closer{},
			resolver: dnsd.New(dnsd.Options{Public: r.public, Log: log}),
			metadata: metadata.New(metadata.Options{Credentials: r.o.Credentials, Now: r.o.Now, Log: log}),
		}
		r.services[vpcID] = s
	}
	return s
}

// processDNS and its siblings compile what a VPC's services tell. A VPC that is
// gone has none: its unit removes them.
func (r *Reconciler) processDNS(vpcID string) {
	d := plan.CompileDNS(r.o.Engine.Snapshot(), vpcID)
	if d == nil && !r.exists(vpcID) {
		return
	}
	r.servicesOf(vpcID).resolver.Set(d)
}

func (r *Reconciler) processMetadata(vpcID string) {
	m := plan.MetadataOf(r.o.Engine.Snapshot(), vpcID)
	if len(m) == 0 && !r.exists(vpcID) {
		return
	}
	r.servicesOf(vpcID).metadata.Set(m)
}

func (r *Reconciler) processHealth(vpcID string) {
	r.setChecks(vpcID, plan.CompileHealth(r.o.Engine.Snapshot(), vpcID))
}

func (r *Reconciler) setChecks(vpcID string, checks []spec.HealthCheck) {
	r.healthMu.Lock()
	defer r.healthMu.Unlock()
	r.checker.Set(vpcID, checks)
}

// exists reports whether a VPC has services.
func (r *Reconciler) exists(vpcID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.services[vpcID] != nil
}

// sync opens the sockets that a VPC should have and closes the others.
func (s *services) sync(ctx context.Context, w World, want *spec.VPC) error {
	wanted := map[socket]bool{}
	for _, a := range want.Resolver {
		wanted[socket{"udp", a}], wanted[socket{"tcp", a}] = true, true
	}
	for _, a := range want.Metadata {
		wanted[socket{"metadata", a}] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	var errs []error
	for k, c := range s.sockets {
		if !wanted[k] {
			errs = append(errs, ignoreClosed(c.Close()))
			delete(s.sockets, k)
		}
	}
	for k := range wanted {
		if s.sockets[k] != nil {
			continue
		}
		c, err := s.open(ctx, w, k)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s socket at %s: %w", k.service, k.address, err))
			continue
		}
		s.sockets[k] = c
	}
	return errors.Join(errs...)
}

// open makes one socket and hands it to its service.
func (s *services) open(ctx context.Context, w World, k socket) (io.Closer, error) {
	switch k.service {
	case "udp":
		c, err := w.ListenUDP(ctx, s.vpcID, netip.AddrPortFrom(k.address, 53))
		if err != nil {
			return nil, err
		}
		return served(c, s.resolver.ServeUDP(c))
	case "tcp":
		l, err := w.ListenTCP(ctx, s.vpcID, netip.AddrPortFrom(k.address, 53))
		if err != nil {
			return nil, err
		}
		return served(l, s.resolver.ServeTCP(l))
	}
	l, err := w.ListenTCP(ctx, s.vpcID, netip.AddrPortFrom(k.address, 80))
	if err != nil {
		return nil, err
	}
	return served(l, s.metadata.Serve(l))
}

// served closes a socket that its service did not take.
func served(c io.Closer, err error) (io.Closer, error) {
	if err != nil {
		return nil, errors.Join(err, ignoreClosed(c.Close()))
	}
	return c, nil
}

// close ends the services; they close their sockets.
func (s *services) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return errors.Join(ignoreClosed(s.resolver.Close()), ignoreClosed(s.metadata.Close()))
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
