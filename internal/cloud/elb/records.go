// Package elb is the domain of Elastic Load Balancing v2: load balancers,
// listeners, target groups and the health of targets.
//
// It may import internal/cloud, cloud/vpc and cloud/compute.
package elb

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Index names.
const (
	ByScope = "scope"
	ByVPC   = "vpc"
	ByName  = "name" // Scope.Key() + "/" + name
	ByLB    = "lb"   // load balancer ARN
	ByGroup = "group"
)

// LoadBalancerState is a load balancer's state, as AWS spells it.
type LoadBalancerState string

// The load balancer states.
const (
	Provisioning LoadBalancerState = "provisioning"
	Active       LoadBalancerState = "active"
	Failed       LoadBalancerState = "failed"
)

// LoadBalancer is a network (or, later, application) load balancer.
type LoadBalancer struct {
	ARN string
	cloud.Scope
	// Hex is the 16 digits at the end of the ARN and in the DNS name.
	Hex             string
	Name            string
	Type            string // network, application
	Scheme          string // internal, internet-facing
	IPAddressType   string // ipv4, dualstack
	VPCID           string
	DNSName         string
	CanonicalZoneID string
	State           LoadBalancerState
	StateReason     string
	Nodes           []Node
	GroupIDs        []string
	// EnforcePrivateLink is on or off, empty without security groups.
	EnforcePrivateLink string
	// Attributes holds every attribute of the type with its value.
	Attributes map[string]string
	CreatedAt  time.Time
	Tags       cloud.Tags
	// HeldBy are the endpoint services that use this load balancer; it can not
	// be deleted while there is one.
	HeldBy []string
}

// Node is the load balancer's part in one zone.
type Node struct {
	Zone, ZoneID string
	SubnetID     string
	InterfaceID  string
	PrivateIP    netip.Addr
	IPv6         netip.Addr
	PublicIP     netip.Addr // internet-facing
	AllocationID string
	// ChosenIPv4 and ChosenIPv6 say that the user named the private address:
	// only then AWS shows it in the description.
	ChosenIPv4, ChosenIPv6 bool
}

// LoadBalancers is the table of load balancers.
var LoadBalancers = cloud.NewTable("load-balancer", func(l *LoadBalancer) string { return l.ARN },
	cloud.Index[LoadBalancer]{Name: ByScope, Keys: func(l *LoadBalancer) []string { return []string{l.Key()} }},
	cloud.Index[LoadBalancer]{Name: ByVPC, Keys: func(l *LoadBalancer) []string { return []string{l.VPCID} }},
	cloud.Index[LoadBalancer]{Name: ByName, Keys: func(l *LoadBalancer) []string { return []string{l.Key() + "/" + l.Name} }},
	// "dns" finds a load balancer by its DNS name, lower case, no final dot.
	cloud.Index[LoadBalancer]{Name: "dns", Keys: func(l *LoadBalancer) []string { return []string{l.DNSName} }})

// Listener is a listener of a load balancer.
type Listener struct {
	ARN string
	cloud.Scope
	LoadBalancerARN string
	Port            int
	Protocol        string // TCP, UDP, TCP_UDP, TLS
	// Targets are the target groups of the forward action, with weights.
	Targets    []WeightedGroup
	Attributes map[string]string
	Tags       cloud.Tags
	// GroupStickinessSeconds is the duration that was given with a group
	// stickiness that is off; it has no effect.
	GroupStickinessSeconds int
}

// WeightedGroup is a target group in a forward action.
type WeightedGroup struct {
	TargetGroupARN string
	Weight         int // 0-999
}

// Listeners is the table of listeners.
var Listeners = cloud.NewTable("listener", func(l *Listener) string { return l.ARN },
	cloud.Index[Listener]{Name: ByScope, Keys: func(l *Listener) []string { return []string{l.Key()} }},
	cloud.Index[Listener]{Name: ByLB, Keys: func(l *Listener) []string { return []string{l.LoadBalancerARN} }},
	cloud.Index[Listener]{Name: ByGroup, Keys: func(l *Listener) []string {
		var k []string
		for _, t := range l.Targets {
			k = append(k, t.TargetGroupARN)
		}
		return k
	}})

// TargetGroup is a target group.
type TargetGroup struct {
	ARN string
	cloud.Scope
	Name          string
	Protocol      string
	Port          int
	VPCID         string
	TargetType    string // instance, ip, alb
	IPAddressType string // ipv4, ipv6
	HealthCheck   HealthCheck
	Attributes    map[string]string
	Tags          cloud.Tags
}

// HealthCheck says how targets are probed.
type HealthCheck struct {
	Protocol           string // TCP, HTTP, HTTPS
	Port               string // traffic-port or a number
	Path               string
	IntervalSeconds    int
	TimeoutSeconds     int
	HealthyThreshold   int
	UnhealthyThreshold int
	Matcher            string // 200-399
}

// TargetGroups is the table of target groups.
var TargetGroups = cloud.NewTable("target-group", func(t *TargetGroup) string { return t.ARN },
	cloud.Index[TargetGroup]{Name: ByScope, Keys: func(t *TargetGroup) []string { return []string{t.Key()} }},
	cloud.Index[TargetGroup]{Name: ByVPC, Keys: func(t *TargetGroup) []string { return []string{t.VPCID} }},
	cloud.Index[TargetGroup]{Name: ByName, Keys: func(t *TargetGroup) []string { return []string{t.Key() + "/" + t.Name} }})

// HealthState is what was observed of a target; what DescribeTargetHealth shows
// is derived (unused and draining do not depend on probes).
type HealthState string

// The observed states.
const (
	Initial   HealthState = "initial"
	Healthy   HealthState = "healthy"
	Unhealthy HealthState = "unhealthy"
)

// Target is a registered target of a group; its key is TargetKey.
type Target struct {
	TargetGroupARN string
	cloud.Scope
	// ID is an instance id or an address.
	ID   string
	Port int
	// Zone is the zone it counts for; "all" for addresses outside the VPC.
	Zone         string
	Health       HealthState
	Reason       string // Target.FailedHealthChecks, …
	RegisteredAt time.Time
	// DrainingSince is set when it was deregistered; the reconciler removes it
	// when the deregistration delay is over.
	DrainingSince time.Time
}

// TargetKey is the key of a target: group ARN, id and port.
func TargetKey(groupARN, id string, port int) string {
	return groupARN + "|" + id + "|" + strconv.Itoa(port)
}

// Targets is the table of targets.
var Targets = cloud.NewTable("target", func(t *Target) string { return TargetKey(t.TargetGroupARN, t.ID, t.Port) },
	cloud.Index[Target]{Name: ByGroup, Keys: func(t *Target) []string { return []string{t.TargetGroupARN} }},
	// "id" finds the registrations of an instance or address.
	cloud.Index[Target]{Name: "target", Keys: func(t *Target) []string { return []string{t.ID} }})

// Tables lists the tables of this package.
func Tables() []cloud.AnyTable {
	return []cloud.AnyTable{LoadBalancers, Listeners, TargetGroups, Targets}
}
