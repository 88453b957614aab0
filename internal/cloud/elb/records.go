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

	ByListener    = "listener"
	ByCertificate = "certificate"
	ByTrustStore  = "trust-store"
)

// LoadBalancerState is a load balancer's state, as AWS spells it.
type LoadBalancerState string

// The load balancer states.
const (
	Provisioning LoadBalancerState = "provisioning"
	Active       LoadBalancerState = "active"
	Failed       LoadBalancerState = "failed"
)

// LoadBalancer is a network or application load balancer.
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
	Protocol        string // TCP, UDP, TCP_UDP, TLS, HTTP, HTTPS
	// Targets are the target groups of the forward action, with weights.
	Targets    []WeightedGroup
	Attributes map[string]string
	Tags       cloud.Tags
	// GroupStickinessSeconds is the duration that was given with a group
	// stickiness that is off; it has no effect.
	GroupStickinessSeconds int
	// RuleTags are the tags of the default rule.
	RuleTags cloud.Tags
	// Actions are the default actions of an application listener; a network
	// listener has Targets instead.
	Actions []Action
	// SSLPolicy, the default certificate and the others (chosen by SNI) are those
	// of HTTPS and TLS listeners. They are ARNs of ACM or IAM.
	SSLPolicy      string
	CertificateARN string
	Certificates   []string
	ALPN           string // TLS; empty is None
	Mutual         *MutualTLS
}

// MutualTLS is what an HTTPS listener asks of its clients' certificates.
type MutualTLS struct {
	Mode          string // off, passthrough, verify
	TrustStoreARN string
	IgnoreExpired bool
	AdvertiseCAs  string // on, off
}

// Action is what a rule does; exactly one of Forward, Redirect and Fixed is set.
type Action struct {
	Type     string // forward, redirect, fixed-response
	Order    int
	Forward  *Forward
	Redirect *Redirect
	Fixed    *FixedResponse
}

// Forward sends to target groups by weight.
type Forward struct {
	Groups        []WeightedGroup
	Sticky        bool
	StickySeconds int
}

// Redirect answers with a Location; its parts have AWS's placeholders.
type Redirect struct {
	Protocol, Host, Port, Path, Query string
	StatusCode                        string // HTTP_301, HTTP_302
}

// FixedResponse answers by itself.
type FixedResponse struct {
	StatusCode, ContentType, Body string
}

// Condition is one of a rule's conditions; which fields are set depends on
// Field.
type Condition struct {
	Field  string // host-header, path-pattern, http-header, …
	Header string
	Values []string
	Pairs  []QueryPair
	// Legacy says that the values were given without a ...Config structure.
	Legacy bool
}

// QueryPair is a pattern of a query parameter; an empty Key matches any.
type QueryPair struct{ Key, Value string }

// Rule is a rule of an application listener. The default rule is not one: it is
// the listener's own actions.
type Rule struct {
	ARN string
	cloud.Scope
	ListenerARN     string
	LoadBalancerARN string
	Priority        int // 1-50000
	Conditions      []Condition
	Actions         []Action
	Tags            cloud.Tags
}

// Rules is the table of rules.
var Rules = cloud.NewTable("listener-rule", func(x *Rule) string { return x.ARN },
	cloud.Index[Rule]{Name: ByListener, Keys: func(x *Rule) []string { return []string{x.ListenerARN} }},
	cloud.Index[Rule]{Name: ByLB, Keys: func(x *Rule) []string { return []string{x.LoadBalancerARN} }},
	cloud.Index[Rule]{Name: ByGroup, Keys: func(x *Rule) []string { return groupsOfActions(x.Actions) }})

// groupsOfActions lists the target groups that actions forward to.
func groupsOfActions(actions []Action) []string {
	var k []string
	for _, a := range actions {
		if a.Forward != nil {
			for _, g := range a.Forward.Groups {
				k = append(k, g.TargetGroupARN)
			}
		}
	}
	return k
}

// TrustStore is a bundle of certificate authorities for mutual TLS.
type TrustStore struct {
	ARN string
	cloud.Scope
	Name         string
	Status       string // CREATING, ACTIVE
	Bundle       string // PEM
	Revocations  []Revocation
	NextRevision int64
	CreatedAt    time.Time
	Tags         cloud.Tags
}

// Revocation is a certificate revocation list of a trust store.
type Revocation struct {
	ID      int64
	Type    string // CRL
	Content string // PEM
	Entries int
}

// TrustStores is the table of trust stores.
var TrustStores = cloud.NewTable("trust-store", func(t *TrustStore) string { return t.ARN },
	cloud.Index[TrustStore]{Name: ByScope, Keys: func(t *TrustStore) []string { return []string{t.Key()} }},
	cloud.Index[TrustStore]{Name: ByName, Keys: func(t *TrustStore) []string { return []string{t.Key() + "/" + t.Name} }})

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
		return append(k, groupsOfActions(l.Actions)...)
	}},
	// "certificate" finds the listeners that use a certificate.
	cloud.Index[Listener]{Name: ByCertificate, Keys: func(l *Listener) []string {
		return append([]string{l.CertificateARN}, l.Certificates...)
	}},
	cloud.Index[Listener]{Name: ByTrustStore, Keys: func(l *Listener) []string {
		if l.Mutual == nil {
			return nil
		}
		return []string{l.Mutual.TrustStoreARN}
	}})

// TargetGroup is a target group.
type TargetGroup struct {
	ARN string
	cloud.Scope
	Name     string
	Protocol string
	// ProtocolVersion is HTTP1, HTTP2 or GRPC for HTTP and HTTPS, else empty.
	ProtocolVersion string
	Port            int
	VPCID           string
	TargetType      string // instance, ip, alb
	IPAddressType   string // ipv4, ipv6
	HealthCheck     HealthCheck
	Attributes      map[string]string
	Tags            cloud.Tags
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
	// ID is an instance id, an address or the ARN of an application load balancer.
	ID   string
	Port int
	// Zone is the zone it counts for; "all" for addresses outside the VPC.
	Zone   string
	Health HealthState
	Reason string // Target.FailedHealthChecks, …
	// Detail is what the reason's description names: the codes of a mismatch.
	Detail string
	// HealthyAt is when it was last found healthy, after it was not.
	HealthyAt    time.Time
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
	return []cloud.AnyTable{LoadBalancers, Listeners, Rules, TargetGroups, Targets, TrustStores}
}
