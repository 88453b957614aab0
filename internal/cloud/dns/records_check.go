package dns

import (
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// The types of health check.
const (
	CheckHTTP        = "HTTP"
	CheckHTTPS       = "HTTPS"
	CheckHTTPString  = "HTTP_STR_MATCH"
	CheckHTTPSString = "HTTPS_STR_MATCH"
	CheckTCP         = "TCP"
	CheckCalculated  = "CALCULATED"
)

// HealthCheck is a health check.
type HealthCheck struct {
	ID              string // a UUID
	Account         string
	CallerReference string
	Version         int64
	Config          CheckConfig
	CreatedAt       time.Time
	Tags            cloud.Tags
}

// CheckConfig is what a health check looks at. A check of type CALCULATED has a
// threshold and children, the others an endpoint.
type CheckConfig struct {
	Type             string
	IPAddress        string // as given
	Port             int
	Path             string
	DomainName       string
	SearchString     string
	Interval         int // seconds
	FailureThreshold int
	EnableSNI        bool
	Regions          []string

	HealthThreshold int
	Children        []string

	Inverted, Disabled bool
}

// HealthChecks is the table of health checks.
var HealthChecks = cloud.NewTable("route53-health-check", func(h *HealthCheck) string { return h.ID },
	cloud.Index[HealthCheck]{Name: ByAccount, Keys: func(h *HealthCheck) []string { return []string{h.Account} }},
	cloud.Index[HealthCheck]{Name: "reference", Keys: func(h *HealthCheck) []string { return []string{h.Account + "/" + h.CallerReference} }},
	// "child" finds the calculated checks that look at one.
	cloud.Index[HealthCheck]{Name: ByChild, Keys: func(h *HealthCheck) []string { return h.Config.Children }})

// CheckResult is what the checkers found last. It is apart from the check, which
// does not change by it.
type CheckResult struct {
	ID           string // of the health check
	Healthy      bool   // before it is inverted
	Observations []Observation
}

// Observation is what the checkers of one region found.
type Observation struct {
	Region, Address string
	Healthy         bool
	Status          string // "Success: HTTP Status Code 200, OK"
	CheckedAt       time.Time
	// LastFailure is the last status that was a failure.
	LastFailure   string
	LastFailureAt time.Time
}

// CheckResults is the table of results.
var CheckResults = cloud.NewTable("route53-health-check-result", func(c *CheckResult) string { return c.ID })

// CheckHealthy reports the state of a health check: what its endpoint or its
// children say, inverted if it is. One that nothing is known of yet is healthy, as
// is one that is disabled, and one that is gone.
func CheckHealthy(r cloud.Reader, id string) bool {
	h, ok := HealthChecks.Get(r, id)
	if !ok {
		return true
	}
	healthy := true
	switch {
	case h.Config.Disabled:
	case h.Config.Type == CheckCalculated:
		up := 0
		for _, c := range h.Config.Children {
			// A calculated check does not look at calculated ones: this ends.
			if CheckHealthy(r, c) {
				up++
			}
		}
		healthy = up >= h.Config.HealthThreshold
	default:
		if result, ok := CheckResults.Get(r, id); ok {
			healthy = result.Healthy
		}
	}
	return healthy != h.Config.Inverted
}
