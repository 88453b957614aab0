package l4

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// balancer is one load balancer: its sockets and its connections.
type balancer struct {
	s    *Server
	log  *slog.Logger
	ctx  context.Context // of its connections
	stop context.CancelFunc
	done sync.WaitGroup

	setting sync.Mutex // one set at a time
	ports   map[netip.AddrPort]*port

	mu     sync.Mutex
	closed bool
	flows  map[*flow]struct{}
}

// port is a socket that listens.
type port struct {
	listener net.Listener
	config   atomic.Pointer[config]
}

func newBalancer(s *Server, b *spec.Balancer) *balancer {
	lb := &balancer{s: s, log: s.o.Log.With("load_balancer", b.ID), ports: map[netip.AddrPort]*port{}, flows: map[*flow]struct{}{}}
	lb.ctx, lb.stop = context.WithCancel(context.Background())
	return lb
}

func (b *balancer) set(ctx context.Context, x *spec.Balancer) error {
	b.setting.Lock()
	defer b.setting.Unlock()
	if b.ctx.Err() != nil {
		return fmt.Errorf("load balancer %s: removed meanwhile", x.ID)
	}
	wanted, errs := configs(&b.s.tls, x)
	for at, p := range b.ports {
		if _, ok := wanted[at]; !ok {
			errs = append(errs, ignoreClosed(p.listener.Close()))
			delete(b.ports, at)
		}
	}
	for at, c := range wanted {
		if c == nil {
			continue
		}
		if p := b.ports[at]; p != nil {
			p.config.Store(c)
			continue
		}
		if err := b.open(ctx, at, c); err != nil {
			errs = append(errs, fmt.Errorf("listen at %s: %w", at, err))
		}
	}
	b.cut(x)
	return errors.Join(errs...)
}

// open listens at an address and accepts connections.
func (b *balancer) open(ctx context.Context, at netip.AddrPort, c *config) error {
	l, err := b.s.o.Listen(ctx, c.vpc, at)
	if err != nil {
		return err
	}
	p := &port{listener: l}
	p.config.Store(c)
	b.ports[at] = p
	b.done.Go(func() { b.accept(p) })
	return nil
}

// acceptPause is how long a socket that can not accept, for want of descriptors,
// waits.
const acceptPause = 50 * time.Millisecond

func (b *balancer) accept(p *port) {
	for {
		c, err := p.listener.Accept()
		switch {
		case err == nil:
			b.done.Go(func() { b.carry(p.config.Load(), c) })
		case errors.Is(err, net.ErrClosed):
			return
		default:
			b.log.Warn("connection not accepted", "address", p.listener.Addr(), "error", err)
			select {
			case <-time.After(acceptPause):
			case <-b.ctx.Done():
				return
			}
		}
	}
}

// cut ends the connections whose targets are no longer to have any.
func (b *balancer) cut(x *spec.Balancer) {
	groups := make(map[string]*spec.BalancerGroup, len(x.Groups))
	for i := range x.Groups {
		groups[x.Groups[i].ARN] = &x.Groups[i]
	}
	type place struct {
		key     string
		address netip.AddrPort
	}
	targets := map[string]map[place]string{} // health, by group
	for _, g := range x.Groups {
		m := make(map[place]string, len(g.Targets))
		for _, t := range g.Targets {
			m[place{t.Key, t.Address}] = t.Health
		}
		targets[g.ARN] = m
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for f := range b.flows {
		group, target, zone, ok := f.at()
		g := groups[group]
		if !ok || g == nil {
			continue
		}
		health, exists := targets[group][place{target.Key, target.Address}]
		switch {
		case !exists && g.EndOnDeregister:
			f.reset()
		case exists && health == "unhealthy" && g.EndOnUnhealthy && !failsOpen(g, zone):
			f.reset()
		}
	}
}

// add takes in a connection, unless the load balancer is closed.
func (b *balancer) add(f *flow) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.flows[f] = struct{}{}
	return true
}

func (b *balancer) remove(f *flow) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.flows, f)
}

// close ends the listeners and the connections.
func (b *balancer) close() error {
	b.stop()
	b.setting.Lock()
	var errs []error
	for at, p := range b.ports {
		errs = append(errs, ignoreClosed(p.listener.Close()))
		delete(b.ports, at)
	}
	b.setting.Unlock()
	b.mu.Lock()
	b.closed = true
	for f := range b.flows {
		f.reset()
	}
	b.mu.Unlock()
	b.done.Wait()
	return errors.Join(errs...)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
