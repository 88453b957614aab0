package nft

import (
	"fmt"
	"net/netip"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Do is a verdict.
func Do(v Verdict) Part {
	return Part{v.String(), []any{&expr.Verdict{Kind: expr.VerdictKind(v.Kind), Chain: v.Chain}}}
}

// In matches if the fields are in the set.
func In(set string, fields ...Field) Part {
	text, exprs := load(fields)
	return Part{text + " @" + set, append(exprs, &expr.Lookup{SourceRegister: reg0, SetName: set})}
}

// InMap matches if the fields are a key of the map.
func InMap(set string, fields ...Field) Part {
	text, exprs := load(fields)
	return Part{text + " in @" + set, append(exprs, lookup(set))}
}

func lookup(set string) *expr.Lookup {
	return &expr.Lookup{SourceRegister: reg0, SetName: set, DestRegister: reg0, IsDestRegSet: true}
}

// VMap follows the verdict that a verdict map has for the fields, if any.
func VMap(set string, fields ...Field) Part {
	text, exprs := load(fields)
	return Part{text + " vmap @" + set, append(exprs, &expr.Lookup{SourceRegister: reg0, SetName: set, IsDestRegSet: true})}
}

// SetMark marks the packet with what the map has for the fields.
func SetMark(set string, fields ...Field) Part {
	text, exprs := load(fields)
	return Part{"meta mark set " + text + " map @" + set, append(exprs, lookup(set),
		&expr.Meta{Key: expr.MetaKeyMARK, Register: reg0, SourceRegister: true})}
}

// MarkPacket marks the packet.
func MarkPacket(mark uint32) Part {
	return Part{fmt.Sprintf("meta mark set %d", mark), []any{
		&expr.Immediate{Register: reg0, Data: U32(mark)},
		&expr.Meta{Key: expr.MetaKeyMARK, Register: reg0, SourceRegister: true},
	}}
}

// MarkConnection adds a bit to the connection's mark.
func MarkConnection(bit uint32) Part {
	return Part{fmt.Sprintf("ct mark set ct mark | %d", bit), []any{
		&expr.Ct{Key: expr.CtKeyMARK, Register: reg0},
		&expr.Bitwise{SourceRegister: reg0, DestRegister: reg0, Len: 4, Mask: U32(^bit), Xor: U32(bit)},
		&expr.Ct{Key: expr.CtKeyMARK, Register: reg0, SourceRegister: true},
	}}
}

// KeepMark gives the connection the packet's mark.
func KeepMark() Part {
	return Part{"ct mark set meta mark", []any{
		&expr.Meta{Key: expr.MetaKeyMARK, Register: reg0},
		&expr.Ct{Key: expr.CtKeyMARK, Register: reg0, SourceRegister: true},
	}}
}

// DNAT sends the connection to the address that the map has for the fields.
func DNAT(v6 bool, set string, fields ...Field) Part {
	return translate(expr.NATTypeDestNAT, "dnat", v6, set, fields)
}

// SNAT gives the connection the source that the map has for the fields.
func SNAT(v6 bool, set string, fields ...Field) Part {
	return translate(expr.NATTypeSourceNAT, "snat", v6, set, fields)
}

// SNATPorts gives the connection the source that the map has for the fields: an
// IPv4 address and, of TCP, UDP and ICMP, a port from the first to the last that
// follow it.
func SNATPorts(set string, fields ...Field) Part {
	text, exprs := load(fields)
	return Part{fmt.Sprintf("snat to %s map @%s, with ports", text, set), append(exprs, lookup(set),
		&expr.NAT{Type: expr.NATTypeSourceNAT, Family: nfproto(false), RegAddrMin: reg0, RegProtoMin: reg0 + 1, RegProtoMax: reg0 + 2, Specified: true})}
}

func translate(kind expr.NATType, name string, v6 bool, set string, fields []Field) Part {
	text, exprs := load(fields)
	return Part{fmt.Sprintf("%s to %s map @%s", name, text, set),
		append(exprs, lookup(set), &expr.NAT{Type: kind, Family: nfproto(v6), RegAddrMin: reg0})}
}

func nfproto(v6 bool) uint32 {
	if v6 {
		return unix.NFPROTO_IPV6
	}
	return unix.NFPROTO_IPV4
}

// DNATTo sends the connection to one address and port.
func DNATTo(a netip.AddrPort) Part {
	v6, port := a.Addr().Is6(), uint32(reg0+len(a.Addr().AsSlice())/4)
	return Part{"dnat to " + a.String(), []any{
		&expr.Immediate{Register: reg0, Data: a.Addr().AsSlice()},
		&expr.Immediate{Register: port, Data: U16(a.Port())},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: nfproto(v6), RegAddrMin: reg0, RegProtoMin: port, Specified: true},
	}}
}

