package nft

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Rule is a line of a chain.
type Rule struct {
	text  string
	exprs []any // expr.Any or raw
}

// Part is a piece of a rule: a match or a statement.
type Part struct {
	text  string
	exprs []any
}

// raw is an expression that google/nftables does not have.
type raw struct {
	name string
	data func(a *attributes)
}

// R makes a rule of its parts.
func R(parts ...Part) Rule {
	r := Rule{}
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.text
		r.exprs = append(r.exprs, p.exprs...)
	}
	r.text = strings.Join(texts, " ")
	return r
}

// reg0 is the first of the sixteen four-byte registers.
const reg0 = 8

// Field is something of a packet, its connection or its path that can be
// compared and looked up.
type Field struct {
	text string
	size int
	load func(reg uint32) []any
}

// field is a Field that one expression loads.
func field(text string, size int, load func(reg uint32) expr.Any) Field {
	return Field{text, size, func(reg uint32) []any { return []any{load(reg)} }}
}

func metaField(text string, size int, key expr.MetaKey) Field {
	return field(text, size, func(reg uint32) expr.Any { return &expr.Meta{Key: key, Register: reg} })
}

func payloadField(text string, base expr.PayloadBase, offset, size uint32) Field {
	return field(text, int(size), func(reg uint32) expr.Any {
		return &expr.Payload{DestRegister: reg, Base: base, Offset: offset, Len: size}
	})
}

// IIF is the name of the link that a packet comes from.
func IIF() Field { return metaField("iifname", 16, expr.MetaKeyIIFNAME) }

// OIF is the name of the link that a packet leaves by.
func OIF() Field { return metaField("oifname", 16, expr.MetaKeyOIFNAME) }

// L4 is the transport protocol.
func L4() Field { return metaField("meta l4proto", 1, expr.MetaKeyL4PROTO) }

// SPort is the source port.
func SPort() Field { return payloadField("th sport", expr.PayloadBaseTransportHeader, 0, 2) }

// DPort is the destination port.
func DPort() Field { return payloadField("th dport", expr.PayloadBaseTransportHeader, 2, 2) }

// ICMPKey is the type and code of an ICMP message, as one number.
func ICMPKey() Field { return payloadField("icmp type . code", expr.PayloadBaseTransportHeader, 0, 2) }

// SAddr is the source address; the rule must choose the family.
func SAddr(v6 bool) Field {
	if v6 {
		return payloadField("ip6 saddr", expr.PayloadBaseNetworkHeader, 8, 16)
	}
	return payloadField("ip saddr", expr.PayloadBaseNetworkHeader, 12, 4)
}

// DAddr is the destination address; the rule must choose the family.
func DAddr(v6 bool) Field {
	if v6 {
		return payloadField("ip6 daddr", expr.PayloadBaseNetworkHeader, 24, 16)
	}
	return payloadField("ip daddr", expr.PayloadBaseNetworkHeader, 16, 4)
}

// OriginalDAddr is what the connection's first packet was sent to, before any
// translation. The key that depends on the family is used: the one that does
// not is 16 bytes wide, and lets an IPv6 address match an IPv4 set.
func OriginalDAddr(v6 bool) Field {
	key, name, size := expr.CtKeyDSTIP, "ct original ip daddr", 4
	if v6 {
		key, name, size = expr.CtKeyDSTIP6, "ct original ip6 daddr", 16
	}
	return field(name, size, func(reg uint32) expr.Any { return &expr.Ct{Key: key, Register: reg} })
}

// NextHop is the IPv4 gateway that the packet's route leads by.
func NextHop() Field {
	return field("rt ip nexthop", 4, func(reg uint32) expr.Any { return &expr.Rt{Key: expr.RtNexthop4, Register: reg} })
}

// PacketMark is the mark of the packet.
func PacketMark() Field { return metaField("meta mark", 4, expr.MetaKeyMARK) }

// ConnectionMark is the mark of the packet's connection.
func ConnectionMark() Field {
	return field("ct mark", 4, func(reg uint32) expr.Any { return &expr.Ct{Key: expr.CtKeyMARK, Register: reg} })
}

// Mapped is what the map has for the field, of the same size; a rule with it
// does not match if the map has nothing.
func Mapped(f Field, set string) Field {
	return Field{f.text + " map @" + set, f.size, func(reg uint32) []any {
		return append(f.load(reg), &expr.Lookup{SourceRegister: reg, SetName: set, DestRegister: reg, IsDestRegSet: true})
	}}
}

// MappedTo is what the map has for the field, of the size of another.
func MappedTo(f Field, set string, like Field) Field {
	m := Mapped(f, set)
	m.size = like.size
	return m
}

// load puts fields into registers, one after the other.
func load(fields []Field) (text string, exprs []any) {
	reg := uint32(reg0)
	texts := make([]string, len(fields))
	for i, f := range fields {
		texts[i] = f.text
		exprs = append(exprs, f.load(reg)...)
		reg += uint32(padded(f.size) / 4)
	}
	return strings.Join(texts, " . "), exprs
}

