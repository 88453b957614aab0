package vpc

import "github.com/musubi-net/musubi/internal/cloud"

// CreateInternetGateway makes an internet gateway, detached.
type CreateInternetGateway struct{ Tags cloud.Tags }

// Apply makes the gateway.
func (c CreateInternetGateway) Apply(tx *cloud.Tx) (InternetGateway, error) {
	g := InternetGateway{ID: "igw-" + tx.IDs.Hex(17), Scope: tx.Caller.Scope, Tags: c.Tags.Clone()}
	InternetGateways.Put(tx, g)
	return g, nil
}

// DeleteInternetGateway removes a detached internet gateway.
type DeleteInternetGateway struct{ ID string }

// Apply removes the gateway.
func (c DeleteInternetGateway) Apply(tx *cloud.Tx) (cloud.None, error) {
	g, err := FindInternetGateway(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	if g.VPCID != "" {
		return cloud.None{}, dependency("internet-gateway", "internetGateway", g.ID)
	}
	InternetGateways.Delete(tx, g.ID)
	return cloud.None{}, nil
}

// AttachInternetGateway attaches a gateway to a VPC that has none.
type AttachInternetGateway struct{ ID, VPCID string }

// Apply attaches it.
func (c AttachInternetGateway) Apply(tx *cloud.Tx) (cloud.None, error) {
	g, err := FindInternetGateway(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	v, err := FindVPC(tx, tx.Caller.Scope, c.VPCID)
	if err != nil {
		return cloud.None{}, err
	}
	if g.VPCID != "" {
		return cloud.None{}, cloud.Errorf(cloud.KindConflict, "internet-gateway", "Resource.AlreadyAssociated",
			"resource %s is already attached to network %s", g.ID, g.VPCID)
	}
	if _, ok := InternetGateways.First(tx, ByVPC, v.ID); ok {
		return cloud.None{}, cloud.Errorf(cloud.KindConflict, "internet-gateway", "Resource.AlreadyAssociated",
			"Network %s already has an internet gateway attached", v.ID)
	}
	g.VPCID = v.ID
	InternetGateways.Put(tx, g)
	setRouteStates(tx, g.ID, v.ID, RouteActive)
	return cloud.None{}, nil
}

// DetachInternetGateway detaches a gateway from a VPC in which nothing has a
// public address.
type DetachInternetGateway struct{ ID, VPCID string }

// Apply detaches it; routes to it lead nowhere from then on.
func (c DetachInternetGateway) Apply(tx *cloud.Tx) (cloud.None, error) {
	g, err := FindInternetGateway(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	v, err := FindVPC(tx, tx.Caller.Scope, c.VPCID)
	if err != nil && !cloud.IsKind(err, cloud.KindNotFound) {
		return cloud.None{}, err
	}
	// A VPC that is gone has no gateway: Terraform may delete it just before it
	// detaches what it remembers to be attached.
	if err != nil || g.VPCID != v.ID {
		return cloud.None{}, cloud.Errorf(cloud.KindState, "internet-gateway", "Gateway.NotAttached",
			"resource %s is not attached to network %s", g.ID, c.VPCID)
	}
	for n := range NetworkInterfaces.By(tx, ByVPC, v.ID) {
		if _, mapped := Addresses.First(tx, "interface", n.ID); mapped {
			return cloud.None{}, cloud.Errorf(cloud.KindInUse, "internet-gateway", "DependencyViolation",
				"Network %s has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.", v.ID)
		}
	}
	g.VPCID = ""
	InternetGateways.Put(tx, g)
	setRouteStates(tx, g.ID, v.ID, RouteBlackhole)
	return cloud.None{}, nil
}
