package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/spec"
)

// Addresses that AWS's own services have in every VPC.
var (
	resolver4 = netip.MustParseAddr("169.254.169.253")
	resolver6 = netip.MustParseAddr("fd00:ec2::253")
	metadata4 = netip.MustParseAddr("169.254.169.254")
	metadata6 = netip.MustParseAddr("fd00:ec2::254")
	gateway6  = netip.MustParseAddr("fe80::1")
)

// CompileVPC compiles the router of one VPC; nil if the VPC is gone.
func CompileVPC(r cloud.Reader, id string) *spec.VPC {
	v, ok := vpc.VPCs.Get(r, id)
	if !ok {
		return nil
	}
	out := &spec.VPC{ID: v.ID, Number: v.Number}
	for _, c := range slices.Concat(v.CIDRs, v.IPv6CIDRs) {
		out.CIDRs = append(out.CIDRs, c.Prefix)
	}
	slices.SortFunc(out.CIDRs, comparePrefix)
	compileServices(out, v)
	compileGateways(r, out)
	used := map[string]bool{}
	compileInterfaces(r, out, used)
	compileEndpoints(r, out, used)
	compileBalancers(r, out, used)
	out.Groups = compileGroups(r, id, used)
	compileRoutes(r, out)
	out.Internet = compileGateway(r, id)
	slices.SortFunc(out.Local, netip.Addr.Compare)
	out.Local = slices.Compact(out.Local)
	return out
}

// compileGateways adds the subnets' gateways; that of the first subnet is the
// visitor's address.
func compileGateways(r cloud.Reader, out *spec.VPC) {
	var subnets []vpc.Subnet
	for s := range vpc.Subnets.By(r, vpc.ByVPC, out.ID) {
		if s.CIDR.IsValid() {
			out.Local = append(out.Local, nth(s.CIDR, 1))
			subnets = append(subnets, s)
		}
	}
	if len(subnets) > 0 {
		out.Visitor = nth(slices.MinFunc(subnets, func(a, b vpc.Subnet) int {
			return cmp.Or(cmp.Compare(a.Zone, b.Zone), comparePrefix(a.CIDR, b.CIDR))
		}).CIDR, 1)
	}
}

// compileServices sets the addresses of the resolver and the metadata service.
func compileServices(out *spec.VPC, v vpc.VPC) {
	out.Metadata = []netip.Addr{metadata4}
	resolvers := []netip.Addr{resolverOf(v), resolver4}
	if len(v.IPv6CIDRs) > 0 {
		out.Metadata = append(out.Metadata, metadata6)
		resolvers = append(resolvers, resolver6)
	}
	if v.EnableDNSSupport {
		out.Resolver = resolvers
	}
	out.Local = slices.Concat(out.Local, out.Metadata, resolvers)
}

// resolverOf is the resolver's address in the VPC's own range: base + 2.
func resolverOf(v vpc.VPC) netip.Addr { return nth(v.Primary(), 2) }

// compileInterfaces adds the interfaces that have a guest's namespace, and notes
// the security groups that they use.
func compileInterfaces(r cloud.Reader, out *spec.VPC, used map[string]bool) {
	for n := range vpc.NetworkInterfaces.By(r, vpc.ByVPC, out.ID) {
		i, ok := interfaceOf(r, n)
		if !ok {
			continue
		}
		for _, g := range i.GroupIDs {
			used[g] = true
		}
		out.Interfaces = append(out.Interfaces, i)
	}
	slices.SortFunc(out.Interfaces, func(a, b spec.Interface) int { return cmp.Compare(a.ID, b.ID) })
}

// interfaceOf is the link of a network interface; false if it has none, because
// no instance holds it.
func interfaceOf(r cloud.Reader, n vpc.NetworkInterface) (spec.Interface, bool) {
	if n.Attachment == nil || n.Attachment.InstanceID == "" {
		return spec.Interface{}, false
	}
	inst, ok := compute.Instances.Get(r, n.Attachment.InstanceID)
	if !ok || inst.State == compute.Terminated {
		return spec.Interface{}, false
	}
	s, ok := vpc.Subnets.Get(r, n.SubnetID)
	if !ok {
		return spec.Interface{}, false
	}
	i := spec.Interface{
		ID: n.ID, Name: LinkName(n.Number), InstanceID: inst.ID,
		GuestName: fmt.Sprintf("ens%d", 5+n.Attachment.DeviceIndex),
		MAC:       n.MAC, GroupIDs: slices.Sorted(slices.Values(n.GroupIDs)), CheckSource: n.SourceDestCheck,
	}
	for _, a := range n.PrivateIPs {
		i.Addresses = append(i.Addresses, netip.PrefixFrom(a, s.CIDR.Bits()))
	}
	for _, a := range n.IPv6s {
		i.Addresses = append(i.Addresses, netip.PrefixFrom(a, 64))
	}
	if len(n.PrivateIPs) > 0 {
		i.Gateways = append(i.Gateways, nth(s.CIDR, 1))
	}
	if len(n.IPv6s) > 0 {
		i.Gateways = append(i.Gateways, gateway6)
	}
	if t, ok := tableOf(r, s); ok {
		i.RouteTable = t.Number
	}
	return i, true
}

// LinkName is the name of an interface's link in its VPC's namespace.
func LinkName(number uint32) string { return fmt.Sprintf("e%x", number) }

// nth is the address n after a prefix's base.
func nth(p netip.Prefix, n int) netip.Addr {
	a := p.Masked().Addr()
	for range n {
		a = a.Next()
	}
	return a
}

func comparePrefix(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}
