package elb

import "github.com/musubi-net/musubi/internal/cloud"

// onlyInternal refuses observations from users.
func onlyInternal(tx *cloud.Tx, subject string) error {
	if tx.Caller.Internal {
		return nil
	}
	return cloud.Errorf(cloud.KindForbidden, subject, "OperationNotPermitted", "Only the reconciler may report observations")
}

// ReportActive says that a load balancer's nodes exist.
type ReportActive struct{ ARN string }

// Apply implements cloud.Command.
func (c ReportActive) Apply(tx *cloud.Tx) (cloud.None, error) {
	if err := onlyInternal(tx, subjectLB); err != nil {
		return cloud.None{}, err
	}
	if l, ok := LoadBalancers.Get(tx, c.ARN); ok && l.State == Provisioning {
		l.State = Active
		LoadBalancers.Put(tx, l)
	}
	return cloud.None{}, nil
}

// ReportHealth says what probing found out about a target.
type ReportHealth struct {
	Key    string // TargetKey
	Health HealthState
	Reason string
	Detail string // what the reason's description names: codes
}

// Apply implements cloud.Command.
func (c ReportHealth) Apply(tx *cloud.Tx) (cloud.None, error) {
	if err := onlyInternal(tx, subjectTarget); err != nil {
		return cloud.None{}, err
	}
	t, ok := Targets.Get(tx, c.Key)
	if !ok || t.Health == c.Health && t.Reason == c.Reason && t.Detail == c.Detail {
		return cloud.None{}, nil
	}
	if c.Health == Healthy && t.Health != Healthy {
		t.HealthyAt = tx.Now
	}
	t.Health, t.Reason, t.Detail = c.Health, c.Reason, c.Detail
	Targets.Put(tx, t)
	return cloud.None{}, nil
}

// ReportDrained removes a deregistered target whose delay is over, or one whose
// instance is terminated.
type ReportDrained struct{ Key string }

// Apply implements cloud.Command.
func (c ReportDrained) Apply(tx *cloud.Tx) (cloud.None, error) {
	if err := onlyInternal(tx, subjectTarget); err != nil {
		return cloud.None{}, err
	}
	if t, ok := Targets.Get(tx, c.Key); ok && (!t.DrainingSince.IsZero() || Departed(tx, t)) {
		Targets.Delete(tx, c.Key)
	}
	return cloud.None{}, nil
}
