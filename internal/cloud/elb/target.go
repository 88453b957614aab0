package elb

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// TargetRef names a target: Port 0 is the group's, Zone may be empty.
type TargetRef struct {
	ID   string
	Port int
	Zone string
}

// RegisterTargets registers targets; one that drains is taken back.
type RegisterTargets struct {
	GroupARN string
	Targets  []TargetRef
}

// Apply implements cloud.Command.
func (c RegisterTargets) Apply(tx *cloud.Tx) (cloud.None, error) {
	g, err := FindTargetGroup(tx, tx.Caller.Scope, c.GroupARN)
	if err != nil {
		return cloud.None{}, err
	}
	if len(c.Targets) == 0 {
		return cloud.None{}, invalid(subjectTarget, "At least one target must be specified")
	}
	if err := checkRunning(tx, g, c.Targets); err != nil {
		return cloud.None{}, err
	}
	for _, ref := range c.Targets {
		t, err := newTarget(tx, g, ref)
		if err != nil {
			return cloud.None{}, err
		}
		old, ok := Targets.Get(tx, TargetKey(g.ARN, t.ID, t.Port))
		if ok && old.DrainingSince.IsZero() {
			continue
		}
		Targets.Put(tx, t)
	}
	if g.TargetType == "alb" {
		return cloud.None{}, checkOneBalancer(tx, g)
	}
	if count(Targets.By(tx, ByGroup, g.ARN)) > maxTargets {
		return cloud.None{}, cloud.Errorf(cloud.KindLimit, subjectTarget, "TooManyTargets",
			"You've reached the limit on the number of targets")
	}
	return cloud.None{}, nil
}

// newTarget checks one target and says which zone it counts for.
func newTarget(tx *cloud.Tx, g TargetGroup, ref TargetRef) (Target, error) {
	t := Target{TargetGroupARN: g.ARN, Scope: g.Scope, ID: ref.ID, Port: ref.Port, Health: Initial, RegisteredAt: tx.Now}
	if t.Port == 0 {
		t.Port = g.Port
	}
	if err := checkRange(subjectTarget, "targets.1.member.port", t.Port, 1, 65535); err != nil {
		return t, err
	}
	var err error
	switch g.TargetType {
	case "instance":
		t.Zone, err = instanceZone(tx, g, ref)
		return t, err
	case "alb":
		return t, checkBalancerTarget(tx, g, ref, t.Port)
	}
	a, perr := netip.ParseAddr(ref.ID)
	if perr != nil || a.Is4() != (g.IPAddressType == "ipv4") {
		return t, invalid(subjectTarget, "The IP address '%s' is not a valid %s address", ref.ID,
			map[string]string{"ipv4": "IPv4", "ipv6": "IPv6"}[g.IPAddressType])
	}
	t.ID = a.String()
	t.Zone, err = addressZone(tx, g, a, ref)
	return t, err
}

// checkRunning names every instance that is not running in one sentence.
func checkRunning(tx *cloud.Tx, g TargetGroup, refs []TargetRef) error {
	if g.TargetType != "instance" {
		return nil
	}
	var down []string
	for _, ref := range refs {
		i, ok := compute.Instances.Get(tx, ref.ID)
		if ok && i.Scope == g.Scope && i.State != compute.Running {
			down = append(down, ref.ID)
		}
	}
	if len(down) > 0 {
		return invalidTarget(down[0], "The following targets are not in a running state and cannot be registered: '"+
			strings.Join(down, "', '")+"'")
	}
	return nil
}

func instanceZone(tx *cloud.Tx, g TargetGroup, ref TargetRef) (string, error) {
	if !strings.HasPrefix(ref.ID, "i-") {
		return "", invalid(subjectTarget, "Instance ID '%s' is not valid", ref.ID)
	}
	if ref.Zone != "" {
		return "", invalid(subjectTarget, "You cannot specify an Availability Zone for instance targets: '%s'", ref.ID)
	}
	i, ok := compute.Instances.Get(tx, ref.ID)
	if !ok || i.Scope != g.Scope {
		return "", invalidTarget(ref.ID, "The following targets do not exist: '"+ref.ID+"'")
	}
	if i.VPCID != g.VPCID {
		return "", invalidTarget(ref.ID, "The following targets are not in the target group VPC '"+g.VPCID+"': '"+ref.ID+"'")
	}
	return i.Zone, nil
}

