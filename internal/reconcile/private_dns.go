package reconcile

import (
	"context"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/plan"
)

// kindService is the unit of an endpoint service's private name.
const kindService = "service"

// processService looks at the record that verifies a service's private name, and
// reports what changes by it.
func (r *Reconciler) processService(ctx context.Context, id string) error {
	snapshot := r.o.Engine.Snapshot()
	s, ok := privatelink.Services.Get(snapshot, id)
	if !ok || s.PrivateDNS.Name == "" {
		return nil
	}
	found := plan.VerifiedName(snapshot, s)
	if !s.PrivateDNS.Asked && s.PrivateDNS.After(found) == s.PrivateDNS.State {
		return nil
	}
	return run(ctx, r.o.Engine, privatelink.ReportPrivateDNS{ServiceID: id, Name: s.PrivateDNS.Name, Token: s.PrivateDNS.Token, Found: found})
}

// namedServices are the services that have a private name.
func namedServices(s cloud.Reader) []string {
	var out []string
	for x := range privatelink.Services.All(s) {
		if x.PrivateDNS.Name != "" {
			out = append(out, x.ID)
		}
	}
	return out
}
