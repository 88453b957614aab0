package privatelink

import (
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/amazon"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// gateway makes what a gateway endpoint consists of: routes to the service's
// prefix list. It has no interfaces, no names and no security groups.
func (c CreateEndpoint) gateway(tx *cloud.Tx, e *Endpoint, _ vpc.VPC, _ Service) error {
	switch {
	case len(c.SubnetIDs)+len(c.Subnets) > 0:
		return notOfGateway("Subnet IDs are only supported for Interface and GatewayLoadBalancer type VPC Endpoints.")
	case len(c.GroupIDs) > 0:
		return notOfGateway("Security group IDs are only supported for Interface type VPC Endpoint.")
	case c.PrivateDNS:
		return notOfGateway("Private DNS is only supported for Interface type VPC Endpoints.")
	case c.IPAddressType != "" && c.IPAddressType != "ipv4", c.DNSRecordType != "" && c.DNSRecordType != "ipv4":
		return notOfGateway("The IP address type is only supported for Interface type VPC Endpoints.")
	}
	if e.Policy == "" {
		e.Policy = DefaultPolicy
	}
	if err := e.checkPolicy(e.Policy); err != nil {
		return err
	}
	e.Number = vpc.NewNumber(tx)
	return e.route(tx, c.RouteTableIDs)
}

func notOfGateway(why string) error { return invalid(subjectEndpoint, "%s", why) }

// RouteTableIDs are the route tables that lead to a gateway endpoint, sorted.
func (e *Endpoint) RouteTableIDs(r cloud.Reader) []string {
	if e.Type != TypeGateway {
		return nil
	}
	var out []string
	for t := range vpc.TablesTo(r, e.ID) {
		out = append(out, t.ID)
	}
	slices.Sort(out)
	return out
}

// PrefixList is the prefix list of a gateway endpoint's service.
func (e *Endpoint) PrefixList() (amazon.PrefixList, bool) {
	return amazon.PrefixListOf(e.ServiceRegion, e.Amazon)
}

// route adds routes to the endpoint to some route tables of its VPC.
func (e *Endpoint) route(tx *cloud.Tx, tableIDs []string) error {
	list, ok := e.PrefixList()
	if !ok {
		return noServiceName(e.ServiceName)
	}
	for _, id := range tableIDs {
		if err := vpc.AddEndpointRoute(tx, e.VPCID, id, list.ID, e.ID); err != nil {
			return err
		}
	}
	return nil
}

// unroute takes the routes to an endpoint out of all tables.
func (e *Endpoint) unroute(tx *cloud.Tx) {
	for _, id := range e.RouteTableIDs(tx) {
		vpc.RemoveEndpointRoute(tx, id, e.ID)
	}
}

// gateway changes a gateway endpoint.
func (c ModifyEndpoint) gateway(tx *cloud.Tx, e *Endpoint, _ Service) error {
	switch {
	case len(c.AddSubnets)+len(c.RemoveSubnets)+len(c.Subnets) > 0:
		return notOfGateway("Subnet IDs are only supported for Interface and GatewayLoadBalancer type VPC Endpoints.")
	case len(c.AddGroups)+len(c.RemoveGroups) > 0:
		return notOfGateway("Security group IDs are only supported for Interface type VPC Endpoint.")
	case c.PrivateDNS != nil && *c.PrivateDNS:
		return notOfGateway("Private DNS is only supported for Interface type VPC Endpoints.")
	case c.IPAddressType != "" && c.IPAddressType != "ipv4", c.DNSRecordType != "" && c.DNSRecordType != "ipv4":
		return notOfGateway("The IP address type is only supported for Interface type VPC Endpoints.")
	}
	have := e.RouteTableIDs(tx)
	for _, id := range c.RemoveRoute {
		if !slices.Contains(have, id) {
			return cloud.Errorf(cloud.KindNotFound, subjectEndpoint, "InvalidRouteTableId.NotFound", "The routeTable ID '%s' does not exist", id)
		}
		vpc.RemoveEndpointRoute(tx, id, e.ID)
	}
	var add []string
	for _, id := range c.AddRouteTables {
		if !slices.Contains(have, id) || slices.Contains(c.RemoveRoute, id) {
			add = append(add, id)
		}
	}
	if err := e.route(tx, add); err != nil {
		return err
	}
	return c.policy(e)
}
