package privatelink

import (
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

const maxEndpointsPerVPC = 50

// CreateEndpoint makes an endpoint to an endpoint service: an interface endpoint,
// whose interfaces and names exist at once, or a gateway endpoint, which has routes
// instead. It is pending until the reconciler reports its path.
type CreateEndpoint struct {
	Type          string // default: Gateway
	VPCID         string
	ServiceName   string
	ServiceRegion string // default: the VPC's
	SubnetIDs     []string
	Subnets       []SubnetConfig
	GroupIDs      []string // default: the VPC's default group
	RouteTableIDs []string
	IPAddressType string // default: ipv4
	DNSRecordType string // default: as the address type
	PrivateDNS    bool
	// DefaultDNS leaves PrivateDNS to the service: AWS's own have it.
	DefaultDNS  bool
	Conflicts   NameConflict
	Policy      string // default: full access
	Tags        cloud.Tags
	ClientToken string
}

// Apply implements cloud.Command.
func (c CreateEndpoint) Apply(tx *cloud.Tx) (Endpoint, error) {
	scope := tx.Caller.Scope
	if c.Type == "" {
		c.Type = "Gateway"
	}
	if c.ClientToken != "" {
		for e := range Endpoints.By(tx, ByScope, scope.Key()) {
			if e.ClientToken == c.ClientToken {
				return e, c.same(tx, e)
			}
		}
	}
	v, s, err := c.find(tx)
	if err != nil {
		return Endpoint{}, err
	}
	e := Endpoint{ID: "vpce-" + tx.IDs.Hex(17), Scope: scope, Type: c.Type, VPCID: v.ID, ServiceName: s.Name, ServiceID: s.ID,
		ServiceRegion: s.Region, Amazon: s.Amazon, State: Pending, Policy: c.Policy, Suffix: tx.IDs.Alnum(8),
		ConnectionID: "vpce-con-" + tx.IDs.Hex(17), CreatedAt: tx.Now, ClientToken: c.ClientToken, Tags: c.Tags.Clone()}
	if e.Provider = s.Scope; s.AcceptanceRequired {
		e.State = PendingAcceptance
	}
	build := c.interfaces
	if c.Type == TypeGateway {
		build = c.gateway
	}
	if err := build(tx, &e, v, s); err != nil {
		return Endpoint{}, err
	}
	e.DNSEntries = e.entries()
	Endpoints.Put(tx, e)
	notify(tx, e, Connect)
	return e, nil
}

// interfaces makes what an interface endpoint consists of.
func (c CreateEndpoint) interfaces(tx *cloud.Tx, e *Endpoint, v vpc.VPC, s Service) error {
	if err := c.options(tx, e, v, s); err != nil {
		return err
	}
	for _, sn := range join(c.SubnetIDs, c.Subnets) {
		if err := e.addInterface(tx, s, sn); err != nil {
			return err
		}
	}
	return nil
}

// find checks the type, the VPC and the service.
func (c CreateEndpoint) find(tx *cloud.Tx) (vpc.VPC, Service, error) {
	switch c.Type {
	case TypeInterface, TypeGateway, "GatewayLoadBalancer":
	case "Resource", "ServiceNetwork":
		return vpc.VPC{}, Service{}, notServed(subjectEndpoint, "A VPC endpoint of type '%s'", c.Type)
	default:
		return vpc.VPC{}, Service{}, cloud.Errorf(cloud.KindInvalid, subjectEndpoint, "InvalidVpcEndpointType",
			"The VPC endpoint type '%s' is not valid.", c.Type)
	}
	v, ok := vpc.VPCs.Get(tx, c.VPCID)
	if !ok || v.Scope != tx.Caller.Scope {
		return v, Service{}, &cloud.Error{Kind: cloud.KindNotFound, Subject: "vpc", ID: c.VPCID, Code: "InvalidVpcID.NotFound",
			Message: "The vpc ID '" + c.VPCID + "' does not exist"}
	}
	list, err := c.findServices(tx, v)
	if err != nil {
		return v, Service{}, err
	}
	s, err := c.ofType(list)
	if err != nil {
		return v, s, err
	}
	if s.PrivateDNS.Lapsed {
		return v, s, unverified(s)
	}
	n := 0
	for range Endpoints.By(tx, ByVPC, v.ID) {
		n++
	}
	if n >= maxEndpointsPerVPC {
		return v, s, cloud.Errorf(cloud.KindLimit, subjectEndpoint, "VpcEndpointLimitExceeded",
			"The maximum number of VPC endpoints per VPC has been reached.")
	}
	return v, s, nil
}

// ofType chooses the service with endpoints of the wanted type.
func (c CreateEndpoint) ofType(list []Service) (Service, error) {
	var types []string
	for _, s := range list {
		if s.EndpointType() == c.Type {
			return s, nil
		}
		types = append(types, s.EndpointType())
	}
	return Service{}, invalid(subjectEndpoint, "Endpoint type (%s) does not match available service types ([%s]).", c.Type, strings.Join(types, ", "))
}

// findServices finds the service, if the caller may use it from the VPC; one of AWS
// is two if it has endpoints of both types.
func (c CreateEndpoint) findServices(tx *cloud.Tx, v vpc.VPC) ([]Service, error) {
	if c.ServiceRegion == "" {
		c.ServiceRegion = v.Region
	}
	if isAWSService(c.ServiceName) {
		if c.ServiceRegion != v.Region {
			return nil, noServiceName(c.ServiceName)
		}
		return findAmazon(tx, v.Region, c.ServiceName)
	}
	s, ok := Services.First(tx, ByName, c.ServiceName)
	if !ok || s.Region != c.ServiceRegion || !s.ReachableFrom(v.Region) || !s.Allows(tx.Caller) {
		return nil, noServiceName(c.ServiceName)
	}
	return []Service{s}, nil
}

// options checks and sets what is not a subnet.
func (c CreateEndpoint) options(tx *cloud.Tx, e *Endpoint, v vpc.VPC, s Service) error {
	if len(c.RouteTableIDs) > 0 {
		return invalid(subjectEndpoint, "Route table IDs are only supported for Gateway type VPC Endpoint.")
	}
	if c.PrivateDNS || c.DefaultDNS && s.Amazon != "" && s.PrivateDNS.Name != "" {
		if err := e.enablePrivateDNS(tx, v, s, c.Conflicts); err != nil {
			return err
		}
	}
	if e.Policy == "" {
		e.Policy = DefaultPolicy
	}
	if err := e.checkPolicy(e.Policy); err != nil {
		return err
	}
	ipType := c.IPAddressType
	if ipType == "" {
		ipType = "ipv4"
	}
	if err := e.setIPType(s, ipType); err != nil {
		return err
	}
	if err := e.setRecordType(c.DNSRecordType); err != nil {
		return err
	}
	if len(c.GroupIDs) == 0 {
		e.GroupIDs = []string{v.DefaultGroupID}
		return nil
	}
	var err error
	e.GroupIDs, err = vpc.CheckGroups(tx, v.ID, c.GroupIDs)
	return err
}

func (c CreateEndpoint) same(r cloud.Reader, e Endpoint) error {
	routed := e.RouteTableIDs(r)
	var subnets []string
	for _, s := range join(c.SubnetIDs, c.Subnets) {
		subnets = append(subnets, s.SubnetID)
	}
	if c.Type == e.Type && c.VPCID == e.VPCID && c.ServiceName == e.ServiceName && (c.DefaultDNS || c.PrivateDNS == e.PrivateDNS) && slices.Equal(subnets, e.SubnetIDs) &&
		(len(c.GroupIDs) == 0 || sameSet(c.GroupIDs, e.GroupIDs)) && sameSet(c.RouteTableIDs, routed) {
		return nil
	}
	return tokenMismatch(subjectEndpoint)
}

// FindEndpoint returns the caller's own endpoint with that id.
func FindEndpoint(r cloud.Reader, scope cloud.Scope, id string) (Endpoint, error) {
	e, ok := Endpoints.Get(r, id)
	if !ok || e.Scope != scope {
		return Endpoint{}, noEndpoint(id)
	}
	return e, nil
}

// DeleteEndpoints deletes endpoints: they are deleting until the reconciler
// reports that their path is gone.
type DeleteEndpoints struct{ IDs []string }

// Apply implements cloud.Command.
func (c DeleteEndpoints) Apply(tx *cloud.Tx) ([]Unsuccessful, error) {
	var failed []Unsuccessful
	for _, id := range c.IDs {
		e, err := FindEndpoint(tx, tx.Caller.Scope, id)
		if err != nil {
			failed = append(failed, Unsuccessful{id, "InvalidVpcEndpoint.NotFound", err.Error()})
			continue
		}
		if e.State == Deleting {
			continue
		}
		e.State = Deleting
		e.unroute(tx)
		Endpoints.Put(tx, e)
		notify(tx, e, Delete)
		forget(tx, e.ID)
	}
	return failed, nil
}
