package spec

import (
	"encoding/binary"
	"net/netip"
)

// The fabric's addresses come from 240.0.0.0/4, which no VPC range can be, and
// from 5f00::/16 (RFC 9602) for IPv6. Numbers are below 1<<24.
const (
	vipBase    = 0xf0000000 // 240.0.0.0 + interface number
	sourceBase = 0xf4000000 // 244.0.0.0 + interface number
	routerBase = 0xf8000000 // 248.0.0.0 + VPC number; 248.0.0.0 is the fabric
)

// FabricPrefix holds every fabric address.
var FabricPrefix = netip.PrefixFrom(ip4(0xf0000000), 4)

// FabricRouter is the fabric's own address on each link to a VPC.
func FabricRouter() netip.Addr { return ip4(routerBase) }

// RouterAddress is a VPC's own address on the fabric.
func RouterAddress(vpcNumber uint32) netip.Addr { return ip4(routerBase + vpcNumber) }

// EndpointVIP is the fabric address of an endpoint's interface.
func EndpointVIP(interfaceNumber uint32) netip.Addr { return ip4(vipBase + interfaceNumber) }

// EndpointSource is the source of an endpoint's interface on the fabric.
func EndpointSource(interfaceNumber uint32) netip.Addr { return ip4(sourceBase + interfaceNumber) }

// EndpointOfVIP returns the number of the interface that has a VIP, of either
// family; false for another address.
func EndpointOfVIP(vip netip.Addr) (interfaceNumber uint32, ok bool) {
	vip = vip.Unmap()
	if vip.Is4() {
		b := vip.As4()
		n := binary.BigEndian.Uint32(b[:]) & 0xffffff
		return n, vip == EndpointVIP(n)
	}
	b := vip.As16()
	n := binary.BigEndian.Uint32(b[12:])
	return n, vip == EndpointVIP6(n)
}

// EndpointVIP6 and EndpointSource6 are the same for IPv6; FabricPrefix6 holds
// them.
func EndpointVIP6(interfaceNumber uint32) netip.Addr    { return ip6(1, interfaceNumber) }
func EndpointSource6(interfaceNumber uint32) netip.Addr { return ip6(2, interfaceNumber) }
func RouterAddress6(vpcNumber uint32) netip.Addr        { return ip6(3, vpcNumber) }

// FabricPrefix6 holds every IPv6 fabric address.
var FabricPrefix6 = netip.PrefixFrom(ip6(0, 0), 16)

func ip4(v uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v)
	return netip.AddrFrom4(b)
}

func ip6(kind byte, v uint32) netip.Addr {
	b := [16]byte{0: 0x5f, 3: kind}
	binary.BigEndian.PutUint32(b[12:], v)
	return netip.AddrFrom16(b)
}
