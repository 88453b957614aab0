package nft

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Datatype is the type of a field of a key or of a value.
type Datatype struct {
	name string
	size int
	id   uint32 // as the nft program numbers them
	host bool   // in the host's byte order
	text func([]byte) string
}

// The data types in use.
var (
	IPv4    = Datatype{name: "ipv4_addr", size: 4, id: 7, text: addrText}
	IPv6    = Datatype{name: "ipv6_addr", size: 16, id: 8, text: addrText}
	Proto   = Datatype{name: "inet_proto", size: 1, id: 12, text: intText}
	Service = Datatype{name: "inet_service", size: 2, id: 13, text: intText}
	Mark    = Datatype{name: "mark", size: 4, id: 19, host: true, text: markText}
	Integer = Datatype{name: "integer", size: 4, id: 4, host: true, text: markText}
	IfName  = Datatype{name: "ifname", size: 16, id: 41, host: true, text: nameText}
)

// IP is IPv4 or IPv6.
func IP(v6 bool) Datatype {
	if v6 {
		return IPv6
	}
	return IPv4
}

func addrText(b []byte) string {
	a, _ := netip.AddrFromSlice(b)
	return a.String()
}

func intText(b []byte) string {
	v := 0
	for _, x := range b {
		v = v<<8 | int(x)
	}
	return fmt.Sprint(v)
}

func markText(b []byte) string { return fmt.Sprint(binary.NativeEndian.Uint32(b)) }

func nameText(b []byte) string { return fmt.Sprintf("%q", bytes.TrimRight(b, "\x00")) }

func padded(size int) int { return (size + 3) &^ 3 }

func length(types []Datatype) (n int) {
	for _, t := range types {
		n += padded(t.size)
	}
	return n
}

// magic is the number by which the nft program knows a concatenation.
func magic(types []Datatype) (id uint32) {
	for _, t := range types {
		id = id<<6 | t.id
	}
	return id
}

func names(types []Datatype) string { return join(types, func(t Datatype) string { return t.name }) }

// text prints a key or value; with an end, the fields' ranges.
func text(types []Datatype, key, end []byte) string {
	at := 0
	return join(types, func(t Datatype) string {
		low := t.text(key[at : at+t.size])
		if end != nil {
			if high := t.text(end[at : at+t.size]); high != low {
				low += "-" + high
			}
		}
		at += padded(t.size)
		return low
	})
}

func join(types []Datatype, f func(Datatype) string) string {
	var b bytes.Buffer
	for i, t := range types {
		if i > 0 {
			b.WriteString(" . ")
		}
		b.WriteString(f(t))
	}
	return b.String()
}

// Key joins the fields of a concatenation, each padded to four bytes.
func Key(fields ...[]byte) []byte {
	n := 0
	for _, f := range fields {
		n += padded(len(f))
	}
	out := make([]byte, 0, n)
	for _, f := range fields {
		out = append(out, f...)
		for len(out)%4 != 0 {
			out = append(out, 0)
		}
	}
	return out
}

// U16 is a port, in network order.
func U16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }

// U32 is a mark or an index, in the host's order.
func U32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

// Name is the name of a link.
func Name(s string) []byte {
	b := make([]byte, 16)
	copy(b, s)
	return b
}

// Last is the last address of a prefix.
func Last(p netip.Prefix) []byte {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return b
}
