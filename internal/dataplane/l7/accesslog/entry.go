package accesslog

import (
	"net/netip"
	"time"
)

// Entry is a line of the access log. Zero values are written as AWS writes what
// is not known: - or -1.
type Entry struct {
	Type         string // http, https, h2, grpcs, ws, wss
	Time         time.Time
	LoadBalancer string // app/<name>/<hex>
	Client       netip.AddrPort
	Target       netip.AddrPort // invalid without one
	// RequestTime is until the request was sent to the target, TargetTime until
	// its response began, ResponseTime until the response was sent to the client;
	// negative ones are written as -1.
	RequestTime, TargetTime, ResponseTime time.Duration
	Status, TargetStatus                  int
	Received, Sent                        int64
	// Method, URL (protocol://host:port/uri) and Proto (HTTP/1.1) are the request
	// line; empty parts are written as -.
	Method, URL, Proto string
	UserAgent          string
	Cipher, TLS        string // ECDHE-RSA-AES128-GCM-SHA256, TLSv1.2
	Group              string // ARN
	TraceID            string // X-Amzn-Trace-Id
	ServerName         string // SNI
	Certificate        string // ARN
	// Priority is the rule's: 1-50000, 0 for the default rule; -1 if evaluating
	// the rules failed, NoRule if none was evaluated.
	Priority int
	Created  time.Time // when the request was received
	// Actions are executed actions in order, waf,forward for instance.
	Actions  string
	Redirect string // Location
	Error    string // reason code
	// Targets and TargetStatuses are those that were tried.
	Targets        []netip.AddrPort
	TargetStatuses []int
	// Classification (Acceptable, Ambiguous, Severe) and its reason code are
	// desync mitigation's.
	Classification, ClassificationReason string
	ConnTraceID                          string // TID_…
}

// NoRule is a Priority that is written as -.
const NoRule = -2

// Connection is a line of the connection log.
type Connection struct {
	Time      time.Time
	Client    netip.AddrPort
	Port      uint16 // the listener's
	TLS       string
	Cipher    string
	Handshake time.Duration // negative: failed, or no TLS
	// Subject, NotBefore, NotAfter and Serial are the client certificate's.
	Subject             string
	NotBefore, NotAfter time.Time
	Serial              string
	// Verified is Success, or Failed:<reason>.
	Verified    string
	ConnTraceID string
	// KeyExchange is the TLS key exchange, x25519 for instance.
	KeyExchange string
}
