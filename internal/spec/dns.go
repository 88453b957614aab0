package spec

import "net/netip"

// DNS is what a VPC's resolver answers with, in the order of its look-up:
// private zones by longest match (no fall-through), then Names, then Cloud.
type DNS struct {
	VPC   string
	Zones []DNSZone
	// Names are the VPC's own names: instances (ip-10-0-1-10.….internal).
	Names map[string][]netip.Addr
	// Reverse are the PTR names of the VPC's addresses.
	Reverse map[netip.Addr]string
}

// DNSZone is a zone that answers in the VPC. Names are lower case with a final
// dot. Alias records are already resolved to their target's name.
type DNSZone struct {
	Name    string
	Records []DNSRecord
}

// DNSRecord is one record set.
type DNSRecord struct {
	Name   string
	Type   string // A, AAAA, CNAME, TXT, …
	TTL    uint32
	Values []string // presentation form
	// Alias is the name whose addresses are the answer, instead of Values: a
	// load balancer's or endpoint's (looked up in Public), or one of the zone.
	Alias string
	// Weight and Set are for weighted record sets; Weight is -1 without.
	Weight int64
	Set    string
}

// Public are the names that the cloud itself owns and that resolve everywhere:
// load balancers and endpoints, regional and zonal.
type Public struct {
	// Names maps a lower-case name with a final dot to its addresses; TTL 60.
	Names map[string][]netip.Addr
}

// Metadata is what the metadata service knows of the instance behind one address.
type Metadata struct {
	VPC        string
	Address    netip.Addr // of one of its interfaces: identifies the asker
	InstanceID string
	// Tokens is required or optional; Enabled false answers 403.
	TokensRequired bool
	Enabled        bool
	HopLimit       int
	// Values maps a path below /latest/ to its text: "meta-data/instance-id",
	// "user-data", "dynamic/instance-identity/document". Directories are listed
	// from the paths, unless one has a text of its own.
	Values map[string]string
	// Role names the role whose credentials are at
	// meta-data/iam/security-credentials/<role>; empty without a profile.
	Role string
}
