package vpc

import (
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// resolveTarget checks that a route of that table can have that target.
func resolveTarget(tx *cloud.Tx, t *RouteTable, target RouteTarget) (Route, error) {
	given := 0
	for _, id := range []string{target.GatewayID, target.NATGatewayID, target.InterfaceID, target.InstanceID} {
		if id != "" {
			given++
		}
	}
	switch {
	case given == 0:
		return Route{}, missingTarget()
	case given > 1:
		return Route{}, cloud.Errorf(cloud.KindInvalid, "route", "InvalidParameterCombination", "The request must contain exactly one target of the route")
	case target.GatewayID != "":
		return gatewayTarget(tx, t, target.GatewayID)
	case target.NATGatewayID != "":
		return natTarget(tx, t, target.NATGatewayID)
	case target.InstanceID != "":
		return instanceTarget(tx, t, target.InstanceID)
	}
	return interfaceTarget(tx, t, target.InterfaceID)
}

func missingTarget() error {
	return cloud.Errorf(cloud.KindMissing, "route", "MissingParameter",
		"The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, instanceId")
}

func gatewayTarget(tx *cloud.Tx, t *RouteTable, id string) (Route, error) {
	notFound := &cloud.Error{Kind: cloud.KindNotFound, Subject: "gateway", ID: id, Code: "InvalidGatewayID.NotFound",
		Message: "The gateway ID '" + id + "' does not exist"}
	if strings.HasPrefix(id, "vgw-") || strings.HasPrefix(id, "vpce-") {
		return Route{}, cloud.Errorf(cloud.KindUnsupported, "route", "UnsupportedOperation", "A route to %s is not served", id)
	}
	g, ok := InternetGateways.Get(tx, id)
	if !ok || g.Scope != t.Scope {
		return Route{}, notFound
	}
	if g.VPCID != t.VPCID {
		return Route{}, differentNetworks(t.ID, "network gateway", id)
	}
	return Route{State: RouteActive, GatewayID: id}, nil
}

func natTarget(tx *cloud.Tx, t *RouteTable, id string) (Route, error) {
	g, ok := NATGateways.Get(tx, id)
	if !ok || g.Scope != t.Scope || g.State == NATDeleted {
		return Route{}, &cloud.Error{Kind: cloud.KindNotFound, Subject: "nat-gateway", ID: id, Code: "InvalidNatGatewayID.NotFound",
			Message: "The natGateway ID '" + id + "' does not exist"}
	}
	if g.VPCID != t.VPCID {
		return Route{}, differentNetworks(t.ID, "NAT gateway", id)
	}
	state := RouteActive
	if g.State != NATPending && g.State != NATAvailable {
		state = RouteBlackhole
	}
	return Route{State: state, NATGatewayID: id}, nil
}

func interfaceTarget(tx *cloud.Tx, t *RouteTable, id string) (Route, error) {
	n, err := findInterface(tx, t.Scope, id)
	if err != nil {
		return Route{}, err
	}
	if n.VPCID != t.VPCID {
		return Route{}, differentNetworks(t.ID, "interface", id)
	}
	if n.RequesterID != "" {
		return Route{}, cloud.Errorf(cloud.KindInvalid, "route", "InvalidParameterValue",
			"The interface %s can not be the target of a route", id)
	}
	r := Route{State: RouteActive, InterfaceID: id}
	if n.Attachment != nil {
		r.InstanceID = n.Attachment.InstanceID
	}
	return r, nil
}

func instanceTarget(tx *cloud.Tx, t *RouteTable, id string) (Route, error) {
	n, err := onlyInterface(tx, t.Scope, id)
	if err != nil {
		return Route{}, err
	}
	return interfaceTarget(tx, t, n.ID)
}

// onlyInterface returns the one interface of an instance; AWS wants the
// interface named where there are several.
func onlyInterface(tx *cloud.Tx, s cloud.Scope, instanceID string) (NetworkInterface, error) {
	found := slices.Collect(NetworkInterfaces.By(tx, "instance", instanceID))
	switch {
	case len(found) == 0 || found[0].Scope != s:
		return NetworkInterface{}, &cloud.Error{Kind: cloud.KindNotFound, Subject: "instance", ID: instanceID,
			Code: "InvalidInstanceID.NotFound", Message: "The instance ID '" + instanceID + "' does not exist"}
	case len(found) > 1:
		return NetworkInterface{}, cloud.Errorf(cloud.KindInvalid, "instance", "InvalidInstanceID",
			"There are multiple interfaces attached to instance '%s'. Please specify an interface ID for the operation instead.", instanceID)
	}
	return found[0], nil
}

func sameTarget(a, b Route) bool {
	return a.GatewayID == b.GatewayID && a.NATGatewayID == b.NATGatewayID && a.InterfaceID == b.InterfaceID && a.Local == b.Local
}

// setRouteStates marks the routes of a VPC to a target as active or blackhole.
func setRouteStates(tx *cloud.Tx, targetID, vpcID, state string) {
	for t := range RouteTables.By(tx, "target", targetID) {
		if t.VPCID != vpcID {
			continue
		}
		t.Routes = slices.Clone(t.Routes)
		for i := range t.Routes {
			r := &t.Routes[i]
			if r.GatewayID == targetID || r.NATGatewayID == targetID || r.InterfaceID == targetID {
				r.State = state
			}
		}
		RouteTables.Put(tx, t)
	}
}
