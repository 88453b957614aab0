package plan

import (
	"net/netip"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/spec"
)

// Public names are compiled by owner: the id of a load balancer (its ARN), an
// endpoint, an instance or a hosted zone.

// CompilePublic compiles the names that one owner has everywhere; nil if it has
// none.
func CompilePublic(r cloud.Reader, owner string) *spec.Public {
	out := &spec.Public{Names: map[string][]netip.Addr{}}
	switch {
	case strings.HasPrefix(owner, "arn:"):
		if lb, ok := elb.LoadBalancers.Get(r, owner); ok {
			balancerNames(r, lb, out.Names)
		}
	case strings.HasPrefix(owner, "vpce-"):
		if e, ok := privatelink.Endpoints.Get(r, owner); ok {
			endpointNames(r, e, out.Names)
		}
	case strings.HasPrefix(owner, "i-"):
		if i, ok := compute.Instances.Get(r, owner); ok {
			instanceNames(r, i, out.Names)
		}
	}
	if z, ok := dns.Zones.Get(r, owner); ok && !z.Private {
		out.Zone = new(compileZone(r, z))
	}
	if len(out.Names) == 0 && out.Zone == nil {
		return nil
	}
	return out
}

// PublicOwners lists everything that may have public names.
func PublicOwners(r cloud.Reader) []string {
	var out []string
	for lb := range elb.LoadBalancers.All(r) {
		out = append(out, lb.ARN)
	}
	for e := range privatelink.Endpoints.All(r) {
		out = append(out, e.ID)
	}
	for i := range compute.Instances.All(r) {
		out = append(out, i.ID)
	}
	for z := range dns.Zones.All(r) {
		if !z.Private {
			out = append(out, z.ID)
		}
	}
	return out
}

// balancerNames are the regional name, without the zones that have no healthy
// target (all zones if that leaves none), and of network load balancers a name
// per zone.
func balancerNames(r cloud.Reader, lb elb.LoadBalancer, names map[string][]netip.Addr) {
	if lb.DNSName == "" {
		return
	}
	name := absolute(lb.DNSName)
	good := healthyZones(r, lb)
	var all, up []netip.Addr
	for _, n := range lb.Nodes {
		addresses := valid(n.PrivateIP, n.IPv6)
		if lb.Scheme == "internet-facing" {
			addresses = valid(n.PublicIP, n.IPv6)
		}
		if len(addresses) == 0 {
			continue
		}
		if lb.Type == "network" {
			names[n.Zone+"."+name] = addresses
		}
		all = append(all, addresses...)
		if good[n.Zone] {
			up = append(up, addresses...)
		}
	}
	if len(up) == 0 {
		up = all
	}
	if len(up) > 0 {
		names[name] = up
	}
}

// healthyZones are the zones in which every group that a listener or rule forwards
// to has a healthy target.
func healthyZones(r cloud.Reader, lb elb.LoadBalancer) map[string]bool {
	good := map[string]bool{}
	for _, n := range lb.Nodes {
		good[n.Zone] = true
	}
	for _, groups := range forwardsOf(r, lb) {
		p := poolOf(r, lb, groups)
		for zone := range good {
			good[zone] = good[zone] && p.zoneHealthy(zone)
		}
	}
	return good
}

// endpointNames are the regional name, which leads to the interfaces whose zone
// is healthy at the provider (to all if none is), and a name per zone.
func endpointNames(r cloud.Reader, e privatelink.Endpoint, names map[string][]netip.Addr) {
	if e.Type != "Interface" || e.State == privatelink.Deleting || e.State == privatelink.Deleted || len(e.DNSEntries) == 0 {
		return
	}
	var all, up []netip.Addr
	for _, i := range e.Interfaces {
		addresses := recordAddresses(e, i)
		for _, d := range e.DNSEntries[1:] {
			if strings.HasPrefix(strings.TrimPrefix(d.Name, "*."), e.ID+"-"+e.Suffix+"-"+i.Zone+".") {
				names[absolute(d.Name)] = addresses
			}
		}
		all = append(all, addresses...)
		if endpointZoneHealthy(r, i) {
			up = append(up, addresses...)
		}
	}
	if len(up) == 0 {
		up = all
	}
	if len(up) > 0 {
		names[absolute(e.DNSEntries[0].Name)] = up
	}
}

func endpointZoneHealthy(r cloud.Reader, i privatelink.EndpointInterface) bool {
	lb, ok := elb.LoadBalancers.Get(r, i.LoadBalancerARN)
	if !ok {
		return false
	}
	good := healthyZones(r, lb)
	for _, n := range lb.Nodes {
		if n.ZoneID == i.ZoneID {
			return good[n.Zone]
		}
	}
	return false
}

// instanceNames are the names of an instance's public addresses.
func instanceNames(r cloud.Reader, i compute.Instance, names map[string][]netip.Addr) {
	if v, ok := vpc.VPCs.Get(r, i.VPCID); !ok || !v.EnableDNSHostnames {
		return
	}
	for _, n := range compute.Interfaces(r, i.ID) {
		for a := range vpc.Addresses.By(r, "interface", n.ID) {
			names[compute.PublicDNSName(i.Region, a.PublicIP)+"."] = []netip.Addr{a.PublicIP}
		}
	}
}
