package privatelink

import (
	"cmp"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
)

// CreateService makes an endpoint service of network load balancers. There is
// nothing to build for it, so it is available at once.
type CreateService struct {
	AcceptanceRequired bool
	LoadBalancerARNs   []string
	SupportedIPTypes   []string // default: ipv4
	SupportedRegions   []string // beside its own
	PrivateDNSName     string
	Tags               cloud.Tags
	ClientToken        string
}

// Apply implements cloud.Command.
func (c CreateService) Apply(tx *cloud.Tx) (Service, error) {
	scope := tx.Caller.Scope
	if len(c.LoadBalancerARNs) == 0 {
		return Service{}, invalid(subjectService,
			"exactly one of network_load_balancer_arn or gateway_load_balancer_arn is a required member")
	}
	if len(c.SupportedIPTypes) == 0 {
		c.SupportedIPTypes = []string{"ipv4"}
	}
	if c.ClientToken != "" {
		for s := range Services.By(tx, ByScope, scope.Key()) {
			if s.ClientToken == c.ClientToken {
				return s, c.same(s)
			}
		}
	}
	id := "vpce-svc-" + tx.IDs.Hex(17)
	s := Service{ID: id, Scope: scope, Name: ServiceName(scope.Region, id), State: "Available",
		AcceptanceRequired: c.AcceptanceRequired, CreatedAt: tx.Now, ClientToken: c.ClientToken, Tags: c.Tags.Clone()}
	for _, arn := range c.LoadBalancerARNs {
		if err := s.hold(tx, arn); err != nil {
			return Service{}, err
		}
	}
	if err := s.setIPTypes(tx, c.SupportedIPTypes); err != nil {
		return Service{}, err
	}
	if err := s.setRegions(c.SupportedRegions); err != nil {
		return Service{}, err
	}
	if c.PrivateDNSName != "" {
		var err error
		if s.PrivateDNS, err = newPrivateDNS(tx, c.PrivateDNSName); err != nil {
			return Service{}, err
		}
	}
	s.ZoneIDs = zonesOf(tx, s.LoadBalancerARNs)
	Services.Put(tx, s)
	return s, nil
}

func (c CreateService) same(s Service) error {
	if c.AcceptanceRequired == s.AcceptanceRequired && slices.Equal(c.LoadBalancerARNs, s.LoadBalancerARNs) &&
		sameSet(c.SupportedIPTypes, s.SupportedIPTypes) && c.PrivateDNSName == s.PrivateDNS.Name {
		return nil
	}
	return tokenMismatch(subjectService)
}

// hold takes a load balancer for the service: it then can not be deleted.
func (s *Service) hold(tx *cloud.Tx, arn string) error {
	l, ok := elb.LoadBalancers.Get(tx, arn)
	switch {
	case !ok || l.Scope != s.Scope:
		return invalid(subjectService, "The load balancer '%s' does not exist", arn)
	case l.Type != "network":
		return invalid(subjectService, "The load balancer '%s' is not a Network Load Balancer", arn)
	case slices.Contains(s.LoadBalancerARNs, arn):
		return nil
	case len(l.HeldBy) > 0:
		return invalid(subjectService, "The load balancer '%s' is already associated with the VPC endpoint service '%s'", arn, l.HeldBy[0])
	}
	l.HeldBy = append(slices.Clone(l.HeldBy), s.ID)
	elb.LoadBalancers.Put(tx, l)
	s.LoadBalancerARNs = append(slices.Clone(s.LoadBalancerARNs), arn)
	return nil
}

// release gives a load balancer back.
func (s *Service) release(tx *cloud.Tx, arn string) {
	s.LoadBalancerARNs = without(s.LoadBalancerARNs, arn)
	if l, ok := elb.LoadBalancers.Get(tx, arn); ok {
		l.HeldBy = without(l.HeldBy, s.ID)
		elb.LoadBalancers.Put(tx, l)
	}
}

func (s *Service) setIPTypes(r cloud.Reader, types []string) error {
	if len(types) == 0 {
		return invalid(subjectService, "At least one supported IP address type must be specified")
	}
	var out []string
	for _, t := range []string{"ipv4", "ipv6"} {
		if slices.Contains(types, t) {
			out = append(out, t)
		}
	}
	for _, t := range types {
		if t != "ipv4" && t != "ipv6" {
			return invalid(subjectService, "The supported IP address type '%s' is not valid: it must be ipv4 or ipv6", t)
		}
	}
	s.SupportedIPTypes = out
	if !slices.Contains(out, "ipv6") {
		return nil
	}
	for _, arn := range s.LoadBalancerARNs {
		if l, ok := elb.LoadBalancers.Get(r, arn); ok && l.IPAddressType != "dualstack" {
			return invalid(subjectService, "The IP address type ipv6 is not supported by the load balancer '%s': it must be dualstack", arn)
		}
	}
	return nil
}

// zonesOf lists the ids of the zones that load balancers are in now.
func zonesOf(r cloud.Reader, arns []string) []string {
	var out []string
	for _, arn := range arns {
		l, _ := elb.LoadBalancers.Get(r, arn)
		for _, n := range l.Nodes {
			if !slices.Contains(out, n.ZoneID) {
				out = append(out, n.ZoneID)
			}
		}
	}
	slices.Sort(out)
	return out
}

// ZoneNames are the service's zones by the names that an account has for them,
// in order.
func (s *Service) ZoneNames(r cloud.Reader, account string) []string {
	var out []string
	for _, id := range s.ZoneIDs {
		if z, ok := cloud.FindZoneOf(r, cloud.Scope{Account: account, Region: s.Region}, id); ok {
			out = append(out, z.Name)
		}
	}
	slices.Sort(out)
	return out
}

// EndpointType is the type of the service's endpoints.
func (s *Service) EndpointType() string { return cmp.Or(s.Type, TypeInterface) }

// FindService returns the caller's own service with that id.
func FindService(r cloud.Reader, scope cloud.Scope, id string) (Service, error) {
	s, ok := Services.Get(r, id)
	if !ok || s.Scope != scope {
		return Service{}, noService(id)
	}
	return s, nil
}

func without(list []string, v string) []string {
	var out []string
	for _, x := range list {
		if x != v {
			out = append(out, x)
		}
	}
	return out
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
