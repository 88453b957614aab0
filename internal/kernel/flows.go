package kernel

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ResetFlows ends the connections of a VPC that were sent to the targets: the
// next packet of either side is answered with a reset (TCP), or begins a new
// flow (UDP).
func (w *World) ResetFlows(ctx context.Context, vpcID string, targets []netip.AddrPort) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(targets) == 0 {
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
	sent := sentTo{}
	for _, t := range targets {
		sent[t] = true
	}
	var errs []error
	for _, family := range []netlink.InetFamily{unix.AF_INET, unix.AF_INET6} {
		if _, err := h.ConntrackDeleteFilters(netlink.ConntrackTable, family, sent); err != nil {
			errs = append(errs, fmt.Errorf("conntrack of %s: %w", vpcID, err))
		}
	}
	return errors.Join(errs...)
}

// sentTo matches connections by who answers them.
type sentTo map[netip.AddrPort]bool

// MatchConntrackFlow implements netlink.CustomConntrackFilter.
func (s sentTo) MatchConntrackFlow(f *netlink.ConntrackFlow) bool {
	a, _ := netip.AddrFromSlice(f.Reverse.SrcIP)
	return s[netip.AddrPortFrom(a.Unmap(), f.Reverse.SrcPort)]
}
