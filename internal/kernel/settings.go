package kernel

import (
	"errors"

	"github.com/musubi-net/musubi/internal/kernel/link"
	"github.com/musubi-net/musubi/internal/kernel/netns"
)

// routerSettings are those of a namespace that routes. A new namespace inherits
// the host's values, so that each that matters is set. Links made later take the
// defaults.
func routerSettings(vpc bool) []netns.Setting {
	check := "0"
	if vpc {
		check = "1"
	}
	settings := []netns.Setting{
		{Path: "net/ipv6/conf/all/disable_ipv6", Value: "0", Optional: true},
		{Path: "net/ipv6/conf/default/disable_ipv6", Value: "0", Optional: true},
		{Path: "net/ipv4/conf/all/rp_filter", Value: "0"},
		{Path: "net/ipv4/conf/default/rp_filter", Value: check},
		{Path: "net/ipv4/conf/all/send_redirects", Value: "0"},
		{Path: "net/ipv4/conf/default/send_redirects", Value: "0"},
		{Path: "net/ipv4/conf/all/accept_redirects", Value: "0"},
		{Path: "net/ipv4/conf/all/arp_ignore", Value: "0"},
		{Path: "net/ipv4/conf/all/log_martians", Value: "0"},
		{Path: "net/ipv4/conf/default/log_martians", Value: "0"},
		{Path: "net/ipv4/conf/all/proxy_arp", Value: "0"},
		{Path: "net/ipv4/conf/default/proxy_arp", Value: check},
		{Path: "net/ipv4/ip_forward", Value: "1"},
		// Looking for a local socket before routing is lost work where nearly
		// everything is forwarded.
		{Path: "net/ipv4/ip_early_demux", Value: "0", Optional: true},
		{Path: "net/ipv6/conf/default/accept_ra", Value: "0", Optional: true},
		{Path: "net/ipv6/conf/default/accept_dad", Value: "0", Optional: true},
		// No link-local addresses: neighbours are permanent.
		{Path: "net/ipv6/conf/default/addr_gen_mode", Value: "1", Optional: true},
		{Path: "net/ipv6/conf/all/forwarding", Value: "1", Optional: true},
	}
	if vpc {
		settings = append(settings,
			// Answers to the internet go by the mark of the packet that asked. A
			// connection that is made of a cookie would take the mark of a later
			// packet, which has none.
			netns.Setting{Path: "net/ipv4/tcp_fwmark_accept", Value: "1"},
			netns.Setting{Path: "net/ipv4/tcp_syncookies", Value: "0", Optional: true})
	}
	return settings
}

// congestionControl is the setting for a namespace with sockets of our own, if it
// needs one. Of the controls that a host may have, BBR loses a third of the
// bandwidth here, and reno is the one that anybody may choose.
func congestionControl(ns *netns.NS) []netns.Setting {
	if cc, err := ns.Get("net/ipv4/tcp_congestion_control"); err != nil || cc != "bbr" {
		return nil
	}
	return []netns.Setting{{Path: "net/ipv4/tcp_congestion_control", Value: "reno", Optional: true}}
}

// trackingSettings need connection tracking to be in use.
func trackingSettings() []netns.Setting {
	return []netns.Setting{
		// A connection that is not known is invalid, and gets a reset; one that is
		// known is never invalid for its sequence numbers, or large packets would
		// end it.
		{Path: "net/netfilter/nf_conntrack_tcp_loose", Value: "0", Optional: true},
		{Path: "net/netfilter/nf_conntrack_tcp_be_liberal", Value: "1", Optional: true},
	}
}

// setUpGuest prepares an instance's namespace.
func setUpGuest(ns *netns.NS) error {
	settings := []netns.Setting{
		{Path: "net/ipv6/conf/all/disable_ipv6", Value: "0", Optional: true},
		{Path: "net/ipv6/conf/default/disable_ipv6", Value: "0", Optional: true},
		{Path: "net/ipv4/conf/all/rp_filter", Value: "0"},
		{Path: "net/ipv4/conf/default/rp_filter", Value: "0"},
		// Ping without the right to raw sockets.
		{Path: "net/ipv4/ping_group_range", Value: "0 0", Optional: true},
		{Path: "net/ipv6/conf/default/accept_dad", Value: "0", Optional: true},
		{Path: "net/ipv6/conf/default/accept_ra", Value: "0", Optional: true},
	}
	if err := ns.Set(append(settings, congestionControl(ns)...)...); err != nil {
		return err
	}
	return loopbackUp(ns)
}

func loopbackUp(ns *netns.NS) error {
	c, err := link.Open(ns)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Up("lo")
}

// emptyNS deletes all links of a namespace, so that their peers are gone when
// it returns: the end of a namespace comes later, by itself.
func emptyNS(dir netns.Dir, name string) error {
	if !dir.Has(name) {
		return nil
	}
	ns, err := dir.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = ns.Close() }()
	c, err := link.Open(ns)
	if err != nil {
		return err
	}
	defer c.Close()
	links, err := c.Links()
	errs := []error{err}
	for l := range links {
		errs = append(errs, c.Delete(l))
	}
	return errors.Join(errs...)
}
