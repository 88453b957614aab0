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
	if !ok {
		return answer{rcode: dns.RcodeNameError}
	}
	return answer{records: r.rotated(addressRecords(asked, typ, addresses))}
}

// inZone answers from a private zone. A zone that matches never falls through:
// what it does not have does not exist.
func (r *resolver) inZone(z *zone, asked, name string, typ uint16, depth int) answer {
	n, ok := z.find(name)
	if !ok {
		return answer{rcode: dns.RcodeNameError, soa: z.soa}
	}
	if sets := n[typ]; len(sets) > 0 {
		return r.fromSet(z, r.choose(sets), asked, typ, depth)
	}
	sets := n[dns.TypeCNAME]
	if len(sets) == 0 {
		return answer{soa: z.soa}
	}
	out := r.fromSet(z, r.choose(sets), asked, dns.TypeCNAME, depth)
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

// fromSet answers with a record set's values, or with what its alias leads to,
// under the name that was asked for.
func (r *resolver) fromSet(z *zone, set recordSet, asked string, typ uint16, depth int) answer {
	out := answer{soa: z.soa}
	values := set.values
	if set.alias != "" {
		if depth >= maxChase {
			return answer{rcode: dns.RcodeServerFailure}
		}
		values = r.resolve(set.alias, typ, depth+1).records
	}
	for _, rr := range values {
		if rr.Header().Rrtype == typ {
			out.records = append(out.records, owned(rr, asked))
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

// choose takes one of several weighted record sets, in proportion to the weights
// (all the same if all are zero); sets without weights are joined.
func (r *resolver) choose(sets []recordSet) recordSet {
	if len(sets) == 1 {
		return sets[0]
	}
	var sum int64
	for _, s := range sets {
		if s.weight < 0 {
			return joined(sets)
		}
		sum += s.weight
	}
	if sum == 0 {
		return sets[r.pick(len(sets))]
	}
	at := int64(r.pick(int(sum)))
	for _, s := range sets {
		if at -= s.weight; at < 0 {
			return s
		}
	}
	return sets[len(sets)-1]
}

func joined(sets []recordSet) recordSet {
	out := recordSet{weight: -1, limit: maxMultivalue}
	for _, s := range sets {
		out.values = append(out.values, s.values...)
		if s.alias != "" {
			out.alias = s.alias
		}
	}
	return out
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
