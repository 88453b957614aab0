package kernel

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/spec"
)

// ResetFlows ends connections of a VPC: the next packet of either side is answered
// with a reset (TCP), or begins a new flow (UDP).
func (w *World) ResetFlows(ctx context.Context, vpcID string, flows []spec.Flow) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(flows) == 0 {
		return nil
	}
	ns, err := w.dir.Open(vpcID)
	if err != nil {
		return err
	}
	defer func() { _ = ns.Close() }()
	var h *netlink.Handle
	err = ns.Do(func() (err error) { h, err = netlink.NewHandle(unix.NETLINK_NETFILTER); return err })
	if err != nil {
		return fmt.Errorf("conntrack of %s: %w", vpcID, err)
	}
	defer h.Close()
	named := flowSet{}
	for _, f := range flows {
		named[f] = true
	}
	var errs []error
	for _, family := range []netlink.InetFamily{unix.AF_INET, unix.AF_INET6} {
		if _, err := h.ConntrackDeleteFilters(netlink.ConntrackTable, family, named); err != nil {
			errs = append(errs, fmt.Errorf("conntrack of %s: %w", vpcID, err))
		}
	}
	return errors.Join(errs...)
}

// flowSet matches connections by where they were sent and who answers them.
type flowSet map[spec.Flow]bool

// MatchConntrackFlow implements netlink.CustomConntrackFilter.
func (s flowSet) MatchConntrackFlow(f *netlink.ConntrackFlow) bool {
	to, _ := netip.AddrFromSlice(f.Forward.DstIP)
	by, _ := netip.AddrFromSlice(f.Reverse.SrcIP)
	return s[spec.Flow{
		Entrance: netip.AddrPortFrom(to.Unmap(), f.Forward.DstPort),
		Protocol: int(f.Forward.Protocol),
		Target:   netip.AddrPortFrom(by.Unmap(), f.Reverse.SrcPort),
	}]
}
