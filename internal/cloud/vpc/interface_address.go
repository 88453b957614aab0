package vpc

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"

	"github.com/musubi-net/musubi/internal/cloud"
)

// reservedHead addresses at a subnet's start belong to AWS (network, router,
// DNS, future), and so does the last one.
const reservedHead = 4

// takeIPv4 adds the wanted and count picked addresses to n and keeps the
// subnet's book. It changes s and n only; the caller stores them.
func takeIPv4(tx *cloud.Tx, s *Subnet, n *NetworkInterface, wanted []netip.Addr, count int) error {
	if len(wanted)+count > s.AvailableIPv4 {
		return subnetFull()
	}
	had := len(n.PrivateIPs)
	taken := map[netip.Addr]bool{}
	for _, a := range n.PrivateIPs {
		taken[a] = true
	}
	for _, a := range wanted {
		if err := wantedAddress(tx, s.VPCID, s.CIDR, a); err != nil {
			return err
		}
		if taken[a] {
			return addressInUse(a)
		}
		taken[a] = true
		n.PrivateIPs = append(n.PrivateIPs, a)
	}
	for range count {
		a, err := pickIPv4(tx, s, taken)
		if err != nil {
			return err
		}
		taken[a] = true
		n.PrivateIPs = append(n.PrivateIPs, a)
	}
	s.AvailableIPv4 -= len(n.PrivateIPs) - had
	return nil
}

// pickPrimary gives n its first address, but none of those that it wants as
// secondary ones.
func pickPrimary(tx *cloud.Tx, s *Subnet, n *NetworkInterface, wanted []netip.Addr) error {
	if s.AvailableIPv4 < 1 {
		return subnetFull()
	}
	taken := map[netip.Addr]bool{}
	for _, a := range wanted {
		taken[a] = true
	}
	a, err := pickIPv4(tx, s, taken)
	if err != nil {
		return err
	}
	n.PrivateIPs = append(n.PrivateIPs, a)
	s.AvailableIPv4--
	return nil
}

// pickIPv4 walks on from the subnet's hint, so that it scans only when the
// subnet is nearly full, and a freed address is not given again at once.
func pickIPv4(tx *cloud.Tx, s *Subnet, taken map[netip.Addr]bool) (netip.Addr, error) {
	base := binary.BigEndian.Uint32(s.CIDR.Masked().Addr().AsSlice())
	size := uint32(1) << (32 - s.CIDR.Bits())
	for range size {
		off := s.NextAddress
		if off < reservedHead || off >= size-1 {
			off = reservedHead
		}
		s.NextAddress = off + 1
		a := addr4(base + off)
		if !taken[a] && !addressHeld(tx, s.VPCID, a) {
			return a, nil
		}
	}
	return netip.Addr{}, subnetFull()
}

func addr4(v uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v)
	return netip.AddrFrom4(b)
}

// takeIPv6 adds the wanted and count picked IPv6 addresses to n.
func takeIPv6(tx *cloud.Tx, s *Subnet, n *NetworkInterface, wanted []netip.Addr, count int) error {
	if len(wanted) == 0 && count == 0 {
		return nil
	}
	if len(s.IPv6CIDRs) == 0 {
		return cloud.Errorf(cloud.KindInvalid, "network-interface", "InvalidParameterValue",
			"The subnet '%s' does not have an IPv6 CIDR block associated with it.", s.ID)
	}
	block := s.IPv6CIDRs[0].Prefix
	taken := map[netip.Addr]bool{}
	for _, a := range wanted {
		if err := wantedAddress(tx, s.VPCID, block, a); err != nil {
			return err
		}
		if taken[a] {
			return addressInUse(a)
		}
		taken[a] = true
		n.IPv6s = append(n.IPv6s, a)
	}
	for range count {
		a := pickIPv6(tx, s.VPCID, block, taken)
		taken[a] = true
		n.IPv6s = append(n.IPv6s, a)
	}
	return nil
}

// pickIPv6 draws host parts until one is free: the first draw, in practice.
func pickIPv6(tx *cloud.Tx, vpcID string, block netip.Prefix, taken map[netip.Addr]bool) netip.Addr {
	for {
		host, err := hex.DecodeString(tx.IDs.Hex(16))
		if err != nil {
			panic("vpc: identifier source: " + err.Error())
		}
		b := block.Masked().Addr().As16()
		for i, h := range host {
			b[8+i] |= h
		}
		a := netip.AddrFrom16(b)
		if block.Contains(a) && !reserved(block, a) && !taken[a] && !addressHeld(tx, vpcID, a) {
			return a
		}
	}
}

func wantedAddress(r cloud.Reader, vpcID string, block netip.Prefix, a netip.Addr) error {
	switch {
	case !block.Contains(a):
		return cloud.Errorf(cloud.KindInvalid, "address", "InvalidParameterValue",
			"Address %s does not fall within the subnet's address range", a)
	case reserved(block, a):
		return cloud.Errorf(cloud.KindInvalid, "address", "InvalidParameterValue",
			"Address %s is in subnet's reserved address range", a)
	case addressHeld(r, vpcID, a):
		return addressInUse(a)
	}
	return nil
}

func reserved(block netip.Prefix, a netip.Addr) bool {
	x := block.Masked().Addr()
	for range reservedHead {
		if a == x {
			return true
		}
		x = x.Next()
	}
	return !block.Contains(a.Next())
}

func addressHeld(r cloud.Reader, vpcID string, a netip.Addr) bool {
	_, held := NetworkInterfaces.First(r, "address", AddressKey(vpcID, a))
	return held
}

func addressInUse(a netip.Addr) error {
	return cloud.Errorf(cloud.KindInUse, "address", "InvalidIPAddress.InUse", "Address %s is in use.", a)
}

func subnetFull() error {
	return cloud.Errorf(cloud.KindLimit, "subnet", "InsufficientFreeAddressesInSubnet",
		"The specified subnet does not have enough free addresses to satisfy the request.")
}
