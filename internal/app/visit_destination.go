package app

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/control"
)

// Destination finds a load balancer by name, ARN or DNS name, an instance by id
// or Name tag, or a name or address, and the place from which it is reached: the
// one given, or the load balancer's VPC (the internet if it faces that), the
// instance itself, the endpoint's VPC, the only VPC that knows the name.
func (v visitor) Destination(ctx context.Context, name, place string) (control.Destination, error) {
	if place != "" {
		return v.destinationFrom(ctx, name, place)
	}
	balancers, instances := v.balancers(name), v.instances(name)
	switch {
	case len(balancers) == 1 && len(instances) == 0:
		return v.ofBalancer(balancers[0])
	case len(balancers) == 0 && len(instances) == 1:
		return control.Destination{Place: instances[0], Host: "localhost", What: "instance " + instances[0].String()}, nil
	case len(balancers)+len(instances) > 1:
		var all []fmt.Stringer
		for _, b := range balancers {
			all = append(all, b)
		}
		for _, i := range instances {
			all = append(all, i)
		}
		return control.Destination{}, refuse(control.ReasonUnknownName, "%q is more than one thing; say which by id or ARN: %s", name, some(all))
	}
	// An instance by id that does not run has a better error.
	if strings.HasPrefix(name, "i-") {
		if _, err := v.Place(name); err != nil {
			return control.Destination{}, err
		}
	}
	return v.ofName(ctx, name)
}

// destinationFrom is a destination with the place given.
func (v visitor) destinationFrom(ctx context.Context, name, place string) (control.Destination, error) {
	p, err := v.Place(place)
	if err != nil {
		return control.Destination{}, err
	}
	d := control.Destination{Place: p, Host: name, What: name}
	if found := v.balancers(name); len(found) == 1 {
		d.Host, d.What = found[0].DNSName, "load balancer "+found[0].Name
	} else if found := v.instances(name); len(found) == 1 {
		if d.Host, err = v.addressOf(found[0]); err != nil {
			return control.Destination{}, err
		}
		d.What = "instance " + found[0].String()
	}
	_, err = v.Resolve(ctx, p, d.Host)
	return d, err
}

// balancer is a load balancer as errors list it.
type balancer struct{ elb.LoadBalancer }

func (b balancer) String() string { return b.ARN }

// balancers are the load balancers of an ARN, a DNS name or a name.
func (v visitor) balancers(name string) []balancer {
	var out []balancer
	dns := strings.ToLower(strings.TrimSuffix(name, "."))
	for lb := range elb.LoadBalancers.All(v.cloud) {
		if lb.ARN == name || lb.Name == name || strings.ToLower(lb.DNSName) == dns && dns != "" {
			out = append(out, balancer{lb})
		}
	}
	return out
}

// instances are the running instances of an id or a Name.
func (v visitor) instances(name string) []control.Place {
	return slices.DeleteFunc(v.running(), func(p control.Place) bool { return name == "" || p.ID != name && p.Name != name })
}

func (v visitor) addressOf(instance control.Place) (string, error) {
	for n := range vpc.NetworkInterfaces.By(v.cloud, "instance", instance.ID) {
		if n.Attachment != nil && n.Attachment.DeviceIndex == 0 && len(n.PrivateIPs) > 0 {
			return n.PrivateIPs[0].String(), nil
		}
	}
	return "", refuse(control.ReasonUnknownName, "instance %s has no address", instance)
}

func (v visitor) ofBalancer(lb balancer) (control.Destination, error) {
	p := control.Place{ID: control.Internet}
	if lb.Scheme != "internet-facing" {
		x, _ := vpc.VPCs.Get(v.cloud, lb.VPCID)
		p = control.Place{ID: lb.VPCID, Name: x.Tags["Name"]}
	}
	return control.Destination{Place: p, Host: lb.DNSName, What: "load balancer " + lb.Name}, nil
}

// ofName finds the place of a DNS name or an address.
func (v visitor) ofName(ctx context.Context, name string) (control.Destination, error) {
	d := control.Destination{Host: name, What: name}
	if e, ok := v.endpoint(name); ok {
		x, _ := vpc.VPCs.Get(v.cloud, e.VPCID)
		d.Place = control.Place{ID: e.VPCID, Name: x.Tags["Name"]}
		d.What = fmt.Sprintf("%s, of endpoint %s", name, e.ID)
		return d, nil
	}
	places := v.resolving(ctx, name)
	if public := v.publicAddresses(ctx, name); len(public) > 0 {
		// What resolves everywhere is on the internet, unless it is a private
		// address of some VPC.
		if !public[0].IsPrivate() {
			d.Place = control.Place{ID: control.Internet}
			return d, nil
		}
		places = v.owners(public[0])
	}
	switch len(places) {
	case 0:
		return d, refuse(control.ReasonUnknownName, "no load balancer named %q, no running instance, and no VPC knows the name; there are: %s",
			name, some(append(v.balancerNames(), v.running()...)))
	case 1:
		d.Place = places[0]
		return d, nil
	}
	return d, refuse(control.ReasonUnknownName, "%s is known in %d VPCs; say from where with --from: %s", name, len(places), some(places))
}

// publicAddresses are those of a name that resolves everywhere, or a public
// address itself.
func (v visitor) publicAddresses(ctx context.Context, name string) []netip.Addr {
	if a, err := netip.ParseAddr(name); err == nil {
		if a.IsPrivate() {
			return nil
		}
		return []netip.Addr{a}
	}
	out, err := v.inside.Lookup(ctx, "", name)
	if err != nil {
		return nil
	}
	return out
}

// endpoint finds the endpoint of one of its own DNS names.
func (v visitor) endpoint(name string) (privatelink.Endpoint, bool) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for e := range privatelink.Endpoints.All(v.cloud) {
		for _, entry := range e.DNSEntries {
			if entry.Name == name && strings.HasPrefix(name, e.ID) {
				return e, true
			}
		}
	}
	return privatelink.Endpoint{}, false
}

// balancerNames lists load balancers for errors.
func (v visitor) balancerNames() []control.Place {
	var out []control.Place
	for lb := range elb.LoadBalancers.All(v.cloud) {
		out = append(out, control.Place{ID: lb.Name})
	}
	return out
}
