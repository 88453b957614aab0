package l7

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musubi-net/musubi/internal/dataplane/l7/balance"
	"github.com/musubi-net/musubi/internal/spec"
)

// balancer is one application load balancer.
type balancer struct {
	s   *Server
	arn string

	ns        atomic.Pointer[string]
	mu        sync.Mutex
	frontends map[netip.AddrPort]*frontend
	retired   map[*frontend]struct{}
	balance   *balance.Groups
	groups    map[string]*group
	pools     *pools
}

func newBalancer(s *Server, arn string) *balancer {
	return &balancer{
		s: s, arn: arn, frontends: map[netip.AddrPort]*frontend{}, retired: map[*frontend]struct{}{},
		balance: balance.NewGroups(balance.Options{Now: s.o.Now}), pools: newPools(),
	}
}

// set opens what is new, swaps the configuration of what stays and closes what is
// gone. A listener that cannot be as described stays as it was.
func (lb *balancer) set(ctx context.Context, b *spec.Balancer) error {
	lb.mu.Lock()
	lb.ns.Store(&b.VPC)
	var errs []error
	lb.setGroups(b)
	want := map[netip.AddrPort]bool{}
	for i := range b.Listeners {
		l := &b.Listeners[i]
		cfg, err := lb.compile(b, l)
		if err != nil {
			errs = append(errs, fmt.Errorf("listener %s: %w", l.ARN, err))
		}
		for _, a := range l.Addresses {
			at := netip.AddrPortFrom(a.Address, l.Port)
			want[at] = true
			if err == nil {
				errs = append(errs, lb.setFrontend(ctx, at, cfg.at(a)))
			}
		}
	}
	var gone []*frontend
	for at, f := range lb.frontends {
		if !want[at] {
			gone = append(gone, f)
			lb.retired[f] = struct{}{}
			delete(lb.frontends, at)
		}
	}
	lb.mu.Unlock()
	for _, f := range gone {
		errs = append(errs, f.retire())
	}
	return errors.Join(errs...)
}

// setFrontend gives an address its configuration, and opens it if it is new.
func (lb *balancer) setFrontend(ctx context.Context, at netip.AddrPort, cfg *config) error {
	if f := lb.frontends[at]; f != nil {
		f.cfg.Store(cfg)
		return nil
	}
	l, err := lb.s.o.Listen(ctx, lb.namespace(), at)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", at, err)
	}
	f := newFrontend(lb, l, cfg)
	lb.frontends[at] = f
	f.run()
	return nil
}

// setGroups makes the target groups be as described; connections to targets that
// are gone end.
func (lb *balancer) setGroups(b *spec.Balancer) {
	lb.balance.Update(b.Groups)
	policy := policyOf(b)
	groups, targets := map[string]*group{}, map[registration]bool{}
	for i := range b.Groups {
		s := &b.Groups[i]
		have := lb.groups[s.ARN]
		if g, ok := lb.balance.Get(s.ARN); ok && (have == nil || have.Group != g || !have.same(s, policy)) {
			have = lb.newGroup(g, policy)
		}
		groups[s.ARN] = have
		for _, t := range s.Targets {
			targets[registration{s.ARN, t.Address}] = true
		}
	}
	lb.groups = groups
	lb.pools.keep(targets)
}

// policyOf is the security policy of the first listener that has one: AWS derives
// from it how it speaks TLS to targets.
func policyOf(b *spec.Balancer) string {
	for _, l := range b.Listeners {
		if l.TLS != nil {
			return l.TLS.Policy
		}
	}
	return ""
}

func (lb *balancer) close() error {
	lb.mu.Lock()
	all := make([]*frontend, 0, len(lb.frontends))
	for _, f := range lb.frontends {
		all = append(all, f)
	}
	for f := range lb.retired {
		all = append(all, f)
	}
	lb.frontends = map[netip.AddrPort]*frontend{}
	lb.mu.Unlock()
	var errs []error
	for _, f := range all {
		errs = append(errs, f.close())
	}
	lb.pools.close()
	return errors.Join(errs...)
}

// dial connects from a node's address to a target.
func (lb *balancer) dial(ctx context.Context, sources []netip.Addr, to netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return lb.s.o.Dial(ctx, lb.namespace(), localFor(sources, to), to)
}

// namespace is that of the VPC.
func (lb *balancer) namespace() string { return *lb.ns.Load() }

// localFor is the node's address of a target's family.
func localFor(sources []netip.Addr, to netip.AddrPort) (local netip.Addr) {
	for _, a := range sources {
		if a.Is4() == to.Addr().Unmap().Is4() {
			return a
		}
	}
	return local
}

// connectTimeout is AWS's for connecting to a target, and for the TLS handshake.
const connectTimeout = 10 * time.Second
