package kernel

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Client returns the real address of a client whose connection came over the
// fabric: its source in the consumer's VPC, where the connection has been
// translated. Source is what the provider sees (the endpoint's address on the
// fabric and a port), destination the endpoint's VIP and the listener's port.
func (w *World) Client(ctx context.Context, vpcID string, source, destination netip.AddrPort) (netip.AddrPort, error) {
	if err := ctx.Err(); err != nil {
		return netip.AddrPort{}, err
	}
	t, err := w.tracker(vpcID)
	if err != nil {
		return netip.AddrPort{}, err
	}
	client, err := t.origin(unmapped(destination), unmapped(source))
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("client of %s in %s: %w", source, vpcID, err)
	}
	return client, nil
}

// unmapped takes an IPv4 address out of an IPv6 one, as some sockets give it.
func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// tracker asks the connection tracking of one namespace.
type tracker struct {
	mu  sync.Mutex
	fd  int // -1 once closed
	seq uint32
	buf []byte
}

// tracker returns the one of a VPC, which it keeps open.
func (w *World) tracker(vpcID string) (*tracker, error) {
	w.trackMu.Lock()
	defer w.trackMu.Unlock()
	if t := w.trackers[vpcID]; t != nil {
		return t, nil
	}
	if w.closed.Load() {
		return nil, errClosed
	}
	ns, err := w.dir.Open(vpcID)
	if err != nil {
		return nil, err
	}
	defer func() { _ = ns.Close() }()
	t := &tracker{fd: -1, buf: make([]byte, 1<<13)}
	err = ns.Do(func() (err error) {
		t.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("conntrack of %s: %w", vpcID, err)
	}
	w.trackers[vpcID] = t
	return t, nil
}

// tracked are the VPCs that have a tracker.
func (w *World) tracked() map[string]*tracker {
	w.trackMu.Lock()
	defer w.trackMu.Unlock()
	return maps.Clone(w.trackers)
}

// untrack closes the VPC's tracker, whose socket would keep the namespace.
func (w *World) untrack(vpcID string) {
	w.trackMu.Lock()
	t := w.trackers[vpcID]
	delete(w.trackers, vpcID)
	w.trackMu.Unlock()
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = unix.Close(t.fd)
	t.fd = -1
}

// Messages and attributes of connection tracking.
const (
	trackGet        = unix.NFNL_SUBSYS_CTNETLINK<<8 | 1 // IPCTNL_MSG_CT_GET
	tupleOriginal   = 1                                 // CTA_TUPLE_ORIG
	tupleReply      = 2                                 // CTA_TUPLE_REPLY
	tupleIP         = 1                                 // CTA_TUPLE_IP
	tupleProto      = 2                                 // CTA_TUPLE_PROTO
	ipSource4       = 1                                 // CTA_IP_V4_SRC, then _DST
	ipSource6       = 3                                 // CTA_IP_V6_SRC, then _DST
	protoNumber     = 1                                 // CTA_PROTO_NUM
	protoSource     = 2                                 // CTA_PROTO_SRC_PORT
	protoTarget     = 3                                 // CTA_PROTO_DST_PORT
	netlinkHeader   = unix.NLMSG_HDRLEN
	netfilterHeader = 4
)

// origin returns the original source of the TCP connection whose answers go from
// one address to another.
func (t *tracker) origin(from, to netip.AddrPort) (netip.AddrPort, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fd < 0 {
		return netip.AddrPort{}, errClosed
	}
	t.seq++
	if err := unix.Sendto(t.fd, trackRequest(t.seq, from, to), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return netip.AddrPort{}, err
	}
	for {
		// The answer is there already: the kernel works while it is sent to.
		n, _, err := unix.Recvfrom(t.fd, t.buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return netip.AddrPort{}, err
		}
		b := t.buf[:n]
		if len(b) < netlinkHeader+netfilterHeader || binary.NativeEndian.Uint32(b[8:]) != t.seq {
			continue
		}
		if binary.NativeEndian.Uint16(b[4:]) == unix.NLMSG_ERROR {
			code := syscall.Errno(-int32(binary.NativeEndian.Uint32(b[netlinkHeader:])))
			if code == unix.ENOENT {
				return netip.AddrPort{}, fs.ErrNotExist
			}
			return netip.AddrPort{}, code
		}
		return originalSource(b[netlinkHeader+netfilterHeader:])
	}
}

// trackRequest asks for one connection, by the addresses of its answers.
func trackRequest(seq uint32, from, to netip.AddrPort) []byte {
	family, address := byte(unix.AF_INET), uint16(ipSource4)
	if from.Addr().Is6() {
		family, address = unix.AF_INET6, ipSource6
	}
	ip := attribute(attribute(nil, address, from.Addr().AsSlice()), address+1, to.Addr().AsSlice())
	proto := attribute(nil, protoNumber, []byte{unix.IPPROTO_TCP})
	proto = attribute(proto, protoSource, binary.BigEndian.AppendUint16(nil, from.Port()))
	proto = attribute(proto, protoTarget, binary.BigEndian.AppendUint16(nil, to.Port()))
	tuple := attribute(attribute(nil, tupleIP|unix.NLA_F_NESTED, ip), tupleProto|unix.NLA_F_NESTED, proto)
	b := make([]byte, netlinkHeader, 128)
	b = append(b, family, unix.NFNETLINK_V0, 0, 0)
	b = attribute(b, tupleReply|unix.NLA_F_NESTED, tuple)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], trackGet)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST)
	binary.NativeEndian.PutUint32(b[8:], seq)
	return b
}

func attribute(b []byte, kind uint16, data []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(4+len(data)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, data...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// originalSource reads the source of a connection's original tuple.
func originalSource(b []byte) (netip.AddrPort, error) {
	tuple := find(b, tupleOriginal)
	ip, proto := find(tuple, tupleIP), find(tuple, tupleProto)
	address := find(ip, ipSource4)
	if address == nil {
		address = find(ip, ipSource6)
	}
	a, ok := netip.AddrFromSlice(address)
	port := find(proto, protoSource)
	if !ok || len(port) != 2 {
		return netip.AddrPort{}, errors.New("an answer without a source")
	}
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(port)), nil
}

// find returns the content of an attribute, nil if it is not there.
func find(b []byte, kind uint16) []byte {
	for len(b) >= 4 {
		size := int(binary.NativeEndian.Uint16(b))
		if size < 4 || size > len(b) {
			return nil
		}
		if binary.NativeEndian.Uint16(b[2:])&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER) == kind {
			return b[4:size]
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return nil
}
