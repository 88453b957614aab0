package privatelink

import (
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// ModifyEndpoint changes what is set. An available endpoint is pending again
// until the reconciler has seen to it.
type ModifyEndpoint struct {
	ID                          string
	AddSubnets, RemoveSubnets   []string
	Subnets                     []SubnetConfig
	AddGroups, RemoveGroups     []string
	AddRouteTables, RemoveRoute []string
	IPAddressType               string
	DNSRecordType               string
	PrivateDNS                  *bool
	Conflicts                   NameConflict
	Policy                      string
	ResetPolicy                 bool
}

// Apply implements cloud.Command.
func (c ModifyEndpoint) Apply(tx *cloud.Tx) (cloud.None, error) {
	e, err := FindEndpoint(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	if !e.Connected() {
		return cloud.None{}, cloud.Errorf(cloud.KindState, subjectEndpoint, "IncorrectState",
			"The VPC endpoint '%s' cannot be modified in the state '%s'.", e.ID, e.State)
	}
	s, ok := e.service(tx)
	if !ok {
		return cloud.None{}, noServiceName(e.ServiceName)
	}
	e.Interfaces, e.SubnetIDs = slices.Clone(e.Interfaces), slices.Clone(e.SubnetIDs)
	steps := []func(*cloud.Tx, *Endpoint, Service) error{c.settings, c.groups, c.subnets}
	if e.Type == TypeGateway {
		steps = []func(*cloud.Tx, *Endpoint, Service) error{c.gateway}
	}
	for _, step := range steps {
		if err := step(tx, &e, s); err != nil {
			return cloud.None{}, err
		}
	}
	e.DNSEntries = e.entries()
	if e.State == Available {
		e.State = Pending
	}
	Endpoints.Put(tx, e)
	return cloud.None{}, nil
}

func (c ModifyEndpoint) settings(tx *cloud.Tx, e *Endpoint, s Service) error {
	if len(c.AddRouteTables)+len(c.RemoveRoute) > 0 {
		return invalid(subjectEndpoint, "Route table IDs are only supported for Gateway type VPC Endpoint.")
	}
	if c.PrivateDNS != nil && *c.PrivateDNS && !e.PrivateDNS {
		v, _ := vpc.VPCs.Get(tx, e.VPCID)
		if err := e.enablePrivateDNS(tx, v, s, c.Conflicts); err != nil {
			return err
		}
	}
	if c.PrivateDNS != nil && !*c.PrivateDNS {
		e.PrivateDNS, e.PrivateName, e.PrivateZoneID = false, "", ""
	}
	if err := c.policy(e); err != nil {
		return err
	}
	return c.family(tx, e, s)
}

func (c ModifyEndpoint) policy(e *Endpoint) error {
	if c.ResetPolicy {
		e.Policy = DefaultPolicy
	}
	if c.Policy == "" {
		return nil
	}
	if err := e.checkPolicy(c.Policy); err != nil {
		return err
	}
	e.Policy = c.Policy
	return nil
}

// family switches the address type and what the names answer.
func (c ModifyEndpoint) family(tx *cloud.Tx, e *Endpoint, s Service) error {
	if c.IPAddressType == "" || c.IPAddressType == e.IPAddressType {
		if c.DNSRecordType == "" {
			return nil
		}
		return e.setRecordType(c.DNSRecordType)
	}
	if err := e.setIPType(s, c.IPAddressType); err != nil {
		return err
	}
	if err := e.setRecordType(c.DNSRecordType); err != nil {
		return err
	}
	for n := range e.Interfaces {
		i := &e.Interfaces[n]
		sn, _ := vpc.Subnets.Get(tx, i.SubnetID)
		if err := checkFamily(sn, e.IPAddressType, SubnetConfig{}); err != nil {
			return err
		}
		if e.IPAddressType == "ipv4" {
			vpc.DropIPv6(tx, i.InterfaceID)
			i.IPv6 = netip.Addr{}
			continue
		}
		eni, err := vpc.AddIPv6(tx, i.InterfaceID, nil, 1)
		if err != nil {
			return err
		}
		i.IPv6 = eni.IPv6s[0]
	}
	return nil
}

func (c ModifyEndpoint) groups(tx *cloud.Tx, e *Endpoint, _ Service) error {
	if len(c.AddGroups)+len(c.RemoveGroups) == 0 {
		return nil
	}
	list := slices.Clone(e.GroupIDs)
	for _, id := range c.RemoveGroups {
		if !slices.Contains(list, id) {
			return invalid(subjectEndpoint, "The security group '%s' is not associated with the VPC endpoint '%s'.", id, e.ID)
		}
		list = without(list, id)
	}
	list, err := vpc.CheckGroups(tx, e.VPCID, append(list, c.AddGroups...))
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return invalid(subjectEndpoint, "A VPC endpoint must have at least one security group: '%s'.", e.ID)
	}
	e.GroupIDs = list
	for _, i := range e.Interfaces {
		vpc.SetInterfaceGroups(tx, i.InterfaceID, list)
	}
	return nil
}

// subnets removes before it adds, so that a zone's subnet can be swapped.
func (c ModifyEndpoint) subnets(tx *cloud.Tx, e *Endpoint, s Service) error {
	for _, id := range c.RemoveSubnets {
		if !slices.Contains(e.SubnetIDs, id) {
			return invalid(subjectEndpoint, "The subnet ID '%s' is not associated with the VPC endpoint '%s'.", id, e.ID)
		}
		e.removeInterface(tx, id)
	}
	for _, sn := range join(c.AddSubnets, c.Subnets) {
		if have, ok := e.interfaceIn(sn.SubnetID); ok {
			if !changes(have, sn) {
				continue
			}
			e.removeInterface(tx, sn.SubnetID)
		}
		if err := e.addInterface(tx, s, sn); err != nil {
			return err
		}
	}
	return nil
}

func (e *Endpoint) interfaceIn(subnetID string) (EndpointInterface, bool) {
	for _, i := range e.Interfaces {
		if i.SubnetID == subnetID {
			return i, true
		}
	}
	return EndpointInterface{}, false
}

// changes reports whether a configuration chooses other addresses.
func changes(i EndpointInterface, c SubnetConfig) bool {
	return c.IPv4.IsValid() && c.IPv4 != i.Address || c.IPv6.IsValid() && c.IPv6 != i.IPv6
}
