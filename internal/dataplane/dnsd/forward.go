package dnsd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/singleflight"
)

// Limits of a forwarder.
const (
	forwardTimeout = 2 * time.Second // for one server's answer
	forwardServers = 3               // as the C library's
	forwardRounds  = 2
	maxForwards    = 256  // questions under way
	maxCached      = 4096 // answers
	maxCachedFor   = time.Hour
	forwardSize    = 1232 // of a datagram
)

// ForwarderOptions are what a forwarder is made of.
type ForwarderOptions struct {
	// Dial connects to a name server by its number, from 0; network is udp or tcp.
	// It fails if there are not so many.
	Dial func(ctx context.Context, network string, server int) (net.Conn, error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Forwarder asks the host's name servers for what this cloud does not know, and
// remembers what they say.
type Forwarder struct {
	o     ForwarderOptions
	slots chan struct{}
	group singleflight.Group

	mu    sync.Mutex
	cache map[dns.Question]cached
}

// cached is an answer, and until when it is good.
type cached struct {
	answer
	from, until time.Time
}

// NewForwarder makes a forwarder that remembers nothing.
func NewForwarder(o ForwarderOptions) *Forwarder {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Forwarder{o: o, slots: make(chan struct{}, maxForwards), cache: map[dns.Question]cached{}}
}

// Forward lets all resolvers ask f for names that nobody here has; nil lets none.
func (p *Public) Forward(f *Forwarder) { p.forward.Store(f) }

// resolve asks for a name, which is lower case with a final dot. The records carry
// it as it was asked.
func (f *Forwarder) resolve(asked, name string, typ uint16) answer {
	q := dns.Question{Name: name, Qtype: typ, Qclass: dns.ClassINET}
	a, ok := f.remembered(q)
	if !ok {
		// Several who ask for the same wait for one answer.
		out, _, _ := f.group.Do(fmt.Sprintf("%d %s", typ, name), func() (any, error) { return f.ask(q), nil })
		a = out.(answer)
	}
	records := make([]dns.RR, len(a.records))
	for i, rr := range a.records {
		records[i] = rr
		if dns.CanonicalName(rr.Header().Name) == name {
			records[i] = renamed(rr, asked)
		}
	}
	a.records = records
	return a
}

// ask asks the servers in turn, and remembers what one says.
func (f *Forwarder) ask(q dns.Question) answer {
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	default:
		return answer{rcode: dns.RcodeServerFailure}
	}
	for range forwardRounds {
		for server := range forwardServers {
			m, err := f.exchange(q, server)
			if errors.Is(err, errNoServer) {
				break
			}
			if err == nil && (m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError) {
				return f.remember(q, m)
			}
		}
	}
	return answer{rcode: dns.RcodeServerFailure}
}

// errNoServer says that a server can not be asked at all.
var errNoServer = errors.New("no such name server")

// exchange asks one server, by TCP if the answer does not fit into a datagram.
func (f *Forwarder) exchange(q dns.Question, server int) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.Id, m.RecursionDesired, m.Question = dns.Id(), true, []dns.Question{q}
	m.SetEdns0(forwardSize, false)
	reply, err := f.over("udp", m, server)
	if err == nil && reply.Truncated {
		reply, err = f.over("tcp", m, server)
	}
	if err != nil {
		return nil, err
	}
	if len(reply.Question) != 1 || dns.CanonicalName(reply.Question[0].Name) != q.Name || reply.Question[0].Qtype != q.Qtype {
		return nil, errors.New("an answer to another question")
	}
	return reply, nil
}

func (f *Forwarder) over(network string, m *dns.Msg, server int) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(context.Background(), forwardTimeout)
	defer cancel()
	c, err := f.o.Dial(ctx, network, server)
	if err != nil {
		return nil, errors.Join(errNoServer, err)
	}
	defer func() { _ = c.Close() }()
	client := dns.Client{Net: network, UDPSize: forwardSize, Timeout: forwardTimeout}
	reply, _, err := client.ExchangeWithConnContext(ctx, m, &dns.Conn{Conn: c, UDPSize: forwardSize})
	return reply, err
}

