package vpc

import (
	"iter"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// NewNumber draws a number that no interface has.
func NewNumber(tx *cloud.Tx) uint32 { return tx.NextNumber("interface") }

// TablesTo are the route tables with routes to a target: a gateway, an interface,
// a gateway endpoint.
func TablesTo(r cloud.Reader, targetID string) iter.Seq[RouteTable] {
	return RouteTables.By(r, "target", targetID)
}

// AddEndpointRoute adds a route to a gateway endpoint to a table of a VPC.
func AddEndpointRoute(tx *cloud.Tx, vpcID, tableID, prefixListID, endpointID string) error {
	t, err := FindRouteTable(tx, tx.Caller.Scope, tableID)
	if err != nil {
		return err
	}
	if t.VPCID != vpcID {
		return differentNetworks(t.ID, "network", vpcID)
	}
	if prefixIndex(t, prefixListID) >= 0 {
		return cloud.Errorf(cloud.KindExists, "route", "RouteAlreadyExists",
			"route table %s already has a route with destination-prefix-list-id %s", t.ID, prefixListID)
	}
	t.Routes = append(slices.Clone(t.Routes), Route{PrefixListID: prefixListID, Origin: "CreateRoute", State: RouteActive, GatewayID: endpointID})
	RouteTables.Put(tx, t)
	return nil
}

// RemoveEndpointRoute takes the route to a gateway endpoint out of a table.
func RemoveEndpointRoute(tx *cloud.Tx, tableID, endpointID string) {
	t, ok := RouteTables.Get(tx, tableID)
	if !ok {
		return
	}
	t.Routes = slices.DeleteFunc(slices.Clone(t.Routes), func(r Route) bool { return r.PrefixListID != "" && r.GatewayID == endpointID })
	RouteTables.Put(tx, t)
}

func prefixIndex(t RouteTable, prefixListID string) int {
	return slices.IndexFunc(t.Routes, func(r Route) bool { return r.PrefixListID == prefixListID })
}

// PrefixRoute is what users may say of a route to a prefix list: nothing. Gateway
// endpoints make and remove theirs.
type PrefixRoute struct {
	RouteTableID string
	PrefixListID string
	GatewayID    string
	Delete       bool
}

// Apply refuses.
func (c PrefixRoute) Apply(tx *cloud.Tx) (cloud.None, error) {
	t, err := FindRouteTable(tx, tx.Caller.Scope, c.RouteTableID)
	switch {
	case err != nil:
		return cloud.None{}, err
	case c.Delete && prefixIndex(t, c.PrefixListID) < 0:
		return cloud.None{}, cloud.Errorf(cloud.KindNotFound, "route", "InvalidRoute.NotFound",
			"no route with destination-prefix-list-id %s in route table %s", c.PrefixListID, t.ID)
	case c.Delete:
		return cloud.None{}, cloud.Errorf(cloud.KindForbidden, "route", "InvalidParameterValue",
			"cannot remove VPC endpoint route %s in route table %s", c.PrefixListID, t.ID)
	case strings.HasPrefix(c.GatewayID, "vpce-"):
		return cloud.None{}, cloud.Errorf(cloud.KindForbidden, "route", "InvalidParameterValue",
			"cannot create or replace a prefix list route targeting a VPC Endpoint.")
	}
	return cloud.None{}, cloud.Errorf(cloud.KindUnsupported, "route", "UnsupportedOperation",
		"A route to the prefix list %s is served for gateway endpoints only", c.PrefixListID)
}
