package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/control"
	"github.com/musubi-net/musubi/internal/reconcile"
)

// inside is the world as a visitor uses it; a reconciler is one.
type inside interface {
	// Visitor is the address from which a person looks into a VPC.
	Visitor(vpcID string) (netip.Addr, bool)
	// Lookup resolves a name in a VPC, or what resolves everywhere.
	Lookup(ctx context.Context, vpcID, name string) ([]netip.Addr, error)
	DialFrom(ctx context.Context, ns string, local netip.Addr, remote netip.AddrPort) (net.Conn, error)
}

// visitor finds what a person on the host names, and connects to it from inside.
type visitor struct {
	cloud  cloud.Reader
	inside inside
}

func (d *daemon) visitor() visitor { return visitor{d.engine.Snapshot(), d.reconciler} }

// refuse makes a refusal with a sentence.
func refuse(reason, format string, args ...any) error {
	return &control.Refusal{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// Place finds a VPC, an instance or the internet by id or Name tag.
func (v visitor) Place(name string) (control.Place, error) {
	if name == control.Internet {
		return control.Place{ID: control.Internet}, nil
	}
	if x, ok := vpc.VPCs.Get(v.cloud, name); ok {
		return control.Place{ID: x.ID, Name: x.Tags["Name"]}, nil
	}
	if i, ok := compute.Instances.Get(v.cloud, name); ok {
		if i.State != compute.Running {
			return control.Place{}, refuse(control.ReasonUnknownPlace, "instance %s is %s", name, i.State)
		}
		return control.Place{ID: i.ID, Name: i.Tags["Name"]}, nil
	}
	all := append(v.vpcs(), v.running()...)
	found := slices.DeleteFunc(slices.Clone(all), func(p control.Place) bool { return p.Name == "" || p.Name != name })
	switch len(found) {
	case 0:
		return control.Place{}, refuse(control.ReasonUnknownPlace, "no VPC or running instance has the id or Name %q; there are: %s",
			name, some(append([]control.Place{{ID: control.Internet}}, all...)))
	case 1:
		return found[0], nil
	}
	return control.Place{}, refuse(control.ReasonUnknownPlace, "%d places are named %q; say which by id: %s", len(found), name, some(found))
}

func (v visitor) vpcs() []control.Place {
	var out []control.Place
	for x := range vpc.VPCs.All(v.cloud) {
		out = append(out, control.Place{ID: x.ID, Name: x.Tags["Name"]})
	}
	return out
}

func (v visitor) running() []control.Place {
	var out []control.Place
	for i := range compute.Instances.All(v.cloud) {
		if i.State == compute.Running {
			out = append(out, control.Place{ID: i.ID, Name: i.Tags["Name"]})
		}
	}
	return out
}

// mostListed is how many things an error lists.
const mostListed = 8

// some lists a few things for an error.
func some[T fmt.Stringer](all []T) string {
	var list []string
	for n, x := range all {
		if n == mostListed {
			list = append(list, fmt.Sprintf("and %d more", len(all)-n))
			break
		}
		list = append(list, x.String())
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// Resolve returns the addresses of a name or address as a place has them, IPv4
// first.
func (v visitor) Resolve(ctx context.Context, place control.Place, name string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{a.WithZone("")}, nil
	}
	vpcID := place.ID
	switch {
	case place.ID == control.Internet:
		vpcID = ""
	case strings.HasPrefix(place.ID, "i-"):
		if name == "localhost" {
			return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, nil
		}
		i, ok := compute.Instances.Get(v.cloud, place.ID)
		if !ok {
			return nil, refuse(control.ReasonUnknownPlace, "instance %s is gone", place.ID)
		}
		vpcID = i.VPCID
	}
	out, err := v.inside.Lookup(ctx, vpcID, name)
	switch {
	case errors.Is(err, reconcile.ErrNoSuchName):
		return nil, refuse(control.ReasonUnknownName, "%s does not resolve in %s", name, place)
	case errors.Is(err, reconcile.ErrNoResolver):
		return nil, refuse(control.ReasonUnknownName, "%s does not resolve: %s has no resolver, because its DNS support is off", name, vpcID)
	}
	return out, err
}

// resolving are the VPCs in which a name has an address, and those that own the
// address if it is one.
func (v visitor) resolving(ctx context.Context, name string) []control.Place {
	if a, err := netip.ParseAddr(name); err == nil {
		return v.owners(a)
	}
	return slices.DeleteFunc(v.vpcs(), func(p control.Place) bool {
		_, err := v.inside.Lookup(ctx, p.ID, name)
		return err != nil
	})
}

// owners are the VPCs in which an interface has an address.
func (v visitor) owners(a netip.Addr) []control.Place {
	found := map[string]bool{}
	for n := range vpc.NetworkInterfaces.All(v.cloud) {
		if slices.Contains(n.PrivateIPs, a) || slices.Contains(n.IPv6s, a) {
			found[n.VPCID] = true
		}
	}
	var out []control.Place
	for _, id := range slices.Sorted(maps.Keys(found)) {
		x, _ := vpc.VPCs.Get(v.cloud, id)
		out = append(out, control.Place{ID: id, Name: x.Tags["Name"]})
	}
	return out
}
