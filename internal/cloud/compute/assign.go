package compute

import (
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// AssignAddresses adds secondary addresses to an interface, as many as the type
// of its instance allows.
type AssignAddresses struct {
	vpc.AssignAddresses
	// AllowReassignment takes IPv4 addresses from the interfaces that have them as
	// secondary ones, together with their Elastic IPs.
	AllowReassignment bool
}

// Apply returns the new addresses.
func (c AssignAddresses) Apply(tx *cloud.Tx) (vpc.Assigned, error) {
	n, err := vpc.FindInterface(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return vpc.Assigned{}, err
	}
	if err := c.check(tx, n); err != nil {
		return vpc.Assigned{}, err
	}
	moved := map[string]netip.Addr{} // by allocation id
	if c.AllowReassignment {
		for _, a := range c.IPv4s {
			if err := takeFrom(tx, n, a, moved); err != nil {
				return vpc.Assigned{}, err
			}
		}
	}
	out, err := c.AssignAddresses.Apply(tx)
	if err != nil {
		return out, err
	}
	for allocation, private := range moved {
		if _, err := vpc.BindAddress(tx, allocation, n.ID, private, false); err != nil {
			return out, err
		}
	}
	return out, nil
}

// check refuses more addresses than the instance's type allows.
func (c AssignAddresses) check(tx *cloud.Tx, n vpc.NetworkInterface) error {
	if n.Attachment == nil || n.Attachment.InstanceID == "" {
		return nil
	}
	i, ok := Instances.Get(tx, n.Attachment.InstanceID)
	if !ok {
		return nil
	}
	count := func(have, wanted []netip.Addr, picked int) int {
		for _, a := range wanted {
			if !slices.Contains(have, a) {
				picked++
			}
		}
		return len(have) + picked
	}
	return checkAddresses(i.InstanceType, count(n.PrivateIPs, c.IPv4s, c.IPv4Count), count(n.IPv6s, c.IPv6s, c.IPv6Count))
}

// checkAddresses refuses more addresses on an interface than a type allows.
func checkAddresses(kind string, v4, v6 int) error {
	t, ok := FindInstanceType(kind)
	switch {
	case !ok:
	case v4 > t.AddressesPer:
		return cloud.Errorf(cloud.KindLimit, "network-interface", "PrivateIpAddressLimitExceeded",
			"Number of private addresses will exceed limit.")
	case v6 > t.AddressesPer:
		return cloud.Errorf(cloud.KindLimit, "network-interface", "Ipv6AddressLimitExceeded",
			"Number of IPv6 addresses will exceed limit.")
	}
	return nil
}

// takeFrom frees an address that another interface of the VPC has, and notes the
// Elastic IP that comes along.
func takeFrom(tx *cloud.Tx, n vpc.NetworkInterface, a netip.Addr, moved map[string]netip.Addr) error {
	holder, ok := vpc.NetworkInterfaces.First(tx, "address", vpc.AddressKey(n.VPCID, a))
	if !ok || holder.ID == n.ID {
		return nil
	}
	for e := range vpc.Addresses.By(tx, "interface", holder.ID) {
		if !e.Amazon && e.PrivateIP == a {
			moved[e.AllocationID] = a
		}
	}
	_, err := vpc.UnassignAddresses{ID: holder.ID, Addresses: []netip.Addr{a}}.Apply(tx)
	return err
}