// remember makes an answer of what a server said, and keeps it as long as that is
// good.
func (f *Forwarder) remember(q dns.Question, m *dns.Msg) answer {
	a := answer{rcode: m.Rcode, records: m.Answer}
	ttl := uint32(maxCachedFor / time.Second)
	for _, rr := range m.Answer {
		ttl = min(ttl, rr.Header().Ttl)
	}
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok && (len(m.Answer) == 0 || m.Rcode != dns.RcodeSuccess) {
			a.soa = soa
			ttl = min(ttl, soa.Hdr.Ttl, soa.Minttl)
		}
	}
	if len(m.Answer) == 0 && a.soa == nil {
		return a // nothing says for how long
	}
	now := f.o.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.makeRoom(now)
	f.cache[q] = cached{answer: a, from: now, until: now.Add(time.Duration(ttl) * time.Second)}
	return a
}

// makeRoom drops what is no longer good, and some of the rest if that is not
// enough. The caller holds f.mu.
func (f *Forwarder) makeRoom(now time.Time) {
	if len(f.cache) < maxCached {
		return
	}
	for q, c := range f.cache {
		if !now.Before(c.until) {
			delete(f.cache, q)
		}
	}
	for q := range f.cache {
		if len(f.cache) < maxCached*7/8 {
			return
		}
		delete(f.cache, q)
	}
}

// remembered is an answer that is still good; its records live as much shorter as
// it is old.
func (f *Forwarder) remembered(q dns.Question) (answer, bool) {
	now := f.o.Now()
	f.mu.Lock()
	c, ok := f.cache[q]
	f.mu.Unlock()
	if !ok || !now.Before(c.until) {
		return answer{}, false
	}
	age := uint32(now.Sub(c.from) / time.Second)
	older := func(rr dns.RR) dns.RR {
		rr = dns.Copy(rr)
		rr.Header().Ttl -= min(age, rr.Header().Ttl)
		return rr
	}
	a := answer{rcode: c.rcode}
	for _, rr := range c.records {
		a.records = append(a.records, older(rr))
	}
	if c.soa != nil {
		a.soa = older(c.soa)
	}
	return a, true
}

// foreign tells whether a name may be asked for outside: not one of those that only
// this cloud can have, nor one that means something else on each machine.
func foreign(name string) bool {
	labels := dns.SplitDomainName(name)
	if len(labels) < 2 {
		return false
	}
	switch last := labels[len(labels)-1]; last {
	case "internal", "local", "localhost", "invalid", "test", "onion":
		return false
	case "arpa":
		return foreignAddress(name, labels)
	}
	return !ours(labels)
}

// ours tells whether a name is of a kind that this cloud gives out: instances, load
// balancers, endpoints.
func ours(labels []string) bool {
	n := len(labels)
	if n < 3 || labels[n-1] != "com" || labels[n-2] != "amazonaws" {
		return false
	}
	for _, l := range labels[:n-2] {
		switch l {
		case "compute", "compute-1", "elb", "vpce":
			return true
		}
	}
	return false
}

// foreignAddress tells whether the address that a reverse name asks about is one of
// the real internet.
func foreignAddress(name string, labels []string) bool {
	if strings.HasSuffix(name, ".ip6.arpa.") {
		return strings.HasSuffix(name, ".2.ip6.arpa.")
	}
	if len(labels) != 6 || labels[4] != "in-addr" {
		return false
	}
	a, err := netip.ParseAddr(labels[3] + "." + labels[2] + "." + labels[1] + "." + labels[0])
	if err != nil || !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	b := a.As4()
	return b[0] < 224 && b[0] != 0 && (b[0] != 198 || b[1]&0xfe != 18) && (b[0] != 100 || b[1]&0xc0 != 64)
}
