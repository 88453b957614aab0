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
	// Region is where the resolver asks from: routing by latency and by location
	// looks at it.
	Region string
}

// DNSZone is a zone that answers in the VPC. Names are lower case with a final
// dot. Alias records are already resolved to their target's name.
type DNSZone struct {
	Name    string
	Records []DNSRecord
	// NameServers (lower case, final dot) tell a public zone from others of its
	// name: a delegation names them. Without one, the zone that was created first
	// (nanoseconds since 1970) answers.
	NameServers []string
	Created     int64
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
	// Failover is PRIMARY or SECONDARY, Region that of a record set by latency,
	// Geo where the askers of a record set by location are.
	Failover, Region string
	Geo              *DNSLocation
	// Unhealthy is true if the health check of the record set fails, or what its
	// alias leads to.
	Unhealthy bool
}

// DNSLocation is a place in the world: a continent, or a country ("*": all that
// are not named), or a part of a country. As the place of an asker it has all of
// them that are known.
type DNSLocation struct{ Continent, Country, Subdivision string }

// Public are the names that the cloud itself owns and that resolve everywhere:
// load balancers and endpoints, regional and zonal.
type Public struct {
	// Names maps a lower-case name with a final dot to its addresses; TTL 60.
	Names map[string][]netip.Addr
	// Zone is the owner's public hosted zone, if it is one.
	Zone *DNSZone
}

// EndpointCheck is a health check of Route 53's: it is made from the internet.
type EndpointCheck struct {
	ID      string
	Version int64
	Type    string     // HTTP, HTTPS, HTTP_STR_MATCH, HTTPS_STR_MATCH, TCP
	Address netip.Addr // invalid: that of Name
	Name    string     // the domain name; may be empty with an address
	Port    int
	Path    string
	Search  string // of the STR_MATCH types
	SNI     bool
	// IntervalSeconds is between two checks of one checker, Threshold how many in a
	// row change what it says.
	IntervalSeconds, Threshold int
	Checkers                   []Checker
	// Healthy is what is known so far.
	Healthy bool
}

// Checker is where health checks are made from.
type Checker struct {
	Region string
	Source netip.Addr
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
