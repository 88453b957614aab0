package l4

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// Parts of a proxy protocol v2 header.
const (
	proxySignature = "\r\n\r\n\x00\r\nQUIT\n"
	proxyCommand   = 0x21 // version 2, PROXY
	proxyTCP4      = 0x11
	proxyTCP6      = 0x21

	tlvCRC32C   = 0x03
	tlvAWS      = 0xEA
	tlvEndpoint = 0x01 // subtype of tlvAWS
)

// proxyHeader is a proxy protocol v2 header: who connected, to what, with a
// checksum, and by which endpoint, if by one.
func proxyHeader(client, node netip.AddrPort, endpoint string) []byte {
	out := append(make([]byte, 0, 128), proxySignature...)
	var places []byte
	family := byte(proxyTCP4)
	if client.Addr().Is4() && node.Addr().Is4() {
		places = append(client.Addr().AsSlice(), node.Addr().AsSlice()...)
	} else {
		family = proxyTCP6
		from, to := client.Addr().As16(), node.Addr().As16()
		places = append(from[:], to[:]...)
	}
	out = append(out, proxyCommand, family, 0, 0)
	length := len(out) - 2
	out = append(out, places...)
	out = binary.BigEndian.AppendUint16(out, client.Port())
	out = binary.BigEndian.AppendUint16(out, node.Port())
	out = append(out, tlvCRC32C, 0, 4, 0, 0, 0, 0)
	sum := len(out) - 4
	if endpoint != "" {
		out = append(out, tlvAWS)
		out = binary.BigEndian.AppendUint16(out, uint16(1+len(endpoint)))
		out = append(append(out, tlvEndpoint), endpoint...)
	}
	binary.BigEndian.PutUint16(out[length:], uint16(len(out)-length-2))
	// The checksum is that of the header with zeros in its place.
	binary.BigEndian.PutUint32(out[sum:], crc32.Checksum(out, crc32.MakeTable(crc32.Castagnoli)))
	return out
}
