package vpc

import (
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
)

// AssignAddresses adds secondary addresses to an interface.
type AssignAddresses struct {
	ID        string
	IPv4s     []netip.Addr
	IPv4Count int
	IPv6s     []netip.Addr
	IPv6Count int
}

// Assigned are the addresses that were added.
type Assigned struct{ IPv4s, IPv6s []netip.Addr }

// Apply returns the new addresses.
func (c AssignAddresses) Apply(tx *cloud.Tx) (Assigned, error) {
	n, err := FindInterface(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return Assigned{}, err
	}
	if n.RequesterID != "" {
		return Assigned{}, notYours(n.ID)
	}
	s, ok := Subnets.Get(tx, n.SubnetID)
	if !ok {
		return Assigned{}, noSubnet(n.SubnetID)
	}
	if len(c.IPv4s)+c.IPv4Count+len(c.IPv6s)+c.IPv6Count <= 0 {
		return Assigned{}, cloud.Errorf(cloud.KindMissing, "network-interface", "InvalidParameterCombination",
			"Either addresses or the number of addresses must be specified.")
	}
	had4, had6 := len(n.PrivateIPs), len(n.IPv6s)
	n.PrivateIPs, n.IPv6s = append([]netip.Addr{}, n.PrivateIPs...), append([]netip.Addr{}, n.IPv6s...)
	if err := takeIPv4(tx, &s, &n, notHeld(c.IPv4s, n.PrivateIPs), c.IPv4Count); err != nil {
		return Assigned{}, err
	}
	if err := takeIPv6(tx, &s, &n, notHeld(c.IPv6s, n.IPv6s), c.IPv6Count); err != nil {
		return Assigned{}, err
	}
	Subnets.Put(tx, s)
	NetworkInterfaces.Put(tx, n)
	return Assigned{IPv4s: n.PrivateIPs[had4:], IPv6s: n.IPv6s[had6:]}, nil
}

// notHeld leaves out what the interface has already: to ask again is no error.
func notHeld(wanted, have []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, a := range wanted {
		if !slices.Contains(have, a) {
			out = append(out, a)
		}
	}
	return out
}

// UnassignAddresses takes secondary addresses from an interface.
type UnassignAddresses struct {
	ID        string
	Addresses []netip.Addr
}

// Apply takes all or none.
func (c UnassignAddresses) Apply(tx *cloud.Tx) (cloud.None, error) {
	n, err := FindInterface(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	if n.RequesterID != "" {
		return cloud.None{}, notYours(n.ID)
	}
	for _, a := range c.Addresses {
		switch {
		case len(n.PrivateIPs) > 0 && a == n.PrivateIPs[0]:
			return cloud.None{}, cloud.Errorf(cloud.KindInvalid, "network-interface", "InvalidParameterValue",
				"The primary private IP address [%s] of interface %s cannot be unassigned.", a, n.ID)
		case !slices.Contains(n.PrivateIPs, a) && !slices.Contains(n.IPv6s, a):
			return cloud.None{}, cloud.Errorf(cloud.KindInvalid, "network-interface", "InvalidParameterValue",
				"Some of [%s] are not assigned to interface %s", a, n.ID)
		}
		if a.Is4() {
			unbindAddresses(tx, n.ID, a)
		}
	}
	had := len(n.PrivateIPs)
	n.PrivateIPs, n.IPv6s = notHeld(n.PrivateIPs, c.Addresses), notHeld(n.IPv6s, c.Addresses)
	if s, ok := Subnets.Get(tx, n.SubnetID); ok && had != len(n.PrivateIPs) {
		s.AvailableIPv4 += had - len(n.PrivateIPs)
		Subnets.Put(tx, s)
	}
	NetworkInterfaces.Put(tx, n)
	return cloud.None{}, nil
}

// unbindAddresses frees the Elastic IPs that are bound to an interface's
// private address.
func unbindAddresses(tx *cloud.Tx, interfaceID string, private netip.Addr) {
	for a := range Addresses.By(tx, "interface", interfaceID) {
		if !a.Amazon && a.PrivateIP == private {
			unbind(tx, a)
		}
	}
}
