package elb

import (
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

// The target states that DescribeTargetHealth derives, beyond the observed ones.
const (
	StateUnused   = "unused"
	StateDraining = "draining"
)

// HealthOf derives what DescribeTargetHealth shows of a target: what was
// observed counts only while the target is in use.
func HealthOf(r cloud.Reader, t Target) (state, reason, description string) {
	if !t.DrainingSince.IsZero() {
		return StateDraining, "Target.DeregistrationInProgress", "Target deregistration is in progress"
	}
	if reason, description = unused(r, t); reason != "" {
		return StateUnused, reason, description
	}
	switch t.Health {
	case Healthy:
		return string(Healthy), "", ""
	case Unhealthy:
		reason = orDefault(t.Reason, "Target.FailedHealthChecks")
		return string(Unhealthy), reason, unhealthyDescription(reason, t.Detail)
	}
	if l, ok := balancerOf(r, t.TargetGroupARN); ok && l.State == Provisioning {
		return string(Initial), "Elb.RegistrationInProgress", "Target registration is in progress"
	}
	return string(Initial), "Elb.InitialHealthChecking", "Initial health checks in progress"
}

// unused says why a target gets no traffic and no probes, if so.
func unused(r cloud.Reader, t Target) (reason, description string) {
	if strings.HasPrefix(t.ID, "i-") {
		state := compute.Terminated
		if i, ok := compute.Instances.Get(r, t.ID); ok {
			state = i.State
		}
		if state != compute.Running {
			return "Target.InvalidState", "Target is in the " + string(state) + " state"
		}
	}
	l, ok := balancerOf(r, t.TargetGroupARN)
	if !ok {
		return "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"
	}
	if isBalancer(t.ID) {
		return unusedBalancer(r, l, t)
	}
	if _, enabled := l.nodeIn(t.Zone); !enabled && t.Zone != "all" {
		return "Target.NotInUse", "Target is in an Availability Zone that is not enabled for the load balancer"
	}
	return "", ""
}

func unhealthyDescription(reason, detail string) string {
	switch reason {
	case "Target.Timeout":
		return "Request timed out"
	case "Target.ResponseCodeMismatch":
		return "Health checks failed with these codes: [" + detail + "]"
	}
	return "Health checks failed"
}

// Departed reports whether a target's instance is gone for good: the reconciler
// then reports the target drained, as AWS deregisters terminated instances.
func Departed(r cloud.Reader, t Target) bool {
	if !strings.HasPrefix(t.ID, "i-") {
		return false
	}
	i, ok := compute.Instances.Get(r, t.ID)
	return !ok || i.State == compute.Terminated
}

// TargetHealth is one line of DescribeTargetHealth.
type TargetHealth struct {
	Target                     Target
	State, Reason, Description string
}

// DescribeHealth lists the health of a group's targets, or of those asked for,
// registered or not.
func DescribeHealth(r cloud.Reader, g TargetGroup, refs []TargetRef) []TargetHealth {
	var out []TargetHealth
	if len(refs) == 0 {
		for t := range Targets.By(r, ByGroup, g.ARN) {
			h := TargetHealth{Target: t}
			h.State, h.Reason, h.Description = HealthOf(r, t)
			out = append(out, h)
		}
		return out
	}
	for _, ref := range refs {
		t, ok := lookup(r, g, ref)
		if !ok {
			if ref.Port == 0 {
				ref.Port = g.Port
			}
			out = append(out, TargetHealth{Target: Target{TargetGroupARN: g.ARN, ID: ref.ID, Port: ref.Port, Zone: ref.Zone},
				State: StateUnused, Reason: "Target.NotRegistered", Description: "Target is not registered to the target group"})
			continue
		}
		h := TargetHealth{Target: t}
		h.State, h.Reason, h.Description = HealthOf(r, t)
		out = append(out, h)
	}
	return out
}
