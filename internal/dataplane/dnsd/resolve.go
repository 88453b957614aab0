package dnsd

import (
	"net/netip"

	"github.com/miekg/dns"
)

// addressTTL is what AWS gives the addresses of load balancers, endpoints and
// instances, in seconds.
const addressTTL = 60

// maxMultivalue is how many values of a multivalue answer AWS gives at once.
const maxMultivalue = 8

// maxChase bounds chains of CNAME and alias records.
const maxChase = 8

// answer is what a look-up found.
type answer struct {
	records []dns.RR
	rcode   int
	soa     dns.RR // for negative answers of a zone
}

// resolver answers questions from one view.
type resolver struct {
	view   *view
	public *Public
	pick   func(n int) int // a number below n
}

// resolve answers for a name of any case; records carry it as it was asked.
func (r *resolver) resolve(asked string, typ uint16, depth int) answer {
	name := dns.CanonicalName(asked)
	if z := r.view.zoneOf(name); z != nil {
		return r.inZone(z, asked, name, typ, depth)
	}
	if host, ok := r.view.reverse[name]; ok {
		if typ != dns.TypePTR {
			return answer{}
		}
		h := dns.RR_Header{Name: asked, Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: addressTTL}
		return answer{records: []dns.RR{&dns.PTR{Hdr: h, Ptr: host}}}
	}
	addresses, ok := r.view.names[name]
	if !ok {
		addresses, ok = r.public.lookup(name)
	}
	if ok {
		return answer{records: r.rotated(addressRecords(asked, typ, addresses))}
	}
	return r.inPublic(asked, name, typ, depth)
}

// inPublic answers from the public zones.
func (r *resolver) inPublic(asked, name string, typ uint16, depth int) answer {
	d, ok := r.public.find(name, typ)
	switch {
	case !ok:
		if f := r.public.forward.Load(); f != nil && foreign(name) {
			return f.resolve(asked, name, typ)
		}
		return answer{rcode: dns.RcodeNameError}
	case d.at == "":
		return r.inZone(d.zone, asked, name, typ, depth)
	case d.at == name && typ == dns.TypeNS:
		out := answer{}
		for _, rr := range d.names {
			out.records = append(out.records, renamed(rr, asked))
		}
		return out
	}
	return answer{rcode: dns.RcodeServerFailure} // nobody is at these servers
}

// inZone answers from a hosted zone. A zone that matches never falls through: what
// it does not have does not exist.
func (r *resolver) inZone(z *zone, asked, name string, typ uint16, depth int) answer {
	n, ok := z.find(name)
	if !ok {
		return answer{rcode: dns.RcodeNameError, soa: z.soa}
	}
	if sets := n[typ]; len(sets) > 0 {
		return r.fromSets(z, sets, asked, typ, depth)
	}
	sets := n[dns.TypeCNAME]
	if len(sets) == 0 {
		return answer{soa: z.soa}
	}
	out := r.fromSets(z, sets, asked, dns.TypeCNAME, depth)
	if len(out.records) == 0 || depth >= maxChase {
		return out
	}
	cname, ok := out.records[0].(*dns.CNAME)
	if !ok {
		return out
	}
	rest := r.resolve(cname.Target, typ, depth+1)
	rest.records = append(out.records, rest.records...)
	return rest
}

// fromSets answers with the record set that the routing policy chooses.
func (r *resolver) fromSets(z *zone, sets []recordSet, asked string, typ uint16, depth int) answer {
	set, ok := r.choose(sets)
	if !ok {
		return answer{soa: z.soa}
	}
	return r.fromSet(z, set, asked, typ, depth)
}

// fromSet answers with a record set's values, or with what its alias leads to,
// under the name that was asked for.
func (r *resolver) fromSet(z *zone, set recordSet, asked string, typ uint16, depth int) answer {
	out := answer{soa: z.soa}
	values := set.values
	if set.alias != "" {
		if depth >= maxChase {
			return answer{rcode: dns.RcodeServerFailure}
		}
		values = r.aliased(z, set.alias, typ, depth+1)
	}
	for _, rr := range values {
		if rr.Header().Rrtype == typ {
			out.records = append(out.records, renamed(rr, asked))
		}
	}
	if set.alias == "" {
		out.records = r.rotated(out.records)
	}
	if set.limit > 0 && len(out.records) > set.limit {
		out.records = out.records[:set.limit]
	}
	return out
}

// aliased are the records that an alias of a zone leads to: those of a load
// balancer or an endpoint, whatever zones hide them from clients, or others of
// the zone.
func (r *resolver) aliased(z *zone, name string, typ uint16, depth int) []dns.RR {
	if addresses, ok := r.public.lookup(name); ok {
		return r.rotated(addressRecords(name, typ, addresses))
	}
	if dns.IsSubDomain(z.name, name) {
		return r.inZone(z, name, name, typ, depth).records
	}
	return nil
}

// rotated starts the records at a random one: clients take the first.
func (r *resolver) rotated(in []dns.RR) []dns.RR {
	if len(in) < 2 {
		return in
	}
	i := r.pick(len(in))
	return append(append([]dns.RR{}, in[i:]...), in[:i]...)
}

// addressRecords are the A or AAAA records of a name.
func addressRecords(name string, typ uint16, addresses []netip.Addr) []dns.RR {
	var out []dns.RR
	h := dns.RR_Header{Name: name, Rrtype: typ, Class: dns.ClassINET, Ttl: addressTTL}
	for _, a := range addresses {
		switch {
		case typ == dns.TypeA && a.Is4():
			out = append(out, &dns.A{Hdr: h, A: a.AsSlice()})
		case typ == dns.TypeAAAA && a.Is6():
			out = append(out, &dns.AAAA{Hdr: h, AAAA: a.AsSlice()})
		}
	}
	return out
}
