package plan

import (
	"maps"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Units are the parts of the world that a change touches, each to be compiled
// anew. Every slice is sorted.
type Units struct {
	// VPCs are the routers; DNS, Metadata and Health the VPCs whose resolver,
	// metadata service and health checks change.
	VPCs, DNS, Metadata, Health []string
	// Guests are instances to start, stop or forget.
	Guests []string
	// Public are the owners of public names: load balancers, endpoints, instances,
	// public hosted zones.
	Public []string
	// Endpoints and Drains are to be looked at, because they wait for the world:
	// an endpoint for its path, a target for the end of its draining.
	Endpoints, Drains []string
	// Balancers are load balancers (ARNs) whose part in user space changes, and
	// Certificates those that wait for their validation.
	Balancers, Certificates []string
	// Services are endpoint services whose private name is to be verified.
	Services []string
	// Checks are health checks of Route 53's.
	Checks []string
	// Contents are digests of content that may be unused now.
	Contents         []string
	Fabric, Internet bool
}

// Empty reports whether nothing is touched.
func (u Units) Empty() bool {
	return !u.Fabric && !u.Internet && len(u.VPCs)+len(u.DNS)+len(u.Metadata)+len(u.Health)+len(u.Guests)+len(u.Public)+len(u.Endpoints)+len(u.Drains)+len(u.Balancers)+len(u.Certificates)+len(u.Services)+len(u.Checks)+len(u.Contents) == 0
}

// Affected maps changes to the units that they touch. r is a snapshot that has
// the changes (or newer).
func Affected(r cloud.Reader, changes []cloud.Change) Units {
	t := newTouched(r)
	for _, c := range changes {
		t.change(c)
	}
	return t.units()
}

// set is a set of ids; the empty id is never in it.
type set map[string]bool

func (s set) add(ids ...string) {
	for _, id := range ids {
		if id != "" {
			s[id] = true
		}
	}
}

// touched collects units.
type touched struct {
	r                                                              cloud.Reader
	vpcs, dns, metadata, health, guests, public, endpoints, drains set
	balancers, certificates, services, checks, contents            set
	done                                                           set // load balancers that touched all they touch
	fabric, internet                                               bool
}

func newTouched(r cloud.Reader) *touched {
	return &touched{r: r, vpcs: set{}, dns: set{}, metadata: set{}, health: set{}, guests: set{}, public: set{},
		endpoints: set{}, drains: set{}, balancers: set{}, certificates: set{}, services: set{}, checks: set{}, contents: set{}, done: set{}}
}

func (t *touched) units() Units {
	sorted := func(s set) []string { return slices.Sorted(maps.Keys(s)) }
	return Units{VPCs: sorted(t.vpcs), DNS: sorted(t.dns), Metadata: sorted(t.metadata), Health: sorted(t.health),
		Guests: sorted(t.guests), Public: sorted(t.public), Endpoints: sorted(t.endpoints), Drains: sorted(t.drains),
		Balancers: sorted(t.balancers), Certificates: sorted(t.certificates), Services: sorted(t.services), Checks: sorted(t.checks), Contents: sorted(t.contents), Fabric: t.fabric, Internet: t.internet}
}

// sides returns the record before and after the change, leaving out the side
// that is not.
func sides[T any](c cloud.Change) []T {
	var out []T
	for _, side := range []any{c.Before, c.After} {
		if v, ok := side.(*T); ok && v != nil {
			out = append(out, *v)
		}
	}
	return out
}
