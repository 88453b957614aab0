package plan

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/spec"
)

// CompileDNS compiles what a VPC's resolver answers; nil if the VPC is gone or
// has enableDnsSupport off. Private zones and instance names need
// enableDnsHostnames too.
func CompileDNS(r cloud.Reader, vpcID string) *spec.DNS {
	v, ok := vpc.VPCs.Get(r, vpcID)
	if !ok || !v.EnableDNSSupport {
		return nil
	}
	out := &spec.DNS{VPC: vpcID, Region: v.Region, Names: map[string][]netip.Addr{}, Reverse: map[netip.Addr]string{}}
	if !v.EnableDNSHostnames {
		return out
	}
	for z := range dns.Zones.By(r, dns.ByVPC, vpcID) {
		if z.Private {
			out.Zones = append(out.Zones, compileZone(r, z))
		}
	}
	addEndpointZones(r, out)
	slices.SortFunc(out.Zones, func(a, b spec.DNSZone) int { return cmp.Compare(a.Name, b.Name) })
	for n := range vpc.NetworkInterfaces.By(r, vpc.ByVPC, vpcID) {
		nameInterface(r, out, n)
	}
	return out
}

// nameInterface adds the names of an interface's addresses: by address, by
// resource where the instance asks for it, and the public name, which leads to
// the private address inside the VPC.
func nameInterface(r cloud.Reader, out *spec.DNS, n vpc.NetworkInterface) {
	domain := "." + compute.InternalDomain(n.Region) + "."
	for _, a := range n.PrivateIPs {
		name := compute.AddressDNSName(n.Region, a) + "."
		out.Names[name] = []netip.Addr{a}
		out.Reverse[a] = name
	}
	for a := range vpc.Addresses.By(r, "interface", n.ID) {
		if p := privateOf(a, n); p.IsValid() {
			out.Names[compute.PublicDNSName(n.Region, a.PublicIP)+"."] = []netip.Addr{p}
		}
	}
	if n.Attachment == nil || n.Attachment.DeviceIndex != 0 {
		return
	}
	i, ok := compute.Instances.Get(r, n.Attachment.InstanceID)
	if !ok {
		return
	}
	var byID []netip.Addr
	if (i.ResourceNameDNSA || i.HostnameType == "resource-name") && len(n.PrivateIPs) > 0 {
		byID = append(byID, n.PrivateIPs[0])
	}
	if i.ResourceNameDNSAAAA {
		byID = append(byID, n.IPv6s...)
	}
	if len(byID) > 0 {
		out.Names[i.ID+domain] = byID
	}
	if i.HostnameType == "resource-name" && len(n.PrivateIPs) > 0 {
		out.Reverse[n.PrivateIPs[0]] = i.ID + domain
	}
}

// absolute is a name in lower case with its final dot.
func absolute(name string) string {
	name = strings.ToLower(name)
	if !strings.HasSuffix(name, ".") {
		name += "."
	}
	return name
}
