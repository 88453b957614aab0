package spec

import (
	"net/netip"
	"time"
)

// Balancer is a load balancer, or the part of one, that works in user space: an
// application load balancer, or the listeners of a network load balancer that
// end TLS, speak proxy protocol or translate between address families.
type Balancer struct {
	ARN string
	// ID is app/<name>/<hex> or net/<name>/<hex>, as in access logs.
	ID              string
	Type            string // application, network
	Account, Region string
	VPC             string
	Listeners       []BalancerListener
	Groups          []BalancerGroup
	HTTP            HTTPSettings
	// Entrances tell which endpoint stands behind a source on the fabric.
	Entrances []BalancerEntrance
}

// BalancerListener is a port with its sockets and its rules.
type BalancerListener struct {
	ARN      string
	Protocol string // HTTP, HTTPS; TCP, TLS
	Port     uint16
	// Addresses are the nodes' addresses to listen on, in the VPC's namespace.
	Addresses []BalancerAddress
	TLS       *TLSSettings // HTTPS, TLS
	// Rules are in order of evaluation; the last one is the default and has no
	// conditions. A network listener has only that, with a forward action.
	Rules []BalancerRule
	// Attributes are the listener's, by AWS's keys: header injections and names.
	Attributes map[string]string
	// IdleSeconds is the idle timeout of a network listener.
	IdleSeconds int
}

// BalancerAddress is a node's address. Sources are the node's addresses from
// which it connects to targets: IPv4 first, then IPv6.
type BalancerAddress struct {
	Address netip.Addr
	Zone    string
	Sources []netip.Addr
}

// BalancerEntrance is an endpoint's interface as the provider sees it.
type BalancerEntrance struct {
	Source   netip.Addr // on the fabric
	VIP      netip.Addr // on the fabric
	Endpoint string     // vpce-…
	Consumer string     // the VPC in which the client's real address is known
}

// TLSSettings are what a listener needs to end TLS.
type TLSSettings struct {
	Policy string // ELBSecurityPolicy-…
	// Certificates are chosen by SNI; the first is the default.
	Certificates []Certificate
	// ALPN is a network listener's policy: None, HTTP1Only, HTTP2Only,
	// HTTP2Optional, HTTP2Preferred.
	ALPN   string
	Mutual *MutualTLS
}

// Certificate is a chain and its key, PEM.
type Certificate struct {
	ARN        string
	Chain, Key []byte
}

// MutualTLS says what is asked of clients.
type MutualTLS struct {
	Mode          string // passthrough, verify
	CAs           []byte // PEM
	Revocations   [][]byte
	IgnoreExpired bool
	AdvertiseCAs  bool
}

// BalancerRule is a listener's rule.
type BalancerRule struct {
	ARN        string
	Priority   int // 0 is the default rule
	Conditions []Condition
	// Exactly one of these is set.
	Forward  *ForwardAction
	Redirect *RedirectAction
	Fixed    *FixedResponse
}

// Condition is met if one of its values matches. Values may have the wildcards
// * and ? (not methods); a backslash makes them literal in query strings.
type Condition struct {
	// Field is host-header, path-pattern, http-header, http-request-method,
	// query-string or source-ip.
	Field    string
	Header   string // http-header: the name
	Values   []string
	Pairs    []QueryPair    // query-string; an empty Key matches any
	Prefixes []netip.Prefix // source-ip
}

// QueryPair is a pattern for a query parameter.
type QueryPair struct{ Key, Value string }

// ForwardAction sends to target groups by weight.
type ForwardAction struct {
	Groups []ForwardGroup
	// StickySeconds is how long a client keeps its group (AWSALBTG); 0 is off.
	StickySeconds int
}

// ForwardGroup is a target group and its share, 0-999.
type ForwardGroup struct {
	Group  string // BalancerGroup.ARN
	Weight int
}

// RedirectAction has AWS's placeholders: #{protocol}, #{host}, #{port}, #{path},
// #{query}.
type RedirectAction struct {
	Status                            int // 301, 302
	Protocol, Host, Port, Path, Query string
}

// FixedResponse is answered without a target.
type FixedResponse struct {
	Status            int
	ContentType, Body string
}

// HTTPSettings are an application load balancer's attributes.
type HTTPSettings struct {
	IdleSeconds      int
	KeepAliveSeconds int
	HTTP2            bool
	DropInvalid      bool   // drop header fields with invalid names
	Desync           string // monitor, defensive, strictest
	PreserveHost     bool
	TLSHeaders       bool   // x-amzn-tls-version, x-amzn-tls-cipher-suite
	ForwardedPort    bool   // X-Forwarded-For with the client's port
	Forwarded        string // append, preserve, remove
	// LogBucket is where access logs go, empty without; LogPrefix below it.
	LogBucket, LogPrefix string
	// ConnectionLogBucket and ConnectionLogPrefix are those of connection logs.
	ConnectionLogBucket, ConnectionLogPrefix string
}

// BalancerGroup is a target group.
type BalancerGroup struct {
	ARN, Name string
	Protocol  string // HTTP, HTTPS; TCP, TLS
	Version   string // HTTP1, HTTP2, GRPC
	// Algorithm is round_robin, least_outstanding_requests or weighted_random.
	Algorithm string
	Anomaly   bool // weighted_random with anomaly mitigation
	// CrossZone lets targets of all zones serve each node.
	CrossZone  bool
	Stickiness *Stickiness
	// SlowStartSeconds is how long a new target's share grows; 0 is off.
	SlowStartSeconds int
	// DrainSeconds is the deregistration delay.
	DrainSeconds int
	// For network groups: whether targets see the client's address, get a proxy
	// protocol header, and lose their connections when deregistered or unhealthy.
	KeepClient, ProxyProtocol       bool
	EndOnDeregister, EndOnUnhealthy bool
	// MinimumHealthy and MinimumHealthyPercent are the thresholds below which all
	// targets get requests (fail open); 0 percent is off.
	MinimumHealthy, MinimumHealthyPercent int
	Targets                               []BalancerTarget
}

// Stickiness keeps a client at its target.
type Stickiness struct {
	Type    string // lb_cookie, app_cookie, source_ip
	Cookie  string // app_cookie
	Seconds int
}

// BalancerTarget is a registered target.
type BalancerTarget struct {
	Key     string // elb.TargetKey
	ID      string // as registered
	Address netip.AddrPort
	Zone    string // or all
	Health  string // initial, healthy, unhealthy
	// HealthySince is when it was last found healthy; zero if never.
	HealthySince time.Time
	// Draining gets no new requests, but for what began before.
	Draining bool
}
