package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/kernel/link"
	"github.com/musubi-net/musubi/internal/kernel/netns"
	"github.com/musubi-net/musubi/internal/kernel/nft"
	"github.com/musubi-net/musubi/internal/spec"
)

// vpc is a VPC's namespace and what is known to be in it.
type vpc struct {
	id    string
	world *World

	mu    sync.Mutex
	ns    *netns.NS // nil until opened
	links *link.Conn
	rules *nft.Conn

	last     *spec.VPC         // what was applied last
	have     *link.State       // nil if unknown
	attached map[string]string // links that exist, to their notes; nil if unknown
	guests   map[string]spec.Interface
	table    *nft.Table // nil if unknown
	idle     *nft.Table // nil if unknown
	cache    *ruleCache
}

// open enters the namespace, which it makes if need be.
func (v *vpc) open() error {
	if v.world.closed.Load() {
		return errClosed
	}
	if v.ns != nil {
		return nil
	}
	ns, _, err := v.world.dir.Ensure(v.id)
	if err != nil {
		return err
	}
	v.ns = ns
	if v.links, err = link.Open(ns); err == nil {
		v.rules, err = nft.Open(ns)
	}
	if err == nil {
		// What comes from lo may have been rerouted there, and goes on by the fabric.
		err = errors.Join(ns.Set(append(routerSettings(true), congestionControl(ns)...)...), v.links.SetMTU("lo", spec.MTUFabric), v.links.Up("lo"))
	}
	if n := v.world.transaction; n > 0 && err == nil {
		v.rules.Limit(n)
	}
	if err != nil {
		v.close()
	}
	return err
}

func (v *vpc) close() {
	v.world.untrack(v.id)
	if v.rules != nil {
		v.rules.Close()
	}
	if v.links != nil {
		v.links.Close()
	}
	if v.ns != nil {
		_ = v.ns.Close()
	}
	v.ns, v.links, v.rules = nil, nil, nil
	v.have, v.attached, v.guests, v.table, v.idle = nil, nil, nil, nil, nil
}

// observe reads what the namespace has, if it is not known.
func (v *vpc) observe() error {
	if v.attached == nil {
		links, err := v.links.Links()
		if err != nil {
			return err
		}
		v.attached, v.guests, v.have = map[string]string{}, map[string]spec.Interface{}, nil
		for name, l := range links {
			v.attached[name] = ""
			if l.Up {
				v.attached[name] = l.Alias
			}
		}
	}
	if v.have == nil {
		s, err := v.links.Observe()
		if err != nil {
			return err
		}
		v.have = &s
	}
	return nil
}

// apply brings the namespace to the desired state. Rules come before links, so
// that what a link lets in meets them.
func (v *vpc) apply(ctx context.Context, s *spec.VPC) error {
	if err := v.open(); err != nil {
		return err
	}
	v.last = s
	if err := v.observe(); err != nil {
		return err
	}
	wanted := v.wanted(s)
	errs := v.dropLinks(wanted)
	errs = append(errs, v.applyRules(s))
	errs = append(errs, v.addLinks(ctx, wanted)...)
	if err := v.links.Apply(*v.have, vpcState(s)); err != nil {
		v.have = nil
		errs = append(errs, err)
	}
	for _, i := range s.Interfaces {
		if ctx.Err() != nil {
			errs = append(errs, ctx.Err())
			break
		}
		errs = append(errs, v.applyGuest(i))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: %w", v.id, err)
	}
	return nil
}

func (v *vpc) applyRules(s *spec.VPC) error {
	return errors.Join(v.applyIdle(s), v.applyTable(s))
}

func (v *vpc) applyIdle(s *spec.VPC) error {
	if v.world.timeless.Load() {
		return nil
	}
	want := idleRules(s)
	var err error
	if v.idle == nil {
		err = v.rules.Refill(want)
	} else {
		err = v.rules.Update(v.idle, want)
	}
	if v.idle == nil && lacking(err) {
		if !v.world.timeless.Swap(true) {
			v.world.log.Warn("this kernel cannot time connections one by one (CONFIG_NF_CONNTRACK_TIMEOUT): idle ones are remembered for its own times", "error", err)
		}
		return nil
	}
	if err != nil {
		v.idle = nil
		return err
	}
	v.idle = want
	return nil
}

// lacking tells whether the kernel does not know what it was asked for.
func lacking(err error) bool { return errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOENT) }

func (v *vpc) applyTable(s *spec.VPC) error {
	want := compileRules(s, v.cache)
	var err error
	if v.table == nil {
		err = v.rules.Replace(want)
		if err == nil {
			err = v.ns.Set(trackingSettings()...)
		}
	} else {
		err = v.rules.Apply(v.table, want)
	}
	if err != nil {
		v.table = nil
		return err
	}
	v.table = want
	return nil
}

// wantedLink is a link that a VPC should have.
type wantedLink struct {
	link.Veth
	hub      *hub
	instance string
}

