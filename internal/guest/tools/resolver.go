package tools

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// question is a name to ask a server for.
type question struct {
	server  string // address
	port    string
	name    string
	qtype   uint16
	tcp     bool
	timeout time.Duration
	tries   int
	plain   bool // without EDNS
	noRD    bool
}

var errNoServer = errors.New("no servers could be reached")

// ask sends the question, again by TCP if the answer was cut off.
func (q question) ask() (*dns.Msg, time.Duration, error) {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(q.name), q.qtype)
	m.RecursionDesired = !q.noRD
	m.AuthenticatedData = !q.plain
	if !q.plain {
		m.SetEdns0(1232, false)
	}
	network := "udp"
	if q.tcp {
		network = "tcp"
	}
	client := &dns.Client{Net: network, Timeout: q.timeout}
	address := net.JoinHostPort(q.server, q.port)
	var err error
	for range max(q.tries, 1) {
		var r *dns.Msg
		var rtt time.Duration
		if r, rtt, err = client.Exchange(m, address); err != nil {
			continue
		}
		if r.Truncated && network == "udp" {
			client.Net = "tcp"
			if full, rtt, err := client.Exchange(m, address); err == nil {
				return full, rtt, nil
			}
		}
		return r, rtt, nil
	}
	return nil, 0, errors.Join(errNoServer, err)
}

// resolvConf is the guest's configuration, with the loopback where there is none.
func resolvConf() *dns.ClientConfig {
	c, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil || len(c.Servers) == 0 {
		return &dns.ClientConfig{Servers: []string{"127.0.0.1"}, Port: "53", Ndots: 1, Timeout: 5, Attempts: 2}
	}
	return c
}

// reverseName is the name of an address in the reverse tree.
func reverseName(s string) (string, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return "", false
	}
	name, err := dns.ReverseAddr(a.WithZone("").String())
	return name, err == nil
}

// serverAddress turns @NAME of dig into an address.
func serverAddress(name string) (string, error) {
	if _, err := netip.ParseAddr(name); err == nil {
		return name, nil
	}
	addresses, err := net.LookupHost(name)
	if err != nil {
		return "", err
	}
	return addresses[0], nil
}

// value is the data of a record as dig +short shows it.
func value(r dns.RR) string {
	return strings.TrimSpace(strings.TrimPrefix(r.String(), r.Header().String()))
}
