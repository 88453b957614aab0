package privatelink

import (
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
)

// Connected reports whether the endpoint's connection counts for its service:
// asked for, being made, or made.
func (e *Endpoint) Connected() bool {
	switch e.State {
	case PendingAcceptance, Pending, Available:
		return true
	}
	return false
}

// Accepted reports whether the endpoint may carry traffic.
func (e *Endpoint) Accepted() bool { return e.State == Pending || e.State == Available }

// ZoneInUse reports whether an endpoint's interface is pinned to a load
// balancer's node in a zone; elb.SetSubnets asks.
func ZoneInUse(r cloud.Reader, l elb.LoadBalancer, zone string) bool {
	for e := range Endpoints.By(r, ByLB, l.ARN) {
		for _, i := range e.Interfaces {
			if e.Connected() && i.LoadBalancerARN == l.ARN && e.needs(l, i, zone) {
				return true
			}
		}
	}
	return false
}

// needs reports whether an interface's connection depends on a load balancer's
// node in a zone: the one in its own zone, or from another region the last.
func (e *Endpoint) needs(l elb.LoadBalancer, i EndpointInterface, zone string) bool {
	if e.CrossRegion() {
		return len(l.Nodes) <= 1
	}
	return slices.ContainsFunc(l.Nodes, func(n elb.Node) bool { return n.Zone == zone && n.ZoneID == i.ZoneID })
}

// CrossRegion reports whether the endpoint's service is in another region.
func (e *Endpoint) CrossRegion() bool { return e.ServiceRegion != "" && e.ServiceRegion != e.Region }

// AcceptConnections lets endpoints connect to the caller's service.
type AcceptConnections struct {
	ServiceID   string
	EndpointIDs []string
}

// Apply implements cloud.Command.
func (c AcceptConnections) Apply(tx *cloud.Tx) ([]Unsuccessful, error) {
	return decide(tx, c.ServiceID, c.EndpointIDs, Pending, PendingAcceptance, Rejected)
}

// RejectConnections refuses or cuts endpoints of the caller's service.
type RejectConnections struct {
	ServiceID   string
	EndpointIDs []string
}

// Apply implements cloud.Command.
func (c RejectConnections) Apply(tx *cloud.Tx) ([]Unsuccessful, error) {
	return decide(tx, c.ServiceID, c.EndpointIDs, Rejected, PendingAcceptance, Pending, Available, Rejected)
}

// decide moves endpoints of a service into a state from the states that allow
// it.
func decide(tx *cloud.Tx, serviceID string, ids []string, to EndpointState, from ...EndpointState) ([]Unsuccessful, error) {
	s, err := FindService(tx, tx.Caller.Scope, serviceID)
	if err != nil {
		return nil, err
	}
	var failed []Unsuccessful
	for _, id := range ids {
		e, ok := Endpoints.Get(tx, id)
		if !ok || e.ServiceID != s.ID {
			failed = append(failed, Unsuccessful{id, "InvalidVpcEndpointId.NotFound", noEndpoint(id).Error()})
			continue
		}
		if !slices.Contains(from, e.State) {
			failed = append(failed, Unsuccessful{id, "InvalidState",
				"The VpcEndpoint '" + id + "' cannot be modified in the state '" + string(e.State) + "'"})
			continue
		}
		if e.State == to {
			continue // it was rejected before
		}
		event := Reject
		if e.State = to; to == Pending {
			event = Accept
			e.repin(tx, s)
		}
		Endpoints.Put(tx, e)
		notify(tx, e, event)
	}
	return failed, nil
}
