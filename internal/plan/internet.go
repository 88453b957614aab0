package plan

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/spec"
)

// compileGateway is a VPC's attachment to the internet; nil without an internet
// gateway.
func compileGateway(r cloud.Reader, vpcID string) *spec.InternetGateway {
	if _, ok := vpc.InternetGateways.First(r, vpc.ByVPC, vpcID); !ok {
		return nil
	}
	out := &spec.InternetGateway{}
	for n := range vpc.NetworkInterfaces.By(r, vpc.ByVPC, vpcID) {
		for a := range vpc.Addresses.By(r, "interface", n.ID) {
			p := spec.PublicAddress{Public: a.PublicIP}
			if n.Type == vpc.TypeInterface && n.RequesterID == "" {
				p.Private = privateOf(a, n)
			}
			out.Public = append(out.Public, p)
		}
	}
	slices.SortFunc(out.Public, func(a, b spec.PublicAddress) int { return a.Public.Compare(b.Public) })
	return out
}

// privateOf is the private address behind a public one.
func privateOf(a vpc.Address, n vpc.NetworkInterface) netip.Addr {
	if a.PrivateIP.IsValid() || len(n.PrivateIPs) == 0 {
		return a.PrivateIP
	}
	return n.PrivateIPs[0]
}

// CompileInternet compiles the internet's routes: each public address in use
// leads to the VPC that has it, if that VPC has an internet gateway.
func CompileInternet(r cloud.Reader) *spec.Internet {
	out := &spec.Internet{}
	attached := map[string]bool{}
	for g := range vpc.InternetGateways.All(r) {
		attached[g.VPCID] = true
	}
	for a := range vpc.Addresses.All(r) {
		if a.InterfaceID == "" {
			continue
		}
		if n, ok := vpc.NetworkInterfaces.Get(r, a.InterfaceID); ok && attached[n.VPCID] {
			out.Routes = append(out.Routes, spec.InternetRoute{Address: a.PublicIP, VPCID: n.VPCID})
		}
	}
	slices.SortFunc(out.Routes, func(a, b spec.InternetRoute) int {
		return cmp.Or(a.Address.Compare(b.Address), cmp.Compare(a.VPCID, b.VPCID))
	})
	return out
}
