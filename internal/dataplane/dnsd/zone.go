package dnsd

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/musubi-net/musubi/internal/spec"
)

// view is a spec.DNS made ready for look-ups. It is immutable.
type view struct {
	region  string
	zones   []*zone // longest name first
	names   map[string][]netip.Addr
	reverse map[string]string // in-addr.arpa name to name
}

// zone is a hosted zone.
type zone struct {
	name    string
	soa     dns.RR // may be nil
	servers []string
	created int64
	// nodes has every name that exists, with those that only have names below
	// them (their value is empty).
	nodes map[string]node
}

// node is a name's record sets by type.
type node map[uint16][]recordSet

// recordSet is one record set; several of one type have a routing policy: by
// failover, region (latency), geo, weight or, with none of these, multivalue.
type recordSet struct {
	values    []dns.RR // owner name not set
	alias     string
	weight    int64 // below 0 without
	failover  string
	region    string
	geo       *spec.DNSLocation
	unhealthy bool
	limit     int // answer with at most so many values; 0: all
}

// newView parses a specification; a record that does not parse is left out and
// reported.
func newView(in *spec.DNS) (*view, []error) {
	v := &view{names: map[string][]netip.Addr{}, reverse: map[string]string{}}
	if in == nil {
		return v, nil
	}
	var errs []error
	for name, a := range in.Names {
		v.names[dns.CanonicalName(name)] = a
	}
	for a, name := range in.Reverse {
		if arpa, err := dns.ReverseAddr(a.String()); err == nil {
			v.reverse[arpa] = name
		}
	}
	v.region = in.Region
	for _, z := range in.Zones {
		parsed, bad := newZone(z)
		v.zones = append(v.zones, parsed)
		errs = append(errs, bad...)
	}
	slices.SortStableFunc(v.zones, func(a, b *zone) int { return cmp.Compare(dns.CountLabel(b.name), dns.CountLabel(a.name)) })
	return v, errs
}

func newZone(in spec.DNSZone) (*zone, []error) {
	z := &zone{name: dns.CanonicalName(in.Name), nodes: map[string]node{}, servers: in.NameServers, created: in.Created}
	z.nodes[z.name] = node{}
	var errs []error
	for _, r := range in.Records {
		name := dns.CanonicalName(strings.ReplaceAll(r.Name, `\052`, "*"))
		typ, ok := dns.StringToType[r.Type]
		if !ok || !dns.IsSubDomain(z.name, name) {
			errs = append(errs, fmt.Errorf("zone %s: record %s %s does not belong", z.name, r.Name, r.Type))
			continue
		}
		set := recordSet{weight: r.Weight, failover: r.Failover, region: r.Region, geo: r.Geo, unhealthy: r.Unhealthy}
		if r.Alias != "" {
			set.alias = dns.CanonicalName(r.Alias)
		}
		for _, text := range r.Values {
			rr, err := dns.NewRR(fmt.Sprintf(". %d IN %s %s", r.TTL, r.Type, text))
			if err != nil || rr == nil {
				errs = append(errs, fmt.Errorf("zone %s: record %s %s %q: %w", z.name, r.Name, r.Type, text, err))
				continue
			}
			set.values = append(set.values, rr)
		}
		z.add(name, typ, set)
	}
	return z, errs
}

// add puts a record set at a name, and makes the names between it and the zone.
func (z *zone) add(name string, typ uint16, set recordSet) {
	for n := name; n != z.name; n = parent(n) {
		if z.nodes[n] == nil {
			z.nodes[n] = node{}
		}
	}
	z.nodes[name][typ] = append(z.nodes[name][typ], set)
	if typ == dns.TypeSOA && name == z.name && len(set.values) > 0 {
		z.soa = renamed(set.values[0], z.name)
	}
}

// find returns the node that answers for a name: its own, or the wildcard of its
// closest existing ancestor. False if the name does not exist.
func (z *zone) find(name string) (node, bool) {
	if n, ok := z.nodes[name]; ok {
		return n, true
	}
	for p := parent(name); dns.IsSubDomain(z.name, p); p = parent(p) {
		if _, ok := z.nodes[p]; !ok {
			continue
		}
		n, ok := z.nodes["*."+p]
		return n, ok
	}
	return nil, false
}

// cut is the name at or above a name at which the zone hands over to others, with
// the name servers there; none if the zone answers itself.
func (z *zone) cut(name string) (string, []dns.RR) {
	if !dns.IsSubDomain(z.name, name) {
		return "", nil
	}
	for i := dns.CountLabel(name) - dns.CountLabel(z.name) - 1; i >= 0; i-- {
		at := above(name, i)
		n, ok := z.nodes[at]
		if !ok {
			return "", nil
		}
		for _, set := range n[dns.TypeNS] {
			return at, set.values
		}
	}
	return "", nil
}

// zoneOf is the zone with the longest name that holds a name.
func (v *view) zoneOf(name string) *zone {
	for _, z := range v.zones {
		if dns.IsSubDomain(z.name, name) {
			return z
		}
	}
	return nil
}

// parent cuts the first label off a name.
func parent(name string) string {
	if i, end := dns.NextLabel(name, 0); !end {
		return name[i:]
	}
	return "."
}

// above cuts a number of labels off a name.
func above(name string, labels int) string {
	for range labels {
		name = parent(name)
	}
	return name
}

// renamed is a copy of a record under a name.
func renamed(rr dns.RR, name string) dns.RR {
	c := dns.Copy(rr)
	c.Header().Name = name
	return c
}
