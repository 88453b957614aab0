package dnsd

import (
	"net/netip"
	"sync"

	"github.com/miekg/dns"

	"github.com/musubi-net/musubi/internal/spec"
)

// Public holds the names that resolve in every VPC, by owner. It is shared by
// all servers and safe for concurrent use.
type Public struct {
	mu     sync.RWMutex
	owners map[string][]string // owner to its names
	names  map[string][]netip.Addr
}

// NewPublic makes an empty set of names.
func NewPublic() *Public {
	return &Public{owners: map[string][]string{}, names: map[string][]netip.Addr{}}
}

// Set replaces the names of an owner; nil takes them away.
func (p *Public) Set(owner string, names *spec.Public) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.owners[owner] {
		delete(p.names, n)
	}
	delete(p.owners, owner)
	if names == nil {
		return
	}
	for n, a := range names.Names {
		n = dns.CanonicalName(n)
		p.names[n] = a
		p.owners[owner] = append(p.owners[owner], n)
	}
}

// lookup returns a name's addresses, and whether it exists.
func (p *Public) lookup(name string) ([]netip.Addr, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	a, ok := p.names[name]
	return a, ok
}
