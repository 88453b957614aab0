package vpc

import (
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
)

// CreateRouteTable makes a route table with the VPC's local routes.
type CreateRouteTable struct {
	VPCID       string
	Tags        cloud.Tags
	ClientToken string
}

// Apply makes the table, or returns the one that the token made before.
func (c CreateRouteTable) Apply(tx *cloud.Tx) (RouteTable, error) {
	v, err := FindVPC(tx, tx.Caller.Scope, c.VPCID)
	if err != nil {
		return RouteTable{}, err
	}
	if t, ok := RouteTables.First(tx, ByToken, TokenKey(v.Scope, c.ClientToken)); ok {
		if t.VPCID != c.VPCID {
			return RouteTable{}, tokenMismatch("route-table")
		}
		return t, nil
	}
	t := newRouteTable(tx, &v)
	t.Tags = c.Tags.Clone()
	t.ClientToken = c.ClientToken
	RouteTables.Put(tx, t)
	return t, nil
}

func tokenMismatch(subject string) error {
	return cloud.Errorf(cloud.KindConflict, subject, "IdempotentParameterMismatch",
		"The client token you have provided is associated with a resource whose parameters do not match")
}

func newRouteTable(tx *cloud.Tx, v *VPC) RouteTable {
	t := RouteTable{ID: "rtb-" + tx.IDs.Hex(17), Scope: v.Scope, Number: tx.NextNumber("route-table"), VPCID: v.ID}
	for _, b := range slices.Concat(v.CIDRs, v.IPv6CIDRs) {
		t.Routes = append(t.Routes, localRoute(b.Prefix))
	}
	return t
}

// createMainTable makes a new VPC's main route table and returns its id.
func createMainTable(tx *cloud.Tx, v *VPC) string {
	t := newRouteTable(tx, v)
	t.Associations = []RouteTableAssociation{{ID: newAssociationID(tx), Main: true}}
	RouteTables.Put(tx, t)
	return t.ID
}

func newAssociationID(tx *cloud.Tx) string { return "rtbassoc-" + tx.IDs.Hex(17) }

// DeleteRouteTable removes a table that is not associated.
type DeleteRouteTable struct{ ID string }

