package privatelink

import (
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func onlyInternal(tx *cloud.Tx) error {
	if tx.Caller.Internal {
		return nil
	}
	return cloud.Errorf(cloud.KindForbidden, subjectEndpoint, "UnauthorizedOperation", "Only the reconciler may report observations")
}

// ReportAvailable says that an endpoint's path exists.
type ReportAvailable struct{ ID string }

// Apply implements cloud.Command.
func (c ReportAvailable) Apply(tx *cloud.Tx) (cloud.None, error) {
	if err := onlyInternal(tx); err != nil {
		return cloud.None{}, err
	}
	if e, ok := Endpoints.Get(tx, c.ID); ok && e.State == Pending {
		e.State = Available
		Endpoints.Put(tx, e)
	}
	return cloud.None{}, nil
}

// ReportDeleted says that a deleted endpoint's path is gone: its interfaces and
// the record go.
type ReportDeleted struct{ ID string }

// Apply implements cloud.Command.
func (c ReportDeleted) Apply(tx *cloud.Tx) (cloud.None, error) {
	if err := onlyInternal(tx); err != nil {
		return cloud.None{}, err
	}
	e, ok := Endpoints.Get(tx, c.ID)
	if !ok || e.State != Deleting {
		return cloud.None{}, nil
	}
	for _, i := range e.Interfaces {
		vpc.RemoveInterface(tx, i.InterfaceID)
	}
	Endpoints.Delete(tx, e.ID)
	e.State = Deleted
	Departures.Put(tx, Departure{Endpoint: e, At: tx.Now})
	for _, old := range slices.Collect(Departures.Ordered(tx, byTime)) {
		if tx.Now.Sub(old.At) <= Lingering {
			break
		}
		Departures.Delete(tx, old.Endpoint.ID)
	}
	return cloud.None{}, nil
}
