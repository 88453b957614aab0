package plan

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/spec"
)

// endpointTTL is the time to live of endpoints' names in seconds.
const endpointTTL = 60

// addEndpointZones adds the hidden zones of the VPC's endpoints that have private
// DNS: the service's private name leads to the endpoint's regional name.
func addEndpointZones(r cloud.Reader, out *spec.DNS) {
	for e := range privatelink.Endpoints.By(r, privatelink.ByVPC, out.VPC) {
		if !e.PrivateDNS || e.PrivateName == "" || len(e.DNSEntries) == 0 || e.State == privatelink.Deleting || e.State == privatelink.Deleted {
			continue
		}
		z := spec.DNSZone{Name: absolute(strings.TrimPrefix(e.PrivateName, "*."))}
		for _, name := range e.PrivateNames() {
			for _, t := range privateTypes(e) {
				z.Records = append(z.Records, spec.DNSRecord{Name: absolute(name), Type: t, TTL: endpointTTL,
					Alias: absolute(e.DNSEntries[0].Name), Weight: -1})
			}
		}
		out.Zones = append(out.Zones, z)
	}
}

// privateTypes are the types of the private name's records. What the service
// defines is IPv4 for it, whatever the other names have.
func privateTypes(e privatelink.Endpoint) []string {
	switch e.DNSRecordType {
	case "ipv6":
		return []string{"AAAA"}
	case "dualstack":
		return []string{"A", "AAAA"}
	}
	return []string{"A"}
}

// recordAddresses are the addresses of an endpoint's interface that its public
// names tell.
func recordAddresses(e privatelink.Endpoint, i privatelink.EndpointInterface) []netip.Addr {
	switch e.DNSRecordType {
	case "ipv4":
		return valid(i.Address)
	case "ipv6":
		return valid(i.IPv6)
	}
	return valid(i.Address, i.IPv6)
}

// VerifiedName reports whether our public zones have the TXT record that proves
// that the domain of a service's private name is its provider's.
func VerifiedName(r cloud.Reader, s privatelink.Service) bool {
	return slices.ContainsFunc(s.PrivateDNS.Records(), func(name string) bool { return hasText(r, name, s.PrivateDNS.Value) })
}

// hasText reports whether the public zone that a name falls into has that text at
// the name: the zone of the longest match. Of several zones of that name here,
// any one counts.
func hasText(r cloud.Reader, name, value string) bool {
	for apex := name; apex != ""; _, apex, _ = strings.Cut(apex, ".") {
		found := false
		for z := range dns.Zones.By(r, dns.ByName, apex) {
			if z.Private {
				continue
			}
			found = true
			for s := range dns.RecordSets.By(r, dns.ByName, z.ID+"|"+name) {
				if s.Type == "TXT" && slices.ContainsFunc(s.Values, func(v string) bool { return unquote(v) == value }) {
					return true
				}
			}
		}
		if found {
			return false
		}
	}
	return false
}

// unquote joins the quoted strings of a TXT value.
func unquote(v string) string {
	v = strings.TrimSpace(v)
	if len(v) < 2 || v[0] != '"' || v[len(v)-1] != '"' {
		return v
	}
	return strings.ReplaceAll(v[1:len(v)-1], `" "`, "")
}
