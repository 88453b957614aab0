// Package privatelink is the domain of endpoint services and VPC endpoints.
//
// It may import internal/cloud, cloud/vpc, cloud/elb.
package privatelink

import (
	"net/netip"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Index names.
const (
	ByScope   = "scope"
	ByVPC     = "vpc"
	ByService = "service"
	ByName    = "name" // service name
	ByLB      = "lb"
)

// Service is an endpoint service configuration.
type Service struct {
	ID string // vpce-svc-…
	cloud.Scope
	Name               string // com.amazonaws.vpce.<region>.<id>
	State              string // Pending, Available, Deleting, Deleted, Failed
	AcceptanceRequired bool
	LoadBalancerARNs   []string
	SupportedIPTypes   []string // ipv4, ipv6
	AllowedPrincipals  []AllowedPrincipal
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
}

// Services is the table of endpoint services.
var Services = cloud.NewTable("endpoint-service", func(s *Service) string { return s.ID },
	cloud.Index[Service]{Name: ByScope, Keys: func(s *Service) []string { return []string{s.Key()} }},
	cloud.Index[Service]{Name: ByName, Keys: func(s *Service) []string { return []string{s.Name} }},
	cloud.Index[Service]{Name: ByLB, Keys: func(s *Service) []string { return s.LoadBalancerARNs }})

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

// Endpoint is an interface endpoint. The reconciler reports pending->available
// when its path exists, and deleting->gone.
type Endpoint struct {
	ID string // vpce-…
	cloud.Scope
	Type          string // Interface, Gateway
	VPCID         string
	ServiceName   string
	ServiceID     string
	ServiceRegion string
	State         EndpointState
	Policy        string
	SubnetIDs     []string
	GroupIDs      []string
	Interfaces    []EndpointInterface
	RouteTableIDs []string
	IPAddressType string // ipv4, ipv6, dualstack
	DNSRecordType string
	PrivateDNS    bool
	// Suffix is the 8 characters of the DNS names after the endpoint id.
	Suffix       string
	DNSEntries   []DNSEntry
	ConnectionID string // vpce-con-…
	LastError    string
	CreatedAt    time.Time
	ClientToken  string
	Tags         cloud.Tags
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
	// "dns" finds an endpoint by any of its DNS names, lower case.
	cloud.Index[Endpoint]{Name: "dns", Keys: func(e *Endpoint) []string {
		var k []string
		for _, d := range e.DNSEntries {
			k = append(k, d.Name)
		}
		return k
	}})

// Tables lists the tables of this package.
func Tables() []cloud.AnyTable { return []cloud.AnyTable{Services, Endpoints} }
