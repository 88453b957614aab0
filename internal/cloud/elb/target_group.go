package elb

import (
	"maps"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// CreateTargetGroup makes a target group. The same name with the same settings
// returns what exists.
type CreateTargetGroup struct {
	Name     string
	Protocol string
	// ProtocolVersion is for HTTP and HTTPS; default: HTTP1.
	ProtocolVersion string
	Port            int
	VPCID           string
	TargetType      string // default: instance
	IPAddressType   string // default: ipv4
	HealthCheck     HealthCheckParams
	Tags            cloud.Tags
}

// Apply implements cloud.Command.
func (c CreateTargetGroup) Apply(tx *cloud.Tx) (TargetGroup, error) {
	scope := tx.Caller.Scope
	c.TargetType = orDefault(c.TargetType, "instance")
	c.IPAddressType = orDefault(c.IPAddressType, "ipv4")
	if isHTTP(c.Protocol) {
		c.ProtocolVersion = orDefault(c.ProtocolVersion, "HTTP1")
	}
	if err := c.check(tx); err != nil {
		return TargetGroup{}, err
	}
	if err := CheckTags(c.Tags); err != nil {
		return TargetGroup{}, err
	}
	g := TargetGroup{Scope: scope, Name: c.Name, Protocol: c.Protocol, ProtocolVersion: c.ProtocolVersion, Port: c.Port, VPCID: c.VPCID,
		TargetType: c.TargetType, IPAddressType: c.IPAddressType, Tags: c.Tags.Clone()}
	var err error
	if g.HealthCheck, err = newHealthCheck(g, c.HealthCheck); err != nil {
		return TargetGroup{}, err
	}
	if old, ok := TargetGroups.First(tx, ByName, scope.Key()+"/"+c.Name); ok {
		return old, sameGroup(old, g)
	}
	if count(TargetGroups.By(tx, ByScope, scope.Key())) >= maxTargetGroups {
		return TargetGroup{}, cloud.Errorf(cloud.KindLimit, subjectGroup, "TooManyTargetGroups",
			"The maximum number of target groups has been reached")
	}
	g.ARN = arnPrefix(scope) + "targetgroup/" + g.Name + "/" + tx.IDs.Hex(16)
	g.Attributes = defaultGroupAttributes(g)
	TargetGroups.Put(tx, g)
	return g, nil
}

func isHTTP(protocol string) bool { return protocol == "HTTP" || protocol == "HTTPS" }

func (c *CreateTargetGroup) check(r cloud.Reader) error {
	if err := checkName(subjectGroup, "target group", c.Name); err != nil {
		return err
	}
	if err := checkOneOf(subjectGroup, "targetType", c.TargetType, "instance", "ip", "lambda", "alb"); err != nil {
		return err
	}
	if c.TargetType == "lambda" {
		return notServed(subjectGroup, "A target group of type '%s'", c.TargetType)
	}
	if err := checkOneOf(subjectGroup, "ipAddressType", c.IPAddressType, "ipv4", "ipv6"); err != nil {
		return err
	}
	if err := c.checkProtocol(); err != nil {
		return err
	}
	if c.TargetType == "alb" && c.IPAddressType != "ipv4" {
		return invalid(subjectGroup, "IP address type '%s' is not supported for target groups with target type 'alb'", c.IPAddressType)
	}
	if c.Port == 0 {
		return invalid(subjectGroup, "A port must be specified")
	}
	if err := checkRange(subjectGroup, "port", c.Port, 1, 65535); err != nil {
		return err
	}
	return c.checkVPC(r)
}

func (c *CreateTargetGroup) checkProtocol() error {
	switch c.Protocol {
	case "TCP", "UDP", "TCP_UDP", "TLS", "HTTP", "HTTPS":
	case "":
		return invalid(subjectGroup, "A protocol must be specified")
	case "GENEVE", "QUIC", "TCP_QUIC":
		return notServed(subjectGroup, "A target group with the protocol '%s'", c.Protocol)
	default:
		return checkOneOf(subjectGroup, "protocol", c.Protocol, "HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE", "QUIC", "TCP_QUIC")
	}
	if c.TargetType == "alb" && c.Protocol != "TCP" {
		return invalid(subjectGroup, "Protocol '%s' is not supported for target groups with target type 'alb'", c.Protocol)
	}
	if !isHTTP(c.Protocol) {
		if c.ProtocolVersion != "" {
			return invalid(subjectGroup, "Protocol version cannot be specified for target groups with protocol '%s'", c.Protocol)
		}
		return nil
	}
	switch c.ProtocolVersion {
	case "HTTP1", "HTTP2", "GRPC":
		return nil
	}
	return invalid(subjectGroup, "Protocol version '%s' must be one of 'HTTP1', 'HTTP2', 'GRPC'", c.ProtocolVersion)
}

func (c *CreateTargetGroup) checkVPC(r cloud.Reader) error {
	if c.VPCID == "" {
		return invalid(subjectGroup, "A VPC ID must be specified")
	}
	v, ok := vpc.VPCs.Get(r, c.VPCID)
	if tx, in := r.(*cloud.Tx); !ok || in && v.Scope != tx.Caller.Scope {
		return invalid(subjectGroup, "The VPC ID '%s' is not found", c.VPCID)
	}
	return nil
}

// FindTargetGroup returns the caller's target group with that ARN.
func FindTargetGroup(r cloud.Reader, scope cloud.Scope, arn string) (TargetGroup, error) {
	g, ok := TargetGroups.Get(r, arn)
	if !ok || g.Scope != scope {
		return TargetGroup{}, noTargetGroup(arn)
	}
	return g, nil
}

func sameGroup(old, g TargetGroup) error {
	if old.Protocol == g.Protocol && old.ProtocolVersion == g.ProtocolVersion && old.Port == g.Port && old.VPCID == g.VPCID && old.TargetType == g.TargetType &&
		old.IPAddressType == g.IPAddressType && old.HealthCheck == g.HealthCheck && maps.Equal(old.Tags, g.Tags) {
		return nil
	}
	return cloud.Errorf(cloud.KindExists, subjectGroup, "DuplicateTargetGroupName",
		"A target group with the same name '%s' exists, but with different settings", g.Name)
}

// ModifyTargetGroup changes the health check.
type ModifyTargetGroup struct {
	ARN         string
	HealthCheck HealthCheckParams
}

// Apply implements cloud.Command.
func (c ModifyTargetGroup) Apply(tx *cloud.Tx) (TargetGroup, error) {
	g, err := FindTargetGroup(tx, tx.Caller.Scope, c.ARN)
	if err != nil {
		return g, err
	}
	if g.HealthCheck, err = g.HealthCheck.with(g, c.HealthCheck); err != nil {
		return g, err
	}
	TargetGroups.Put(tx, g)
	return g, nil
}

// DeleteTargetGroup deletes a target group that no listener and no rule uses. One that does
// not exist is no error.
type DeleteTargetGroup struct{ ARN string }

// Apply implements cloud.Command.
func (c DeleteTargetGroup) Apply(tx *cloud.Tx) (cloud.None, error) {
	g, err := FindTargetGroup(tx, tx.Caller.Scope, c.ARN)
	if err != nil {
		return cloud.None{}, nil
	}
	if inUse(tx, g.ARN) {
		return cloud.None{}, cloud.Errorf(cloud.KindInUse, subjectGroup, "ResourceInUse",
			"Target group '%s' is currently in use by a listener or a rule", g.ARN)
	}
	for _, t := range slices.Collect(Targets.By(tx, ByGroup, g.ARN)) {
		Targets.Delete(tx, TargetKey(t.TargetGroupARN, t.ID, t.Port))
	}
	TargetGroups.Delete(tx, g.ARN)
	return cloud.None{}, nil
}
