package vpc

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
)

// CreateDefaultVPC makes the scope's default VPC: 172.31.0.0/16 with a public
// /20 subnet in every zone. Accounts start without one.
type CreateDefaultVPC struct{}

// Apply makes it.
func (c CreateDefaultVPC) Apply(tx *cloud.Tx) (VPC, error) {
	if v, ok := VPCs.First(tx, "default", tx.Caller.Key()); ok {
		return VPC{}, cloud.Errorf(cloud.KindExists, "vpc", "DefaultVpcAlreadyExists",
			"A Default VPC already exists for this account in this region: %s", v.ID)
	}
	v := newVPC(tx, CreateVPC{CIDR: netip.MustParsePrefix("172.31.0.0/16"), Tenancy: "default"})
	v.IsDefault, v.EnableDNSHostnames = true, true
	VPCs.Put(tx, v)
	g := InternetGateway{ID: "igw-" + tx.IDs.Hex(17), Scope: v.Scope, VPCID: v.ID}
	InternetGateways.Put(tx, g)
	if t, ok := RouteTables.Get(tx, v.MainRouteTableID); ok {
		t.Routes = append(slices.Clone(t.Routes), Route{Destination: anyIPv4, Origin: "CreateRoute", State: RouteActive, GatewayID: g.ID})
		RouteTables.Put(tx, t)
	}
	for _, z := range cloud.ZonesOf(tx, v.Scope) {
		if _, err := newDefaultSubnet(tx, &v, z); err != nil {
			return VPC{}, err
		}
	}
	return v, nil
}

// CreateDefaultSubnet makes the default subnet of a zone in the default VPC.
type CreateDefaultSubnet struct{ Zone string }

// Apply makes it.
func (c CreateDefaultSubnet) Apply(tx *cloud.Tx) (Subnet, error) {
	z, err := pickZone(tx, tx.Caller.Scope, c.Zone, "")
	if err != nil {
		return Subnet{}, err
	}
	v, ok := VPCs.First(tx, "default", tx.Caller.Key())
	if !ok {
		return Subnet{}, cloud.Errorf(cloud.KindNotFound, "vpc", "DefaultVpcDoesNotExist", "No default VPC exists for this account in this region.")
	}
	for s := range Subnets.By(tx, ByVPC, v.ID) {
		if s.DefaultForAZ && s.Zone == z.Name {
			return Subnet{}, cloud.Errorf(cloud.KindExists, "subnet", "DefaultSubnetAlreadyExistsInAvailabilityZone",
				"Default subnet already exists in availability zone '%s'.", z.Name)
		}
	}
	return newDefaultSubnet(tx, &v, z)
}

// newDefaultSubnet takes the first /20 of the VPC that is free.
func newDefaultSubnet(tx *cloud.Tx, v *VPC, z cloud.Zone) (Subnet, error) {
	base := binary.BigEndian.Uint32(v.Primary().Addr().AsSlice())
	for i := range uint32(16) {
		p := netip.PrefixFrom(addr4(base+i<<12), 20)
		if subnetConflict(tx, v.ID, p) != nil {
			continue
		}
		s := newSubnet(tx, v, z, p, nil)
		s.DefaultForAZ, s.MapPublicIPOnLaunch = true, true
		Subnets.Put(tx, s)
		joinDefaultACL(tx, v, s.ID)
		return s, nil
	}
	return Subnet{}, cloud.Errorf(cloud.KindLimit, "subnet", "InsufficientFreeAddressesInVpc",
		"There is no free /20 block in the default VPC '%s'", v.ID)
}