// wanted lists the VPC's links. The note on each says all that only making it
// anew can change.
func (v *vpc) wanted(s *spec.VPC) []wantedLink {
	out := []wantedLink{{hub: v.world.fabric, Veth: link.Veth{
		End: link.End{Name: spec.FabricLink, MAC: fabVPCMAC, Alias: fmt.Sprintf("fabric %d", s.Number)},
		MTU: spec.MTUFabric, Loose: true,
		Peer: link.End{Name: fabricEnd(s.Number), MAC: fabricMAC, Alias: v.id}, PeerNS: v.world.fabric.ns,
	}}}
	if s.Internet != nil {
		out = append(out, wantedLink{hub: v.world.internet, Veth: link.Veth{
			End: link.End{Name: spec.InternetLink, MAC: inetVPCMAC, Alias: fmt.Sprintf("internet %d", s.Number)},
			MTU: spec.MTUInternet, Loose: true,
			Peer: link.End{Name: internetEnd(s.Number), MAC: internetMAC, Alias: v.id}, PeerNS: v.world.internet.ns,
		}})
	}
	for _, i := range s.Interfaces {
		out = append(out, wantedLink{instance: i.InstanceID, Veth: link.Veth{
			End: link.End{Name: i.Name, MAC: routerMAC, Alias: note(i)},
			MTU: spec.MTUVPC, Loose: !i.CheckSource,
			Peer: link.End{Name: i.GuestName, MAC: i.MAC, Alias: i.ID},
		}})
	}
	return out
}

func note(i spec.Interface) string {
	return fmt.Sprintf("%s %s %s %s %t", i.ID, i.InstanceID, i.GuestName, i.MAC, i.CheckSource)
}

// dropLinks deletes links that are not wanted, or not as they are.
func (v *vpc) dropLinks(wanted []wantedLink) (errs []error) {
	keep := map[string]string{}
	for _, l := range wanted {
		keep[l.Name] = l.Alias
	}
	for name, alias := range v.attached {
		if want, ok := keep[name]; ok && want == alias {
			continue
		}
		errs = append(errs, v.dropLink(name))
	}
	return errs
}

func (v *vpc) dropLink(name string) error {
	if err := v.links.Delete(name); err != nil {
		v.attached = nil
		return err
	}
	delete(v.attached, name)
	delete(v.guests, name)
	v.have.Forget(name)
	switch name {
	case spec.FabricLink:
		v.world.fabric.removed(v.id)
	case spec.InternetLink:
		v.world.internet.removed(v.id)
	}
	return nil
}

// addLinks makes the links that are missing.
func (v *vpc) addLinks(ctx context.Context, wanted []wantedLink) (errs []error) {
	if v.attached == nil {
		return nil // unknown after a failure, which is reported already
	}
	for _, l := range wanted {
		if _, ok := v.attached[l.Name]; ok {
			continue
		}
		if ctx.Err() != nil {
			return append(errs, ctx.Err())
		}
		if err := v.addLink(l); err != nil {
			errs = append(errs, err)
			continue
		}
		v.attached[l.Name] = l.Alias
		if l.hub != nil {
			errs = append(errs, l.hub.added(l.Peer.Name, v.id))
		}
	}
	return errs
}

func (v *vpc) addLink(l wantedLink) error {
	if l.hub == nil {
		if _, err := v.world.guest(l.instance); err != nil {
			return err
		}
		ns, err := v.world.dir.Open(l.instance)
		if err != nil {
			return err
		}
		defer func() { _ = ns.Close() }()
		l.PeerNS = ns
	}
	if err := v.links.AddVeth(l.Veth); err != nil {
		// Half a link is worse than none.
		return errors.Join(err, v.links.Delete(l.Name))
	}
	return nil
}

// applyGuest brings the guest's end of an interface to the desired state, if it
// changed.
func (v *vpc) applyGuest(i spec.Interface) error {
	old, ok := v.guests[i.Name]
	if _, there := v.attached[i.Name]; !there || (ok && slices.Equal(old.Addresses, i.Addresses) && slices.Equal(old.Gateways, i.Gateways)) {
		return nil
	}
	ns, err := v.world.dir.Open(i.InstanceID)
	if err != nil {
		return err
	}
	defer func() { _ = ns.Close() }()
	c, err := link.Open(ns)
	if err != nil {
		return err
	}
	defer c.Close()
	have, err := c.Observe()
	if err != nil {
		return err
	}
	want := guestState(i)
	have.Only(i.GuestName, want)
	if err := c.Apply(have, want); err != nil {
		return err
	}
	v.guests[i.Name] = i
	return nil
}

// missing tells whether the VPC has an interface for the instance that is not
// attached.
func (v *vpc) missing(instanceID string) bool {
	if v.last == nil || v.ns == nil {
		return false
	}
	return slices.ContainsFunc(v.last.Interfaces, func(i spec.Interface) bool {
		_, there := v.attached[i.Name]
		return i.InstanceID == instanceID && !there
	})
}

// detach deletes the links to an instance.
func (v *vpc) detach(instanceID string) error {
	if v.last == nil || v.ns == nil || v.observe() != nil {
		return nil // the links go with the instance's namespace, and are observed
	}
	var errs []error
	for _, i := range v.last.Interfaces {
		if _, there := v.attached[i.Name]; there && i.InstanceID == instanceID {
			errs = append(errs, v.dropLink(i.Name))
			if v.attached == nil {
				break
			}
		}
	}
	return errors.Join(errs...)
}

// remove deletes the links and then the namespace.
func (v *vpc) remove() error {
	if !v.world.dir.Has(v.id) {
		v.close()
		return v.world.dir.Remove(v.id)
	}
	if err := v.open(); err != nil {
		return err
	}
	if err := v.observe(); err != nil {
		return err
	}
	errs := v.dropLinks(nil)
	v.close()
	v.last = nil
	v.cache = newRuleCache()
	return errors.Join(append(errs, v.world.dir.Remove(v.id))...)
}
