package balance

import (
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// snapshot is a group's immutable state between two updates.
type snapshot struct {
	spec       spec.BalancerGroup
	targets    map[string]*Target
	registered int
	// zones has what each zone's node may use; other is for nodes in zones that
	// have no target, and for all of them if the group crosses zones.
	zones map[string]*eligible
	other *eligible
}

// eligible are the targets that a node may send new requests to.
type eligible struct {
	targets []*Target
	members map[string]bool // by key
	// slowUntil is when the last slow start among them ends; zero without any.
	slowUntil time.Time
}

func (s *snapshot) eligible(zone string) *eligible {
	if e, ok := s.zones[zone]; ok {
		return e
	}
	return s.other
}

// compile makes the snapshot that follows another one (nil at first).
func (g *Group) compile(old *snapshot, in spec.BalancerGroup) *snapshot {
	s := &snapshot{spec: in, targets: make(map[string]*Target, len(in.Targets)), zones: map[string]*eligible{}}
	all := make([]*Target, 0, len(in.Targets))
	for _, t := range in.Targets {
		have := take(old, t)
		s.targets[t.Key] = have
		if !t.Draining {
			all = append(all, have)
		}
	}
	s.registered = len(all)
	if in.CrossZone {
		s.other = s.route(all, func(spec.BalancerTarget) bool { return true })
	} else {
		s.other = s.route(all, func(t spec.BalancerTarget) bool { return t.Zone == "all" })
		for _, t := range all {
			zone := t.Spec().Zone
			if s.zones[zone] == nil && zone != "all" {
				s.zones[zone] = s.route(all, func(t spec.BalancerTarget) bool { return t.Zone == zone || t.Zone == "all" })
			}
		}
	}
	if old != nil {
		for key, t := range old.targets {
			if s.targets[key] != t {
				t.draining.raise()
				t.ended.raise()
			}
		}
	}
	return s
}

// take finds a target that stays, or makes a new one. A key at another address,
// and one that was draining and is registered again, are new targets: the old
// one's connections are not those of the new one.
func take(old *snapshot, t spec.BalancerTarget) *Target {
	if old != nil {
		if have, ok := old.targets[t.Key]; ok && have.Address == t.Address && (t.Draining || !have.Spec().Draining) {
			have.set(t)
			return have
		}
	}
	return newTarget(t)
}

// route chooses the healthy targets among those that a zone may use, or all of
// them if fewer than the thresholds are healthy.
func (s *snapshot) route(all []*Target, in func(spec.BalancerTarget) bool) *eligible {
	var registered, healthy []*Target
	for _, t := range all {
		state := t.Spec()
		if !in(*state) {
			continue
		}
		registered = append(registered, t)
		if state.Health == "healthy" {
			healthy = append(healthy, t)
		}
	}
	e := &eligible{targets: healthy, members: map[string]bool{}}
	percent := len(healthy)*100 < s.spec.MinimumHealthyPercent*len(registered)
	if len(healthy) < max(s.spec.MinimumHealthy, 1) || percent {
		e.targets = registered
	}
	for _, t := range e.targets {
		e.members[t.Key] = true
		if until := s.slowUntil(t); until.After(e.slowUntil) {
			e.slowUntil = until
		}
	}
	return e
}

// slowUntil is when a target's slow start ends; the zero time without one.
func (s *snapshot) slowUntil(t *Target) time.Time {
	since := t.Spec().HealthySince
	if s.spec.SlowStartSeconds == 0 || since.IsZero() {
		return time.Time{}
	}
	return since.Add(time.Duration(s.spec.SlowStartSeconds) * time.Second)
}
