// Package privatelink is the domain of endpoint services and VPC endpoints.
//
// It may import internal/cloud, cloud/vpc, cloud/elb, cloud/sns, cloud/iam,
// cloud/amazon.
package privatelink

import (
	"net/netip"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/amazon"
)

// Index names.
const (
	ByScope   = "scope"
	ByVPC     = "vpc"
	ByService = "service"
	ByName    = "name" // service name
	ByLB      = "lb"
	// ByRecord finds services by the DNS names at which the record that verifies
	// their private name may stand: lower case, final dot.
	ByRecord = "record"
	// ByPermission finds services by the ids of their allowed principals,
	// ByConnection endpoints by their connection's.
	ByPermission = "permission"
	ByConnection = "connection"
)

// Service is an endpoint service configuration.
type Service struct {
	ID string // vpce-svc-…
	cloud.Scope
	Name               string // com.amazonaws.vpce.<region>.<id>
	State              string // Pending, Available, Deleting, Deleted, Failed
	Amazon             string // one of AWS's own services: its name; see AmazonServices
	Type               string // TypeGateway, or TypeInterface or empty
	AcceptanceRequired bool
	LoadBalancerARNs   []string
	SupportedIPTypes   []string // ipv4, ipv6
	AllowedPrincipals  []AllowedPrincipal
	// SupportedRegions are the regions beside its own from which the service can
	// be reached.
	SupportedRegions []string
	PrivateDNS       PrivateDNS
	// ZoneIDs are the zones that the service picked up from its load balancers.
	ZoneIDs     []string
	CreatedAt   time.Time
	ClientToken string
	Tags        cloud.Tags
}

// AllowedPrincipal is one entry of the service's permissions.
type AllowedPrincipal struct {
	ARN          string
	PermissionID string // vpce-svc-perm-…
	Type         string // Account, User, Role, All, …
	Tags         cloud.Tags
}

// Services is the table of endpoint services.
var Services = cloud.NewTable("endpoint-service", func(s *Service) string { return s.ID },
	cloud.Index[Service]{Name: ByScope, Keys: func(s *Service) []string { return []string{s.Key()} }},
	cloud.Index[Service]{Name: ByName, Keys: func(s *Service) []string { return []string{s.Name} }},
	cloud.Index[Service]{Name: ByLB, Keys: func(s *Service) []string { return s.LoadBalancerARNs }},
	cloud.Index[Service]{Name: ByRecord, Keys: func(s *Service) []string { return s.PrivateDNS.Records() }},
	cloud.Index[Service]{Name: ByPermission, Keys: func(s *Service) []string {
		var k []string
		for _, p := range s.AllowedPrincipals {
			k = append(k, p.PermissionID)
		}
		return k
	}})

// EndpointState is an endpoint's state, spelled as on the wire.
type EndpointState string

// The endpoint states.
const (
	PendingAcceptance EndpointState = "pendingAcceptance"
	Pending           EndpointState = "pending"
	Available         EndpointState = "available"
	Deleting          EndpointState = "deleting"
	Deleted           EndpointState = "deleted"
	Rejected          EndpointState = "rejected"
	Expired           EndpointState = "expired"
	Failed            EndpointState = "failed"
)

// Endpoint is an interface or a gateway endpoint. The reconciler reports pending->available
// when its path exists, and deleting->gone.
type Endpoint struct {
	ID string // vpce-…
	cloud.Scope
	Type          string // Interface, Gateway
	VPCID         string
	ServiceName   string
	ServiceID     string
	ServiceRegion string
	Amazon        string // the name of the service, if it is one of AWS's own
	// Number names a gateway endpoint on the fabric, as their interfaces do others.
	Number        uint32
	State         EndpointState
	Policy        string
	SubnetIDs     []string
	GroupIDs      []string
	Interfaces    []EndpointInterface
	IPAddressType string // ipv4, ipv6, dualstack
	DNSRecordType string
	PrivateDNS    bool
	// PrivateName is the service's private name as it was when private DNS was
	// enabled, PrivateZoneID the hidden zone that answers it in the VPC.
	PrivateName   string
	PrivateZoneID string
	// Suffix is the 8 characters of the DNS names after the endpoint id.
	Suffix       string
	DNSEntries   []DNSEntry
	ConnectionID string // vpce-con-…
	// ConnectionTags are the service owner's tags on the connection, Provider the
	// owner.
	ConnectionTags cloud.Tags
	Provider       cloud.Scope
	LastError      string
	CreatedAt      time.Time
	ClientToken    string
	Tags           cloud.Tags
}

// EndpointInterface is the endpoint's network interface in one zone, and the
// load balancer that it is pinned to.
type EndpointInterface struct {
	InterfaceID     string
	SubnetID        string
	Zone, ZoneID    string
	Address         netip.Addr
	IPv6            netip.Addr
	LoadBalancerARN string
}

// DNSEntry is one of the endpoint's names; [0] is the regional one.
type DNSEntry struct{ Name, HostedZoneID string }

// Endpoints is the table of endpoints.
var Endpoints = cloud.NewTable("endpoint", func(e *Endpoint) string { return e.ID },
	cloud.Index[Endpoint]{Name: ByScope, Keys: func(e *Endpoint) []string { return []string{e.Key()} }},
	cloud.Index[Endpoint]{Name: ByVPC, Keys: func(e *Endpoint) []string { return []string{e.VPCID} }},
	cloud.Index[Endpoint]{Name: ByService, Keys: func(e *Endpoint) []string { return []string{e.ServiceID} }},
	cloud.Index[Endpoint]{Name: ByLB, Keys: func(e *Endpoint) []string {
		var k []string
		for _, i := range e.Interfaces {
			k = append(k, i.LoadBalancerARN)
		}
		return k
	}},
	cloud.Index[Endpoint]{Name: ByConnection, Keys: func(e *Endpoint) []string { return []string{e.ConnectionID} }},
	// "dns" finds an endpoint by any of its DNS names, lower case.
	cloud.Index[Endpoint]{Name: "dns", Keys: func(e *Endpoint) []string {
		var k []string
		for _, d := range e.DNSEntries {
			k = append(k, d.Name)
		}
		return k
	}})

// Departure is the connection of a deleted endpoint, which its service's owner
// still sees for a while.
type Departure struct {
	Endpoint Endpoint
	At       time.Time
}

// Lingering is how long departures are seen.
const Lingering = time.Hour

// Departures is the table of departures.
var Departures = cloud.NewTable("endpoint-departure", func(d *Departure) string { return d.Endpoint.ID },
	cloud.Index[Departure]{Name: ByService, Keys: func(d *Departure) []string { return []string{d.Endpoint.ServiceID} }},
	cloud.Index[Departure]{Name: byTime, Keys: func(d *Departure) []string { return []string{cloud.TimeKey(d.At)} }})

// byTime is an index of Departures, oldest first.
const byTime = "time"

// Tables lists the tables of this package.
func Tables() []cloud.AnyTable {
	return append(amazon.Tables(), Services, Endpoints, Departures, Notifications)
}