// Apply removes the table.
func (c DeleteRouteTable) Apply(tx *cloud.Tx) (cloud.None, error) {
	t, err := FindRouteTable(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	if len(t.Associations) > 0 {
		return cloud.None{}, dependency("route-table", "routeTable", t.ID)
	}
	RouteTables.Delete(tx, t.ID)
	return cloud.None{}, nil
}

// AssociateRouteTable ties a table to a subnet of its VPC.
type AssociateRouteTable struct{ RouteTableID, SubnetID string }

// Apply returns the association.
func (c AssociateRouteTable) Apply(tx *cloud.Tx) (RouteTableAssociation, error) {
	t, err := FindRouteTable(tx, tx.Caller.Scope, c.RouteTableID)
	if err != nil {
		return RouteTableAssociation{}, err
	}
	s, err := FindSubnet(tx, tx.Caller.Scope, c.SubnetID)
	if err != nil {
		return RouteTableAssociation{}, err
	}
	if s.VPCID != t.VPCID {
		return RouteTableAssociation{}, differentNetworks(t.ID, "subnet", s.ID)
	}
	if held, ok := RouteTables.First(tx, BySubnet, s.ID); ok {
		return associatedBefore(held, t.ID, s.ID)
	}
	a := RouteTableAssociation{ID: newAssociationID(tx), SubnetID: s.ID}
	join(tx, t, a)
	return a, nil
}

// associatedBefore returns the association if it is with the same table, as
// AWS does, else the refusal.
func associatedBefore(held RouteTable, tableID, subnetID string) (RouteTableAssociation, error) {
	i := slices.IndexFunc(held.Associations, func(a RouteTableAssociation) bool { return a.SubnetID == subnetID })
	if held.ID == tableID {
		return held.Associations[i], nil
	}
	return RouteTableAssociation{}, cloud.Errorf(cloud.KindConflict, "route-table-association", "Resource.AlreadyAssociated",
		"the specified association for route table %s conflicts with an existing association", tableID)
}

func differentNetworks(tableID, what, id string) error {
	return cloud.Errorf(cloud.KindConflict, "route-table", "InvalidParameterValue",
		"route table %s and %s %s belong to different networks", tableID, what, id)
}

func join(tx *cloud.Tx, t RouteTable, a RouteTableAssociation) {
	t.Associations = append(slices.Clone(t.Associations), a)
	RouteTables.Put(tx, t)
}

func leave(tx *cloud.Tx, t RouteTable, associationID string) RouteTable {
	t.Associations = slices.DeleteFunc(slices.Clone(t.Associations), func(a RouteTableAssociation) bool { return a.ID == associationID })
	RouteTables.Put(tx, t)
	return t
}

// leaveRouteTable ends a deleted subnet's association.
func leaveRouteTable(tx *cloud.Tx, subnetID string) {
	for t := range RouteTables.By(tx, BySubnet, subnetID) {
		for _, a := range t.Associations {
			if a.SubnetID == subnetID {
				t = leave(tx, t, a.ID)
			}
		}
	}
}

func findTableAssociation(tx *cloud.Tx, id string) (RouteTable, RouteTableAssociation, error) {
	t, ok := RouteTables.First(tx, ByAssociation, id)
	if ok && t.Scope == tx.Caller.Scope {
		i := slices.IndexFunc(t.Associations, func(a RouteTableAssociation) bool { return a.ID == id })
		return t, t.Associations[i], nil
	}
	return t, RouteTableAssociation{}, &cloud.Error{Kind: cloud.KindNotFound, Subject: "route-table-association", ID: id,
		Code: "InvalidAssociationID.NotFound", Message: "The association ID '" + id + "' does not exist"}
}

// DisassociateRouteTable ends a subnet's association; the main table then
// serves the subnet.
type DisassociateRouteTable struct{ AssociationID string }

// Apply ends it.
func (c DisassociateRouteTable) Apply(tx *cloud.Tx) (cloud.None, error) {
	t, a, err := findTableAssociation(tx, c.AssociationID)
	if err != nil {
		return cloud.None{}, err
	}
	if a.Main {
		return cloud.None{}, cloud.Errorf(cloud.KindForbidden, "route-table-association", "InvalidParameterValue",
			"cannot disassociate the main route table association %s", a.ID)
	}
	leave(tx, t, a.ID)
	return cloud.None{}, nil
}

// ReplaceRouteTableAssociation moves an association to another table of the
// VPC: a subnet's, or the one that makes a table the main one.
type ReplaceRouteTableAssociation struct{ AssociationID, RouteTableID string }

// Apply returns the new association, which has an id of its own.
func (c ReplaceRouteTableAssociation) Apply(tx *cloud.Tx) (RouteTableAssociation, error) {
	old, a, err := findTableAssociation(tx, c.AssociationID)
	if err != nil {
		return a, err
	}
	t, err := FindRouteTable(tx, tx.Caller.Scope, c.RouteTableID)
	if err != nil {
		return a, err
	}
	if t.VPCID != old.VPCID {
		if a.Main {
			return a, differentNetworks(t.ID, "network", old.VPCID)
		}
		return a, differentNetworks(t.ID, "subnet", a.SubnetID)
	}
	if t.ID == old.ID {
		return a, nil
	}
	leave(tx, old, a.ID)
	a.ID = newAssociationID(tx)
	join(tx, t, a)
	if a.Main {
		v, err := FindVPC(tx, tx.Caller.Scope, t.VPCID)
		if err != nil {
			return a, err
		}
		v.MainRouteTableID = t.ID
		VPCs.Put(tx, v)
	}
	return a, nil
}
