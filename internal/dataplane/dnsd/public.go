package dnsd

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/miekg/dns"

	"github.com/musubi-net/musubi/internal/spec"
)

// Public holds what resolves in every VPC, by owner: the names of AWS and public
// hosted zones. It is shared by all servers and safe for concurrent use.
type Public struct {
	// forward answers for names that nobody here has; nil if none may be asked.
	forward atomic.Pointer[Forwarder]

	mu     sync.RWMutex
	owners map[string]owned
	names  map[string][]netip.Addr
	zones  map[string][]*zone // by name; the one that was created first comes first
}

// owned is what an owner has.
type owned struct {
	names []string
	zone  *zone
}

// NewPublic makes an empty set of names.
func NewPublic() *Public {
	return &Public{owners: map[string]owned{}, names: map[string][]netip.Addr{}, zones: map[string][]*zone{}}
}

// Set replaces what an owner has; nil takes it away. A record that does not parse
// is left out and reported.
func (p *Public) Set(owner string, names *spec.Public) error {
	var o owned
	var bad []error
	if names != nil && names.Zone != nil {
		o.zone, bad = newZone(*names.Zone)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(owner)
	if names == nil {
		return nil
	}
	for n, a := range names.Names {
		n = dns.CanonicalName(n)
		p.names[n] = a
		o.names = append(o.names, n)
	}
	if z := o.zone; z != nil {
		all := append(slices.Clone(p.zones[z.name]), z)
		slices.SortStableFunc(all, func(a, b *zone) int { return cmp.Compare(a.created, b.created) })
		p.zones[z.name] = all
	}
	p.owners[owner] = o
	return errors.Join(bad...)
}

// remove takes away what an owner has. The caller holds p.mu.
func (p *Public) remove(owner string) {
	o := p.owners[owner]
	delete(p.owners, owner)
	for _, n := range o.names {
		delete(p.names, n)
	}
	if z := o.zone; z != nil {
		rest := slices.DeleteFunc(slices.Clone(p.zones[z.name]), func(x *zone) bool { return x == z })
		if p.zones[z.name] = rest; len(rest) == 0 {
			delete(p.zones, z.name)
		}
	}
}

// lookup returns a name's addresses, and whether it exists.
func (p *Public) lookup(name string) ([]netip.Addr, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if a, ok := p.names[name]; ok {
		return a, true
	}
	// A name with "*" stands for all names below.
	for at := name; ; {
		i, end := dns.NextLabel(at, 0)
		if end {
			return nil, false
		}
		at = at[i:]
		if a, ok := p.names["*."+at]; ok {
			return a, true
		}
		if _, ok := p.names[at]; ok {
			return nil, false
		}
	}
}

// delegation is where the way down the public zones ends: at the zone that
// answers, or at name servers that are not here.
type delegation struct {
	zone  *zone
	at    string   // where a zone hands over to servers that are not here
	names []dns.RR // these servers
}

// find goes down from the public zone with the shortest name that holds a name,
// as the registries would lead there: where a zone has NS records for a name below
// it, the zone of that name with one of these servers goes on. A zone that its
// parent here does not delegate to is not found, as on AWS. False without a zone.
func (p *Public) find(name string, typ uint16) (delegation, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var z *zone
	for i := dns.CountLabel(name) - 1; i >= 0 && z == nil; i-- {
		if all := p.zones[above(name, i)]; len(all) > 0 {
			z = all[0]
		}
	}
	if z == nil {
		return delegation{}, false
	}
	for {
		at, servers := z.cut(name)
		if at == "" || at == name && typ == dns.TypeDS {
			return delegation{zone: z}, true
		}
		next := served(p.zones[at], servers)
		if next == nil {
			return delegation{zone: z, at: at, names: servers}, true
		}
		z = next
	}
}

// served is the zone that one of the servers has; nil if none has.
func served(zones []*zone, servers []dns.RR) *zone {
	for _, z := range zones {
		for _, rr := range servers {
			if ns, ok := rr.(*dns.NS); ok && slices.Contains(z.servers, dns.CanonicalName(ns.Ns)) {
				return z
			}
		}
	}
	return nil
}
