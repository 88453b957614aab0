package link

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/kernel/netns"
)

// bigTCP is the size that segmentation offload may give a packet. It is worth a
// quarter of the bandwidth, and every link on the way must have it.
const bigTCP = 200000

// Link attributes that x/sys has under no name that all versions share.
const (
	iflaGROMaxSize     = 58
	iflaGSOIPv4MaxSize = 63
	iflaGROIPv4MaxSize = 64
	vethInfoPeer       = 1
)

// Indices of per-link IPv4 settings (IPV4_DEVCONF_…).
const (
	confForwarding    = 1
	confSendRedirects = 6
	confRPFilter      = 8
	inetConf          = 1 // IFLA_INET_CONF
)

// End is one end of a veth pair.
type End struct {
	Name, MAC string
	// Alias is a note on the link for whoever observes it later.
	Alias string
}

// Veth is a pair of links: End in the connection's namespace, which routes, and
// Peer in another.
type Veth struct {
	End
	MTU int
	// Loose lets any source address in.
	Loose  bool
	Peer   End
	PeerNS *netns.NS
}

// AddVeth makes the pair and sets it up.
func (c *Conn) AddVeth(v Veth) error {
	if err := c.addVeth(v); err != nil {
		return fmt.Errorf("link %s of %s to %s of %s: %w", v.Name, c.ns.Name(), v.Peer.Name, v.PeerNS.Name(), err)
	}
	return nil
}

func (c *Conn) addVeth(v Veth) error {
	err := c.ns.Do(func() error {
		err := create(v, bigTCP)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ERANGE) {
			err = create(v, 0) // a kernel without BIG TCP
		}
		return err
	})
	if err != nil {
		return err
	}
	peer, err := Open(v.PeerNS)
	if err != nil {
		return err
	}
	defer peer.Close()
	j, err := peer.indexOf(v.Peer.Name)
	if err != nil {
		return err
	}
	if err := v.PeerNS.Do(func() error { return configure(j, v.Peer.Alias, nil) }); err != nil {
		return err
	}
	// The end in this namespace comes last: that it is up shows that nothing of
	// the pair is missing, to whoever comes after a kill.
	i, err := c.indexOf(v.Name)
	if err != nil {
		return err
	}
	loose := uint32(1)
	if v.Loose {
		loose = 0
	}
	conf := map[int]uint32{confForwarding: 1, confSendRedirects: 0, confRPFilter: loose}
	if err := c.ns.Do(func() error { return errors.Join(proxyDelay(i), configure(i, v.Alias, conf)) }); err != nil {
		return err
	}
	// An end learns that its peer is up in the background, and loses packets
	// until then; asking for the link makes the kernel see to it now.
	_, err = c.h.LinkByIndex(i)
	_, peerErr := peer.h.LinkByIndex(j)
	return errors.Join(err, peerErr)
}

func create(v Veth, size uint32) error {
	req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	own, err := endAttributes(v.End, v.MTU, size)
	if err != nil {
		return err
	}
	for _, a := range own {
		req.AddData(a)
	}
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("veth"))
	data := info.AddRtAttr(nl.IFLA_INFO_DATA, nil)
	peer := data.AddRtAttr(vethInfoPeer, nil)
	nl.NewIfInfomsgChild(peer, unix.AF_UNSPEC)
	theirs, err := endAttributes(v.Peer, v.MTU, size)
	if err != nil {
		return err
	}
	for _, a := range theirs {
		peer.AddChild(a)
	}
	peer.AddRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(v.PeerNS.FD())))
	req.AddData(info)
	_, err = req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

func endAttributes(e End, mtu int, size uint32) ([]*nl.RtAttr, error) {
	out := []*nl.RtAttr{
		nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(e.Name)),
		nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(mtu))),
	}
	if e.MAC != "" {
		mac, err := net.ParseMAC(e.MAC)
		if err != nil {
			return nil, err
		}
		out = append(out, nl.NewRtAttr(unix.IFLA_ADDRESS, mac))
	}
	if size != 0 {
		for _, t := range []int{unix.IFLA_GSO_MAX_SIZE, iflaGROMaxSize, iflaGSOIPv4MaxSize, iflaGROIPv4MaxSize} {
			out = append(out, nl.NewRtAttr(t, nl.Uint32Attr(size)))
		}
	}
	return out, nil
}

// configure sets the link up, with its note and its IPv4 settings, in the
// calling thread's namespace.
func configure(index int, alias string, conf map[int]uint32) error {
	req := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	msg.Flags, msg.Change = unix.IFF_UP, unix.IFF_UP
	req.AddData(msg)
	if alias != "" {
		req.AddData(nl.NewRtAttr(unix.IFLA_IFALIAS, []byte(alias)))
	}
	if len(conf) > 0 {
		spec := nl.NewRtAttr(unix.IFLA_AF_SPEC|unix.NLA_F_NESTED, nil)
		values := spec.AddRtAttr(unix.AF_INET|unix.NLA_F_NESTED, nil).AddRtAttr(inetConf|unix.NLA_F_NESTED, nil)
		for k, v := range conf {
			values.AddRtAttr(k, nl.Uint32Attr(v))
		}
		req.AddData(spec)
	}
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// neighbourTable is the header of a neighbour table message.
type neighbourTable struct{}

func (neighbourTable) Len() int          { return 4 }
func (neighbourTable) Serialize() []byte { return []byte{unix.AF_INET, 0, 0, 0} }

// proxyDelay makes the router answer ARP for others at once: by default the
// kernel waits up to most of a second.
func proxyDelay(index int) error {
	const (
		tableName, tableParms      = 1, 6  // NDTA_NAME, NDTA_PARMS
		parmIfindex, parmProxyWait = 1, 13 // NDTPA_IFINDEX, NDTPA_PROXY_DELAY
	)
	req := nl.NewNetlinkRequest(unix.RTM_SETNEIGHTBL, unix.NLM_F_ACK)
	req.AddData(neighbourTable{})
	req.AddData(nl.NewRtAttr(tableName, nl.ZeroTerminated("arp_cache")))
	p := nl.NewRtAttr(tableParms|unix.NLA_F_NESTED, nil)
	p.AddRtAttr(parmIfindex, nl.Uint32Attr(uint32(index)))
	p.AddRtAttr(parmProxyWait, nl.Uint64Attr(0))
	req.AddData(p)
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}