// Is compares a field.
func Is(f Field, value []byte, text string) Part {
	return Part{f.text + " " + text, append(f.load(reg0), &expr.Cmp{Op: expr.CmpOpEq, Register: reg0, Data: value})}
}

// Not compares a field for inequality.
func Not(f Field, value []byte, text string) Part {
	return Part{f.text + " != " + text, append(f.load(reg0), &expr.Cmp{Op: expr.CmpOpNeq, Register: reg0, Data: value})}
}

// From matches packets that come from a link.
func From(link string) Part { return Is(IIF(), Name(link), fmt.Sprintf("%q", link)) }

// To matches packets that leave by a link.
func To(link string) Part { return Is(OIF(), Name(link), fmt.Sprintf("%q", link)) }

// Family matches packets of IPv4 or IPv6.
func Family(v6 bool) Part {
	p, name := byte(unix.NFPROTO_IPV4), "ipv4"
	if v6 {
		p, name = unix.NFPROTO_IPV6, "ipv6"
	}
	return Is(metaField("meta nfproto", 1, expr.MetaKeyNFPROTO), []byte{p}, name)
}

// Protocol matches a transport protocol.
func Protocol(p byte) Part { return Is(L4(), []byte{p}, fmt.Sprint(p)) }

// Within matches an address field that is in the prefix.
func Within(f Field, p netip.Prefix) Part {
	size := len(p.Addr().AsSlice())
	mask := make([]byte, size)
	for i := range p.Bits() {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	return Part{f.text + " " + p.String(), append(f.load(reg0), masked(mask),
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg0, Data: p.Masked().Addr().AsSlice()})}
}

func masked(mask []byte) *expr.Bitwise {
	return &expr.Bitwise{SourceRegister: reg0, DestRegister: reg0, Len: uint32(len(mask)), Mask: mask, Xor: make([]byte, len(mask))}
}

// anyBit matches if the field has one of the bits.
func anyBit(text string, load expr.Any, bits []byte) Part {
	return Part{text, []any{load, masked(bits), &expr.Cmp{Op: expr.CmpOpNeq, Register: reg0, Data: make([]byte, len(bits))}}}
}

// Established matches packets of a connection that was let through before, and
// errors about one.
func Established() Part {
	return anyBit("ct state established,related", &expr.Ct{Key: expr.CtKeySTATE, Register: reg0},
		U32(expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED))
}

// Invalid matches packets that belong to no connection and cannot begin one.
func Invalid() Part {
	return anyBit("ct state invalid", &expr.Ct{Key: expr.CtKeySTATE, Register: reg0}, U32(expr.CtStateBitINVALID))
}

// Assured matches packets of a connection that both sides have confirmed: of
// TCP, none that has the SYN flag.
func Assured() Part {
	return anyBit("ct status assured", &expr.Ct{Key: expr.CtKeySTATUS, Register: reg0}, U32(0x4))
}

// Translated matches connections whose destination was rewritten.
func Translated() Part {
	return anyBit("ct status dnat", &expr.Ct{Key: expr.CtKeySTATUS, Register: reg0}, U32(0x20))
}

// Reply matches packets against the direction of their connection.
func Reply() Part {
	return Part{"ct direction reply", []any{
		&expr.Ct{Key: expr.CtKeyDIRECTION, Register: reg0}, &expr.Cmp{Op: expr.CmpOpEq, Register: reg0, Data: []byte{1}},
	}}
}

// Marked matches connections that have the bit in their mark.
func Marked(bit uint32) Part {
	return anyBit(fmt.Sprintf("ct mark & %d != 0", bit), &expr.Ct{Key: expr.CtKeyMARK, Register: reg0}, U32(bit))
}

// Flags of TCP.
const (
	SYN = 0x02
	RST = 0x04
)

// TCPFlag matches TCP packets with the flag.
func TCPFlag(flag byte, name string) Part {
	p := anyBit("tcp flags "+name, &expr.Payload{DestRegister: reg0, Base: expr.PayloadBaseTransportHeader, Offset: 13, Len: 1}, []byte{flag})
	tcp := Protocol(unix.IPPROTO_TCP)
	return Part{tcp.text + " " + p.text, append(tcp.exprs, p.exprs...)}
}

// NeighbourDiscovery matches IPv6 neighbour discovery on the link: routers do
// not forward packets that keep a hop limit of 255.
func NeighbourDiscovery() Part {
	return Part{"meta nfproto ipv6 icmpv6 type 133-137 ip6 hoplimit 255", []any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: reg0},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg0, Data: []byte{unix.NFPROTO_IPV6}},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: reg0},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg0, Data: []byte{unix.IPPROTO_ICMPV6}},
		&expr.Payload{DestRegister: reg0, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 1},
		&expr.Cmp{Op: expr.CmpOpGte, Register: reg0, Data: []byte{133}},
		&expr.Cmp{Op: expr.CmpOpLte, Register: reg0, Data: []byte{137}},
		&expr.Payload{DestRegister: reg0, Base: expr.PayloadBaseNetworkHeader, Offset: 7, Len: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg0, Data: []byte{255}},
	}}
}