// addressZone finds the zone of an address in the group's VPC by its subnet; an
// address elsewhere needs the caller to name one.
func addressZone(r cloud.Reader, g TargetGroup, a netip.Addr, ref TargetRef) (string, error) {
	if in, zone := inVPC(r, g.VPCID, a); in {
		if zone == "" {
			return "", invalidTarget(ref.ID, "The IP address '"+ref.ID+"' is not within a subnet of the VPC '"+g.VPCID+"'")
		}
		if ref.Zone != "" && ref.Zone != zone {
			return "", invalidTarget(ref.ID, "The Availability Zone '"+ref.Zone+"' is not the Availability Zone of the IP address '"+ref.ID+"'")
		}
		return zone, nil
	}
	if !privateRange(a) {
		return "", invalidTarget(ref.ID, "The IP address '"+ref.ID+"' is not within a valid private range")
	}
	if ref.Zone == "" {
		return "", invalidTarget(ref.ID, "You must specify an Availability Zone for the IP address '"+ref.ID+
			"' because it is outside of the VPC '"+g.VPCID+"'")
	}
	if _, ok := cloud.FindZone(g.Region, ref.Zone); !ok && ref.Zone != "all" {
		return "", invalid(subjectTarget, "The Availability Zone '%s' is not valid", ref.Zone)
	}
	return ref.Zone, nil
}

// inVPC reports whether an address is of a VPC's ranges, and its subnet's zone.
func inVPC(r cloud.Reader, vpcID string, a netip.Addr) (in bool, zone string) {
	for s := range vpc.Subnets.By(r, vpc.ByVPC, vpcID) {
		if s.CIDR.Contains(a) {
			return true, s.Zone
		}
		for _, c := range s.IPv6CIDRs {
			if c.Prefix.Contains(a) {
				return true, s.Zone
			}
		}
	}
	v, _ := vpc.VPCs.Get(r, vpcID)
	for _, c := range slices.Concat(v.CIDRs, v.IPv6CIDRs) {
		if c.Prefix.Contains(a) {
			return true, ""
		}
	}
	return false, ""
}

// privateRange are the ranges that AWS takes for targets outside the VPC.
func privateRange(a netip.Addr) bool {
	return a.IsPrivate() || netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10).Contains(a)
}

func invalidTarget(id, message string) error {
	return &cloud.Error{Kind: cloud.KindState, Subject: subjectTarget, ID: id, Code: "InvalidTarget", Message: message}
}

// DeregisterTargets lets targets drain; those of a group that is not in use go
// at once. Unknown targets are no error.
type DeregisterTargets struct {
	GroupARN string
	Targets  []TargetRef
}

// Apply implements cloud.Command.
func (c DeregisterTargets) Apply(tx *cloud.Tx) (cloud.None, error) {
	g, err := FindTargetGroup(tx, tx.Caller.Scope, c.GroupARN)
	if err != nil {
		return cloud.None{}, err
	}
	if len(c.Targets) == 0 {
		return cloud.None{}, invalid(subjectTarget, "At least one target must be specified")
	}
	for _, ref := range c.Targets {
		t, ok := lookup(tx, g, ref)
		if !ok || !t.DrainingSince.IsZero() {
			continue
		}
		if state, _, _ := HealthOf(tx, t); state == StateUnused {
			Targets.Delete(tx, TargetKey(g.ARN, t.ID, t.Port))
			continue
		}
		t.DrainingSince = tx.Now
		Targets.Put(tx, t)
	}
	return cloud.None{}, nil
}

func lookup(r cloud.Reader, g TargetGroup, ref TargetRef) (Target, bool) {
	id, port := ref.ID, ref.Port
	if a, err := netip.ParseAddr(id); err == nil {
		id = a.String()
	}
	if port == 0 {
		port = g.Port
	}
	return Targets.Get(r, TargetKey(g.ARN, id, port))
}

// DrainedAt is when a deregistered target's delay is over; zero if it was not
// deregistered.
func DrainedAt(g TargetGroup, t Target) time.Time {
	if t.DrainingSince.IsZero() {
		return time.Time{}
	}
	return t.DrainingSince.Add(DeregistrationDelay(g))
}
