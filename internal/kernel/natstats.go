package kernel

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// Statistics of connection tracking.
const (
	trackStats   = unix.NFNL_SUBSYS_CTNETLINK<<8 | 4 // IPCTNL_MSG_CT_GET_STATS_CPU
	insertFailed = 9                                 // CTA_STATS_INSERT_FAILED
)

// PortErrors counts the packets in a VPC that would have begun a connection, and
// were dropped because whoever translates them (a NAT gateway, an endpoint, a load
// balancer's node) had no port left for their destination: AWS's
// ErrorPortAllocation. It grows as long as the VPC's namespace exists.
func (w *World) PortErrors(ctx context.Context, vpcID string) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	t, err := w.tracker(vpcID)
	if err != nil {
		return 0, err
	}
	n, err := t.stat(insertFailed)
	if err != nil {
		return 0, fmt.Errorf("statistics of %s: %w", vpcID, err)
	}
	return n, nil
}

// stat sums a number over all processors.
func (t *tracker) stat(kind uint16) (sum uint64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fd < 0 {
		return 0, errClosed
	}
	t.seq++
	b := make([]byte, netlinkHeader, netlinkHeader+netfilterHeader)
	b = append(b, unix.AF_UNSPEC, unix.NFNETLINK_V0, 0, 0)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], trackStats)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	binary.NativeEndian.PutUint32(b[8:], t.seq)
	if err := unix.Sendto(t.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, err
	}
	for {
		n, _, err := unix.Recvfrom(t.fd, t.buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, err
		}
		for b := t.buf[:n]; len(b) >= netlinkHeader+netfilterHeader; {
			size := int(binary.NativeEndian.Uint32(b))
			if size < netlinkHeader+netfilterHeader || size > len(b) {
				break
			}
			if binary.NativeEndian.Uint32(b[8:]) == t.seq {
				switch binary.NativeEndian.Uint16(b[4:]) {
				case unix.NLMSG_DONE:
					return sum, nil
				case unix.NLMSG_ERROR:
					return 0, syscall.Errno(-int32(binary.NativeEndian.Uint32(b[netlinkHeader:])))
				}
				if v := find(b[netlinkHeader+netfilterHeader:size], kind); len(v) == 4 {
					sum += uint64(binary.BigEndian.Uint32(v))
				}
			}
			b = b[min((size+3)&^3, len(b)):]
		}
	}
}
