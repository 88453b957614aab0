package privatelink

import (
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
)

// ModifyService changes a service. Even an empty change makes it pick up zones
// that were added to its load balancers.
type ModifyService struct {
	ID                  string
	AcceptanceRequired  *bool
	AddLoadBalancers    []string
	RemoveLoadBalancers []string
	AddIPTypes          []string
	RemoveIPTypes       []string
	AddRegions          []string
	RemoveRegions       []string
	PrivateDNSName      string
	RemovePrivateDNS    bool
}

// Apply implements cloud.Command.
func (c ModifyService) Apply(tx *cloud.Tx) (cloud.None, error) {
	s, err := FindService(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	if c.AcceptanceRequired != nil {
		s.AcceptanceRequired = *c.AcceptanceRequired
	}
	for _, arn := range c.AddLoadBalancers {
		if err := s.hold(tx, arn); err != nil {
			return cloud.None{}, err
		}
	}
	for _, arn := range c.RemoveLoadBalancers {
		if err := s.dismiss(tx, arn); err != nil {
			return cloud.None{}, err
		}
	}
	if len(s.LoadBalancerARNs) == 0 {
		return cloud.None{}, invalid(subjectService, "At least one load balancer must be associated with the VPC endpoint service '%s'", s.ID)
	}
	types := s.SupportedIPTypes
	for _, t := range c.RemoveIPTypes {
		types = without(types, t)
	}
	if err := s.setIPTypes(tx, slices.Concat(types, c.AddIPTypes)); err != nil {
		return cloud.None{}, err
	}
	if err := c.names(tx, &s); err != nil {
		return cloud.None{}, err
	}
	s.ZoneIDs = zonesOf(tx, s.LoadBalancerARNs)
	Services.Put(tx, s)
	return cloud.None{}, nil
}

// names changes the regions and the private name. Connections that exist keep
// what they have.
func (c ModifyService) names(tx *cloud.Tx, s *Service) error {
	regions := slices.Clone(s.SupportedRegions)
	for _, r := range c.RemoveRegions {
		switch {
		case r == s.Region:
			return invalid(subjectService, "The Region '%s' hosts the VPC endpoint service '%s' and cannot be removed", r, s.ID)
		case !slices.Contains(regions, r):
			return invalid(subjectService, "The Region '%s' is not supported by the VPC endpoint service '%s'", r, s.ID)
		}
		regions = without(regions, r)
	}
	if err := s.setRegions(append(regions, c.AddRegions...)); err != nil {
		return err
	}
	switch {
	case c.RemovePrivateDNS && c.PrivateDNSName != "":
		return cloud.Errorf(cloud.KindInvalid, subjectService, "InvalidParameterCombination",
			"PrivateDnsName and RemovePrivateDnsName cannot be specified together")
	case c.RemovePrivateDNS:
		s.PrivateDNS = PrivateDNS{}
	case c.PrivateDNSName != "" && c.PrivateDNSName != s.PrivateDNS.Name:
		var err error
		s.PrivateDNS, err = newPrivateDNS(tx, c.PrivateDNSName)
		return err
	}
	return nil
}

// dismiss releases a load balancer that no endpoint uses.
func (s *Service) dismiss(tx *cloud.Tx, arn string) error {
	if !slices.Contains(s.LoadBalancerARNs, arn) {
		return invalid(subjectService, "The load balancer '%s' is not associated with the VPC endpoint service '%s'", arn, s.ID)
	}
	for e := range Endpoints.By(tx, ByLB, arn) {
		if e.Connected() {
			return existingConnections()
		}
	}
	s.release(tx, arn)
	return nil
}

func existingConnections() error {
	return cloud.Errorf(cloud.KindInUse, subjectService, "ExistingVpcEndpointConnections",
		"Service has existing active VPC Endpoint connections!")
}

// DeleteServices deletes services that have no connections.
type DeleteServices struct{ IDs []string }

// Apply implements cloud.Command.
func (c DeleteServices) Apply(tx *cloud.Tx) ([]Unsuccessful, error) {
	var failed []Unsuccessful
	for _, id := range c.IDs {
		s, err := FindService(tx, tx.Caller.Scope, id)
		if err != nil {
			failed = append(failed, Unsuccessful{id, "InvalidVpcEndpointService.NotFound", err.Error()})
			continue
		}
		if s.connected(tx) {
			failed = append(failed, Unsuccessful{id, "ExistingVpcEndpointConnections", existingConnections().Error()})
			continue
		}
		for _, arn := range s.LoadBalancerARNs {
			s.release(tx, arn)
		}
		forget(tx, id)
		Services.Delete(tx, id)
	}
	return failed, nil
}

func (s *Service) connected(r cloud.Reader) bool {
	for e := range Endpoints.By(r, ByService, s.ID) {
		if e.Connected() {
			return true
		}
	}
	return false
}
