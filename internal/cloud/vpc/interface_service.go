package vpc

import (
	"net/netip"

	"github.com/musubi-net/musubi/internal/cloud"
)

// AddIPv6 gives a service's interface the wanted and count picked IPv6
// addresses. It does not ask whether the caller may.
func AddIPv6(tx *cloud.Tx, interfaceID string, wanted []netip.Addr, count int) (NetworkInterface, error) {
	n, ok := NetworkInterfaces.Get(tx, interfaceID)
	if !ok {
		return NetworkInterface{}, cloud.Errorf(cloud.KindNotFound, "network-interface", "InvalidNetworkInterfaceID.NotFound",
			"The networkInterface ID '%s' does not exist", interfaceID)
	}
	s, ok := Subnets.Get(tx, n.SubnetID)
	if !ok {
		return NetworkInterface{}, noSubnet(n.SubnetID)
	}
	n.IPv6s = append([]netip.Addr{}, n.IPv6s...)
	if err := takeIPv6(tx, &s, &n, wanted, count); err != nil {
		return NetworkInterface{}, err
	}
	NetworkInterfaces.Put(tx, n)
	return n, nil
}

// DropIPv6 takes all IPv6 addresses of a service's interface away.
func DropIPv6(tx *cloud.Tx, interfaceID string) {
	if n, ok := NetworkInterfaces.Get(tx, interfaceID); ok {
		n.IPv6s = nil
		NetworkInterfaces.Put(tx, n)
	}
}

// SetInterfaceGroups replaces the security groups of a service's interface; the
// caller has checked them with CheckGroups.
func SetInterfaceGroups(tx *cloud.Tx, interfaceID string, groups []string) {
	if n, ok := NetworkInterfaces.Get(tx, interfaceID); ok {
		n.GroupIDs = groups
		NetworkInterfaces.Put(tx, n)
	}
}