// Balance sends the connection to the address and port that the map has at a
// slot, chosen by a hash over both addresses and ports; sticky, over the source
// address only.
func Balance(v6 bool, set string, slots, seed uint32, sticky bool) Part {
	fields := []Field{SAddr(v6), SPort(), DAddr(v6), DPort()}
	if sticky {
		fields = fields[:1]
	}
	text, exprs := load(fields)
	size := 0
	for _, f := range fields {
		size += padded(f.size)
	}
	addr := uint32(SAddr(v6).size / 4)
	exprs = append(exprs,
		&expr.Hash{Type: expr.HashTypeJenkins, SourceRegister: reg0, DestRegister: reg0, Length: uint32(size), Modulus: slots, Seed: seed},
		lookup(set),
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: nfproto(v6), RegAddrMin: reg0, RegProtoMin: reg0 + addr, Specified: true})
	return Part{fmt.Sprintf("dnat to jhash %s mod %d seed %#x map @%s", text, slots, seed, set), exprs}
}

// SetTimeout gives a connection that begins the timeouts that the map has for
// the fields, if any.
func SetTimeout(set string, fields ...Field) Part {
	text, exprs := load(fields)
	return Part{"ct timeout set " + text + " map @" + set, append(exprs, raw{"objref", func(a *attributes) {
		a.u32(unix.NFTA_OBJREF_SET_SREG, reg0)
		a.text(unix.NFTA_OBJREF_SET_NAME, set)
	}})}
}

// Reset answers a TCP packet with a reset.
func Reset() Part {
	return Part{"reject with tcp reset", []any{&expr.Reject{Type: unix.NFT_REJECT_TCP_RST}}}
}

// ClampMSS lowers the largest segment that a TCP handshake announces to what the
// packet's route carries.
func ClampMSS() Part {
	return Part{"tcp option maxseg size set rt mtu", []any{
		&expr.Rt{Register: reg0, Key: expr.RtTCPMSS},
		&expr.Byteorder{SourceRegister: reg0, DestRegister: reg0, Op: expr.ByteorderHton, Len: 2, Size: 2},
		&expr.Exthdr{SourceRegister: reg0, Type: 2, Offset: 2, Len: 2, Op: expr.ExthdrOpTcpopt},
	}}
}

// Intercept hands the packet, of a protocol that must have been matched, to the
// transparent socket on an IPv4 address and port of this namespace, or to the
// connection of one; without a socket the rule ends. The packet keeps its
// destination, so that a mark and a route must lead it here.
func Intercept(a netip.AddrPort) Part {
	return Part{"tproxy ip to " + a.String(), []any{
		&expr.Immediate{Register: reg0, Data: a.Addr().AsSlice()},
		&expr.Immediate{Register: reg0 + 1, Data: U16(a.Port())},
		&expr.TProxy{Family: unix.NFPROTO_IPV4, TableFamily: unix.NFPROTO_INET, RegAddr: reg0, RegPort: reg0 + 1},
	}}
}
