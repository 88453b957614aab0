package elb

import (
	"slices"
	"strconv"
	"strings"
)

// HealthCheckParams is a health check as a request gives it: zero values mean
// not given.
type HealthCheckParams struct {
	Enabled            *bool
	Protocol           string
	Port               string
	Path               string
	IntervalSeconds    int
	TimeoutSeconds     int
	HealthyThreshold   int
	UnhealthyThreshold int
	Matcher            string // of HTTP status codes
	GRPCMatcher        string // of gRPC status codes
}

// checkKind is what the health checks of a kind of target group have in common.
type checkKind struct {
	protocols []string // the first is the default
	path      string
	matcher   string
	low, high int // codes in the matcher
}

func checkKindOf(g TargetGroup) checkKind {
	web := []string{"HTTP", "HTTPS"}
	switch {
	case g.ProtocolVersion == "GRPC":
		return checkKind{web, "/AWS.ALB/healthcheck", "12", 0, 99}
	case isHTTP(g.Protocol):
		return checkKind{web, "/", "200", 200, 499}
	case g.TargetType == "alb":
		return checkKind{web, "/", "200-399", 200, 599}
	}
	return checkKind{[]string{"TCP", "HTTP", "HTTPS"}, "/", "200-399", 200, 599}
}

func newHealthCheck(g TargetGroup, p HealthCheckParams) (HealthCheck, error) {
	h := HealthCheck{Protocol: checkKindOf(g).protocols[0], Port: "traffic-port", IntervalSeconds: 30, HealthyThreshold: 5, UnhealthyThreshold: 2}
	return h.with(g, p)
}

// with applies a request to a group's health check and checks the outcome.
func (h HealthCheck) with(g TargetGroup, p HealthCheckParams) (HealthCheck, error) {
	kind := checkKindOf(g)
	if p.Enabled != nil && !*p.Enabled {
		return h, invalid(subjectGroup, "Health check enabled must be true for target groups with target type '%s'", g.TargetType)
	}
	if p.Protocol != "" {
		if err := kind.checkProtocol(g, p.Protocol); err != nil {
			return h, err
		}
		if (p.Protocol == "TCP") != (h.Protocol == "TCP") {
			h.Path, h.Matcher = "", ""
		}
		h.Protocol = p.Protocol
	}
	matcher, err := matcherOf(g, p)
	if err != nil {
		return h, err
	}
	if h.Protocol == "TCP" && (p.Path != "" || matcher != "") {
		return h, invalid(subjectGroup, "Health check path and matcher cannot be specified for health checks with protocol 'TCP'")
	}
	h.Port = orDefault(p.Port, h.Port)
	h.Path = orDefault(p.Path, h.Path)
	h.Matcher = orDefault(matcher, h.Matcher)
	if h.Protocol != "TCP" {
		h.Path, h.Matcher = orDefault(h.Path, kind.path), orDefault(h.Matcher, kind.matcher)
	}
	set(&h.IntervalSeconds, p.IntervalSeconds)
	set(&h.HealthyThreshold, p.HealthyThreshold)
	set(&h.UnhealthyThreshold, p.UnhealthyThreshold)
	set(&h.TimeoutSeconds, p.TimeoutSeconds)
	if h.TimeoutSeconds == 0 {
		h.TimeoutSeconds = defaultTimeout(g, h)
	}
	return h, h.check(g)
}

// matcherOf is the matcher that a request gives, which is for gRPC codes in the
// groups of that version and for HTTP codes in all others.
func matcherOf(g TargetGroup, p HealthCheckParams) (string, error) {
	if g.ProtocolVersion == "GRPC" {
		if p.Matcher != "" {
			return "", invalid(subjectGroup, "An HTTP code matcher cannot be specified for target groups with protocol version 'GRPC'")
		}
		return p.GRPCMatcher, nil
	}
	if p.GRPCMatcher != "" {
		return "", invalid(subjectGroup, "A gRPC code matcher can only be specified for target groups with protocol version 'GRPC'")
	}
	return p.Matcher, nil
}

func set(v *int, to int) {
	if to != 0 {
		*v = to
	}
}

// defaultTimeout differs by kind of load balancer, and of network ones by
// protocol.
func defaultTimeout(g TargetGroup, h HealthCheck) int {
	switch {
	case isHTTP(g.Protocol):
		return 5
	case h.Protocol == "HTTP":
		return min(6, h.IntervalSeconds)
	}
	return min(10, h.IntervalSeconds)
}

func (k checkKind) checkProtocol(g TargetGroup, p string) error {
	if slices.Contains(k.protocols, p) {
		return nil
	}
	if p == "TCP" {
		if g.TargetType == "alb" {
			return invalid(subjectGroup, "Health check protocol 'TCP' is not supported for target groups with target type 'alb'")
		}
		return invalid(subjectGroup, "Health check protocol 'TCP' is not supported for target groups with protocol '%s'", g.Protocol)
	}
	return invalid(subjectGroup, "Health check protocol '%s' is not supported: it must be one of %s", p, strings.Join(k.protocols, ", "))
}

func (h HealthCheck) check(g TargetGroup) error {
	kind := checkKindOf(g)
	for _, x := range []struct {
		path         string
		v, low, high int
	}{
		{"healthCheckIntervalSeconds", h.IntervalSeconds, 5, 300},
		{"healthCheckTimeoutSeconds", h.TimeoutSeconds, 2, 120},
		{"healthyThresholdCount", h.HealthyThreshold, 2, 10},
		{"unhealthyThresholdCount", h.UnhealthyThreshold, 2, 10},
	} {
		if err := checkRange(subjectGroup, x.path, x.v, x.low, x.high); err != nil {
			return err
		}
	}
	if h.TimeoutSeconds > h.IntervalSeconds || isHTTP(g.Protocol) && h.TimeoutSeconds == h.IntervalSeconds {
		return invalid(subjectGroup, "Health check interval must be greater than the timeout.")
	}
	if n, err := strconv.Atoi(h.Port); h.Port != "traffic-port" && (err != nil || n < 1 || n > 65535) {
		return invalid(subjectGroup, "Health check port '%s' must be a port number or 'traffic-port'", h.Port)
	}
	if h.Protocol == "TCP" {
		return nil
	}
	if !validPath(h.Path) {
		return invalid(subjectGroup, "Health check path '%s' must start with '/' and have at most 1024 characters", h.Path)
	}
	if !validMatcher(h.Matcher, kind.low, kind.high) {
		code := "HTTP"
		if g.ProtocolVersion == "GRPC" {
			code = "gRPC"
		}
		return invalid(subjectGroup, "Health check matcher %s code '%s' must be within '%d-%d' inclusive", code, h.Matcher, kind.low, kind.high)
	}
	return nil
}

// validPath lets no path end the request line.
func validPath(p string) bool {
	return strings.HasPrefix(p, "/") && len(p) <= 1024 && !strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// validMatcher takes "200", "200,202" and "200-299".
func validMatcher(m string, low, high int) bool {
	for part := range strings.SplitSeq(m, ",") {
		from, to, isRange := strings.Cut(part, "-")
		a, err := strconv.Atoi(from)
		if err != nil || a < low || a > high {
			return false
		}
		if !isRange {
			continue
		}
		if b, err := strconv.Atoi(to); err != nil || b < a || b > high {
			return false
		}
	}
	return true
}
