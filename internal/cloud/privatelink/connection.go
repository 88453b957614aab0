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
			if e.Connected() && i.LoadBalancerARN == l.ARN && i.Zone == zone {
				return true
			}
		}
	}
	return false
}

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
	return decide(tx, c.ServiceID, c.EndpointIDs, Rejected, PendingAcceptance, Pending, Available)
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
		e.State = to
		Endpoints.Put(tx, e)
	}
	return failed, nil
}
