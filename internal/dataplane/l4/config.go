package l4

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"time"

	"github.com/musubi-net/musubi/internal/dataplane/tlsconf"
	"github.com/musubi-net/musubi/internal/spec"
)

// config is what a new connection at one address and port needs to know. It does
// not change.
type config struct {
	vpc      string
	listener spec.BalancerListener
	address  spec.BalancerAddress
	forward  *spec.ForwardAction
	groups   map[string]*spec.BalancerGroup
	// entrances are by their source on the fabric.
	entrances map[netip.Addr]spec.BalancerEntrance
	tls       *tls.Config
	idle      time.Duration
}

// configs makes the configuration of each socket of a load balancer.
func configs(cache *tlsconf.Cache, b *spec.Balancer) (map[netip.AddrPort]*config, []error) {
	groups := make(map[string]*spec.BalancerGroup, len(b.Groups))
	for i := range b.Groups {
		groups[b.Groups[i].ARN] = &b.Groups[i]
	}
	entrances := make(map[netip.Addr]spec.BalancerEntrance, len(b.Entrances))
	for _, e := range b.Entrances {
		entrances[e.Source] = e
	}
	out := map[netip.AddrPort]*config{}
	var errs []error
	for _, l := range b.Listeners {
		c := config{vpc: b.VPC, listener: l, groups: groups, entrances: entrances, idle: defaultIdle}
		err := c.complete(cache)
		if err != nil {
			errs = append(errs, fmt.Errorf("listener %s: %w", l.ARN, err))
		}
		for _, a := range l.Addresses {
			at := netip.AddrPortFrom(a.Address, l.Port)
			if err != nil {
				out[at] = nil // keeps what it is
				continue
			}
			own := c
			own.address = a
			out[at] = &own
		}
	}
	return out, errs
}

// complete adds what a listener's protocol asks for.
func (c *config) complete(cache *tlsconf.Cache) (err error) {
	l := c.listener
	if len(l.Rules) == 0 || l.Rules[len(l.Rules)-1].Forward == nil {
		return fmt.Errorf("no forward action")
	}
	c.forward = l.Rules[len(l.Rules)-1].Forward
	if l.IdleSeconds > 0 {
		c.idle = time.Duration(l.IdleSeconds) * time.Second
	}
	switch l.Protocol {
	case "TCP":
		return nil
	case "TLS":
		c.tls, err = cache.Server(l.TLS, nil)
		return err
	}
	return fmt.Errorf("protocol %q does not belong here", l.Protocol)
}
