package elb

import (
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
	Matcher            string
}

func newHealthCheck(targetType string, p HealthCheckParams) (HealthCheck, error) {
	h := HealthCheck{Protocol: "TCP", Port: "traffic-port", IntervalSeconds: 30, HealthyThreshold: 5, UnhealthyThreshold: 2}
	return h.with(targetType, p)
}

// with applies a request to a health check and checks the outcome.
func (h HealthCheck) with(targetType string, p HealthCheckParams) (HealthCheck, error) {
	if p.Enabled != nil && !*p.Enabled {
		return h, invalid(subjectGroup, "Health check enabled must be true for target groups with target type '%s'", targetType)
	}
	if p.Protocol != "" {
		if err := checkCheckProtocol(p.Protocol); err != nil {
			return h, err
		}
		if (p.Protocol == "TCP") != (h.Protocol == "TCP") {
			h.Path, h.Matcher = "", ""
		}
		h.Protocol = p.Protocol
	}
	if h.Protocol == "TCP" && (p.Path != "" || p.Matcher != "") {
		return h, invalid(subjectGroup, "Health check path and matcher cannot be specified for health checks with protocol 'TCP'")
	}
	h.Port = orDefault(p.Port, h.Port)
	h.Path = orDefault(p.Path, h.Path)
	h.Matcher = orDefault(p.Matcher, h.Matcher)
	if h.Protocol != "TCP" {
		h.Path, h.Matcher = orDefault(h.Path, "/"), orDefault(h.Matcher, "200-399")
	}
	set(&h.IntervalSeconds, p.IntervalSeconds)
	set(&h.HealthyThreshold, p.HealthyThreshold)
	set(&h.UnhealthyThreshold, p.UnhealthyThreshold)
	set(&h.TimeoutSeconds, p.TimeoutSeconds)
	if h.TimeoutSeconds == 0 {
		h.TimeoutSeconds = min(defaultTimeout(h.Protocol), h.IntervalSeconds)
	}
	return h, h.check()
}

func set(v *int, to int) {
	if to != 0 {
		*v = to
	}
}

func defaultTimeout(protocol string) int {
	if protocol == "HTTP" {
		return 6
	}
	return 10
}

func checkCheckProtocol(p string) error {
	switch p {
	case "TCP", "HTTP", "HTTPS":
		return nil
	}
	return invalid(subjectGroup, "Health check protocol '%s' is not supported: it must be one of TCP, HTTP, HTTPS", p)
}

func (h HealthCheck) check() error {
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
	if h.TimeoutSeconds > h.IntervalSeconds {
		return invalid(subjectGroup, "Health check interval must be greater than the timeout.")
	}
	if n, err := strconv.Atoi(h.Port); h.Port != "traffic-port" && (err != nil || n < 1 || n > 65535) {
		return invalid(subjectGroup, "Health check port '%s' must be a port number or 'traffic-port'", h.Port)
	}
	if h.Protocol == "TCP" {
		return nil
	}
	if !strings.HasPrefix(h.Path, "/") || len(h.Path) > 1024 {
		return invalid(subjectGroup, "Health check path '%s' must start with '/' and have at most 1024 characters", h.Path)
	}
	if !validMatcher(h.Matcher) {
		return invalid(subjectGroup, "Health check matcher HTTP code '%s' must be within '200-599' inclusive", h.Matcher)
	}
	return nil
}

// validMatcher takes "200", "200,202" and "200-299".
func validMatcher(m string) bool {
	for part := range strings.SplitSeq(m, ",") {
		from, to, isRange := strings.Cut(part, "-")
		a, err := strconv.Atoi(from)
		if err != nil || a < 200 || a > 599 {
			return false
		}
		if !isRange {
			continue
		}
		if b, err := strconv.Atoi(to); err != nil || b < a || b > 599 {
			return false
		}
	}
	return true
}
