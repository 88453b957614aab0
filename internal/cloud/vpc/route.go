package vpc

import (
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
)

// The states of a route.
const (
	RouteActive    = "active"
	RouteBlackhole = "blackhole"
)

// maxRoutes is AWS's default quota of routes per table and family.
const maxRoutes = 50

// RouteTarget is what a request names as a route's target; exactly one is set.
type RouteTarget struct {
	GatewayID    string // igw-…
	NATGatewayID string
	InterfaceID  string
	InstanceID   string
	// Local asks for the VPC's own route back (ReplaceRoute only).
	Local bool
}

// CreateRoute adds a route to a table.
type CreateRoute struct {
	RouteTableID string
	Destination  netip.Prefix
	Target       RouteTarget
}

// Apply checks destination and target and adds the route.
func (c CreateRoute) Apply(tx *cloud.Tx) (cloud.None, error) {
	t, v, err := tableAndVPC(tx, c.RouteTableID)
	if err != nil {
		return cloud.None{}, err
	}
	if err := checkDestination(&v, c.Destination); err != nil {
		return cloud.None{}, err
	}
	if c.Target.Local {
		return cloud.None{}, missingTarget()
	}
	r, err := resolveTarget(tx, &t, c.Target)
	if err != nil {
		return cloud.None{}, err
	}
	r.Destination, r.Origin = c.Destination, "CreateRoute"
	if i := routeIndex(t, c.Destination); i >= 0 {
		if sameTarget(t.Routes[i], r) && t.Routes[i].State == RouteActive {
			return cloud.None{}, nil
		}
		return cloud.None{}, cloud.Errorf(cloud.KindExists, "route", "RouteAlreadyExists", "The route identified by %s already exists.", c.Destination)
	}
	if countRoutes(t, c.Destination.Addr().Is4()) >= maxRoutes {
		return cloud.None{}, cloud.Errorf(cloud.KindLimit, "route", "RouteLimitExceeded",
			"The maximum number of routes has been reached.")
	}
	t.Routes = append(slices.Clone(t.Routes), r)
	RouteTables.Put(tx, t)
	return cloud.None{}, nil
}

// ReplaceRoute changes the target of a route.
type ReplaceRoute struct {
	RouteTableID string
	Destination  netip.Prefix
	Target       RouteTarget
}

// Apply changes the target.
func (c ReplaceRoute) Apply(tx *cloud.Tx) (cloud.None, error) {
	t, _, err := tableAndVPC(tx, c.RouteTableID)
	if err != nil {
		return cloud.None{}, err
	}
	i := routeIndex(t, c.Destination)
	if i < 0 {
		return cloud.None{}, noRoute(t.ID, c.Destination)
	}
	if t.Routes[i].Local {
		if c.Target.Local {
			return cloud.None{}, nil
		}
		return cloud.None{}, cloud.Errorf(cloud.KindUnsupported, "route", "UnsupportedOperation",
			"Another target for the local route %s is not served", c.Destination)
	}
	if c.Target.Local {
		return cloud.None{}, cloud.Errorf(cloud.KindInvalid, "route", "InvalidParameterValue", "%s is not a local route", c.Destination)
	}
	r, err := resolveTarget(tx, &t, c.Target)
	if err != nil {
		return cloud.None{}, err
	}
	r.Destination, r.Origin = c.Destination, t.Routes[i].Origin
	t.Routes = slices.Clone(t.Routes)
	t.Routes[i] = r
	RouteTables.Put(tx, t)
	return cloud.None{}, nil
}

// DeleteRoute removes a route that is not local.
type DeleteRoute struct {
	RouteTableID string
	Destination  netip.Prefix
}

// Apply removes the route.
func (c DeleteRoute) Apply(tx *cloud.Tx) (cloud.None, error) {
	t, err := FindRouteTable(tx, tx.Caller.Scope, c.RouteTableID)
	if err != nil {
		return cloud.None{}, err
	}
	i := routeIndex(t, c.Destination)
	if i < 0 {
		return cloud.None{}, noRoute(t.ID, c.Destination)
	}
	if t.Routes[i].Local {
		return cloud.None{}, cloud.Errorf(cloud.KindForbidden, "route", "InvalidParameterValue",
			"cannot remove local route %s in route table %s", c.Destination, t.ID)
	}
	t.Routes = slices.Delete(slices.Clone(t.Routes), i, i+1)
	RouteTables.Put(tx, t)
	return cloud.None{}, nil
}

func tableAndVPC(tx *cloud.Tx, id string) (RouteTable, VPC, error) {
	t, err := FindRouteTable(tx, tx.Caller.Scope, id)
	if err != nil {
		return t, VPC{}, err
	}
	v, err := FindVPC(tx, tx.Caller.Scope, t.VPCID)
	return t, v, err
}

func routeIndex(t RouteTable, p netip.Prefix) int {
	return slices.IndexFunc(t.Routes, func(r Route) bool { return r.Destination == p })
}

func countRoutes(t RouteTable, ipv4 bool) int {
	n := 0
	for _, r := range t.Routes {
		if r.PrefixListID == "" && r.Destination.Addr().Is4() == ipv4 {
			n++
		}
	}
	return n
}

func noRoute(tableID string, p netip.Prefix) error {
	parameter := "destination-cidr-block"
	if p.Addr().Is6() {
		parameter = "destination-ipv6-cidr-block"
	}
	return cloud.Errorf(cloud.KindNotFound, "route", "InvalidRoute.NotFound",
		"no route with %s %s in route table %s", parameter, p, tableID)
}

// checkDestination refuses reserved ranges, and destinations inside the VPC.
func checkDestination(v *VPC, p netip.Prefix) error {
	if !p.IsValid() {
		return cloud.Errorf(cloud.KindMissing, "route", "MissingParameter", "The request must contain the parameter destinationCidrBlock")
	}
	for _, own := range []string{"169.254.168.0/22", "fd00:ec2::/32"} {
		if o := netip.MustParsePrefix(own); o.Bits() <= p.Bits() && o.Overlaps(p) {
			return cloud.Errorf(cloud.KindInvalid, "route", "InvalidParameterValue",
				"The destination CIDR block %s is reserved and can not be used in a route", p)
		}
	}
	for _, b := range slices.Concat(v.CIDRs, v.IPv6CIDRs) {
		if b.Prefix.Bits() < p.Bits() && b.Prefix.Overlaps(p) {
			return cloud.Errorf(cloud.KindUnsupported, "route", "UnsupportedOperation",
				"A route more specific than the VPC's local route %s is not served: %s", b.Prefix, p)
		}
	}
	return nil
}

func localRoute(p netip.Prefix) Route {
	return Route{Destination: p, Origin: "CreateRouteTable", State: RouteActive, Local: true}
}

// addLocalRoute gives every table of a VPC the local route of a new block.
func addLocalRoute(tx *cloud.Tx, vpcID string, p netip.Prefix) {
	for t := range RouteTables.By(tx, ByVPC, vpcID) {
		t.Routes = append(slices.Clone(t.Routes), localRoute(p))
		RouteTables.Put(tx, t)
	}
}

func removeLocalRoute(tx *cloud.Tx, vpcID string, p netip.Prefix) {
	for t := range RouteTables.By(tx, ByVPC, vpcID) {
		t.Routes = slices.DeleteFunc(slices.Clone(t.Routes), func(r Route) bool { return r.Local && r.Destination == p })
		RouteTables.Put(tx, t)
	}
}
